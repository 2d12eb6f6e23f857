"""Agreement as the verbs see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cellwright.cells import Cell
from cellwright.tasks.agreement.config import AgreementConfig, AgreementData
from cellwright.tasks.agreement.corpora import EMBEDDED, embedded_files, open_corpus
from cellwright.tasks.agreement.evaluate import evaluate_model
from cellwright.tasks.agreement.predict import AgreementModel
from cellwright.tasks.agreement.task import AgreementTask
from cellwright.tasks.classify.layers import cell_of
from cellwright.tasks.comparison import compare_networks
from cellwright.tasks.data.splits import split_named, with_validation
from cellwright.tasks.kind import TaskKind
from cellwright.tasks.report import Report
from cellwright.tasks.set_files import SetFiles
from cellwright.tasks.storage.model_folder import read_model
from cellwright.tasks.training.config import DataSection

__all__ = ["AgreementKind"]


class AgreementKind(TaskKind[AgreementConfig, AgreementModel]):
    name = "agreement"
    config = AgreementConfig
    embedded = tuple(EMBEDDED)
    networks = ("per-token", "Elman", "GRU", "LSTM")

    def build(self, config: AgreementConfig, cell: Cell | None = None) -> AgreementTask:
        corpus = with_validation(open_corpus(config.data))
        return AgreementTask(config, corpus, cell if cell is not None else cell_of(config.model))

    def load(self, folder: Path) -> AgreementModel:
        return AgreementModel(read_model(folder, AgreementModel.task))

    def embedded_files(self, data: DataSection) -> SetFiles:
        assert isinstance(data, AgreementData)
        return embedded_files(data)

    def evaluate(self, model: AgreementModel, data: DataSection, split: str) -> Report:
        assert isinstance(data, AgreementData)
        corpus = open_corpus(data)
        if not corpus.valid and not corpus.test:
            return evaluate_model(model, corpus.train, corpus.name, "", corpus.notes)  # all there is
        corpus = with_validation(corpus) if split != "test" and corpus.train else corpus
        return evaluate_model(model, split_named(corpus, split, data.path), corpus.name, split, corpus.notes)

    def compare(
        self,
        config: AgreementConfig,
        networks: Sequence[str],
        *,
        processes: int = 1,
        announce: Callable[[str], None] | None = None,
    ) -> Report:
        return compare_networks(self, config, networks, processes, announce)

    def comparison(self, data: str) -> dict[str, Any]:
        return {"data.path": data, "train.threads": 1}
