"""A tag a step from its scores: jointly through a CRF, or each by itself.

With independent tags the CRF stays at zero and only keeps forbidden pairs out of the answer.

Legend: B texts, T words, K tags.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cellwright.nn import LinearChainCRF

__all__ = ["best_tags", "tag_loss"]


def tag_loss(crf: LinearChainCRF, scores_BTK: Tensor, tags_BT: Tensor, lengths_B: Tensor, jointly: bool) -> Tensor:
    """Negative log likelihood of the tags, mean a text."""
    if jointly:
        return crf.loss(scores_BTK, tags_BT, lengths_B)
    valid_BT = torch.arange(scores_BTK.shape[1], device=scores_BTK.device) < lengths_B[:, None]
    total = functional.cross_entropy(scores_BTK[valid_BT], tags_BT[valid_BT], reduction="sum")
    return total / len(lengths_B)


@torch.no_grad()
def best_tags(
    crf: LinearChainCRF, scores_BTK: Tensor, lengths_B: Tensor, confidence: bool
) -> tuple[list[list[int]], list[list[float]]]:
    """Rows of the best tags, and the probability of each given the whole text; without `confidence` none of these."""
    tags = crf.viterbi(scores_BTK, lengths_B)
    if not confidence:
        return tags, []
    marginals_BTK = crf.marginals(scores_BTK, lengths_B).tolist()
    # Rounding can carry a sum of exponentials past 1.
    shares = [
        [min(1.0, row[t][tag]) for t, tag in enumerate(path)] for row, path in zip(marginals_BTK, tags, strict=True)
    ]
    return tags, shares
