"""Translation as the verbs see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cellwright.cells import Cell
from cellwright.errors import ConfigError
from cellwright.tasks.comparison import NETWORKS, compare_networks
from cellwright.tasks.data.splits import split_named, with_validation
from cellwright.tasks.kind import TaskKind
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.report import Report
from cellwright.tasks.set_files import SetFiles
from cellwright.tasks.training.config import DataSection
from cellwright.tasks.translate.config import TranslateConfig, TranslateData
from cellwright.tasks.translate.corpora import embedded_files, open_corpus
from cellwright.tasks.translate.dates import DATES
from cellwright.tasks.translate.evaluate import evaluate_model
from cellwright.tasks.translate.predict import Translator
from cellwright.tasks.translate.task import TranslateTask

__all__ = ["TranslateKind"]


class TranslateKind(TaskKind[TranslateConfig, Translator]):
    name = "translate"
    config = TranslateConfig
    embedded = tuple(DATES)
    networks = tuple(NETWORKS)

    def build(self, config: TranslateConfig, cell: Cell | None = None) -> TranslateTask:
        corpus = with_validation(open_corpus(config.data))
        return TranslateTask(config, corpus, cell if cell is not None else choose_cell(config.model.cell))

    def load(self, folder: Path) -> Translator:
        return Translator.load(folder)

    def embedded_files(self, data: DataSection) -> SetFiles:
        assert isinstance(data, TranslateData)
        return embedded_files(data)

    def evaluate(self, model: Translator, data: DataSection, split: str) -> Report:
        """Raises ConfigError: another direction than the model's."""
        assert isinstance(data, TranslateData)
        if data.direction != model.settings.direction:
            raise ConfigError(
                f"Expected the direction the model was trained for, {model.settings.direction or 'source-target'}, "
                f"found {data.direction or 'source-target'}.",
                repair="Train a model for it: cellwright train translate --set data.direction=…",
            )
        model = model.deciding(data)
        corpus = open_corpus(
            data.model_copy(update={"source_unit": model.source_unit, "target_unit": model.target_unit})
        )
        if Path(data.path).is_file() and not data.hash_split:
            return evaluate_model(model, corpus, corpus.train, "")  # all there is
        corpus = with_validation(corpus) if split != "test" and corpus.train else corpus
        return evaluate_model(model, corpus, split_named(corpus, split, data.path), split)

    def compare(
        self,
        config: TranslateConfig,
        networks: Sequence[str],
        *,
        processes: int = 1,
        announce: Callable[[str], None] | None = None,
    ) -> Report:
        return compare_networks(self, config, networks, processes, announce)

    def comparison(self, data: str) -> dict[str, Any]:
        return {"data.path": data, "train.threads": 1, "train.checkpoint_every": 0}
