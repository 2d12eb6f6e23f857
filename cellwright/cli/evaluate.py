"""`cellwright evaluate`: figures of a model beside its baselines."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Any

from rich.console import Console

from cellwright.cli.choices import one_of
from cellwright.tasks.slots.api import SPLITS, evaluation_data, load
from cellwright.tasks.slots.config import SlotsData
from cellwright.tasks.slots.evaluate import evaluate_model
from cellwright.tasks.slots.report import print_evaluation

__all__ = ["run_evaluation"]


def run_evaluation(model: Path, data: str, split: str, scheme: str, seed: int, json: bool) -> None:
    """Print tables, or one JSON object."""
    one_of("--split", split, SPLITS)
    tags: Any = one_of("--scheme", scheme, ("auto", "bio", "bioes", "iob1"))
    loaded = load(model)
    name, found_split, utterances = evaluation_data(
        SlotsData(path=data, scheme=tags, unit=loaded.unit, seed=seed), split
    )
    evaluation = evaluate_model(loaded, utterances, name, found_split)
    if json:
        print(json_text.dumps(evaluation.to_data(), ensure_ascii=False, indent=1))
    else:
        print_evaluation(evaluation, Console(markup=False))
