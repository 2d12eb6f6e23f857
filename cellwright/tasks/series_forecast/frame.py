"""A CSV file with a time column as numbers: columns to forecast, columns known ahead, and rows of the future.

    date,load,temperature,holiday
    2024-01-01 00:00:00,12.1,3.0,1
    2024-01-01 01:00:00,11.8,2.7,1
    2024-01-01 02:00:00,,,1             the future: what is to be forecast is empty, what is known is there

Legend: T rows, C targets, K known columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError
from cellwright.tasks.series.table import Table, read_table
from cellwright.tasks.series.time_axis import TIMES, Time, check_order, named_time, read_time, step_of
from cellwright.tasks.series_forecast.config import ForecastData

__all__ = ["Frame", "held_back", "read_frame"]


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
        notes: what the user should know.
    """

    name: str
    times: Sequence[Time]
    targets_TC: NDArray[np.float64]
    known_TK: NDArray[np.float64]
    columns: Sequence[str]
    known: Sequence[str]
    step: timedelta | float
    time_column: str = "time"
    notes: Sequence[str] = field(default_factory=list)

    @property
    def future(self) -> int:
        """Rows at the end whose targets are not known yet."""
        return len(self.times) - len(self.targets_TC)


def read_frame(path: Path, data: ForecastData) -> Frame:
    """The file's columns as `data` names them.

    Raises DataError: a column that is not there; no column to forecast; a time that cannot be read, that repeats or is
    out of order; a cell that is no finite number (of the targets: but for the last rows, where all are empty).
    """
    table = read_table(path)
    time = _time_column(table, data.time_column)
    known = [table.place_of(name, "data.known") for name in data.known]
    if data.targets:
        targets = [table.place_of(name, "data.targets") for name in data.targets]
    else:
        targets = [k for k in range(len(table.header)) if k != time and k not in known]
    if not targets or set(targets) & {time, *known}:
        raise DataError(
            "Expected columns to forecast beside the time and what is known, found none or one twice.",
            file=path, line=1, repair="--set data.targets=NAME,… names them; a column is either a target or known.",
        )  # fmt: skip
    times = [read_time(cells[time], path, line) for line, cells in table.rows]
    check_order(times, path, [line for line, _ in table.rows])
    past = len(table.rows)
    while past and all(not table.rows[past - 1][1][k] for k in targets):
        past -= 1
    if not past:
        raise DataError("Expected numbers to forecast from, found empty cells alone.", file=path, repair="Fill them.")
    step, uneven = step_of(times)
    notes = [f"{uneven:,} of {len(times) - 1:,} steps are not {step}"] if uneven else []
    return Frame(
        path.name,
        times,
        np.array([[table.number(row, k) for k in targets] for row in range(past)], dtype=np.float64),
        np.array([[table.number(row, k) for k in known] for row in range(len(times))]).reshape(len(times), len(known)),
        [table.header[k] for k in targets],
        [table.header[k] for k in known],
        step,
        table.header[time],
        notes,
    )


def held_back(frame: Frame, steps: int) -> Frame:
    """The frame as it was `steps` rows ago, with what was known ahead then."""
    return replace(frame, targets_TC=frame.targets_TC[: len(frame.targets_TC) - steps])


def _time_column(table: Table, name: str) -> int:
    if name:
        return table.place_of(name, "data.time_column")
    if (found := named_time(table.header)) is not None:
        return found
    raise DataError(
        f"Expected a time column ({', '.join(TIMES)}), found {', '.join(table.header)}.",
        file=table.path, line=1, repair="--set data.time_column=NAME",
    )  # fmt: skip
