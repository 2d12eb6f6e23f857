"""`cellwright evaluate`: figures of a model beside its baselines."""

from __future__ import annotations

import json as json_text
from pathlib import Path

from rich.console import Console

from cellwright.cli.choices import one_of
from cellwright.tasks.api import evaluate_kind
from cellwright.tasks.kind import SPLITS
from cellwright.tasks.registry import kind_of_model

__all__ = ["run_evaluation"]


def run_evaluation(
    model: Path, data: str | None, split: str, sets: list[str], scheme: str | None, seed: int | None, json: bool
) -> None:
    """Print tables, or one JSON object."""
    one_of("--split", split, SPLITS)
    kind, place = kind_of_model(model)
    if scheme is not None:
        sets = [*sets, f"data.scheme={one_of('--scheme', scheme, ('auto', 'bio', 'bioes', 'iob1'))}"]
    if seed is not None:
        sets = [*sets, f"data.seed={seed}"]
    report = evaluate_kind(kind, kind.load(place), data, split, sets)
    if json:
        print(json_text.dumps(report.to_data(), ensure_ascii=False, indent=1))
    else:
        report.print(Console(markup=False))
