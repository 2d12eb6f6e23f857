"""Texts as tensors. Characters and affixes are given once a distinct word of the batch.

Legend: B texts, T words of the longest, U distinct words, M characters of the longest, A affixes of a word.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cellwright.tasks.text.words import END, PAD, UNKNOWN, WordTable

__all__ = ["WordBatch", "word_batch"]


@dataclass(frozen=True, slots=True)
class WordBatch:
    """Rows of words, characters, affixes; all int64."""

    words_BT: Tensor
    distinct_BT: Tensor  # index of each word among the U distinct ones; 0 in the padding
    characters_UM: Tensor
    affixes_UA: Tensor
    lengths_B: Tensor
    tokens: int

    def fields(self) -> dict[str, Any]:
        """What a task's own batch begins with: `Batch(**words.fields(), tags_BT=…)`."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(WordBatch)}


def word_batch(
    texts: Sequence[Sequence[str]],
    table: WordTable,
    *,
    word_dropout: float = 0.0,
    rng: np.random.Generator | None = None,
) -> WordBatch:
    """One batch.

    Args:
        word_dropout: w; with `rng`, a word of count n becomes unknown with probability w / (w + n), and so does a
            character, in all of the batch, so that the model learns what to do with those it never saw. A word
            without any known character is unknown as well.
    """
    lengths = [len(words) for words in texts]
    shape = (len(texts), max(lengths))
    words_BT, distinct_BT = (np.zeros(shape, dtype=np.int64) for _ in range(2))
    distinct: dict[str, int] = {}
    for k, words in enumerate(texts):
        for t, word in enumerate(words):
            words_BT[k, t] = table.code(word).row
            distinct_BT[k, t] = distinct.setdefault(word, len(distinct))
    if rng is not None and word_dropout:
        drop = word_dropout / (word_dropout + table.counts[words_BT])
        words_BT = np.where((rng.random(shape) < drop) & (words_BT != PAD), UNKNOWN, words_BT)
    codes = [table.code(word) for word in distinct]
    characters_UM = np.zeros((len(codes), max(len(code.characters) for code in codes)), dtype=np.int64)
    for row, code in zip(characters_UM, codes, strict=True):
        row[: len(code.characters)] = code.characters
    if rng is not None and word_dropout:
        drop = word_dropout / (word_dropout + table.character_counts)
        drop[: END + 1] = 0.0
        dropped = np.less(rng.random(drop.shape), drop)
        characters_UM = np.where(dropped[characters_UM], UNKNOWN, characters_UM)
        strange = (characters_UM > END).sum(axis=1) == 0
        words_BT = np.where(strange[distinct_BT] & (words_BT != PAD), UNKNOWN, words_BT)
    return WordBatch(
        words_BT=torch.from_numpy(words_BT),
        distinct_BT=torch.from_numpy(distinct_BT),
        characters_UM=torch.from_numpy(characters_UM),
        affixes_UA=torch.tensor([code.affixes for code in codes]),
        lengths_B=torch.tensor(lengths),
        tokens=sum(lengths),
    )
