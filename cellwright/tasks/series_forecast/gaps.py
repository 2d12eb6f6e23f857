"""Rows and cells that a table lacks, filled with the last value before them: nothing later is seen.

Legend: T rows, C columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError
from cellwright.tasks.series.time_axis import EPSILON, Months, Step, Time, continued

__all__ = ["missing_rows", "with_last"]

MOST = 10  # times as many rows as there are


def missing_rows(times: Sequence[Time], step: Step) -> tuple[list[Time], NDArray[np.int64]]:
    """(the times at even steps, for each the row that it is or -1). Pauses that are no whole steps stay as they are.

    Raises DataError: a pause so long that most rows would be filled.
    """
    found: list[Time] = [times[0]]
    rows = [0]
    for row, (before, now) in enumerate(pairwise(times), start=1):
        between = _steps(before, now, step) - 1
        if len(found) + between > MOST * len(times):
            raise DataError(
                f"Expected rows every {step}, found {before} and {now} beside each other.",
                repair="Give the rows between them, or cut the table there.",
            )
        found += [*continued([before], step, between), now]
        rows += [-1] * between + [row]
    return found, np.array(rows)


def with_last(values_TC: NDArray[np.float64], columns: Sequence[str]) -> NDArray[np.float64]:
    """Every NaN is the number above it. Raises DataError: nothing stands above."""
    if len(values_TC) and np.isnan(values_TC[0]).any():
        column = columns[int(np.isnan(values_TC[0]).argmax())]
        raise DataError(
            f"Expected a number in the first row of column {column}, found a gap: nothing stands before it.",
            repair="Begin the table at the first row that has all columns.",
        )
    last_TC = np.where(np.isnan(values_TC), 0, np.arange(len(values_TC))[:, None])
    return np.take_along_axis(values_TC, np.maximum.accumulate(last_TC, 0), 0)


def _steps(before: Time, now: Time, step: Step) -> int:
    """How many steps apart two times are; 1 where that is no whole number."""
    if isinstance(step, Months):
        assert isinstance(before, datetime)
        assert isinstance(now, datetime)
        share = (12 * (now.year - before.year) + now.month - before.month) / step.count
    else:
        share = (now - before) / step  # type: ignore[assignment, operator]
    return round(share) if abs(share - round(share)) <= EPSILON * share and share > 1 else 1
