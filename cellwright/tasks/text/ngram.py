"""The n-gram baseline: interpolated modified Kneser-Ney, learnt from one stream of rows.

An n-gram is known by a number: its place in the sorted table of its order. The code of an n-gram is the number of its
first n − 1 rows times the vocabulary, plus its last row, so that all that follows a history lies side by side.

Source: Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling", section 4.1.6.
Legend: N positions of a stream, V rows of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["NGram"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
ABSENT = -1


@dataclass(frozen=True, slots=True)
class Order:
    """All n-grams of one length.

    Attributes:
        codes: sorted.
        kept: what each leaves of its count after the discount, over the count of its history.
        shared: of each history, by the number of the shorter n-gram: the mass given to the order below; 1 where the
            history was never seen.
    """

    codes: Ints
    kept: Floats
    shared: Floats


class NGram:
    """P(row | the `order` − 1 rows before it).

    Args:
        stream: the rows of the training text.
        rows: size of the vocabulary.
        order: longest n-gram; 1 counts rows alone.
        forbidden: rows that no text holds, which get no probability.
    """

    def __init__(self, stream: NDArray[np.integer], rows: int, order: int, forbidden: Sequence[int] = ()) -> None:
        self.rows, self.order = rows, order
        allowed = np.ones(rows)
        allowed[list(forbidden)] = 0.0
        self.uniform: Floats = allowed / allowed.sum()
        self.orders: list[Order] = []
        words = np.asarray(stream, dtype=np.int64)
        numbers: list[Ints] = []  # of the n-gram of each order that ends at each position
        tables: list[tuple[Ints, Ints, Ints]] = []  # codes, counts, a position where each ends
        before = np.zeros(len(words), np.int64)  # number of the history; there is one of no rows
        for n in range(1, order + 1):
            ends = np.arange(n - 1, len(words))
            code = before[ends] * rows + words[ends]
            codes, first, inverse, counts = np.unique(code, return_index=True, return_inverse=True, return_counts=True)
            number = np.full(len(words), ABSENT, np.int64)
            number[ends] = inverse
            numbers.append(number)
            tables.append((codes, counts, ends[first]))
            before = np.concatenate([[ABSENT], number[:-1]])
        for n, (codes, counts, _) in enumerate(tables, start=1):
            if n < order:  # how many different rows stand before it, not how often it stands
                counts = np.bincount(numbers[n - 1][tables[n][2]], minlength=len(codes))
            histories = 1 if n == 1 else len(tables[n - 2][0])
            self.orders.append(_discounted(codes, counts, rows, histories))
        first = self.orders[0]
        self.alone: Floats = first.shared[0] * self.uniform  # P of every row after no history
        self.alone[first.codes] += first.kept

    def probabilities(self, stream: NDArray[np.integer]) -> Floats:
        """P of each row of a stream given those before it in the stream, (N,)."""
        words = np.asarray(stream, dtype=np.int64)
        found = self.uniform[words]
        before = np.zeros(len(words), np.int64)
        for order in self.orders:
            known = before != ABSENT
            code = before * self.rows + words
            place, hit = _look_up(order.codes, code, known)
            found = np.where(known, order.shared[np.where(known, before, 0)] * found, found)
            found = found + np.where(hit, order.kept[place], 0.0)
            number = np.where(hit, place, ABSENT)
            before = np.concatenate([[ABSENT], number[:-1]])[: len(words)]
        return found

    def distribution(self, history: Sequence[int]) -> Floats:
        """P of every row after `history`, (V,)."""
        found = self.alone.copy()
        for n, order in enumerate(self.orders[1:], start=2):
            number = self._number(history[len(history) - n + 1 :]) if len(history) >= n - 1 else None
            if number is None:
                break
            start, stop = np.searchsorted(order.codes, [number * self.rows, (number + 1) * self.rows])
            found *= order.shared[number]
            found[order.codes[start:stop] - number * self.rows] += order.kept[start:stop]
        return found

    def _number(self, words: Sequence[int]) -> int | None:
        number = 0
        for order, word in zip(self.orders, words, strict=False):
            code = number * self.rows + int(word)
            number = int(np.searchsorted(order.codes, code))
            if number == len(order.codes) or order.codes[number] != code:
                return None
        return number


def _discounted(codes: Ints, counts: NDArray[np.integer], rows: int, histories: int) -> Order:
    history = codes // rows
    total = np.bincount(history, weights=counts, minlength=histories)
    of_count = np.bincount(np.minimum(counts, 4), minlength=5).astype(float)
    discounts = _discounts(of_count)[np.minimum(counts, 3)]
    taken = np.bincount(history, weights=discounts, minlength=histories)
    seen = np.maximum(total, 1.0)
    return Order(codes, (counts - discounts) / seen[history], np.where(total > 0, taken / seen, 1.0))


def _discounts(of_count: Floats) -> Floats:
    """What is taken from n-grams seen 0, 1, 2, and 3 or more times; 0.5, 1 and 1.5 where too few are there to tell."""
    one, two, three, four = of_count[1:5]
    if min(one, two, three) == 0:
        return np.array([0.0, 0.5, 1.0, 1.5])
    y = one / (one + 2 * two)
    found = np.array([0.0, 1 - 2 * y * two / one, 2 - 3 * y * three / two, 3 - 4 * y * four / three])
    kept: Floats = np.clip(found, [0.0, 0.1, 0.1, 0.1], [0.0, 1.0, 2.0, 3.0])
    return kept


def _look_up(codes: Ints, wanted: Ints, known: NDArray[np.bool_]) -> tuple[Ints, NDArray[np.bool_]]:
    place = np.minimum(np.searchsorted(codes, wanted), max(0, len(codes) - 1))
    hit = known & (codes[place] == wanted) if len(codes) else np.zeros(len(wanted), bool)
    return place, hit
