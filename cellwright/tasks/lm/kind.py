"""The language model as the verbs see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cellwright.cells import Cell
from cellwright.tasks.comparison import compare_networks
from cellwright.tasks.data.verb_forms import gold_file
from cellwright.tasks.kind import TaskKind
from cellwright.tasks.lm.config import LmConfig, LmData
from cellwright.tasks.lm.corpora import EMBEDDED, embedded_files, open_corpus
from cellwright.tasks.lm.evaluate import evaluate_model
from cellwright.tasks.lm.predict import LmModel
from cellwright.tasks.lm.task import LmTask
from cellwright.tasks.lm.verb_forms import evaluate_forms
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.report import Report
from cellwright.tasks.set_files import SetFiles
from cellwright.tasks.training.config import DataSection

__all__ = ["LmKind"]


class LmKind(TaskKind[LmConfig, LmModel]):
    name = "lm"
    config = LmConfig
    embedded = tuple(EMBEDDED)
    networks = ("per-token", "Elman", "GRU", "LSTM")

    def build(self, config: LmConfig, cell: Cell | None = None) -> LmTask:
        chosen = cell if cell is not None else choose_cell(config.model.cell)
        return LmTask(config, open_corpus(config.data), chosen)

    def load(self, folder: Path) -> LmModel:
        return LmModel.load(folder)

    def embedded_files(self, data: DataSection) -> SetFiles:
        assert isinstance(data, LmData)
        return embedded_files(data)

    def evaluate(self, model: LmModel, data: DataSection, split: str) -> Report:
        assert isinstance(data, LmData)
        gold = None if data.path in EMBEDDED else gold_file(data.path)
        return evaluate_model(model, data, split) if gold is None else evaluate_forms(model, data, gold)

    def compare(
        self,
        config: LmConfig,
        networks: Sequence[str],
        *,
        processes: int = 1,
        announce: Callable[[str], None] | None = None,
    ) -> Report:
        return compare_networks(self, config, networks, processes, announce)

    def comparison(self, data: str) -> dict[str, Any]:
        return {"data.path": data, "train.threads": 1, "train.checkpoint_every": 0}
