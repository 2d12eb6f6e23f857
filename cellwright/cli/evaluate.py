"""`cellwright evaluate`: figures of a model beside its baselines."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Any

from rich.console import Console

from cellwright.cli.choices import one_of, with_setting
from cellwright.errors import ConfigError
from cellwright.tasks.api import evaluate_kind
from cellwright.tasks.kind import SPLITS, TaskKind
from cellwright.tasks.registry import TASKS, kind_named, kind_of_model

__all__ = ["run_evaluation"]


def run_evaluation(
    model: Path, data: str | None, split: str, sets: list[str], scheme: str | None, seed: int | None, json: bool
) -> None:
    """Print tables, or one JSON object."""
    one_of("--split", split, SPLITS)
    kind, place = kind_of_model(model)
    with_setting(sets, "data.path", "--data", data)
    for option, setting, value in (("--scheme", "scheme", scheme), ("--seed", "seed", seed)):
        if value is not None:
            check_has(kind, setting, option)
        sets = with_setting(sets, f"data.{setting}", option, value)
    if scheme is not None:
        one_of("--scheme", scheme, ("auto", "bio", "bioes", "iob1"))
    report = evaluate_kind(kind, kind.load(place), data, split, sets)
    if json:
        print(json_text.dumps(report.to_data(), ensure_ascii=False, indent=1))
    else:
        report.print(Console(markup=False))


def check_has(kind: TaskKind[Any, Any], setting: str, option: str) -> None:
    """Raises ConfigError: the task has no such setting of [data]; lists those that have."""
    if setting not in data_settings(kind):
        able = [name for name in TASKS if setting in data_settings(kind_named(name))]
        raise ConfigError(
            f"Expected a model that {option} is for ({', '.join(able)}), found one of {kind.name}.",
            repair=f"Leave {option} out.",
        )


def data_settings(kind: TaskKind[Any, Any]) -> set[str]:
    return {*kind.config.model_fields["data"].annotation.model_fields}
