"""`cellwright train`: a run from settings, or the rest of one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cellwright.cli.choices import one_of, with_setting
from cellwright.errors import ConfigError
from cellwright.tasks.api import resume_run, train_kind
from cellwright.tasks.kind import TaskKind
from cellwright.tasks.registry import TASKS, kind_named
from cellwright.tasks.training.config import config_table, load_config
from cellwright.tasks.training.progress import figures_text, progress_for
from cellwright.tasks.training.ranks import join, restarted
from cellwright.tasks.training.run_folder import RunFolder
from cellwright.tasks.training.task import Callback

__all__ = ["RunOptions", "run_training"]

BUDGET = "train.max_minutes"
DEFAULT = "slots"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options that no figure of the run depends on.

    Attributes:
        watch: steps between two records of `--watch`.
        max_minutes: the budget, in place of the setting.
        tensorboard: whether to write curves for it.
    """

    watch: int | None = None
    max_minutes: float | None = None
    tensorboard: bool = False

    def sets(self, sets: list[str]) -> list[str]:
        """The user's `--set`, and what these options set. Raises ConfigError: the budget is given twice."""
        minutes = None if self.max_minutes is None else f"{self.max_minutes:g}"
        return with_setting(sets, BUDGET, "--max-minutes", minutes)


def run_training(
    task: str | None,
    data: str | None,
    out: Path | None,
    config: Path | None,
    sets: list[str],
    resume: Path | None,
    overwrite: bool,
    settings: bool,
    options: RunOptions,
) -> None:
    """Print progress to standard error, and where the best model is to standard output.

    Args:
        task: DEFAULT where None, or that of the run to resume.
    """
    kind = kind_named(one_of("the task", task or DEFAULT, TASKS))
    if resume is not None and task is not None and (own := RunFolder.task_of(resume)) != task:
        raise ConfigError(
            f"Expected a run of {task}, found one of {own}.",
            file=resume,
            repair=f"cellwright train {own} --resume {resume}",
        )
    with_setting(sets, "data.path", "--data", data)
    if settings:
        print_settings(kind)
        return
    try:
        train_or_resume(kind, data, out, config, options.sets(sets), resume, overwrite, options)
    except KeyboardInterrupt as stop:
        folder = resume or out
        if stop.args:  # the loop's own: it has saved a checkpoint
            print(f"{stop}\ngo on with: cellwright train --resume {folder}", file=sys.stderr)
        else:
            print("stopped at once; the newest checkpoint, if there is one, is whole", file=sys.stderr)
        sys.exit(130)


def train_or_resume(
    kind: TaskKind[Any, Any],
    data: str | None,
    out: Path | None,
    config: Path | None,
    sets: list[str],
    resume: Path | None,
    overwrite: bool,
    options: RunOptions,
) -> None:
    """One of the two, then the line that says where the best model is."""
    from cellwright.microscope.watch import BadNumberCause, Watch

    ranks = join()
    progress = progress_for(sys.stderr) if ranks.first else Callback()  # one of several processes speaks
    callbacks: list[Callback] = [progress, BadNumberCause()]
    if restarted() and out is not None and (out / "config.toml").is_file():
        resume, out, data, config, overwrite = out, None, None, None, False  # its own run, which another start began
    watching = (
        None
        if options.watch is None or not ranks.first
        else Watch(resume or out or Path(), options.watch, progress.on_note)
    )
    if watching is not None:
        callbacks.append(watching)
    if options.tensorboard and ranks.first:
        from cellwright.tasks.training.tensorboard import TensorBoard

        callbacks.append(TensorBoard(resume or out or Path(), tell=progress.on_note))
    if resume is not None:
        if data or out or config or overwrite:
            raise ConfigError(
                "Expected --resume FOLDER alone, found other options beside it.",
                repair="A resumed run keeps its data and settings; only budgets may change: --max-minutes 30",
            )
        folder = resume
        result = resume_run(resume, sets, callbacks, command=sys.argv)
    else:
        if out is None:
            raise ConfigError("Expected a folder for the run, found none.", repair="--out runs/mine")
        folder = out
        values = {} if data is None else {"data.path": data}
        resolved = load_config(config, sets, schema=kind.config, values=values)
        result = train_kind(kind, resolved, out, overwrite=overwrite, callbacks=callbacks, command=sys.argv)
    if not ranks.first:
        return
    if watching is not None:
        share = watching.seconds / max(watching.total, 1e-9)
        print(
            f"watched every {options.watch} steps: {watching.seconds:.1f} s, {share:.1%} of the time", file=sys.stderr
        )
    if result.stopped == "max_minutes":
        again = f"cellwright train --resume {folder} --max-minutes 0"
        print(f"stopped after {result.seconds / 60:.1f} minutes of training; go on with: {again}")
    if not result.best_metrics:
        print(f"model of the unfinished first epoch: {folder / 'best'}")
        return
    print(f"best model (epoch {result.best_epoch}; valid: {figures_text(result.best_metrics)}): {folder / 'best'}")


def print_settings(kind: TaskKind[Any, Any]) -> None:
    """Every setting of the task."""
    table = Table(box=None, pad_edge=False)
    for title in ("setting", "type", "default", "meaning"):
        table.add_column(title, no_wrap=title == "setting", overflow="fold")
    for row in config_table(kind.config):
        table.add_row(row.key, row.type, row.default, row.description)
    Console().print(table, markup=False)
