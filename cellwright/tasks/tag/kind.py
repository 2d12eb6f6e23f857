"""Tagging as the verbs see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cellwright.cells import Cell
from cellwright.errors import ConfigError
from cellwright.tasks.comparison import NETWORKS, compare_networks
from cellwright.tasks.data.splits import split_named, with_validation
from cellwright.tasks.data.streamed_data import check_stream_folder, check_validation
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.kind import TaskKind
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.report import Report
from cellwright.tasks.set_files import SetFiles
from cellwright.tasks.tag.config import TagConfig, TagData
from cellwright.tasks.tag.corpora import EMBEDDED, embedded_files, open_corpus
from cellwright.tasks.tag.evaluate import evaluate_model
from cellwright.tasks.tag.predict import Tagger
from cellwright.tasks.tag.task import TagTask
from cellwright.tasks.training.config import DataSection

__all__ = ["TagKind"]


class TagKind(TaskKind[TagConfig, Tagger]):
    name = "tag"
    config = TagConfig
    embedded = tuple(EMBEDDED)
    example = Utterance
    networks = tuple(NETWORKS)

    def build(self, config: TagConfig, cell: Cell | None = None) -> TagTask:
        check_stream_folder(config.data)
        corpus = open_corpus(config.data)
        check_validation(config.data, corpus)
        with_validation(corpus)
        return TagTask(config, corpus, cell if cell is not None else choose_cell(config.model.cell))

    def load(self, folder: Path) -> Tagger:
        return Tagger.load(folder)

    def embedded_files(self, data: DataSection) -> SetFiles:
        assert isinstance(data, TagData)
        return embedded_files(data)

    def evaluate(self, model: Tagger, data: DataSection, split: str) -> Report:
        assert isinstance(data, TagData)
        target = model.vocabulary.target
        corpus = open_corpus(data.model_copy(update={"target": target}))
        if corpus.target != target:
            raise ConfigError(
                f"Expected data for {target}, found {corpus.target} in {data.path}.", repair="Choose another --data."
            )
        if Path(data.path).is_file():
            return evaluate_model(model, corpus.train, corpus.name)  # all there is
        return evaluate_model(model, split_named(corpus, split, data.path), corpus.name, split)

    def evaluate_examples(self, model: Tagger, examples: Sequence[Utterance]) -> Report:
        return evaluate_model(model, examples, "sentences")

    def compare(
        self,
        config: TagConfig,
        networks: Sequence[str],
        *,
        processes: int = 1,
        announce: Callable[[str], None] | None = None,
    ) -> Report:
        return compare_networks(self, config, networks, processes, announce)

    def comparison(self, data: str) -> dict[str, Any]:
        return {"data.path": data, "model.head": "softmax", "train.threads": 1}
