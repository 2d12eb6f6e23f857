"""Tagging as a task of the training loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from cellwright.cells import Cell
from cellwright.errors import DataError
from cellwright.tasks.data.streaming import StreamedExamples, seen_examples
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.networks.cell_data import stored_cell
from cellwright.tasks.networks.pairs import pair_rows
from cellwright.tasks.networks.static_vectors import static_vectors
from cellwright.tasks.networks.word_batch import word_batch
from cellwright.tasks.storage.model_folder import write_model
from cellwright.tasks.tag import baselines
from cellwright.tasks.tag.baselines import Baselines
from cellwright.tasks.tag.config import TagConfig
from cellwright.tasks.tag.corpora import EMBEDDED, TagCorpus
from cellwright.tasks.tag.metrics import METRIC, figures
from cellwright.tasks.tag.model import Batch, TagNetwork
from cellwright.tasks.tag.vocabulary import Vocabulary
from cellwright.tasks.training.config import kept_data
from cellwright.tasks.training.identity import run_identity
from cellwright.tasks.training.stream_order import example_order

__all__ = ["TagTask", "make_batch", "tags_of"]

EVALUATION_BATCH = 64


class TagTask:
    """The network with its corpus; `metric` is the accuracy of tags, or the F1 of spans or words, on valid.

    Args:
        cell: of the recurrent layers; None for a per-token network.
    """

    def __init__(self, config: TagConfig, corpus: TagCorpus, cell: Cell | None) -> None:
        self.config = config
        self.corpus = corpus
        self.cell = cell
        self.metric = METRIC[corpus.target]
        seen, counted = seen_examples(corpus.train, config.data.stream_texts)
        self.vocabulary = Vocabulary.learn(seen, corpus.target, config.model)
        if corpus.target == "spans" and self.vocabulary.tags == ["O"]:
            raise DataError(
                f"Expected labelled spans in the training split, found none in {len(corpus.train):,} sentences.",
                file=corpus.name,
                repair='Such as {"text": "Anna is in Rome", "spans": [{"start": 11, "end": 15, "label": "city"}]}.',
            )
        self.baselines = Baselines.learn(counted, corpus.target)
        named = {"tags": "a tag a word", "spans": "labelled spans", "words": "the words of a text without spaces"}
        self.notes = [*corpus.notes, f"to be found: {named[corpus.target]} (data.target)"]
        vectors = static_vectors(config.model.vectors, self.vocabulary, self.notes)
        self.vector_size = 0 if vectors is None else vectors.shape[1]
        self.network = TagNetwork(config.model, self.vocabulary, cell, vectors)
        self.model: nn.Module = self.network
        # Now, not after an epoch: a cell that cannot be stored as data must be refused before it is trained.
        self.cell_data = stored_cell(cell, self.network.sizes)

    def identity(self) -> dict[str, str]:
        """Digests of what the run's numbers depend on beside the settings."""
        if isinstance(self.corpus.train, StreamedExamples):
            return run_identity(self.cell_data, [], [self.corpus.train.lines.digest.encode()])
        return run_identity(self.cell_data, ((*u.words, *u.slots) for u in self.corpus.train))

    def train_size(self) -> int:
        return len(self.corpus.train)

    def order(self, epoch: int, seed: int) -> Sequence[Sequence[int]]:
        return example_order(self.corpus.train, self.config.train.batch_size, seed=seed, epoch=epoch)

    def batch(self, indices: Sequence[int], rng: np.random.Generator) -> Batch:
        train = self.corpus.train
        sentences = [train[i] for i in indices]
        if isinstance(train, StreamedExamples):
            for i, u in zip(indices, sentences, strict=True):
                train.check_known(i, u.slots, self.vocabulary.tag_rows, "tags")
        return make_batch(sentences, self.vocabulary, word_dropout=self.config.model.word_dropout, rng=rng)

    def loss(self, batch: Batch) -> tuple[Tensor, int]:
        return self.network.loss(batch), batch.tokens

    def evaluate(self) -> dict[str, float]:
        found = tags_of(self.network, self.vocabulary, self.corpus.valid)
        scores = figures(self.corpus.target, self.corpus.valid, found, self.baselines.knows)
        return {name: value for name, value in scores.items() if value is not None}

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        write_model(
            folder,
            "tag",
            self.network,
            model=self.config.model.model_copy(update={"vectors": None}),
            cell=self.cell_data,
            data=kept_data(self.config.data, EMBEDDED),
            metrics=metrics,
            files={**self.vocabulary.to_files(), baselines.FILE: self.baselines.to_file()},
            extra={"unit": self.config.data.unit, "vector_size": self.vector_size},
        )


def make_batch(
    sentences: Sequence[Utterance],
    vocabulary: Vocabulary,
    *,
    word_dropout: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Batch:
    """One batch; tags that training never showed become row 0. `word_dropout` as in `word_batch`."""
    texts = [vocabulary.read(u.words) for u in sentences]
    words = word_batch(texts, vocabulary, word_dropout=word_dropout, rng=rng)
    tags = [torch.tensor([vocabulary.tag_rows.get(tag, 0) for tag in u.slots]) for u in sentences]
    return Batch(
        **words.fields(),
        pairs_BP=None if vocabulary.pairs is None else pair_rows(texts, vocabulary.pairs),
        tags_BT=pad_sequence(tags, batch_first=True),
    )


def tags_of(network: TagNetwork, vocabulary: Vocabulary, sentences: Sequence[Utterance]) -> list[list[str]]:
    """The tags of each sentence, in order; short ones are read together. The network must be in eval mode."""
    order = sorted(range(len(sentences)), key=lambda k: len(sentences[k].words))
    found: list[list[str]] = [[]] * len(sentences)
    for start in range(0, len(order), EVALUATION_BATCH):
        chosen = order[start : start + EVALUATION_BATCH]
        rows, _ = network.answer(make_batch([sentences[k] for k in chosen], vocabulary), confidence=False)
        for k, tags in zip(chosen, rows, strict=True):
            found[k] = [vocabulary.tags[row] for row in tags]
    return found
