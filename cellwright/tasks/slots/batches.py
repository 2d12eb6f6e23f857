"""Utterances as tensors. Characters and affixes are given once a distinct word of the batch.

Legend: B utterances, T words of the longest, U distinct words, M characters of the longest, A affixes of a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.slots.vocabulary import END, PAD, UNKNOWN, Vocabulary

__all__ = ["Batch", "make_batch"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of words, characters, affixes; what is to be found; all int64."""

    words_BT: Tensor
    distinct_BT: Tensor  # index of each word among the U distinct ones; 0 in the padding
    characters_UM: Tensor
    affixes_UA: Tensor
    lengths_B: Tensor
    tags_BT: Tensor
    intents_B: Tensor
    tokens: int


def make_batch(
    utterances: Sequence[Utterance],
    vocabulary: Vocabulary,
    *,
    word_dropout: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Batch:
    """One batch; labels that training never showed become row 0.

    Args:
        word_dropout: w; with `rng`, a word of count n becomes unknown with probability w / (w + n), and so does a
            character, in all of the batch, so that the model learns what to do with those it never saw. A word
            without any known character is unknown as well.
    """
    lengths = [len(u.words) for u in utterances]
    shape = (len(utterances), max(lengths))
    words_BT, distinct_BT, tags_BT = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    distinct: dict[str, int] = {}
    for k, u in enumerate(utterances):
        for t, word in enumerate(u.words):
            words_BT[k, t] = vocabulary.code(word).row
            distinct_BT[k, t] = distinct.setdefault(word, len(distinct))
        tags_BT[k, : lengths[k]] = [vocabulary.tag_rows.get(tag, 0) for tag in u.slots]
    if rng is not None and word_dropout:
        drop = word_dropout / (word_dropout + vocabulary.counts[words_BT])
        words_BT = np.where((rng.random(shape) < drop) & (words_BT != PAD), UNKNOWN, words_BT)
    codes = [vocabulary.code(word) for word in distinct]
    characters_UM = np.zeros((len(codes), max(len(code.characters) for code in codes)), dtype=np.int64)
    for row, code in zip(characters_UM, codes, strict=True):
        row[: len(code.characters)] = code.characters
    if rng is not None and word_dropout:
        drop = word_dropout / (word_dropout + vocabulary.character_counts)
        drop[: END + 1] = 0.0
        dropped = np.less(rng.random(drop.shape), drop)
        characters_UM = np.where(dropped[characters_UM], UNKNOWN, characters_UM)
        strange = (characters_UM > END).sum(axis=1) == 0
        words_BT = np.where(strange[distinct_BT] & (words_BT != PAD), UNKNOWN, words_BT)
    return Batch(
        words_BT=torch.from_numpy(words_BT),
        distinct_BT=torch.from_numpy(distinct_BT),
        characters_UM=torch.from_numpy(characters_UM),
        affixes_UA=torch.tensor([code.affixes for code in codes]),
        lengths_B=torch.tensor(lengths),
        tags_BT=torch.from_numpy(tags_BT),
        intents_B=torch.tensor([vocabulary.intent_rows.get(u.intent, 0) for u in utterances]),
        tokens=sum(lengths),
    )
