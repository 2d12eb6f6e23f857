"""Adding, copying and latching: the classical problems of long time lags.

Sources: Hochreiter & Schmidhuber 1997, "Long short-term memory", Neural Computation 9(8), experiments 2 and 4;
Bengio, Simard & Frasconi 1994, "Learning long-term dependencies with gradient descent is difficult", for latching;
Arjovsky, Shah & Bengio 2016, arXiv:1511.06464v4, for copying and the marks of adding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cellwright.errors import DataError
from cellwright.tasks.memory.problem import Example, FloatArray, Problem, numbers_of

__all__ = ["Adding", "Copy", "Latch"]


class Adding(Problem):
    """Two of many numbers are marked, at least `gap` steps before the end; their sum is asked for."""

    channels = 2
    near = 0.04
    trivial_error = 1 / 6

    def draw(self, rng: np.random.Generator, gap: int, split: str) -> Example:
        before = int(rng.integers(2, max(3, gap // 4) + 1))
        x_TC = np.zeros((before + gap, 2), dtype=np.float32)
        x_TC[:, 0] = rng.random(before + gap)
        marked = rng.choice(before, size=2, replace=False)
        x_TC[marked, 1] = 1.0
        return Example(x_TC, x_TC[marked, 0].sum(keepdims=True))

    def chance(self) -> float:
        """Of always saying 1: the sum's density is a triangle with its top there."""
        return 2 * self.near - self.near**2

    def read(self, text: str) -> FloatArray:
        return numbers_of(text, 2, "0.31,1 0.87,0 0.42,1 0.11,0")

    def details(self) -> Mapping[str, str]:
        return {"right": f"nearer than {self.near} to the sum", "chance": "of always saying 1"}


class Copy(Problem):
    """`symbols` symbols are shown, then `gap` blanks and a colon; then the symbols are to be said again, in order."""

    def __init__(self, symbols: int) -> None:
        self.classes = list("abcdefgh")
        self.tokens = self.training_tokens = [*self.classes, "_", ":"]
        self.answers = symbols

    def draw(self, rng: np.random.Generator, gap: int, split: str) -> Example:
        shown = rng.integers(len(self.classes), size=self.answers)
        blank, colon = len(self.classes), len(self.classes) + 1
        blanks = np.full(gap, blank)
        return Example(np.concatenate([shown, blanks, [colon], np.full(self.answers - 1, blank)]), shown)

    def chance(self) -> float:
        return 1 / len(self.classes)

    def read(self, text: str) -> Sequence[str]:
        """The symbols, the blanks and the colon; the steps that answer are added."""
        tokens = [character for character in text if not character.isspace()]
        strange = [character for character in tokens if character not in self.tokens]
        if strange or not tokens or tokens[-1] != ":":
            found = f"{strange[0]!r}" if strange else "another end" if tokens else "nothing"
            raise DataError(
                f"Expected symbols {self.classes[0]} to {self.classes[-1]}, blanks _ and : at the end, found {found}.",
                repair=f"Example: {'abcdefgh' * (self.answers // 8)}{'abcdefgh'[: self.answers % 8]}____:",
            )
        return [*tokens, *["_"] * (self.answers - 1)]

    def details(self) -> Mapping[str, str]:
        return {"right": "a symbol at its place; an interval takes each sequence as one observation"}


class Latch(Problem):
    """The first number is 1 or -1, all others are noise; the sign is asked for after `gap` of them."""

    channels = 1
    noise = 0.5

    def __init__(self) -> None:
        self.classes = ["minus", "plus"]

    def draw(self, rng: np.random.Generator, gap: int, split: str) -> Example:
        sign = int(rng.integers(2))
        x_TC = rng.normal(0.0, self.noise, size=(1 + gap, 1)).astype(np.float32)
        x_TC[0, 0] = 2 * sign - 1
        return Example(x_TC, np.array([sign]))

    def chance(self) -> float:
        return 0.5

    def read(self, text: str) -> FloatArray:
        return numbers_of(text, 1, "1 0.12 -0.31 0.08")
