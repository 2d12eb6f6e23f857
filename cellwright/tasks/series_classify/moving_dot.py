"""A dot that moves over a small picture: five frames show where to, one alone does not.

The dot leaves the picture on one side and comes back on the other, and its last place is drawn before its direction: so
the last frame says nothing of it. A fifth of the pairs of last place and direction stand in the test split alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.series.example import Series

__all__ = ["DIRECTIONS", "FRAMES", "SIDE", "moving_dot"]

SIDE, FRAMES = 8, 5
NOISE = 0.1  # standard deviation of every pixel
DIRECTIONS = {  # name: (rows, columns) a frame, rows downwards
    "left": (0, -1),
    "right": (0, 1),
    "up": (-1, 0),
    "down": (1, 0),
    "up-left": (-1, -1),
    "up-right": (-1, 1),
    "down-left": (1, -1),
    "down-right": (1, 1),
}
KEPT = 5  # every fifth pair of last place and direction is kept for the test split
SIZES = {"train": 8000, "valid": 500, "test": 2000}


def moving_dot(seed: int, train: int = SIZES["train"]) -> Corpus[Series]:
    """Films of FRAMES frames, each SIDE × SIDE pixels as SIDE² channels.

    Args:
        seed: of the examples.
        train: size of the training split.
    """
    corpus: Corpus[Series] = Corpus("moving-dot")
    for stream, split in enumerate(("train", "valid", "test")):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream,)))
        size = train if split == "train" else SIZES[split]
        setattr(corpus, split, [_film(rng, split, number) for number in range(size)])
    return corpus


def _film(rng: np.random.Generator, split: str, number: int) -> Series:
    names = list(DIRECTIONS)
    while True:
        place, direction = int(rng.integers(SIDE * SIDE)), int(rng.integers(len(names)))
        if split == "test" or _pair(place, direction) % KEPT:
            break
    step = np.array(DIRECTIONS[names[direction]])
    values_TC: NDArray[np.float32] = rng.normal(0.0, NOISE, size=(FRAMES, SIDE * SIDE)).astype(np.float32)
    for frame in range(FRAMES):
        row, column = (np.array(divmod(place, SIDE)) - (FRAMES - 1 - frame) * step) % SIDE
        values_TC[frame, row * SIDE + column] += 1.0
    return Series(values_TC, names[direction], f"moving-dot {split} {number}")


def _pair(place: int, direction: int) -> int:
    """A number of each pair, such that a fifth of the places of every direction is divisible by KEPT."""
    row, column = divmod(place, SIDE)
    return row + 2 * column + direction
