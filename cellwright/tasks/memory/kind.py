"""Remembering as the verbs see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cellwright.cells import Cell
from cellwright.errors import ConfigError
from cellwright.tasks.kind import TaskKind
from cellwright.tasks.memory.compare import compare
from cellwright.tasks.memory.config import MemoryConfig, MemoryData
from cellwright.tasks.memory.measure import Row, measure, report_of
from cellwright.tasks.memory.predict import TrainedMemory
from cellwright.tasks.memory.problems import problem_of, table_of
from cellwright.tasks.memory.task import EMBEDDED, MemoryTask
from cellwright.tasks.networks.cell_choice import PER_TOKEN, choose_cell
from cellwright.tasks.report import Report
from cellwright.tasks.training.config import DataSection

__all__ = ["MemoryKind"]


class MemoryKind(TaskKind[MemoryConfig, TrainedMemory]):
    name = "memory"
    config = MemoryConfig
    embedded = EMBEDDED
    networks = (PER_TOKEN, "Elman", "GRU", "LSTM")
    any_cell = True

    def build(self, config: MemoryConfig, cell: Cell | None = None) -> MemoryTask:
        return MemoryTask(config, cell if cell is not None else choose_cell(config.model.cell))

    def load(self, folder: Path) -> TrainedMemory:
        return TrainedMemory.load(folder)

    def evaluate(self, model: TrainedMemory, data: DataSection, split: str) -> Report:
        """Raises ConfigError: another problem than the model's."""
        assert isinstance(data, MemoryData)
        problem = problem_of(data)
        if (list(problem.classes), problem.answers) != (list(model.problem.classes), model.problem.answers):
            raise ConfigError(
                f"Expected data of the problem the model was trained for, found {data.problem} ({data.language}).",
                repair="Train a model for it: cellwright train memory --set data.problem=…",
            )
        figures = measure(model.network, problem, table_of(problem, model.vocabulary), data, split)
        return report_of([Row("model", figures)], problem, data, split)

    def compare(
        self,
        config: MemoryConfig,
        networks: Sequence[str],
        *,
        processes: int = 1,
        announce: Callable[[str], None] | None = None,
    ) -> Report:
        return compare(config, networks, processes, announce)

    def comparison(self, data: str) -> dict[str, Any]:
        return {"data.path": data, "train.threads": 1, "train.checkpoint_every": 0}
