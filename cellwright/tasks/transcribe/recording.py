"""One recording as the network reads it, and what every source of recordings gives the task.

Legend: T steps, C numbers a step.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Material", "Recording", "steps_needed"]


@dataclass(frozen=True, slots=True)
class Recording:
    """Features and what they say.

    Attributes:
        frames: (T, C).
        text: one symbol a character.
        kind: what sort of recording this is; figures are also given by kind.
    """

    frames: NDArray[np.float32]
    text: str
    kind: str = ""


def steps_needed(text: str) -> int:
    """One a symbol, and one between two that are equal."""
    return len(text) + sum(a == b for a, b in itertools.pairwise(text))


class Material(ABC):
    """Recordings to train on and to measure with.

    Attributes:
        name: for tables.
        kind: "sound" or "strokes", which says how a user's input becomes frames.
        symbols: what a recording can say, sorted.
        channels: C.
        train_size: recordings an epoch.
        valid, test: fixed ones; `test` may be empty.
        notes: what the user should know.
    """

    name: str
    kind: str
    symbols: Sequence[str]
    channels: int
    train_size: int
    valid: Sequence[Recording]
    test: Sequence[Recording]
    notes: Sequence[str] = ()

    @abstractmethod
    def draw(self, indices: Sequence[int], rng: np.random.Generator) -> list[Recording]:
        """Training recordings; a pure function of the random numbers and the indices."""

    @abstractmethod
    def digest(self) -> list[list[str]]:
        """Texts that change when what training sees changes."""
