"""The main job from Python: train, evaluate, load. The command line calls these and adds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellwright.cells import Cell
from cellwright.errors import ConfigError, DataError
from cellwright.tasks.data.corpus import read_utterances
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.slots.cell_choice import choose_cell
from cellwright.tasks.slots.config import SlotsConfig, SlotsData
from cellwright.tasks.slots.corpora import EMBEDDED, open_corpus, with_validation
from cellwright.tasks.slots.evaluate import Evaluation, evaluate_model
from cellwright.tasks.slots.predict import SlotModel
from cellwright.tasks.slots.task import SlotsTask
from cellwright.tasks.training.config import load_config
from cellwright.tasks.training.loop import FitResult, fit, prepare
from cellwright.tasks.training.progress import progress_for
from cellwright.tasks.training.run_folder import RunFolder
from cellwright.tasks.training.task import Callback

__all__ = ["SPLITS", "evaluate", "evaluation_data", "load", "resume_run", "train", "train_slots"]

SPLITS = ("train", "valid", "test")


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
) -> SlotModel:
    """Train a model and return the best one.

    Args:
        task: "slots".
        data: "travel-en" (the default), "travel-zh", a folder with train, valid and test, or a file.
        out: the run's folder, new or empty.
        config: a TOML file with settings.
        cell: the recurrent cell, in place of the setting model.cell; your own included.
        overwrite: replace a run that is in `out`.
        resume: go on with the run in `out`; its data and settings hold.
        callbacks: who is told of progress; by default a bar, or a line an epoch, on standard error.
        settings: any setting, its section before two underscores: ``train__epochs=5``.

    Raises:
        ConfigError, DataError, StorageError, TrainingError: see the message.

    Example:
        >>> model = cellwright.train(data="travel-en", out="runs/mine", train__epochs=3)
        >>> print(model.predict("leave Taipei on November 2nd"))
        book_flight  departure=Taipei  date="November 2nd"
    """
    if task != "slots":
        raise ConfigError(
            f"Expected the task slots, found {task!r}.", repair='cellwright.train("slots", data=…, out=…)'
        )
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
    if data is not None:
        values["data.path"] = str(data)
    if cell is not None:
        values["model.cell"] = cell.name
    resolved = load_config(config, schema=SlotsConfig, values=values)
    train_slots(resolved, out, cell=cell, overwrite=overwrite, callbacks=told)
    return load(Path(out) / "best")


def train_slots(
    config: SlotsConfig,
    out: str | Path,
    *,
    cell: Cell | None = None,
    resume: bool = False,
    overwrite: bool = False,
    callbacks: Sequence[Callback] = (),
    command: Sequence[str] | None = None,
) -> FitResult:
    """One run of `cellwright train slots`; notes go to the callbacks."""
    chosen = cell if cell is not None else choose_cell(config.model.cell)
    corpus = with_validation(open_corpus(config.data))
    prepare(config.train)
    task = SlotsTask(config, corpus, chosen)
    run = RunFolder.open(out, config, resume=resume, overwrite=overwrite, command=command)
    run.keep_identity(task.identity())
    for callback in callbacks:
        for note in task.notes:
            callback.on_note(note)
    return fit(task, config, run, callbacks=callbacks)


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
    config = RunFolder.read_config(out, SlotsConfig, sets)
    assert isinstance(config, SlotsConfig)
    return train_slots(config, out, cell=cell, resume=True, callbacks=callbacks, command=command)


def load(folder: str | Path) -> SlotModel:
    """A trained model from its folder (`runs/demo/best`) or its run's. Raises StorageError."""
    return SlotModel.load(folder)


def evaluate(model: SlotModel | str | Path, data: str | Path | Sequence[Utterance], split: str = "test") -> Evaluation:
    """Figures of a model on labelled utterances, beside its baselines.

    Args:
        data: what `train` takes, or a list of utterances.
        split: "test", "valid" or "train"; a single file has only itself.
    """
    model = model if isinstance(model, SlotModel) else load(model)
    if not isinstance(data, str | Path):
        return evaluate_model(model, data, "utterances")
    name, found_split, utterances = evaluation_data(SlotsData(path=str(data), unit=model.unit), split)
    return evaluate_model(model, utterances, name, found_split)


def evaluation_data(data: SlotsData, split: str) -> tuple[str, str, list[Utterance]]:
    """(name, split, utterances); a single file is all there is, whatever `split` says, and has none."""
    if split not in SPLITS:
        raise ConfigError(f"Expected a split of {', '.join(SPLITS)}, found {split!r}.")
    path = Path(data.path)
    if data.path not in EMBEDDED and (path.is_file() or (path / "seq.in").exists()):
        return path.name, "", read_utterances(path, scheme=data.scheme, unit=data.unit)
    corpus = open_corpus(data)
    utterances = dict(corpus.splits())[split]
    if not utterances:
        present = [name for name, rows in corpus.splits() if rows]
        raise DataError(
            f"Expected a split {split}, found {', '.join(present)}.", file=data.path, repair=f"--split {present[0]}"
        )
    return corpus.name, split, utterances
