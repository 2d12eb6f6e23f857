"""Rows and cells that a table lacks, filled with the last value before them: nothing later is seen.

Legend: T rows, C columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError
from cellwright.tasks.series.time_axis import EPSILON, Months, Step, Time, continued

__all__ = ["Gaps", "gap_notes", "missing_rows", "with_last"]

MOST = 10  # times as many rows as there are


@dataclass(frozen=True, slots=True)
class Gaps:
    """What the rows of one series lacked.

    Attributes:
        uneven: how many of its `steps` are not the commonest, the first of them before `line`.
        rows, cells: how many were filled.
    """

    steps: int = 0
    uneven: int = 0
    line: int | None = None
    rows: int = 0
    cells: int = 0


def gap_notes(gaps: Sequence[Gaps], step: Step, filled: bool) -> list[str]:
    """What the user should know of the gaps of all series."""
    rows, cells, steps, uneven = (sum(getattr(g, key) for g in gaps) for key in ("rows", "cells", "steps", "uneven"))
    among = f", in {sum(g.uneven > 0 for g in gaps):,} of {len(gaps):,} series" if len(gaps) > 1 else ""
    told = f"{uneven:,} of {steps:,} steps are not {step}{among}"
    notes = [f"filled with the last value before: {rows:,} missing rows, {cells:,} empty cells"] if filled else []
    if filled and uneven:
        notes.append(told)
    elif uneven:
        first = next(g.line for g in gaps if g.uneven)
        notes.append(
            f"{told}, the first before line {first}: "
            "rows are read as if they were even; data.fill=last adds those that are missing"
        )
    return notes


def missing_rows(times: Sequence[Time], step: Step, where: str = "") -> tuple[list[Time], NDArray[np.int64]]:
    """(the times at even steps, for each the row that it is or -1). Pauses that are no whole steps stay as they are.

    Raises DataError: a pause so long that most rows would be filled; `where` says of what.
    """
    found: list[Time] = [times[0]]
    rows = [0]
    for row, (before, now) in enumerate(pairwise(times), start=1):
        between = _steps(before, now, step) - 1
        if len(found) + between > MOST * len(times):
            raise DataError(
                f"Expected rows every {step}{where}, found {before} and {now} beside each other.",
                repair="Give the rows between them, or cut the table there.",
            )
        found += [*continued([before], step, between), now]
        rows += [-1] * between + [row]
    return found, np.array(rows)


def with_last(values_TC: NDArray[np.float64], columns: Sequence[str], where: str = "") -> NDArray[np.float64]:
    """Every NaN is the number above it. Raises DataError: nothing stands above; `where` says of what."""
    if len(values_TC) and np.isnan(values_TC[0]).any():
        column = columns[int(np.isnan(values_TC[0]).argmax())]
        raise DataError(
            f"Expected a number in the first row of column {column}{where}, found a gap: nothing stands before it.",
            repair=f"Begin the table{where} at the first row that has all columns.",
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
