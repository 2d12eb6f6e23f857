"""`cellwright generate`: text of a language model's own, as it comes."""

from __future__ import annotations

import sys
from pathlib import Path

from cellwright.cli.language import language_model

__all__ = ["run_generation"]


def run_generation(
    model: Path | None, start: str, tokens: int, temperature: float, top_k: int, top_p: float, seed: int
) -> None:
    """Print the start and what follows it, token by token."""
    loaded, name = language_model(model)
    print(f"written by {name}", file=sys.stderr)
    text = loaded.generate(start, tokens, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
    print(start, end="", flush=True)
    for piece in text:
        print(piece, end="", flush=True)
    print()
