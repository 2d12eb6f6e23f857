"""`cellwright complete`: what may come next in a text."""

from __future__ import annotations

import sys
from pathlib import Path

from cellwright.cli.language import language_model, not_known

__all__ = ["run_completion"]


def run_completion(text: str, model: Path | None, option: Path | None, top: int, json: bool) -> None:
    """Print a line a word with its probability, or one JSON object; to standard error, which model answered."""
    loaded, name = language_model(model, option)
    print(f"answered by {name}", file=sys.stderr)
    answer = loaded.complete(text, top)
    if answer.unknown:
        print(not_known(answer.unknown), file=sys.stderr)
    print(answer.to_json() if json else answer.table())
