"""From the network's output to probabilities of the next token: a full softmax, or an adaptive one.

Legend: N positions, F features, V rows of the vocabulary.
"""

from __future__ import annotations

from torch import Tensor, nn

from cellwright.errors import ConfigError
from cellwright.tasks.lm.config import LmModelSection
from cellwright.tasks.networks.softmax import SoftmaxHead, at_least_float32
from cellwright.tasks.text.vocabulary import BEGIN, PAD

__all__ = ["NEVER", "AdaptiveHead", "Head", "make_head"]

NEVER = (PAD, BEGIN)  # rows that no text holds
SHRINK = 4  # features of a cluster are those of the one before it over this


class AdaptiveHead(nn.Module):
    """Frequent rows first, clusters of rarer ones behind a smaller product each (Grave et al. 2017,
    arXiv:1609.04309v3). The time of a step no longer grows with the whole vocabulary.

    Cluster k reads features / 4^k numbers.

    Raises ConfigError: a cutoff at or beyond the vocabulary, or more clusters than the features serve.
    """

    def __init__(self, features: int, rows: int, cutoffs: list[int]) -> None:
        super().__init__()
        if cutoffs[-1] >= rows:
            raise ConfigError(
                f"Expected model.cutoffs below the {rows:,} rows of the vocabulary, found {cutoffs[-1]:,}.",
                repair="Give lower cutoffs, or model.softmax=full.",
            )
        if features < SHRINK ** len(cutoffs):
            raise ConfigError(
                f"Expected at least {SHRINK ** len(cutoffs)} features for {len(cutoffs)} cutoffs, found {features}.",
                repair="Give fewer model.cutoffs, or a greater model.hidden_size.",
            )
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(features, rows, cutoffs, div_value=SHRINK, head_bias=True)

    def mean_loss(self, y_NF: Tensor, target_N: Tensor, embeddings_VF: Tensor) -> Tensor:
        """Mean −ln P(target)."""
        loss: Tensor = self.softmax(at_least_float32(y_NF), target_N).loss
        return loss

    def log_probabilities(self, y_NF: Tensor, embeddings_VF: Tensor) -> Tensor:
        """ln P of every row, (N, V)."""
        found: Tensor = self.softmax.log_prob(at_least_float32(y_NF))
        return found


Head = SoftmaxHead | AdaptiveHead


def make_head(config: LmModelSection, features: int, rows: int) -> Head:
    """The head that model.softmax names."""
    if config.softmax == "adaptive":
        return AdaptiveHead(features, rows, config.cutoffs)
    return SoftmaxHead(features, rows, config.tied, NEVER)
