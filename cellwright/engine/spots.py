"""Where a value of a plan lives."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Spot", "padded", "width"]


@dataclass(frozen=True, slots=True)
class Spot:
    """A buffer and the column where a value begins.

    Attributes:
        kind: array    a torch tensor with one row a step of a sequence: streams, y, saved values, gradients
              state    what is carried, one row a sequence of the thread
              scratch  a row a sequence of the thread, from one phase to the next
              row      one row, from one section to the next
              vector   a vector or scalar parameter
              grad     the sum of a gradient over steps and rows
        index: which one of its kind.
    """

    kind: str
    index: int
    column: int = 0

    def at(self, column: int) -> Spot:
        return Spot(self.kind, self.index, self.column + column)


def width(shape: tuple[int, ...]) -> int:
    """Features of a value; a scalar has one."""
    return math.prod(shape)


def padded(size: int, lanes: int) -> int:
    """`size` in whole vectors."""
    return -(-size // lanes) * lanes
