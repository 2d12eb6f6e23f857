"""One series as numbers: columns to forecast, columns known ahead, and rows of the future.

    date,load,temperature,holiday
    2024-01-01 00:00:00,12.1,3.0,1
    2024-01-01 01:00:00,11.8,2.7,1
    2024-01-01 02:00:00,,,1             the future: what is to be forecast is empty, what is known is there

Legend: T rows, C targets, K known columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError
from cellwright.tasks.series.numbers import is_gap
from cellwright.tasks.series.table import Table
from cellwright.tasks.series.time_axis import Step, Time, is_step
from cellwright.tasks.series_forecast.gaps import Gaps, missing_rows, with_last

__all__ = ["Frame", "Places", "frame_of", "held_back"]


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows in the order of time.

    Attributes:
        name: of the file or set.
        times: of each row that has its targets, then of the `future` ones.
        targets_TC: what is to be forecast, of the rows that have it.
        known_TK: what is known ahead, of all rows.
        columns, known: names of both.
        step: between two rows.
        time_column: its name.
        series: its name among several; "" where the table holds one.
        gaps: what its rows lacked.
    """

    name: str
    times: Sequence[Time]
    targets_TC: NDArray[np.float64]
    known_TK: NDArray[np.float64]
    columns: Sequence[str]
    known: Sequence[str]
    step: Step
    time_column: str = "time"
    series: str = ""
    gaps: Gaps = field(default_factory=Gaps)

    @property
    def future(self) -> int:
        """Rows at the end whose targets are not known yet."""
        return len(self.times) - len(self.targets_TC)

    @property
    def where(self) -> str:
        """Which series of its table it is, for messages."""
        return f" of series {self.series}" if self.series else ""


@dataclass(frozen=True, slots=True)
class Places:
    """Which columns of a table are what; `series` together name the series, none where there is one."""

    time: int
    series: Sequence[int]
    targets: Sequence[int]
    known: Sequence[int]


def frame_of(table: Table, times: Sequence[Time], places: Places, step: Step, *, fill: bool, series: str) -> Frame:
    """The rows of one series, which the table holds alone.

    Args:
        times: of the rows, rising.
        step: that most rows are apart.
        fill: whether gaps take the last value before them.

    Raises DataError: a cell that is no finite number (of the targets: but for the last rows, where all are empty); a
    gap that cannot be filled.
    """
    past = len(table.rows)
    while past and all(not table.rows[past - 1][1][k] for k in places.targets):
        past -= 1
    targets_TC = _values(table, past, places.targets, fill)
    known_TK = _values(table, len(times), places.known, fill)
    columns, known = ([table.header[k] for k in chosen] for chosen in (places.targets, places.known))
    time_column = table.header[places.time]
    frame = Frame(table.path.name, times, targets_TC, known_TK, columns, known, step, time_column, series)
    if fill and past:
        return _filled(frame, table)
    uneven = _uneven(times, step)
    line = table.rows[uneven[0]][0] if uneven else None
    return replace(frame, gaps=Gaps(len(times) - 1, len(uneven), line))


def held_back(frame: Frame, steps: int) -> Frame:
    """The frame as it was `steps` rows ago, with what was known ahead then."""
    return replace(frame, targets_TC=frame.targets_TC[: len(frame.targets_TC) - steps])


def _values(table: Table, rows: int, places: Sequence[int], gaps: bool) -> NDArray[np.float64]:
    """(rows, places) numbers; NaN in a gap where gaps are allowed. Raises DataError."""
    cells = [
        [math.nan if gaps and is_gap(table.rows[row][1][k]) else table.number(row, k) for k in places]
        for row in range(rows)
    ]
    return np.array(cells, dtype=np.float64).reshape(rows, len(places))


def _filled(frame: Frame, table: Table) -> Frame:
    """The frame without gaps."""
    targets_TC, known_TK = frame.targets_TC, frame.known_TK
    try:
        even, rows = missing_rows(frame.times, frame.step, frame.where)
        cells = int(np.isnan(targets_TC).sum() + np.isnan(known_TK).sum())
        until = int(np.flatnonzero(rows == len(targets_TC) - 1)[0]) + 1  # rows of the past
        absent = rows[:, None] < 0
        full_TC, full_TK = (
            with_last(np.where(absent[:count], np.nan, values[rows[:count]]), columns, frame.where)
            for values, count, columns in ((targets_TC, until, frame.columns), (known_TK, len(rows), frame.known))
        )
    except DataError as error:
        raise DataError(error.message, file=table.path, repair=error.repair) from None
    gaps = Gaps(len(even) - 1, len(_uneven(even, frame.step)), None, len(even) - len(frame.times), cells)
    return replace(frame, times=even, targets_TC=full_TC, known_TK=full_TK, gaps=gaps)


def _uneven(times: Sequence[Time], step: Step) -> list[int]:
    """Rows that are not one step after the one above."""
    return [k for k in range(1, len(times)) if not is_step(times[k - 1], times[k], step)]
