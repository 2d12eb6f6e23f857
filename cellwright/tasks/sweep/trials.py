"""What is known of the runs of a sweep: a file of JSON in its folder, replaced whole after each run."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cellwright.errors import StorageError
from cellwright.tasks.storage import atomic

__all__ = ["COMPLETE", "FAILED", "PRUNED", "Trial", "best_of", "read_trials", "write_trials"]

FILE = "trials.json"
COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"


@dataclass(frozen=True, slots=True)
class Trial:
    """One run.

    Attributes:
        number: from 0; its run's folder is `trial-NNNN`.
        values: what the search chose, by setting.
        state: "complete", "pruned" (ended early) or "failed".
        by_epoch: the best metric so far after each epoch.
        metrics: validation figures of its best epoch.
        error: why it failed.
    """

    number: int
    values: Mapping[str, Any]
    state: str
    by_epoch: Sequence[float] = ()
    best_epoch: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""

    @property
    def best(self) -> float | None:
        """The metric of its best epoch."""
        return self.by_epoch[-1] if self.by_epoch else None

    @property
    def folder(self) -> str:
        return f"trial-{self.number:04d}"


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The whole run with the highest metric, the first of equals."""
    whole = [trial for trial in trials if trial.state == COMPLETE and trial.best is not None]
    return max(whole, key=lambda trial: trial.best or 0.0, default=None)


def write_trials(folder: Path, trials: Sequence[Trial]) -> None:
    rows = [dataclasses.asdict(trial) for trial in trials]
    text = "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows) + "\n]\n"
    atomic.write_file(folder / FILE, text.encode())


def read_trials(folder: Path) -> list[Trial]:
    """Those that ended so far; none before the first has. Raises StorageError: no list of them."""
    file = folder / FILE
    if not file.is_file():
        return []
    try:
        trials = [Trial(**row) for row in json.loads(file.read_text(encoding="utf-8"))]
        if not all(_is_whole(trial, number) for number, trial in enumerate(trials)):
            raise ValueError("numbers, states and figures of runs")
    except (ValueError, TypeError, RecursionError) as error:
        raise StorageError(
            f"Expected the runs of a sweep, found: {error!r}.", file=file, repair=atomic.REPAIR
        ) from None
    return trials


def _is_whole(trial: Trial, number: int) -> bool:
    figures = [*trial.by_epoch, *trial.metrics.values(), trial.seconds, trial.best_epoch]
    return (
        trial.number == number
        and isinstance(trial.values, dict)
        and trial.state in (COMPLETE, PRUNED, FAILED)
        and (trial.state == FAILED or bool(trial.by_epoch))
        and all(type(value) in (int, float) and math.isfinite(value) for value in figures)
    )
