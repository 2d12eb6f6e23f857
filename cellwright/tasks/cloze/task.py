"""Cloze as a task of the training loop: every word of a sentence is missing once, all at the same time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.errors import DataError
from cellwright.tasks.cloze.batches import Batch, make_batch
from cellwright.tasks.cloze.config import ClozeConfig
from cellwright.tasks.cloze.corpora import EMBEDDED, Example, surface
from cellwright.tasks.cloze.model import ClozeNetwork
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.networks.cell_data import stored_cell
from cellwright.tasks.storage.model_folder import write_model
from cellwright.tasks.text.vocabulary import FILE, UNKNOWN, TextVocabulary
from cellwright.tasks.training.config import kept_data
from cellwright.tasks.training.identity import run_identity
from cellwright.tasks.training.order import epoch_order
from cellwright.tasks.training.task import MeanOver

__all__ = ["ClozeTask", "learn_words"]

EVALUATION_BATCH = 20
FEWEST = 10


def learn_words(corpus: Corpus[Example], config: ClozeConfig) -> TextVocabulary:
    """The words of the training sentences as read, and what they are asked for.

    Raises DataError: fewer than ten words.
    """
    data = config.data
    texts: list[Sequence[str]] = [example.answers for example in corpus.train]
    texts += [[word for word in example.words if word not in example.answers] for example in corpus.train]
    vocabulary = TextVocabulary.learn(texts, min_count=data.min_count, most=data.max_words, lower=data.lower)
    count = sum(len(example.words) for example in corpus.train)
    if count < FEWEST:
        raise DataError(
            f"Expected at least {FEWEST} words of training sentences, found {count}.",
            file=corpus.name,
            repair="Give more text.",
        )
    return vocabulary


class ClozeTask:
    """The network with its sentences; `metric` is the mean ln P of a word of valid.

    Args:
        cell: of the recurrent layers; None for a network that sees the next words only.
    """

    metric = "log_likelihood"
    loss_mean_over: MeanOver = "tokens"

    def __init__(self, config: ClozeConfig, corpus: Corpus[Example], cell: Cell | None) -> None:
        self.config = config
        self.cell = cell
        self.corpus = corpus
        self.vocabulary = learn_words(corpus, config)
        self.notes = list(corpus.notes)
        self.network = ClozeNetwork(config.model, len(self.vocabulary), cell)
        self.model: nn.Module = self.network
        # Now, not after an epoch: a cell that cannot be stored as data must be refused before it is trained.
        self.cell_data = stored_cell(cell, self.network.sizes)

    def identity(self) -> dict[str, str]:
        """Digests of what the run's numbers depend on beside the settings."""
        return run_identity(self.cell_data, (e.answers for e in self.corpus.train), [self.vocabulary.to_file()])

    def train_size(self) -> int:
        return len(self.corpus.train)

    def order(self, epoch: int, seed: int) -> list[list[int]]:
        lengths = [len(example.words) for example in self.corpus.train]
        return epoch_order(lengths, self.config.train.batch_size, seed=seed, epoch=epoch)

    def batch(self, indices: Sequence[int], rng: np.random.Generator) -> Batch:
        return batch_of([self.corpus.train[i] for i in indices], self.vocabulary)

    def loss(self, batch: Batch) -> tuple[Tensor, int]:
        y_BTF = self.network(batch.x_BS, batch.lengths_B)
        return self.network.mean_loss(y_BTF[batch.valid_BT], batch.target_N), len(batch.target_N)

    def evaluate(self) -> dict[str, float]:
        losses, right = [], 0
        for start in range(0, len(self.corpus.valid), EVALUATION_BATCH):
            batch = batch_of(self.corpus.valid[start : start + EVALUATION_BATCH], self.vocabulary)
            y_BTF = self.network(batch.x_BS, batch.lengths_B)
            log_p_NV = self.network.log_probabilities(y_BTF[batch.valid_BT])
            losses.append(-log_p_NV.gather(1, batch.target_N[:, None])[:, 0])
            right += int((log_p_NV.argmax(1) == batch.target_N).sum())
        loss_N = torch.cat(losses)
        loss = float(loss_N.double().mean())
        return {
            "log_likelihood": -loss,
            "perplexity": math.exp(min(700.0, loss)),
            "accuracy": right / len(loss_N),
        }

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        write_model(
            folder,
            "cloze",
            self.network,
            model=self.config.model,
            cell=self.cell_data,
            data=kept_data(self.config.data, EMBEDDED),
            metrics=metrics,
            files={FILE: self.vocabulary.to_file()},
            extra={"tokenize": self.config.data.tokenize, "senses": senses_of(self.corpus.train, self.vocabulary)},
        )


def senses_of(examples: Sequence[Example], vocabulary: TextVocabulary) -> dict[str, list[str]]:
    """Word → word/sense for each of its senses that the vocabulary holds."""
    answers = {a for e in examples for a, word in zip(e.answers, e.words, strict=True) if a != word}
    found: dict[str, list[str]] = {}
    for row in sorted({vocabulary.row(answer) for answer in answers} - {UNKNOWN}):
        found.setdefault(surface(vocabulary.tokens[row]), []).append(vocabulary.tokens[row])
    return found


def batch_of(examples: Sequence[Example], vocabulary: TextVocabulary) -> Batch:
    """Examples as tensors."""
    return make_batch([e.words for e in examples], [e.answers for e in examples], vocabulary)
