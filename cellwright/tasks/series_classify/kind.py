"""Series classification as the verbs see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cellwright.cells import Cell
from cellwright.tasks.comparison import NETWORKS, compare_networks
from cellwright.tasks.kind import TaskKind
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.report import Report
from cellwright.tasks.series.example import Series
from cellwright.tasks.series_classify.config import ClassifyConfig, ClassifyData
from cellwright.tasks.series_classify.corpora import EMBEDDED, embedded_files, open_corpus, series_of, training_corpus
from cellwright.tasks.series_classify.evaluate import evaluate_model
from cellwright.tasks.series_classify.predict import SeriesClassifier
from cellwright.tasks.series_classify.task import SeriesTask
from cellwright.tasks.set_files import SetFiles
from cellwright.tasks.training.config import DataSection

__all__ = ["SeriesClassifyKind"]


class SeriesClassifyKind(TaskKind[ClassifyConfig, SeriesClassifier]):
    name = "series-classify"
    config = ClassifyConfig
    embedded = EMBEDDED
    example = Series
    networks = tuple(NETWORKS)

    def build(self, config: ClassifyConfig, cell: Cell | None = None) -> SeriesTask:
        chosen = cell if cell is not None else choose_cell(config.model.cell)
        return SeriesTask(config, training_corpus(config.data), chosen)

    def load(self, folder: Path) -> SeriesClassifier:
        return SeriesClassifier.load(folder)

    def embedded_files(self, data: DataSection) -> SetFiles:
        assert isinstance(data, ClassifyData)
        return embedded_files(data)

    def evaluate(self, model: SeriesClassifier, data: DataSection, split: str) -> Report:
        assert isinstance(data, ClassifyData)
        name, found_split, examples = series_of(data, split)
        return evaluate_model(model, examples, name, found_split)

    def evaluate_examples(self, model: SeriesClassifier, examples: Sequence[Series]) -> Report:
        return evaluate_model(model, examples, "series", "")

    def compare(
        self,
        config: ClassifyConfig,
        networks: Sequence[str],
        *,
        processes: int = 1,
        announce: Callable[[str], None] | None = None,
    ) -> Report:
        split = "test" if open_corpus(config.data).test else "valid"
        return compare_networks(self, config, networks, processes, announce, split)

    def comparison(self, data: str) -> dict[str, Any]:
        return {"data.path": data, "train.threads": 1, "train.checkpoint_every": 0}
