"""What a sweep found: a row a run, the best one marked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cellwright.tasks.report import shown
from cellwright.tasks.sweep.trials import COMPLETE, Trial, best_of

__all__ = ["SweepReport", "trial_line"]

WIDEST = 1000  # columns of text


def trial_line(trial: Trial, trials: int, best: bool) -> str:
    """One run in one line."""
    figure = "–" if trial.best is None else f"{trial.best:.4f}"
    state = "" if trial.state == COMPLETE else f"  {trial.state}" + (f": {trial.error}" if trial.error else "")
    return f"run {trial.number + 1}/{trials}  {figure}{'*' if best else ' '} {_values(trial.values)}{state}"


@dataclass(frozen=True, slots=True)
class SweepReport:
    """Attributes:"""

    task: str
    folder: Path
    trials: Sequence[Trial]

    @property
    def best(self) -> Trial:
        """The best run."""
        found = best_of(self.trials)
        assert found is not None, "a sweep without a whole run raises"
        return found

    def to_data(self) -> dict[str, Any]:
        """For `--json`."""
        rows = [{**dataclasses.asdict(trial), "best": trial.best} for trial in self.trials]
        return {"task": self.task, "best": self.best.number, "settings": dict(self.best.values), "trials": rows}

    def print(self, console: Console) -> None:
        """The best run first; then why others failed, and where the best one's settings and model are."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        figures = list(self.best.metrics)
        keys = list(self.best.values)
        table.add_column("run", no_wrap=True)
        for title in (*figures, "epochs", "seconds"):
            table.add_column(title.replace("_", " "), justify="right", no_wrap=True)
        for title in (*keys, ""):
            table.add_column(title, no_wrap=True)
        for trial in sorted(self.trials, key=_rank):
            table.add_row(
                trial.folder,
                *(shown(trial.metrics.get(name)) for name in figures),
                str(len(trial.by_epoch)),
                f"{trial.seconds:.0f}",
                *(_text(trial.values[key]) for key in keys),
                "" if trial.state == COMPLETE else trial.state,
            )
        # Too wide a table would lose its last columns, what was searched: a terminal breaks its lines instead.
        narrow = console.width
        console.width = max(narrow, console.measure(table, options=console.options.update(width=WIDEST)).maximum)
        console.print(table)
        console.width = narrow
        for trial in self.trials:
            if trial.error:
                console.print(f"{trial.folder} failed: {trial.error}", highlight=False, soft_wrap=True)
        console.print(f"settings of the best: {self.folder / 'best.toml'}", highlight=False, soft_wrap=True)
        console.print(f"its model: {self.folder / self.best.folder / 'best'}", highlight=False, soft_wrap=True)


def _rank(trial: Trial) -> tuple[bool, float]:
    return trial.state != COMPLETE, math.inf if trial.best is None else -trial.best


def _values(values: Mapping[str, Any]) -> str:
    return "  ".join(f"{key}={_text(value)}" for key, value in values.items())


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
