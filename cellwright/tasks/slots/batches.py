"""Utterances as tensors.

Legend: B utterances, T words of the longest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.networks.word_batch import WordBatch, word_batch
from cellwright.tasks.slots.vocabulary import Vocabulary

__all__ = ["Batch", "make_batch"]


@dataclass(frozen=True, slots=True)
class Batch(WordBatch):
    """Words, and what is to be found; all int64."""

    tags_BT: Tensor
    intents_B: Tensor


def make_batch(
    utterances: Sequence[Utterance],
    vocabulary: Vocabulary,
    *,
    word_dropout: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Batch:
    """One batch; labels that training never showed become row 0. `word_dropout` as in `word_batch`."""
    words = word_batch([u.words for u in utterances], vocabulary, word_dropout=word_dropout, rng=rng)
    tags_BT = np.zeros(words.words_BT.shape, dtype=np.int64)
    for row, u in zip(tags_BT, utterances, strict=True):
        row[: len(u.slots)] = [vocabulary.tag_rows.get(tag, 0) for tag in u.slots]
    return Batch(
        **words.fields(),
        tags_BT=torch.from_numpy(tags_BT),
        intents_B=torch.tensor([vocabulary.intent_rows.get(u.intent, 0) for u in utterances]),
    )
