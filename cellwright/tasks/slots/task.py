"""Slots and intents as a task of the training loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.engine.serial import cell_to_data
from cellwright.tasks.data.streaming import StreamedExamples, seen_examples
from cellwright.tasks.data.utterance import Corpus, Utterance
from cellwright.tasks.networks.static_vectors import static_vectors
from cellwright.tasks.slots.augment import ValueSwap
from cellwright.tasks.slots.baselines import Baselines
from cellwright.tasks.slots.batches import Batch, make_batch
from cellwright.tasks.slots.config import SlotsConfig
from cellwright.tasks.slots.corpora import EMBEDDED
from cellwright.tasks.slots.metrics import Scores, score
from cellwright.tasks.slots.model import SlotNetwork
from cellwright.tasks.slots.model_file import SavedModel, save_model
from cellwright.tasks.slots.vocabulary import Vocabulary
from cellwright.tasks.training.config import kept_data
from cellwright.tasks.training.identity import run_identity
from cellwright.tasks.training.stream_order import example_order

__all__ = ["SlotsTask", "answers", "compare_answers", "score_utterances"]

EVALUATION_BATCH = 64


class SlotsTask:
    """The network with its corpus; `metric` is the mean of slot F1, intent and whole-sentence accuracy on valid.

    Args:
        cell: of the recurrent layers; None for a per-token network.
    """

    metric = "score"

    def __init__(self, config: SlotsConfig, corpus: Corpus[Utterance], cell: Cell | None) -> None:
        self.config = config
        self.corpus = corpus
        self.cell = cell
        seen, counted = seen_examples(corpus.train, config.data.stream_texts)
        self.vocabulary = Vocabulary.learn(seen, config.model.min_count)
        self.baselines = Baselines.learn(counted)
        self.swap = ValueSwap(seen, config.data.swap, config.data.made_up)
        self.notes = list(corpus.notes)
        self.network = SlotNetwork(
            config.model, self.vocabulary, cell, static_vectors(config.model.vectors, self.vocabulary, self.notes)
        )
        self.model: nn.Module = self.network
        # Now, not after an epoch: a cell that cannot be stored as data must be refused before it is trained.
        self.cell_data = (
            None if cell is None else cell_to_data(cell, self.network.features.size, config.model.hidden_size)
        )

    def identity(self) -> dict[str, str]:
        """Digests of what the run's numbers depend on beside the settings."""
        files = list(self.vocabulary.to_files().values())
        if isinstance(self.corpus.train, StreamedExamples):
            return run_identity(self.cell_data, [], [*files, self.corpus.train.lines.digest.encode()])
        return run_identity(self.cell_data, ((*u.words, *u.slots, u.intent) for u in self.corpus.train), files)

    def train_size(self) -> int:
        return len(self.corpus.train)

    def order(self, epoch: int, seed: int) -> Sequence[Sequence[int]]:
        return example_order(self.corpus.train, self.config.train.batch_size, seed=seed, epoch=epoch)

    def batch(self, indices: Sequence[int], rng: np.random.Generator) -> Batch:
        utterances = [self.swap(u, rng) for u in self._utterances(indices)]
        return make_batch(utterances, self.vocabulary, word_dropout=self.config.model.word_dropout, rng=rng)

    def _utterances(self, indices: Sequence[int]) -> list[Utterance]:
        """Of the training split. Raises DataError: one that is streamed has a tag or an intent that is not known."""
        train = self.corpus.train
        found = [train[i] for i in indices]
        if isinstance(train, StreamedExamples):
            for i, u in zip(indices, found, strict=True):
                train.check_known(i, u.slots, self.vocabulary.tag_rows, "tags")
                train.check_known(i, [u.intent], self.vocabulary.intent_rows, "intents")
        return found

    def loss(self, batch: Batch) -> tuple[Tensor, int]:
        return self.network.loss(batch), batch.tokens

    def evaluate(self) -> dict[str, float]:
        scores = score_utterances(self.network, self.vocabulary, self.corpus.valid)
        figures = {name: value for name, value in scores.figures().items() if value is not None}
        shown = [name for name in ("slot_f1", "intent_accuracy", "sentence_accuracy") if name in figures]
        return {"score": float(np.mean([figures[name] for name in shown])), **{name: figures[name] for name in shown}}

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        saved = SavedModel(
            self.network,
            self.cell,
            self.vocabulary,
            self.baselines,
            self.config.data.unit,
            dict(metrics),
            kept_data(self.config.data, EMBEDDED),
        )
        save_model(saved, folder)


def answers(
    network: SlotNetwork, vocabulary: Vocabulary, utterances: Sequence[Utterance]
) -> list[tuple[list[str], str]]:
    """(tags, intent) of each utterance, in order; short ones are read together. The network must be in eval mode."""
    order = sorted(range(len(utterances)), key=lambda k: len(utterances[k].words))
    found: list[tuple[list[str], str]] = [([], "")] * len(utterances)
    for start in range(0, len(order), EVALUATION_BATCH):
        chosen = order[start : start + EVALUATION_BATCH]
        said = network.answer(make_batch([utterances[k] for k in chosen], vocabulary), confidence=False)
        for k, tags, intent in zip(chosen, said.tags, said.intents, strict=True):
            found[k] = [vocabulary.tags[row] for row in tags], vocabulary.intents[intent]
    return found


def score_utterances(network: SlotNetwork, vocabulary: Vocabulary, utterances: Sequence[Utterance]) -> Scores:
    """How good the network's answers to labelled utterances are."""
    return compare_answers(utterances, answers(network, vocabulary, utterances))


def compare_answers(utterances: Sequence[Utterance], found: Sequence[tuple[Sequence[str], str]]) -> Scores:
    """Scores of (tags, intent) answers. Intents count where both the utterances and the answers have any."""
    intents = any(u.intent for u in utterances) and any(intent for _, intent in found)
    return score(
        [u.slots for u in utterances],
        [tags for tags, _ in found],
        [u.intent for u in utterances] if intents else None,
        [intent for _, intent in found] if intents else None,
    )
