"""Text classification as the verbs see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cellwright.cells import Cell
from cellwright.errors import ConfigError
from cellwright.tasks.classify.config import ClassifyConfig, ClassifyData
from cellwright.tasks.classify.corpora import EMBEDDED, embedded_files, open_corpus
from cellwright.tasks.classify.evaluate import evaluate_model
from cellwright.tasks.classify.examples import Example
from cellwright.tasks.classify.layers import cell_of
from cellwright.tasks.classify.predict import TextClassifier
from cellwright.tasks.classify.streamed import check_stream
from cellwright.tasks.classify.task import ClassifyTask
from cellwright.tasks.comparison import NETWORKS, compare_networks
from cellwright.tasks.data.splits import split_named, with_validation
from cellwright.tasks.data.streamed_data import check_validation
from cellwright.tasks.kind import TaskKind
from cellwright.tasks.report import Report
from cellwright.tasks.set_files import SetFiles
from cellwright.tasks.training.config import DataSection

__all__ = ["ClassifyKind"]


class ClassifyKind(TaskKind[ClassifyConfig, TextClassifier]):
    name = "classify"
    config = ClassifyConfig
    embedded = tuple(EMBEDDED)
    example = Example
    networks = tuple(NETWORKS)

    def build(self, config: ClassifyConfig, cell: Cell | None = None) -> ClassifyTask:
        if cell is not None and config.model.layers:
            raise ConfigError("Expected a cell or model.layers, found both.", repair="Leave one of them out.")
        check_stream(config.data)
        corpus = open_corpus(config.data)
        check_validation(config.data, corpus)
        corpus = with_validation(corpus, config.data.validation)
        return ClassifyTask(config, corpus, cell if cell is not None else cell_of(config.model))

    def load(self, folder: Path) -> TextClassifier:
        return TextClassifier.load(folder)

    def embedded_files(self, data: DataSection) -> SetFiles:
        assert isinstance(data, ClassifyData)
        return embedded_files(data)

    def evaluate(self, model: TextClassifier, data: DataSection, split: str) -> Report:
        assert isinstance(data, ClassifyData)
        corpus = open_corpus(data)
        if Path(data.path).is_file() and not data.hash_split:
            return evaluate_model(model, corpus.train, corpus.name)  # all there is
        corpus = with_validation(corpus, data.validation) if split != "test" and corpus.train else corpus
        return evaluate_model(model, split_named(corpus, split, data.path), corpus.name, split)

    def compare(
        self,
        config: ClassifyConfig,
        networks: Sequence[str],
        *,
        processes: int = 1,
        announce: Callable[[str], None] | None = None,
    ) -> Report:
        if config.model.layers:
            raise ConfigError(
                "Expected networks or model.layers, found both.",
                repair="Leave one of them out.",
            )
        return compare_networks(self, config, networks, processes, announce)

    def comparison(self, data: str) -> dict[str, Any]:
        return {"data.path": data, "model.pooling": ["final"], "train.threads": 1}

    def evaluate_examples(self, model: TextClassifier, examples: Sequence[Example]) -> Report:
        return evaluate_model(model, examples, "texts")
