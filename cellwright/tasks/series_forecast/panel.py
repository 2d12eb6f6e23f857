"""A CSV file with a time column as one series, or several: below each other, with a column that says which.

unique_id,ds,y
north,2024-01-01,12.1
north,2024-01-02,11.8
south,2024-01-01,40.2
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from cellwright.errors import DataError
from cellwright.tasks.data.csv_cells import is_number
from cellwright.tasks.series.numbers import is_gap
from cellwright.tasks.series.table import Table, read_table
from cellwright.tasks.series.time_axis import TIMES, Step, Time, check_order, is_step, named_time, same_step, step_of
from cellwright.tasks.series.time_text import is_date, read_time
from cellwright.tasks.series_forecast.config import ForecastData
from cellwright.tasks.series_forecast.frame import Frame, Places, frame_of
from cellwright.tasks.series_forecast.gaps import gap_notes
from cellwright.tasks.series_forecast.series_column import (
    JOINT,
    first_again,
    likely_columns,
    rows_of_series,
    series_places,
    series_setting,
)
from cellwright.tasks.series_forecast.series_rows import check_rows_are_steps

__all__ = ["Panel", "read_panel"]


@dataclass(frozen=True, slots=True)
class Panel:
    """Series of the same columns and the same step, each with its own times.

    Attributes:
        name: of the file or set.
        frames: at least one, each with its series' name.
        series_column: what names the series; "" where there is one that has no name.
        notes: what the user should know.
    """

    name: str
    frames: Sequence[Frame]
    series_column: str = ""
    notes: Sequence[str] = field(default_factory=list)

    @property
    def columns(self) -> Sequence[str]:
        """What is to be forecast."""
        return self.frames[0].columns

    @property
    def known(self) -> Sequence[str]:
        """Columns that are known ahead."""
        return self.frames[0].known

    @property
    def step(self) -> Step:
        """Between two rows of a series."""
        return self.frames[0].step

    @property
    def time_column(self) -> str:
        """Its name."""
        return self.frames[0].time_column


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of one series, and their times."""

    series: str
    table: Table
    times: Sequence[Time]


def read_panel(path: Path, data: ForecastData, trained: bool = False) -> Panel:
    """The file's columns as `data` names them, or a `trained` model.

    Raises DataError: a column that is not there; no column to forecast; a time that cannot be read, or that repeats or
    is out of order within a series; series of different steps; a cell that is no finite number (of the targets: but for
    the last rows of a series, where all are empty).
    """
    table = read_table(path)
    time = _time_place(table, data.time_column, data.time_format)
    known = [table.place_of(name, "data.known", True, trained) for name in data.known]
    targets = [table.place_of(name, "data.targets", True, trained) for name in data.targets]
    times = _times(table, time, data.time_format)
    series, notes = series_places(table, times, data.series_column, {time, *known, *targets})
    targets = targets or [k for k in range(len(table.header)) if k not in (time, *known, *series)]
    chosen = [time, *series, *targets, *known]
    if not targets or len(set(chosen)) < len(chosen):
        raise DataError(
            f"Expected columns to forecast beside the time{', the series' if series else ''} and what is known, "
            "found none or one twice.",
            file=path, line=1, repair='--set \'data.targets=["NAME"]\' names them; none of them is known ahead.',
        )  # fmt: skip
    places = Places(time, series, targets, known)
    parts = [
        _Part(name, replace(table, rows=[table.rows[row] for row in rows]), [times[row] for row in rows])
        for name, rows in rows_of_series(table, series).items()
    ]
    for part in parts:
        _check_order(part, times, table, places)
    if not any(cells[k] for _, cells in table.rows for k in targets):
        raise DataError("Expected numbers to forecast from, found empty cells alone.", file=path, repair="Fill them.")
    if not data.targets:
        _check_first(table, places)
    step = _step(parts, data.look_back)
    fill = data.fill != "none"
    frames = [frame_of(part.table, part.times, places, step, fill=fill, series=part.series) for part in parts]
    notes += gap_notes([frame.gaps for frame in frames], step, fill)
    return Panel(path.name, frames, JOINT.join(table.header[k] for k in series), notes)


