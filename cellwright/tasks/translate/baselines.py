"""Translations that need no network: those of the most alike training text, and the most frequent one.

Legend: N texts to translate, M training texts, D hashed features.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from cellwright.tasks.translate.pairs import Pair

__all__ = ["most_frequent", "nearest"]

FEATURES = 2048
LONGEST = 3
TOGETHER = 512


def most_frequent(train: Sequence[Pair]) -> tuple[str, ...]:
    """The target that training has most often, the first of several."""
    return Counter(pair.target_tokens for pair in train).most_common(1)[0][0]


def nearest(train: Sequence[Pair], sources: Sequence[str]) -> list[tuple[str, ...]]:
    """The target of the training text whose runs of 1 to 3 characters are most alike by their cosine."""
    known_MD = _features([pair.source for pair in train])
    found: list[tuple[str, ...]] = []
    for start in range(0, len(sources), TOGETHER):
        alike_NM = _features(sources[start : start + TOGETHER]) @ known_MD.T
        found += [train[k].target_tokens for k in alike_NM.argmax(1).tolist()]
    return found


def _features(texts: Sequence[str]) -> Tensor:
    """(texts, D): hashed counts of runs of characters, each row of length 1."""
    found_ND = torch.zeros(len(texts), FEATURES)
    for row, text in enumerate(texts):
        held = f" {text.lower()} "
        runs = (held[k : k + n] for n in range(1, LONGEST + 1) for k in range(len(held) - n + 1))
        for run, count in Counter(runs).items():
            found_ND[row, zlib.crc32(run.encode()) % FEATURES] += count**0.5
    scaled_ND: Tensor = found_ND / found_ND.norm(dim=1, keepdim=True)
    return scaled_ND
