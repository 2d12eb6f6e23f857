"""A share of right answers with the interval in which the true one lies."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Share"]

Z = 1.959963984540054  # 97.5 % of a normal distribution lie below


@dataclass(frozen=True, slots=True)
class Share:
    """`right` of `total` answers.

    The interval is Wilson's with 95 % confidence (Wilson 1927, "Probable inference, the law of succession, and
    statistical inference", J. Am. Stat. Assoc. 22): it stays within 0 and 1 and is honest near both.

    >>> Share(1000, 1000).low
    0.996173247...
    """

    right: float
    total: int

    def __post_init__(self) -> None:
        if not 0 <= self.right <= self.total or self.total < 1:
            raise ValueError(f"{self.right} right answers of {self.total}")

    @property
    def value(self) -> float:
        return self.right / self.total

    @property
    def low(self) -> float:
        return self._end(-1.0)

    @property
    def high(self) -> float:
        return self._end(1.0)

    def _end(self, sign: float) -> float:
        n, p = self.total, self.value
        if p == (0.0 if sign < 0 else 1.0):
            return p  # exactly, not up to rounding
        middle = p + Z * Z / (2 * n)
        width = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        return (middle + sign * width) / (1 + Z * Z / n)

    def __float__(self) -> float:
        return self.value
