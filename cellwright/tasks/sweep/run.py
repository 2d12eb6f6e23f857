"""`cellwright sweep`: run after run, each with settings that the search chose; it may be stopped at any point."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cellwright.errors import ConfigError, StorageError, TrainingError
from cellwright.tasks.api import train_kind
from cellwright.tasks.storage import atomic
from cellwright.tasks.sweep.definition import Definition
from cellwright.tasks.sweep.report import SweepReport, trial_line
from cellwright.tasks.sweep.search import Asked, Search
from cellwright.tasks.sweep.space import settings_of
from cellwright.tasks.sweep.trials import COMPLETE, FAILED, PRUNED, Trial, best_of, read_trials, write_trials
from cellwright.tasks.training.config import dump_toml
from cellwright.tasks.training.run_folder import RunFolder
from cellwright.tasks.training.task import Callback, EpochReport, Task

__all__ = ["run_sweep"]

BEST = "best.toml"


def run_sweep(
    definition: Definition,
    folder: Path,
    *,
    announce: Callable[[str], None] | None = None,
    command: Sequence[str] | None = None,
) -> SweepReport:
    """The runs that `folder` does not hold yet, one after the other.

    A run is a folder `trial-NNNN` like that of `cellwright train`; `trials.json` says what came of it, `best.toml` has
    the settings of the best. A run that was stopped goes on from its checkpoint, and what is chosen next depends on
    the seed and on the runs before it alone: a sweep that was stopped, even killed, ends as one that was not.

    Args:
        definition: made by `define`, or read by `reopen`.
        folder: made by `begin`.
        announce: told a line as each run ends, and what its training notes.

    Raises:
        ConfigError: optuna is not installed; a run that was stopped cannot go on, as its data or its cell changed.
        TrainingError: every run failed.
        DataError, StorageError: as in training; these end the sweep.
    """
    say = announce or (lambda line: None)
    search = Search(definition.space, definition.section)
    done = _known(definition, folder)
    own = settings_of(definition.config)
    noted: set[str] = set()
    if len(done) >= definition.section.trials:
        say(f"all {len(done)} runs are done; more with --trials {len(done) + 10}")
    while len(done) < definition.section.trials:
        trial = _one(definition, folder, len(done), search.ask(done, own), _Once(say, noted), command)
        done.append(trial)
        best = best_of(done)
        if best is trial:  # before it is known to be done: who is killed here does it again
            config = definition.config_of(dict(trial.values))
            atomic.write_file(folder / BEST, dump_toml(config).encode())
        write_trials(folder, done)
        say(trial_line(trial, definition.section.trials, best is trial))
    if best_of(done) is None:
        raise TrainingError(
            f"Expected a run that ends, found that all {len(done)} failed; the last one: {done[-1].error}",
            file=folder,
            repair="Narrow [search], and begin another sweep.",
        )
    return SweepReport(definition.kind.name, folder, done)


def _one(
    definition: Definition, folder: Path, number: int, asked: Asked, notes: Callback, command: Sequence[str] | None
) -> Trial:
    """One run, or the rest of it."""
    trial = Trial(number, asked.values, FAILED)
    place = folder / trial.folder
    told = _Told(asked, place)
    there = (place / "config.toml").is_file()
    state, error, began = COMPLETE, "", time.monotonic()
    try:
        config = definition.config_of(asked.values)
        train_kind(
            definition.kind,
            config,
            place,
            resume=there,
            overwrite=not there,  # of a start that was killed before it wrote its settings
            callbacks=[notes, told],
            command=command,
        )
        if not asked.by_epoch:
            state, error = FAILED, "no epoch ended within train.max_minutes"
    except _Pruned:
        state = PRUNED
    except (TrainingError, ConfigError) as reason:  # these settings do not go together, or diverge: others may
        if there and not told.metric:  # it began, and cannot go on: its data or its cell is another one now
            raise
        state, error = FAILED, reason.message
    best = told.best_row()
    return Trial(
        number=number,
        values=asked.values,
        state=state,
        by_epoch=tuple(asked.by_epoch),
        best_epoch=best.get("epoch", 0),
        metrics=best.get("valid", {}),
        seconds=round(time.monotonic() - began, 1),
        error=error,
    )


def _known(definition: Definition, folder: Path) -> list[Trial]:
    done = read_trials(folder)
    for trial in done:
        fits = trial.values.keys() == definition.space.keys()
        if not fits or not all(entry.holds(trial.values[key]) for key, entry in definition.space.items()):
            raise StorageError(
                f"Expected values of [search] in {trial.folder}, found {dict(trial.values)}.",
                file=folder,
                repair="A sweep goes on with its own space: begin another one with another --out.",
            )
    return done


class _Pruned(Exception):
    """The search ends this run."""


class _Told(Callback):
    """Tells the search of each epoch, also of those of an earlier start."""

    def __init__(self, asked: Asked, place: Path) -> None:
        self.asked, self.place = asked, place
        self.metric = ""

    def on_start(self, task: Task, steps: int, step: int) -> None:
        self.metric = task.metric
        for row in self._rows():
            self._tell(row["best"])

    def on_epoch(self, report: EpochReport) -> None:
        self._tell(report.best, last=report.epoch == report.epochs)

    def _tell(self, best: float, last: bool = False) -> None:
        if self.asked.tell(best) and not last:
            raise _Pruned

    def _rows(self) -> list[dict[str, Any]]:
        return RunFolder.metrics_of(self.place)

    def best_row(self) -> dict[str, Any]:
        """The record of the best epoch; nothing if none ended."""
        return max(self._rows(), key=lambda row: row["valid"][self.metric], default={})


class _Once(Callback):
    """What the runs note, each text once: most say the same of their data."""

    def __init__(self, say: Callable[[str], None], noted: set[str]) -> None:
        self.say, self.noted = say, noted

    def on_note(self, text: str) -> None:
        if text not in self.noted:
            self.noted.add(text)
            self.say(f"note: {text}")
