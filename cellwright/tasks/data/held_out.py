"""Choices of a generator, some of which only validation or only test ever sees."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Literal, TypeVar

import numpy as np

__all__ = ["Split", "choose", "split_stream", "usable"]

Split = Literal["train", "valid", "test"]
KEPT = {"valid": (0.65, 0.75), "test": (0.75, 1.0)}  # shares of a list, in its order
KEPT_DRAWS = 0.3  # of a held-out split's draws come from what is kept for it

Item = TypeVar("Item")


def split_stream(seed: int, name: str, split: Split) -> np.random.Generator:
    """The random numbers of one split of one set, so that the size of one split changes no other."""
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(f"{name} {split}".encode())]))


def usable(items: Sequence[Item], split: Split) -> tuple[Sequence[Item], Sequence[Item]]:
    """(what every split has, what is kept for this one). Lists of fewer than four are for all."""
    if len(items) < 4:
        return items, ()
    ends = {name: [round(share * len(items)) for share in shares] for name, shares in KEPT.items()}
    first, last = ends.get(split, [0, 0])
    return items[: ends["valid"][0]], items[first:last]


def choose(rng: np.random.Generator, items: Sequence[Item], split: Split) -> Item:
    """One of them; for valid and test 3 of 10 times one that training never has."""
    shared, kept = usable(items, split)
    chosen = kept if kept and rng.random() < KEPT_DRAWS else shared
    return chosen[int(rng.integers(len(chosen)))]
