"""What a memory problem is: it draws examples with a gap of so many steps between what counts and the question.

Legend: T steps, C channels, A answering steps (the last A of the T).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError

__all__ = ["STRETCH", "Example", "Problem"]

STRETCH = 1.2  # a gap of 200 means one drawn from 200 to 239 steps, so that no network can count on a length

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Example:
    """One sequence and what is to be said of it.

    Attributes:
        inputs: (T,) rows of the problem's tokens, or (T, C) numbers.
        answers: (A,) rows of the problem's classes, or (1,) a number.
        rivals: (A,) rows of the classes that another fact of the sequence would give; None where there is none.
    """

    inputs: NDArray[Any]
    answers: NDArray[Any]
    rivals: IntArray | None = None


class Problem(ABC):
    """One of the problems.

    Attributes:
        tokens: the symbols of its sequences, those of the test split too; empty where the inputs are numbers.
        training_tokens: those that the training split has.
        channels: numbers a step, where the inputs are numbers.
        classes: the possible answers; empty where a number is asked for.
        answers: A.
        near: where a number is asked for, an answer nearer than this is right.
        trivial_error: where a number is asked for, the mean squared error of always saying its mean.
    """

    tokens: Sequence[str] = ()
    training_tokens: Sequence[str] = ()
    channels: int = 0
    classes: Sequence[str] = ()
    answers: int = 1
    near: float = 0.0
    trivial_error: float = 0.0

    @abstractmethod
    def draw(self, rng: np.random.Generator, gap: int, split: str) -> Example:
        """An example with exactly `gap` steps between; of words, texts and pairs that the split may have."""

    @abstractmethod
    def chance(self) -> float:
        """Share of right answers of the best answer that has not seen what counts."""

    @abstractmethod
    def read(self, text: str) -> Sequence[str] | FloatArray:
        """A user's sequence: tokens, or (T, C) numbers. Raises DataError."""

    def details(self) -> Mapping[str, str]:
        """What the table says below: the meaning of an answer."""
        return {}


def numbers_of(text: str, channels: int, example: str) -> FloatArray:
    """(T, channels) numbers: steps parted by spaces, the numbers of a step by commas. Raises DataError."""
    steps = [step.split(",") for step in text.split()]
    if not steps:
        raise DataError("Expected numbers, found none.", repair=f"Example: {example}")
    for at, step in enumerate(steps, start=1):
        if len(step) != channels:
            raise DataError(
                f"Expected {channels} number(s) in step {at}, found {len(step)}: {','.join(step)}.",
                repair=f"Example: {example}",
            )
    try:
        found = np.array([[float(number) for number in step] for step in steps], dtype=np.float32)
    except ValueError as error:
        raise DataError(f"Expected numbers, found: {error}.", repair=f"Example: {example}") from None
    if not np.isfinite(found).all():
        raise DataError("Expected finite numbers, found nan or inf among them.", repair=f"Example: {example}")
    return found
