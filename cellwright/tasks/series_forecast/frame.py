"""A CSV file with a time column as numbers: columns to forecast, columns known ahead, and rows of the future.

    date,load,temperature,holiday
    2024-01-01 00:00:00,12.1,3.0,1
    2024-01-01 01:00:00,11.8,2.7,1
    2024-01-01 02:00:00,,,1             the future: what is to be forecast is empty, what is known is there

Legend: T rows, C targets, K known columns.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError
from cellwright.tasks.data.csv_cells import is_number
from cellwright.tasks.series.numbers import is_gap
from cellwright.tasks.series.table import Table, read_table
from cellwright.tasks.series.time_axis import TIMES, Step, Time, check_order, is_step, named_time, step_of
from cellwright.tasks.series.time_text import is_date, read_time
from cellwright.tasks.series_forecast.config import ForecastData
from cellwright.tasks.series_forecast.gaps import missing_rows, with_last

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
    step: Step
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
    time = _time_column(table, data.time_column, data.time_format)
    known = [table.place_of(name, "data.known", several=True) for name in data.known]
    if data.targets:
        targets = [table.place_of(name, "data.targets", several=True) for name in data.targets]
    else:
        targets = [k for k in range(len(table.header)) if k != time and k not in known]
    if not targets or set(targets) & {time, *known}:
        raise DataError(
            "Expected columns to forecast beside the time and what is known, found none or one twice.",
            file=path, line=1, repair='--set \'data.targets=["NAME"]\' names them; none of them is known ahead.',
        )  # fmt: skip
    times = [read_time(cells[time], path, line, data.time_format) for line, cells in table.rows]
    check_order(times, path, [line for line, _ in table.rows])
    past = len(table.rows)
    while past and all(not table.rows[past - 1][1][k] for k in targets):
        past -= 1
    if not past:
        raise DataError("Expected numbers to forecast from, found empty cells alone.", file=path, repair="Fill them.")
    if not data.targets:
        _check_first(table, targets)
    step, uneven = step_of(times)
    gaps = data.fill != "none"
    targets_TC, known_TK = (
        _values(table, rows, places, gaps) for rows, places in ((past, targets), (len(times), known))
    )
    notes = [_uneven(times, uneven, step, table)] if uneven else []
    if gaps:
        times, targets_TC, known_TK, notes = _filled(table, times, step, targets_TC, known_TK, targets, known)
    return Frame(
        path.name,
        times,
        targets_TC,
        known_TK,
        [table.header[k] for k in targets],
        [table.header[k] for k in known],
        step,
        table.header[time],
        notes,
    )


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


def _filled(
    table: Table,
    times: Sequence[Time],
    step: Step,
    targets_TC: NDArray[np.float64],
    known_TK: NDArray[np.float64],
    targets: Sequence[int],
    known: Sequence[int],
) -> tuple[list[Time], NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Times, targets and known columns without gaps, and a note that says how many there were."""
    try:
        even, rows = missing_rows(times, step)
        cells = int(np.isnan(targets_TC).sum() + np.isnan(known_TK).sum())
        until = int(np.flatnonzero(rows == len(targets_TC) - 1)[0]) + 1  # rows of the past
        absent = rows[:, None] < 0
        full_TC, full_TK = (
            with_last(np.where(absent[:count], np.nan, values[rows[:count]]), [table.header[k] for k in places])
            for values, count, places in ((targets_TC, until, targets), (known_TK, len(rows), known))
        )
    except DataError as error:
        raise DataError(error.message, file=table.path, repair=error.repair) from None
    inserted = len(even) - len(times)
    uneven = step_of(even)[1]
    notes = [f"filled with the last value before: {inserted:,} missing rows, {cells:,} empty cells"]
    notes += [f"{uneven:,} of {len(even) - 1:,} steps are not {step}"] if uneven else []
    return even, full_TC, full_TK, notes


def _uneven(times: Sequence[Time], uneven: int, step: Step, table: Table) -> str:
    first = next(k for k in range(1, len(times)) if not is_step(times[k - 1], times[k], step))
    return (
        f"{uneven:,} of {len(times) - 1:,} steps are not {step}, the first before line {table.rows[first][0]}: "
        "rows are read as if they were even; data.fill=last adds those that are missing"
    )


def _check_first(table: Table, targets: Sequence[int]) -> None:
    """Raises DataError: a column of words among those to be forecast; says how to choose."""
    numbers = [k for k in targets if is_number(table.cell(0, k)) or is_gap(table.cell(0, k))]
    # 1,234.5 and 12% are numbers in a wrong form, which has a repair of its own.
    words = next((k for k in targets if k not in numbers and not any(map(str.isdigit, table.cell(0, k)))), None)
    if not numbers or words is None:
        return
    chosen = json.dumps([table.header[k] for k in numbers[:6]], ensure_ascii=False)
    raise DataError(
        f"Expected numbers in column {table.header[words]}, found {table.cell(0, words)[:40]!r}.",
        file=table.path,
        line=table.rows[0][0],
        repair=f"Name the columns to forecast: --set {shlex.quote(f'data.targets={chosen}')}",
    )


def _time_column(table: Table, name: str, format: str) -> int:
    if name:
        return table.place_of(name, "data.time_column")
    if (found := named_time(table.header)) is not None:
        return found
    dates = [k for k in range(len(table.header)) if is_date(table.rows[0][1][k], format)]
    chosen = shlex.quote(f"data.time_column={table.header[dates[0]] if dates else 'NAME'}")
    raise DataError(
        f"Expected a time column ({', '.join(TIMES)}), found {table.shown()}.",
        file=table.path, line=1, repair=f"--set {chosen}",
    )  # fmt: skip
