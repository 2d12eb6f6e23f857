"""From features to the probability of each row of a vocabulary, with weights of its own or the embeddings'.

Legend: N positions, F features, V rows of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellwright.tasks.networks.mean_loss import mean_loss

__all__ = ["IMPOSSIBLE", "SoftmaxHead", "at_least_float32"]

IMPOSSIBLE = -1e4  # a score: e^-10000 is 0 in float32, and unlike -inf it spoils no gradient


def at_least_float32(values: Tensor) -> Tensor:
    """Sums over a vocabulary need more digits than bfloat16 has."""
    return values.float() if values.dtype == torch.bfloat16 else values


class SoftmaxHead(nn.Module):
    """A score for each row of the vocabulary.

    Args:
        tied: the weights are the embeddings, which the caller gives (Press & Wolf 2017, arXiv:1608.05859v3).
        never: rows that are no answer, which get probability 0.
    """

    def __init__(self, features: int, rows: int, tied: bool, never: Sequence[int]) -> None:
        super().__init__()
        self.never = list(never)
        self.weight = None if tied else nn.Parameter(torch.empty(rows, features))
        self.bias = nn.Parameter(torch.zeros(rows))
        if self.weight is not None:
            nn.init.uniform_(self.weight, -0.1, 0.1)

    def scores(self, y_NF: Tensor, embeddings_VF: Tensor) -> Tensor:
        """Scores (N, V) whose softmax gives the probabilities."""
        return functional.linear(y_NF, *self._weights(embeddings_VF))

    def _weights(self, embeddings_VF: Tensor) -> tuple[Tensor, Tensor]:
        """Of the scores, (V, F) and (V,)."""
        never_V = torch.zeros_like(self.bias)
        never_V[self.never] = IMPOSSIBLE
        return embeddings_VF if self.weight is None else self.weight, self.bias + never_V

    def mean_loss(self, y_NF: Tensor, target_N: Tensor, embeddings_VF: Tensor) -> Tensor:
        """Mean −ln P(target)."""
        return mean_loss(y_NF, target_N, *self._weights(embeddings_VF))

    def log_probabilities(self, y_NF: Tensor, embeddings_VF: Tensor) -> Tensor:
        """ln P of every row, (N, V)."""
        return at_least_float32(self.scores(y_NF, embeddings_VF)).log_softmax(-1)
