"""From a distribution over symbols and the blank at each step to the symbols: step by step, or by prefixes.

Legend: T steps, K symbols with the blank, which is row 0.

Source: Graves, Fernández, Gomez & Schmidhuber 2006, "Connectionist temporal classification", ICML, sections 3.1, 3.2;
the beam as in Hannun, Maas, Jurafsky & Ng 2014, arXiv:1408.2873v2, algorithm 1, without a language model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLANK", "beam_search", "edit_distance", "greedy"]

BLANK = 0
NEVER = -math.inf


def greedy(logs_TK: NDArray[np.floating]) -> tuple[int, ...]:
    """The likeliest row of each step; repeats are one, blanks are left out."""
    best_T = logs_TK.argmax(1)
    return tuple(int(row) for t, row in enumerate(best_T) if row != BLANK and (t == 0 or best_T[t - 1] != row))


def beam_search(logs_TK: NDArray[np.floating], beam: int) -> list[tuple[tuple[int, ...], float]]:
    """Up to `beam` (rows, ln P), likeliest first: P sums over all alignments whose prefixes stayed in the beam.

    Args:
        logs_TK: ln P of each row at each step.
    """
    # Of each prefix: ln P of the alignments that end in a blank, and of those that end in its last symbol.
    prefixes: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, NEVER)}
    for logs_K in np.asarray(logs_TK, dtype=np.float64).tolist():
        longer: dict[tuple[int, ...], list[float]] = {}
        for prefix, (blank, symbol) in prefixes.items():
            either = add_logs(blank, symbol)
            same = longer.setdefault(prefix, [NEVER, NEVER])
            same[0] = add_logs(same[0], either + logs_K[BLANK])
            for row in range(len(logs_K)):
                if row == BLANK:
                    continue
                repeats = bool(prefix) and prefix[-1] == row
                if repeats:
                    same[1] = add_logs(same[1], symbol + logs_K[row])
                entry = longer.setdefault((*prefix, row), [NEVER, NEVER])
                entry[1] = add_logs(entry[1], (blank if repeats else either) + logs_K[row])
        possible = {prefix: (logs[0], logs[1]) for prefix, logs in longer.items() if max(logs) > NEVER}
        kept = sorted(possible, key=lambda prefix: -add_logs(*possible[prefix]))[:beam]
        prefixes = {prefix: possible[prefix] for prefix in kept}
    return [(prefix, add_logs(*logs)) for prefix, logs in prefixes.items()]


def add_logs(a: float, b: float) -> float:
    """ln(e^a + e^b)."""
    if a < b:
        a, b = b, a
    return a if b == NEVER else a + math.log1p(math.exp(b - a))


def edit_distance(found: Sequence[object], right: Sequence[object]) -> int:
    """Fewest insertions, deletions and substitutions from one to the other (Levenshtein 1966)."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(found, start=1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(right, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]
