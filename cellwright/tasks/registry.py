"""The tasks, by name; each is imported when it is asked for."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from cellwright.errors import ConfigError, DataError, StorageError
from cellwright.nearest import nearest
from cellwright.tasks.kind import TaskKind
from cellwright.tasks.storage.atomic import REPAIR, kind_of_folder
from cellwright.tasks.training.run_folder import RunFolder

__all__ = ["TASKS", "check_set", "kind_named", "kind_of_model", "kind_of_run", "task_with_set"]

TASKS = {  # name: module and name of its TaskKind
    "slots": "cellwright.tasks.slots.kind:SlotsKind",
    "classify": "cellwright.tasks.classify.kind:ClassifyKind",
    "tag": "cellwright.tasks.tag.kind:TagKind",
    "lm": "cellwright.tasks.lm.kind:LmKind",
    "cloze": "cellwright.tasks.cloze.kind:ClozeKind",
    "agreement": "cellwright.tasks.agreement.kind:AgreementKind",
    "memory": "cellwright.tasks.memory.kind:MemoryKind",
    "series-classify": "cellwright.tasks.series_classify.kind:SeriesClassifyKind",
    "series-forecast": "cellwright.tasks.series_forecast.kind:SeriesForecastKind",
    "translate": "cellwright.tasks.translate.kind:TranslateKind",
    "transcribe": "cellwright.tasks.transcribe.kind:TranscribeKind",
}


def kind_named(name: str) -> TaskKind[Any, Any]:
    """The task of this name. Raises ConfigError naming the nearest one."""
    if name not in TASKS:
        near = nearest(name, TASKS)
        raise ConfigError(
            f"Expected the task to be one of {', '.join(TASKS)}, found {name!r}.",
            repair=f"Did you mean {near}?" if near else "cellwright train --help",
        )
    module, _, attribute = TASKS[name].partition(":")
    made: TaskKind[Any, Any] = getattr(importlib.import_module(module), attribute)()
    return made


def kind_of_run(folder: str | Path) -> TaskKind[Any, Any]:
    """The task of a run's folder. Raises StorageError."""
    return kind_named(RunFolder.task_of(folder))


def kind_of_model(folder: str | Path) -> tuple[TaskKind[Any, Any], Path]:
    """The task of a model's folder (`runs/demo/best`), and that folder; a run's folder means its best model.

    Raises StorageError: no model's folder, or one of a task that this version does not have.
    """
    place = Path(folder)
    place = place / "best" if (place / "config.toml").is_file() else place
    name = kind_of_folder(place).removesuffix(" model")
    if name not in TASKS:
        raise StorageError(f"Expected the folder of a model, found a {name} folder.", file=place, repair=REPAIR)
    return kind_named(name), place


def task_with_set(name: str) -> str | None:
    """The task that has an embedded set of this name."""
    return next((task for task in TASKS if name in kind_named(task).embedded), None)


def check_set(kind: TaskKind[Any, Any], path: str) -> None:
    """Raises DataError: `path` is no file, and the name of an embedded set of another task."""
    if path in kind.embedded or Path(path).exists():
        return
    if other := task_with_set(path):
        raise DataError(
            f"Expected data of {kind.name}, found {path}, an embedded set of {other}.",
            repair=f"Embedded sets of {kind.name}: {', '.join(kind.embedded)}.",
        )
