"""Sentences as tensors.

Legend: B sentences, S places with begin and end, T = S − 2 words, N words of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cellwright.tasks.text.vocabulary import BEGIN, END, PAD, TextVocabulary

__all__ = ["Batch", "make_batch"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Sentences of uneven length; int64.

    Attributes:
        x_BS: begin, words, end, padding.
        lengths_B: begin and end included.
        valid_BT: where words are.
        target_N: what each of them is asked for, sentence after sentence.
    """

    x_BS: Tensor
    lengths_B: Tensor
    valid_BT: Tensor
    target_N: Tensor


def make_batch(words: Sequence[Sequence[str]], answers: Sequence[Sequence[str]], vocabulary: TextVocabulary) -> Batch:
    """One batch of sentences that hold a word each at least."""
    lengths = np.array([len(sentence) for sentence in words])
    x_BS = np.full((len(words), lengths.max() + 2), PAD)
    for row, sentence in zip(x_BS, words, strict=True):
        row[: len(sentence) + 2] = [BEGIN, *vocabulary.encode(sentence), END]
    targets = [row for sentence in answers for row in vocabulary.encode(sentence)]
    return Batch(
        torch.from_numpy(x_BS),
        torch.from_numpy(lengths + 2),
        torch.from_numpy(np.arange(lengths.max())[None] < lengths[:, None]),
        torch.tensor(targets),
    )
