"""Cloze as the verbs see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cellwright.cells import Cell
from cellwright.tasks.cloze.config import ClozeConfig, ClozeData
from cellwright.tasks.cloze.corpora import EMBEDDED, embedded_files, open_corpus
from cellwright.tasks.cloze.evaluate import evaluate_model
from cellwright.tasks.cloze.predict import ClozeModel
from cellwright.tasks.cloze.task import ClozeTask
from cellwright.tasks.comparison import compare_networks
from cellwright.tasks.kind import TaskKind
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.report import Report
from cellwright.tasks.set_files import SetFiles
from cellwright.tasks.training.config import DataSection

__all__ = ["ClozeKind"]


class ClozeKind(TaskKind[ClozeConfig, ClozeModel]):
    name = "cloze"
    config = ClozeConfig
    embedded = tuple(EMBEDDED)
    networks = ("LSTM", "BiLSTM", "GRU", "BiGRU", "per-token")

    def build(self, config: ClozeConfig, cell: Cell | None = None) -> ClozeTask:
        chosen = cell if cell is not None else choose_cell(config.model.cell)
        return ClozeTask(config, open_corpus(config.data), chosen)

    def load(self, folder: Path) -> ClozeModel:
        return ClozeModel.load(folder)

    def embedded_files(self, data: DataSection) -> SetFiles:
        assert isinstance(data, ClozeData)
        return embedded_files(data)

    def evaluate(self, model: ClozeModel, data: DataSection, split: str) -> Report:
        assert isinstance(data, ClozeData)
        return evaluate_model(model, data, split)

    def compare(
        self,
        config: ClozeConfig,
        networks: Sequence[str],
        *,
        processes: int = 1,
        announce: Callable[[str], None] | None = None,
    ) -> Report:
        return compare_networks(self, config, networks, processes, announce)

    def comparison(self, data: str) -> dict[str, Any]:
        return {"data.path": data, "train.threads": 1, "train.checkpoint_every": 0}
