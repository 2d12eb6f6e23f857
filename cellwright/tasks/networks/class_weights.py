"""What an example of each class counts in the loss of a classifier, where classes differ in number.

Legend: B examples, N classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["balanced_weights", "weighted_loss", "weights_note"]


def balanced_weights(labels: Iterable[str], classes: Sequence[str]) -> Tensor:
    """(N,) examples / (N · examples of the class), as scikit-learn's `class_weight="balanced"`: their mean over the
    examples is 1, and every class counts the same in all. Each of `classes` is among the labels."""
    counts = Counter(labels)
    return torch.tensor([counts.total() / (len(classes) * counts[name]) for name in classes])


def weights_note(weight_N: Tensor, classes: Sequence[str]) -> str:
    """The smallest and the largest weight, for who looks at the run."""
    ends = [f"{float(weight_N[row]):.3g} ({classes[row]})" for row in (int(weight_N.argmin()), int(weight_N.argmax()))]
    return f"class weights: {' to '.join(ends)}; the epoch with the best macro F1 is kept"


def weighted_loss(scores_BN: Tensor, classes_B: Tensor, weight_N: Tensor | None) -> Tensor:
    """Cross-entropy, mean an example; with weights, of each times that of its class."""
    if weight_N is None:
        return functional.cross_entropy(scores_BN, classes_B)
    # Not divided by the batch's own weights: a batch without rare examples would count as much as one with them.
    return functional.cross_entropy(scores_BN, classes_B, weight_N, reduction="sum") / len(classes_B)
