"""`cellwright generate`: text of a language model's own, as it comes."""

from __future__ import annotations

import json as json_text
import sys
from pathlib import Path

from cellwright.cli.language import language_model, not_known

__all__ = ["run_generation"]


def run_generation(
    model: Path | None,
    option: Path | None,
    start: str,
    tokens: int,
    temperature: float,
    top_k: int,
    top_p: float,
    seed: int,
    json: bool,
) -> None:
    """Print the start and what follows it, token by token; or one JSON object when all is drawn."""
    loaded, name = language_model(model, option)
    text = loaded.generate(start, tokens, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
    unknown = loaded.unknown(loaded.tokens(start))
    print(f"written by {name}", file=sys.stderr)
    if unknown:
        print(not_known(unknown), file=sys.stderr)
    if json:
        said = {"start": start, "text": start + "".join(text), "seed": seed, "unknown": unknown}
        print(json_text.dumps(said, ensure_ascii=False))
        return
    print(start, end="", flush=True)
    for piece in text:
        print(piece, end="", flush=True)
    print()
