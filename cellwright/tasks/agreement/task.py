"""Agreement as a task of the training loop: a text classifier whose classes are the forms of the asked word."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cellwright.cells import Cell
from cellwright.tasks.agreement.config import AgreementConfig, AgreementData
from cellwright.tasks.agreement.corpora import EMBEDDED
from cellwright.tasks.agreement.grammar import Sentence
from cellwright.tasks.classify.config import ClassifyConfig
from cellwright.tasks.classify.examples import Example
from cellwright.tasks.classify.task import ClassifyTask
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.storage.model_folder import write_model
from cellwright.tasks.training.config import kept_data

__all__ = ["AgreementTask"]


class AgreementTask(ClassifyTask):
    """Classifies what stands before the asked word.

    Args:
        cell: of the recurrent layers; None for a per-token network.
    """

    def __init__(self, config: AgreementConfig, corpus: Corpus[Sentence], cell: Cell | None) -> None:
        examples: Corpus[Example] = Corpus(corpus.name, [*corpus.train], [*corpus.valid], [*corpus.test], corpus.notes)
        super().__init__(ClassifyConfig(model=config.model, train=config.train), examples, cell)
        self.own_data: AgreementData = config.data

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        write_model(
            folder,
            "agreement",
            self.network,
            model=self.config.model.model_copy(update={"vectors": None}),
            cell=self.cell_data,
            data=kept_data(self.own_data, EMBEDDED),
            metrics=metrics,
            files={**self.vocabulary.to_files(), **self.baselines.to_files()},
            extra={"unit": "word", "vector_size": self.vector_size},
        )
