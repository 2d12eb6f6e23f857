"""Every task from Python: train, evaluate, load. The command line calls these and adds nothing."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cellwright.cells import Cell
from cellwright.cells.stepping import checked_cell
from cellwright.errors import ConfigError
from cellwright.tasks.kind import SPLITS, Model, TaskKind, TaskReport
from cellwright.tasks.registry import check_set, kind_named, kind_of_model, kind_of_run
from cellwright.tasks.training.config import Config, DataSection, TrainSection, dump_toml, load_config
from cellwright.tasks.training.loop import FitResult, fit, prepare
from cellwright.tasks.training.progress import progress_for
from cellwright.tasks.training.ranks import join
from cellwright.tasks.training.run_folder import TASK, RunFolder
from cellwright.tasks.training.task import Callback, Task

__all__ = ["data_section", "evaluate", "few_steps", "load", "resume_run", "train", "train_kind"]

FEW_STEPS, ENOUGH_STEPS = 300, 500  # of a run; 220 utterances were learnt after 400, half of them after 100
MANY = 1_000_000  # examples: their order takes time, and their steps are not few


def train(
    task: str = "slots",
    *,
    data: str | Path | None = None,
    out: str | Path,
    config: str | Path | None = None,
    cell: Cell | None = None,
    overwrite: bool = False,
    resume: bool = False,
    callbacks: Sequence[Callback] | None = None,
    **settings: Any,
) -> Any:
    """Train a model and return the best one.

    Args:
        task: a name of `cellwright.tasks.registry.TASKS`, such as "slots".
        data: an embedded set ("travel-en"), a folder with train, valid and test, or a file; the task's own embedded
            set if not given.
        out: the run's folder, new or empty.
        config: a TOML file with settings.
        cell: the recurrent cell, in place of the setting model.cell; your own included.
        overwrite: replace a run that is in `out`.
        resume: go on with the run in `out`; its task, data and settings hold.
        callbacks: who is told of progress; by default a bar, or a line an epoch, on standard error.
        settings: any setting, its section before two underscores: ``train__epochs=5``.

    Raises:
        ConfigError, DataError, StorageError, TrainingError: see the message.

    Example:
        >>> model = cellwright.train(data="travel-en", out="runs/mine", train__epochs=3)
        >>> print(model.predict("leave Taipei on November 2nd"))
        book_flight  departure=Taipei  date="November 2nd"
    """
    told = [progress_for()] if callbacks is None else callbacks
    values = {key.replace("__", ".", 1): value for key, value in settings.items()}
    if resume:
        if data is not None or config is not None or overwrite:
            raise ConfigError(
                "Expected out (and cell) alone with resume=True, found data, config or overwrite.",
                repair="A resumed run keeps its data and settings; only budgets may change: train__max_minutes=30",
            )
        resume_run(out, [f"{key}={value}" for key, value in values.items()], told, cell=cell)
        return load(Path(out) / "best")
    kind = kind_named(task)
    if data is not None:
        values["data.path"] = str(data)
    if cell is not None:
        values["model.cell"] = checked_cell(cell).name
    resolved = load_config(config, schema=kind.config, values=values)
    train_kind(kind, resolved, out, cell=cell, overwrite=overwrite, callbacks=told)
    return load(Path(out) / "best")


def train_kind(
    kind: TaskKind[Any, Any],
    config: Config,
    out: str | Path,
    *,
    cell: Cell | None = None,
    resume: bool = False,
    overwrite: bool = False,
    callbacks: Sequence[Callback] = (),
    command: Sequence[str] | None = None,
) -> FitResult:
    """One run of `cellwright train`; notes go to the callbacks. Processes that torchrun started share it."""
    ranks = join()
    check_set(kind, config.data.path)
    prepare(config.train)
    task = kind.build(config, cell)
    identity = {TASK: kind.name, **task.identity()}
    if ranks.first:
        run = RunFolder.open(out, config, resume=resume, overwrite=overwrite, command=command)
        run.keep_identity(identity)
    else:
        run = RunFolder.written_by_another(out, config, resume=resume)
    ranks.check_same("settings, cell and training data", text=dump_toml(config) + json.dumps(identity))
    notes = [*task.notes, *([] if resume else few_steps(task, config.train))]
    for callback in callbacks:
        for note in notes:
            callback.on_note(note)
    return fit(task, config, run, callbacks=callbacks, ranks=ranks)


def few_steps(task: Task, train: TrainSection) -> list[str]:
    """A note where a run has so few steps that the network will hardly have learnt, and epochs that would do."""
    if task.train_size() > MANY:
        return []
    batches = len(task.order(0, train.seed))
    steps = train.epochs_of(batches) * batches
    if not 0 < steps < FEW_STEPS:
        return []
    epochs = math.ceil(ENOUGH_STEPS / batches)
    return [f"{steps:,} steps in all are few: with so few examples, try --set train.epochs={epochs:,}"]


def resume_run(
    out: str | Path,
    sets: Sequence[str] = (),
    callbacks: Sequence[Callback] = (),
    *,
    cell: Cell | None = None,
    command: Sequence[str] | None = None,
) -> FitResult:
    """Go on with a run from its newest checkpoint, with its own settings; `sets` may change a budget.

    Args:
        cell: the cell, where the run began with one from Python.
    """
    kind = kind_of_run(out)
    config = RunFolder.read_config(out, kind.config, sets)
    return train_kind(kind, config, out, cell=cell, resume=True, callbacks=callbacks, command=command)


def load(folder: str | Path) -> Any:
    """A trained model of any task from its folder (`runs/demo/best`) or its run's.

    Raises:
        StorageError: no model's folder, or a damaged one.
        ConfigError: not the name of a folder.
    """
    if not isinstance(folder, str | os.PathLike):
        raise ConfigError(
            f"Expected the folder of a model, found {type(folder).__name__}.", repair='cellwright.load("runs/mine")'
        )
    kind, place = kind_of_model(folder)
    return kind.load(place)


def evaluate(
    model: Model | str | Path,
    data: str | Path | Sequence[Any] | None = None,
    split: str = "test",
    **settings: Any,
) -> Any:
    """Figures of a model beside its task's baselines.

    Args:
        data: what `train` takes, or a list of the task's examples as its readers make them; the data the model was
            trained with, if not given.
        split: "test", "valid" or "train"; a single file has only itself.
        settings: of `[data]`, for instance ``seed=3``.
    """
    loaded: Any = model if hasattr(model, "task") else load(model)
    kind = kind_named(loaded.task)
    if data is not None and not isinstance(data, str | Path):
        return kind.evaluate_examples(loaded, kind.checked_examples(data))
    sets = [f"data.{key}={json.dumps(value)}" for key, value in settings.items()]
    return evaluate_kind(kind, loaded, data, split, sets)


def evaluate_kind(
    kind: TaskKind[Any, Any], model: Model, data: str | Path | None, split: str, sets: Sequence[str] = ()
) -> TaskReport:
    """What `cellwright evaluate` calls; `sets` are "data.KEY=VALUE"."""
    if split not in SPLITS:
        raise ConfigError(f"Expected a split of {', '.join(SPLITS)}, found {split!r}.")
    return kind.evaluate(model, data_section(kind, model.data, data, sets), split)


def data_section(
    kind: TaskKind[Any, Any], trained: Mapping[str, Any], data: str | Path | None, sets: Sequence[str] = ()
) -> DataSection:
    """The `[data]` settings to evaluate with: those of training, on `data` where it is given, then `sets`.

    Raises ConfigError: no data given, and the model was trained on files of its maker's; a setting outside [data].
    """
    if outside := [item for item in sets if not item.startswith("data.")]:
        raise ConfigError(
            f"Expected settings of [data], found --set {outside[0]}.",
            repair="A trained model keeps its other settings.",
        )
    values = {f"data.{key}": value for key, value in trained.items()}
    if data is not None:
        values["data.path"] = str(data)
    elif trained.get("path") not in kind.embedded:
        raise ConfigError(
            "Expected data, found none: the model was trained on files, whose place it does not keep.",
            repair="Add --data FOLDER.",
        )
    section: DataSection = load_config(None, sets, schema=kind.config, values=values).data
    check_set(kind, section.path)
    return section
