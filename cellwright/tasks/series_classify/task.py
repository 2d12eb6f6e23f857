"""Series classification as a task of the training loop."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.errors import DataError
from cellwright.tasks.class_figures import macro_f1
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.networks.cell_data import stored_cell
from cellwright.tasks.networks.class_weights import balanced_weights, weights_note
from cellwright.tasks.series.example import Series
from cellwright.tasks.series_classify.batches import Batch, make_batch, stretched
from cellwright.tasks.series_classify.config import ClassifyConfig
from cellwright.tasks.series_classify.corpora import EMBEDDED
from cellwright.tasks.series_classify.model import SeriesNetwork
from cellwright.tasks.storage.model_folder import write_model
from cellwright.tasks.training.config import kept_data
from cellwright.tasks.training.identity import run_identity
from cellwright.tasks.training.order import epoch_order

__all__ = ["SeriesTask", "probabilities"]

TOGETHER = 256


class SeriesTask:
    """The network with its corpus; `metric` is accuracy on valid (macro F1 where classes weigh the same), with the
    likelihood to part equals.

    Args:
        cell: of the recurrent layers; None for a network without recurrence.

    Raises DataError: fewer than two classes in the training split.
    """

    metric = "score"

    def __init__(self, config: ClassifyConfig, corpus: Corpus[Series], cell: Cell | None) -> None:
        self.config, self.corpus = config, corpus
        self.classes = sorted({series.label for series in corpus.train})
        if len(self.classes) < 2:
            raise DataError(
                f"Expected two classes or more in the training split, found {', '.join(self.classes)}.",
                file=corpus.name,
                repair="Add series of other classes.",
            )
        self.rows = {label: row for row, label in enumerate(self.classes)}
        self.notes = list(corpus.notes)
        model = config.model
        self.weight_K: Tensor | None = None
        if model.class_weights == "balanced":
            self.weight_K = balanced_weights((series.label for series in corpus.train), self.classes)
            self.notes.append(weights_note(self.weight_K, self.classes))
        channels = corpus.train[0].values.shape[1]
        self.network = SeriesNetwork(model, cell, channels, len(self.classes))
        self.model: nn.Module = self.network
        every = make_batch(corpus.train, self.rows)
        self.network.learn_scale(every)
        self.network.baselines.fit(self.network.scaled(every.x_BTC), every)
        width = 0 if cell is None else cell.output_size(model.hidden_size) * (2 if model.bidirectional else 1)
        sizes = [(channels if layer == 0 else width, model.hidden_size) for layer in range(model.num_layers)]
        # Now, not after an epoch: a cell that cannot be stored as data must be refused before it is trained.
        self.cell_data = stored_cell(cell, sizes)

    def identity(self) -> dict[str, str]:
        """Digests of what the run's numbers depend on beside the settings."""
        numbers = (series.label.encode() + b"\n" + series.values.tobytes() for series in self.corpus.train)
        return run_identity(self.cell_data, (), numbers)

    def train_size(self) -> int:
        return len(self.corpus.train)

    def order(self, epoch: int, seed: int) -> list[list[int]]:
        lengths = [len(series.values) for series in self.corpus.train]
        return epoch_order(lengths, self.config.train.batch_size, seed=seed, epoch=epoch, chunk=20)

    def batch(self, indices: Sequence[int], rng: np.random.Generator) -> Batch:
        share = self.config.model.stretch
        return make_batch([stretched(self.corpus.train[k], share, rng) for k in indices], self.rows)

    def loss(self, batch: Batch) -> tuple[Tensor, int]:
        return self.network.loss(batch, self.weight_K), batch.tokens

    def evaluate(self) -> dict[str, float]:
        shares_BK = probabilities(self.network, self.corpus.valid, self.rows)
        rows_B = np.array([self.rows.get(series.label, -1) for series in self.corpus.valid])
        right = float((shares_BK.argmax(1) == rows_B).mean())
        given_B = np.where(rows_B < 0, 0.0, shares_BK[np.arange(len(rows_B)), rows_B])
        nats = float(-np.log(np.maximum(given_B, 1e-9)).mean())
        if self.weight_K is None:
            return {"score": 0.9 * right + 0.1 * math.exp(-nats), "accuracy": right}
        said = [self.classes[row] for row in shares_BK.argmax(1)]
        macro = macro_f1([series.label for series in self.corpus.valid], said)
        return {"score": 0.9 * macro + 0.1 * math.exp(-nats), "accuracy": right, "macro_f1": macro}

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        write_model(
            folder,
            "series-classify",
            self.network,
            model=self.config.model,
            cell=self.cell_data,
            data=kept_data(self.config.data, EMBEDDED),
            metrics=metrics,
            files={},
            extra={"classes": self.classes, "channels": self.network.channels},
        )


@torch.no_grad()
def probabilities(network: SeriesNetwork, examples: Sequence[Series], rows: Mapping[str, int]) -> np.ndarray:
    """(B, K) in the order of the examples; short ones are read together. The network must be in eval mode."""
    order = sorted(range(len(examples)), key=lambda k: len(examples[k].values))
    found: dict[int, np.ndarray] = {}
    for start in range(0, len(order), TOGETHER):
        chosen = order[start : start + TOGETHER]
        shares_BK = network(make_batch([examples[k] for k in chosen], rows)).double().softmax(-1)
        found |= dict(zip(chosen, shares_BK.numpy(), strict=True))
    return np.stack([found[k] for k in range(len(examples))])
