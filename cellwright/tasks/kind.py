"""What a task is to the verbs: settings, a run to train, a model to ask, figures beside baselines.

A task is a folder of `cellwright.tasks` with one `TaskKind`, named in `registry.py`; the verbs know no task by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from rich.console import Console

from cellwright.cells import Cell
from cellwright.errors import ConfigError
from cellwright.tasks.set_files import SetFiles
from cellwright.tasks.training.config import Config, DataSection
from cellwright.tasks.training.task import Task

__all__ = ["SPLITS", "Answer", "Model", "RunnableTask", "TaskKind", "TaskReport"]

SPLITS = ("train", "valid", "test")

ConfigT = TypeVar("ConfigT", bound=Config)
ModelT = TypeVar("ModelT", bound="Model")


class RunnableTask(Task, Protocol):
    """A task of the training loop that also says what its numbers depend on, and what the user should know."""

    notes: list[str]

    def identity(self) -> dict[str, str]:
        """What the run depends on beside its settings, in words → a digest of it."""
        ...


class Answer(Protocol):
    """What a model says of one input: `str()` is a line for people, `to_json()` a line for programs."""

    def to_json(self) -> str: ...


class Model(Protocol):
    """A trained model.

    Attributes:
        task: name of its kind.
        data: the settings of `[data]` it was trained with, so that `evaluate` reads its own data the same way.
        metrics: its figures on the validation split.
    """

    @property
    def task(self) -> str: ...

    @property
    def data(self) -> Mapping[str, Any]: ...

    @property
    def metrics(self) -> Mapping[str, float]: ...

    def predict(self, text: Any) -> Answer:
        """The answer to one input: a text, or what the task's files hold a line. Raises DataError."""
        ...


class TaskReport(Protocol):
    """Figures of a model, or of several networks, beside baselines."""

    def to_data(self) -> dict[str, Any]:
        """For `--json`."""
        ...

    def print(self, console: Console) -> None:
        """Tables."""
        ...


class TaskKind(ABC, Generic[ConfigT, ModelT]):
    """One task.

    Attributes:
        name: as in `cellwright train NAME`.
        config: its settings; `data` and `model` are its own sections.
        embedded: names of the data it can generate, the default of `data.path` first.
        networks: rows of `cellwright compare NAME`; empty where it has no such table.
        any_cell: whether a row may be any cell's name, FILE.py:NAME included.
        example: what `evaluate` takes a list of from Python; None where it takes the name of data alone.
    """

    name: ClassVar[str]
    config: type[ConfigT]
    embedded: ClassVar[Sequence[str]] = ()
    networks: ClassVar[Sequence[str]] = ()
    any_cell: ClassVar[bool] = False
    example: ClassVar[type | None] = None

    @abstractmethod
    def build(self, config: ConfigT, cell: Cell | None = None) -> RunnableTask:
        """The model with its data, ready for the loop; called after the seed is set.

        Args:
            cell: in place of the setting model.cell.
        """

    @abstractmethod
    def load(self, folder: Path) -> ModelT:
        """The model in eval mode from its folder. Raises StorageError."""

    @abstractmethod
    def evaluate(self, model: ModelT, data: DataSection, split: str) -> TaskReport:
        """Figures on a split of the data beside the task's baselines.

        Args:
            data: the task's own `[data]` section.
        """

    def embedded_files(self, data: DataSection) -> SetFiles:
        """The embedded set that `data.path` names, as files of a format that the task reads.

        Raises ConfigError: the task has no such format, or draws its examples when they are needed.
        """
        raise ConfigError(
            f"Expected a set of examples, found {data.path}: {self.name} draws them anew when they are needed.",
            repair=f"cellwright train {self.name} makes its own.",
        )

    def evaluate_examples(self, model: ModelT, examples: Sequence[Any]) -> TaskReport:
        """Figures on examples from Python, of the type `example`."""
        raise NotImplementedError

    def checked_examples(self, given: object) -> list[Any]:
        """The list that `evaluate_examples` takes. Raises ConfigError: something else, or other things in it."""
        repair = "Give a folder or a file: cellwright.evaluate(model, 'my-data')."
        if self.example is None or isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
            wanted = "the name of data" + ("" if self.example is None else " or a list of examples")
            raise ConfigError(f"Expected {wanted} for {self.name}, found {type(given).__name__}.", repair=repair)
        examples = list(given)
        for place, one in enumerate(examples, start=1):
            if not isinstance(one, self.example):
                raise ConfigError(
                    f"Expected examples of {self.name} ({self.example.__module__}.{self.example.__name__}), "
                    f"found {type(one).__name__} at place {place}.",
                    repair=repair,
                )
        return examples

    def compare(
        self,
        config: ConfigT,
        networks: Sequence[str],
        *,
        processes: int = 1,
        announce: Callable[[str], None] | None = None,
    ) -> TaskReport:
        """Train each network with the same settings; one table. `comparison` gives the settings' defaults.

        Args:
            networks: names of `self.networks`.
            processes: how many to train at a time.
            announce: told a line as each network is done.
        """
        raise ConfigError(f"Expected a task with a comparison, found {self.name}.")

    def comparison(self, data: str) -> dict[str, Any]:
        """Settings of a comparison on `data`, before the user's: {"train.epochs": 5}."""
        return {"data.path": data}
