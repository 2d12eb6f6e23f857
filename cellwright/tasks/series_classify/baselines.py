"""Answers that need no memory: small networks that see the last step, or every step by itself, and the commonest class.

Legend: B series, T steps, C channels, K classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cellwright.tasks.series_classify.batches import Batch

__all__ = ["LAST", "MAJORITY", "PER_STEP", "Baselines"]

LAST, PER_STEP, MAJORITY = "last step (MLP)", "per step (MLP)", "majority"
HIDDEN, STEPS, RATE = 64, 200, 0.02
TOGETHER = 128  # series a step of training: its cost does not grow with the data

Scores = Callable[[nn.Sequential, Tensor, Tensor], Tensor]


class Baselines(nn.Module):
    """Two networks with one hidden layer, and the commonest class.

    One sees the last step alone. The other scores each step by itself and the mean of the scores decides: it sees all
    values but not their order.
    """

    majority: Tensor

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.last, self.per_step = (
            nn.Sequential(nn.Linear(channels, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, classes)) for _ in range(2)
        )
        self.register_buffer("majority", torch.zeros((), dtype=torch.int64))
        self.requires_grad_(False)

    def fit(self, x_BTC: Tensor, batch: Batch) -> None:
        """Learn from the scaled training split; the random state is as before afterwards."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            for network, scores in ((self.last, _of_last), (self.per_step, _of_steps)):
                for layer in network:
                    if isinstance(layer, nn.Linear):
                        layer.reset_parameters()
                _descend(network, scores, x_BTC, batch)
        self.majority.fill_(Counter(batch.labels_B.tolist()).most_common(1)[0][0])

    def answers(self, x_BTC: Tensor, lengths_B: Tensor) -> dict[str, list[int]]:
        """Rows of the classes that each gives."""
        return {
            LAST: _of_last(self.last, x_BTC, lengths_B).argmax(-1).tolist(),
            PER_STEP: _of_steps(self.per_step, x_BTC, lengths_B).argmax(-1).tolist(),
            MAJORITY: [int(self.majority)] * len(lengths_B),
        }


def _of_last(network: nn.Sequential, x_BTC: Tensor, lengths_B: Tensor) -> Tensor:
    scores_BK: Tensor = network(x_BTC[torch.arange(len(lengths_B)), lengths_B - 1])
    return scores_BK


def _of_steps(network: nn.Sequential, x_BTC: Tensor, lengths_B: Tensor) -> Tensor:
    valid_BT1 = (torch.arange(x_BTC.shape[1]) < lengths_B[:, None])[..., None]
    scores_BK: Tensor = (network(x_BTC) * valid_BT1).sum(1) / lengths_B[:, None]
    return scores_BK


def _descend(network: nn.Sequential, scores: Scores, x_BTC: Tensor, batch: Batch) -> None:
    network.requires_grad_(True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.1)
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        rows = torch.from_numpy(rng.permutation(len(batch.labels_B))[:TOGETHER])
        lengths_B = batch.lengths_B[rows]
        optimizer.zero_grad()
        scores_BK = scores(network, x_BTC[rows, : int(lengths_B.max())], lengths_B)
        torch.autograd.backward(functional.cross_entropy(scores_BK, batch.labels_B[rows]))
        optimizer.step()
    network.requires_grad_(False)