def _times(table: Table, time: int, format: str) -> list[Time]:
    """Of every row; one that several series share is read once. Raises DataError."""
    read: dict[str, Time] = {}
    for line, cells in table.rows:
        if cells[time] not in read:
            read[cells[time]] = read_time(cells[time], table.path, line, format)
    return [read[cells[time]] for _, cells in table.rows]


def _check_order(part: _Part, times: Sequence[Time], table: Table, places: Places) -> None:
    """Raises DataError: times of a series that repeat or fall; says which column would tell them apart."""
    again = "Leave one of the rows out, or take their mean; of several series, data.series_column names their column."
    if part.series:
        again = f"Leave one of the rows of series {part.series} out, or take their mean."
        if len(set(part.times)) < len(part.times) and (
            both := likely_columns(table, times, (places.time, *places.series, *places.known), places.series)
        ):
            row = first_again(part.times)
            raise DataError(
                f"Expected each time once in series {part.series}, found {part.times[row]} again.",
                file=table.path,
                line=part.table.rows[row][0],
                repair=f"Where {' and '.join(both)} together say which series a row is of: "
                f"--set {series_setting(both)}",
            )
    check_order(part.times, table.path, [line for line, _ in part.table.rows], again)


def _step(parts: Sequence[_Part], look_back: int) -> Step:
    """What most rows are apart. Raises DataError: a series, not shorter than the look-back, none of whose rows are."""
    steps = [step_of(part.times)[0] for part in parts]
    rows: Counter[Step] = Counter()
    for part, step in zip(parts, steps, strict=True):
        rows[step] += len(part.times) - 1
    usual = rows.most_common(1)[0][0]
    for part, step in zip(parts, steps, strict=True):
        if len(part.times) < max(look_back, 2) or same_step(step, usual):
            continue
        if not any(is_step(*pair, usual) for pair in pairwise(part.times)):
            raise DataError(
                f"Expected rows every {usual}, as in most series, found every {step} in series {part.series}.",
                file=part.table.path,
                line=part.table.rows[0][0],
                repair="Bring all series to the same step, or leave this one out.",
            )
    return usual


def _check_first(table: Table, places: Places) -> None:
    """Raises DataError: a column of words among those to be forecast; says how to choose."""
    numbers = [k for k in places.targets if is_number(table.cell(0, k)) or is_gap(table.cell(0, k))]
    # 1,234.5 and 12% are numbers in a wrong form, which has a repair of its own.
    words = next((k for k in places.targets if k not in numbers and not any(map(str.isdigit, table.cell(0, k)))), None)
    if not numbers or words is None:
        return
    chosen = json.dumps([table.header[k] for k in numbers[:6]], ensure_ascii=False)
    repair = f"Name the columns to forecast: --set {shlex.quote(f'data.targets={chosen}')}"
    name = table.header[words]
    if not places.series and len({cells[words] for _, cells in table.rows}) < len(table.rows):
        repair += f"; where {name} says which series a row is of, --set {series_setting([name])}"
    raise DataError(
        f"Expected numbers in column {name}, found {table.cell(0, words)[:40]!r}.",
        file=table.path,
        line=table.rows[0][0],
        repair=repair,
    )


def _time_place(table: Table, name: str, format: str) -> int:
    if name:
        return table.place_of(name, "data.time_column")
    if (found := named_time(table.header)) is not None:
        return found
    check_rows_are_steps(table, format)
    dates = [k for k in range(len(table.header)) if is_date(table.rows[0][1][k], format)]
    chosen = shlex.quote(f"data.time_column={table.header[dates[0]] if dates else 'NAME'}")
    raise DataError(
        f"Expected a time column ({', '.join(TIMES)}), found {table.shown()}.",
        file=table.path, line=1, repair=f"--set {chosen}",
    )  # fmt: skip
