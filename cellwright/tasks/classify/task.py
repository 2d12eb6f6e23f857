"""Text classification as a task of the training loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cellwright.cells import Cell
from cellwright.errors import DataError
from cellwright.tasks.class_figures import macro_f1
from cellwright.tasks.classify.config import ClassifyConfig
from cellwright.tasks.classify.corpora import EMBEDDED
from cellwright.tasks.classify.examples import Example
from cellwright.tasks.classify.model import Batch, ClassifyNetwork
from cellwright.tasks.classify.ngrams import Baselines
from cellwright.tasks.classify.vocabulary import Vocabulary
from cellwright.tasks.data.streaming import BASELINE_EXAMPLES, StreamedExamples
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.networks.cell_data import stored_cell
from cellwright.tasks.networks.class_weights import balanced_weights, weights_note
from cellwright.tasks.networks.pairs import pair_rows
from cellwright.tasks.networks.static_vectors import static_vectors
from cellwright.tasks.networks.word_batch import word_batch
from cellwright.tasks.storage.model_folder import write_model
from cellwright.tasks.training.config import kept_data
from cellwright.tasks.training.identity import run_identity
from cellwright.tasks.training.stream_order import example_order

__all__ = ["ClassifyTask", "make_batch", "probabilities"]

EVALUATION_BATCH = 64
TRAIN_EXAMPLES = 2000  # of the training split, evenly spread, that the figures `train_…` are measured on


class ClassifyTask:
    """The network with its corpus; `metric` is the accuracy on the validation split, or macro F1 where classes weigh
    the same: the most accurate epoch may be the one that has not found a rare class yet.

    Args:
        cell: of the recurrent layers; None for a per-token network.
    """

    def __init__(self, config: ClassifyConfig, corpus: Corpus[Example], cell: Cell | None) -> None:
        self.config = config
        self.corpus = corpus
        self.cell = cell
        train: Sequence[Example] = corpus.train
        streamed = isinstance(train, StreamedExamples)
        seen = train.spread(config.data.stream_texts) if isinstance(train, StreamedExamples) else train
        self.vocabulary = Vocabulary.learn(seen, config.model)
        if len(self.vocabulary.classes) < 2:
            raise DataError(
                f"Expected two or more classes in the training split, found {self.vocabulary.classes[0]!r} alone.",
                file=corpus.name,
                repair="Check which column holds the class: data.label_column.",
            )
        if not any(example.label in self.vocabulary.class_rows for example in corpus.valid):
            found = sorted({example.label for example in corpus.valid})
            raise DataError(
                f"Expected classes of the training split in the validation split too, found {', '.join(found[:3])}"
                f"{' …' * (len(found) > 3)}: none of its {len(found):,} is in training.",
                file=corpus.name,
                repair="Check which column holds the class: data.label_column.",
            )
        self.notes = list(corpus.notes)
        vectors = static_vectors(config.model.vectors, self.vocabulary, self.notes)
        self.vector_size = 0 if vectors is None else vectors.shape[1]
        self.network = ClassifyNetwork(config.model, self.vocabulary, cell, vectors)
        self.model: nn.Module = self.network
        layers = self.network.layers()
        self.weight_N: Tensor | None = None
        self.metric = "accuracy"
        if config.model.class_weights == "balanced":
            self.metric = "macro_f1"
            self.weight_N = balanced_weights((example.label for example in seen), self.vocabulary.classes)
            self.notes.append(weights_note(self.weight_N, self.vocabulary.classes))
        self.notes.append("network: " + " → ".join(f"{text} {count:,}" if count else text for text, count in layers))
        # Now, not after an epoch: a cell that cannot be stored as data must be refused before it is trained.
        self.cell_data = stored_cell(cell, self.network.sizes)
        if streamed:
            rows = range(0, len(train), -(-len(train) // BASELINE_EXAMPLES))
            train = self._examples(rows)
            self.notes.append(f"n-grams beside the network: of {len(train):,} training texts, evenly spread")
        self.baselines = Baselines.learn(train, corpus.valid, self.vocabulary.classes, config.data.unit)

    def identity(self) -> dict[str, str]:
        """Digests of what the run's numbers depend on beside the settings."""
        if isinstance(self.corpus.train, StreamedExamples):
            return run_identity(self.cell_data, [], [self.corpus.train.lines.digest.encode()])
        return run_identity(self.cell_data, ((*e.words, e.label) for e in self.corpus.train))

    def train_size(self) -> int:
        return len(self.corpus.train)

    def order(self, epoch: int, seed: int) -> Sequence[Sequence[int]]:
        return example_order(self.corpus.train, self.config.train.batch_size, seed=seed, epoch=epoch)

    def batch(self, indices: Sequence[int], rng: np.random.Generator) -> Batch:
        examples = self._examples(indices)
        return make_batch(examples, self.vocabulary, word_dropout=self.config.model.word_dropout, rng=rng)

    def _examples(self, indices: Sequence[int]) -> list[Example]:
        """Of the training split. Raises DataError: a text that is streamed is of a class that is not known."""
        train: Sequence[Example] = self.corpus.train
        found = [train[i] for i in indices]
        if isinstance(train, StreamedExamples):
            for example, i in zip(found, indices, strict=True):
                train.check_known(i, [example.label], self.vocabulary.class_rows, "classes")
        return found

    def loss(self, batch: Batch) -> tuple[Tensor, int]:
        return self.network.loss(batch, self.weight_N), batch.tokens

    def evaluate(self) -> dict[str, float]:
        """Accuracy and cross-entropy on valid, and on (a part of) train as it is answered, without dropout; where
        classes weigh the same, macro F1 too."""
        step = -(-len(self.corpus.train) // TRAIN_EXAMPLES)
        valid, train = self._figures(self.corpus.valid), self._figures(self.corpus.train[::step])
        return valid | {f"train_{name}": value for name, value in train.items()}

    def _figures(self, examples: Sequence[Example]) -> dict[str, float]:
        found_EN = probabilities(self.network, self.vocabulary, examples)
        known = [(row, self.vocabulary.class_rows.get(e.label)) for row, e in enumerate(examples)]
        rows = torch.tensor([row for row, target in known if target is not None], dtype=torch.long)
        targets = torch.tensor([target for _, target in known if target is not None], dtype=torch.long)
        right = float((found_EN[rows].argmax(1) == targets).sum()) / len(examples)
        loss = float(functional.nll_loss(found_EN[rows].clamp_min(1e-30).log(), targets))
        if self.weight_N is None:
            return {"accuracy": right, "loss": loss}
        said = [self.vocabulary.classes[row] for row in found_EN.argmax(1).tolist()]
        return {"accuracy": right, "loss": loss, "macro_f1": macro_f1([e.label for e in examples], said)}

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        write_model(
            folder,
            "classify",
            self.network,
            model=self.config.model.model_copy(update={"vectors": None}),
            cell=self.cell_data,
            data=kept_data(self.config.data, EMBEDDED),
            metrics=metrics,
            files={**self.vocabulary.to_files(), **self.baselines.to_files()},
            extra={"unit": self.config.data.unit, "vector_size": self.vector_size},
        )


def make_batch(
    examples: Sequence[Example],
    vocabulary: Vocabulary,
    *,
    word_dropout: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Batch:
    """One batch; a class that training never showed becomes row 0. `word_dropout` as in `word_batch`."""
    texts = [example.words for example in examples]
    words = word_batch(texts, vocabulary, word_dropout=word_dropout, rng=rng)
    return Batch(
        **words.fields(),
        pairs_BP=None if vocabulary.pairs is None else pair_rows(texts, vocabulary.pairs),
        classes_B=torch.tensor([vocabulary.class_rows.get(example.label, 0) for example in examples]),
    )


@torch.no_grad()
def probabilities(network: ClassifyNetwork, vocabulary: Vocabulary, examples: Sequence[Example]) -> Tensor:
    """(E, N) of each example, in order. The network must be in eval mode."""
    return scores(network, vocabulary, examples).softmax(1)


def scores(network: ClassifyNetwork, vocabulary: Vocabulary, examples: Sequence[Example]) -> Tensor:
    """(E, N) before the softmax, in order; short texts are read together. The network must be in eval mode."""
    order = sorted(range(len(examples)), key=lambda k: len(examples[k].words))
    found_EN = torch.zeros(len(examples), len(vocabulary.classes))
    for start in range(0, len(order), EVALUATION_BATCH):
        chosen = order[start : start + EVALUATION_BATCH]
        scores_BN = network(make_batch([examples[k] for k in chosen], vocabulary))
        found_EN[torch.tensor(chosen)] = scores_BN.to(found_EN.dtype)
    return found_EN
