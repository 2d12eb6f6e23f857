"""Labelled series in CSV: a row a step, a column that says which series it belongs to, one with the class.

series,time,x,y,label
1,0,0.1,1.0,walk
1,1,0.2,1.1,walk
2,0,0.5,0.2,run
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright.errors import DataError
from cellwright.tasks.series.example import Series
from cellwright.tasks.series.table import Table, read_table
from cellwright.tasks.series.time_axis import check_order, named_time
from cellwright.tasks.series.time_text import read_time

__all__ = ["Columns", "read_long_csv"]


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns; `time` "" finds it by its name; without one, rows are in order.

    Attributes:
        channels: columns of numbers; none = all others.
        time_format: as `read_time` takes it.
    """

    series: str = "series"
    label: str = "label"
    time: str = ""
    channels: Sequence[str] = ()
    time_format: str = ""


def read_long_csv(path: Path, columns: Columns) -> tuple[list[Series], list[str]]:
    """(every series in the order of its first row, names of the channels).

    Raises DataError: a column that is not there; no column with numbers; a class that changes within a series; rows of
    a series apart from each other; time that is unsorted or repeats; a cell that is no finite number.
    """
    table = read_table(path)
    series = table.place_of(columns.series, "data.series_column")
    label = table.place_of(columns.label, "data.label_column")
    time = table.place_of(columns.time, "data.time_column") if columns.time else named_time(table.header)
    channels = [table.place_of(name, "data.channels", several=True) for name in columns.channels] or [
        k for k in range(len(table.header)) if k not in (series, label, time)
    ]
    if not channels:
        raise DataError(
            f"Expected columns with numbers beside {columns.series} and {columns.label}, found none.",
            file=path, line=1, repair="Add a column a channel.",
        )  # fmt: skip
    found = [_series(table, rows, label, time, channels, columns.time_format) for rows in _blocks(table, series)]
    return found, [table.header[k] for k in channels]


def _blocks(table: Table, series: int) -> list[list[int]]:
    """Rows of each series."""
    blocks: dict[str, list[int]] = {}
    last = None
    for row, (line, cells) in enumerate(table.rows):
        name = cells[series]
        if name != last and name in blocks:
            raise DataError(
                f"Expected the rows of series {name} together, found one apart from the others.",
                file=table.path, line=line, repair=f"Sort the file by {table.header[series]}, then by time.",
            )  # fmt: skip
        blocks.setdefault(name, []).append(row)
        last = name
    return list(blocks.values())


def _series(
    table: Table, rows: list[int], label: int, time: int | None, channels: list[int], time_format: str
) -> Series:
    line, first = table.rows[rows[0]]
    for row in rows[1:]:
        if table.rows[row][1][label] != first[label]:
            raise DataError(
                f"Expected one class in a series, found {first[label]!r} and {table.rows[row][1][label]!r}.",
                file=table.path, line=table.rows[row][0], repair="Every row of a series repeats its class.",
            )  # fmt: skip
    if not first[label]:
        raise DataError("Expected a class, found an empty cell.", file=table.path, line=line, repair="Fill it.")
    if time is not None:
        times = [read_time(table.rows[row][1][time], table.path, table.rows[row][0], time_format) for row in rows]
        check_order(times, table.path, [table.rows[row][0] for row in rows])
    values = [[table.number(row, k) for k in channels] for row in rows]
    return Series(np.array(values, dtype=np.float32), first[label], f"{table.path}:{line}")
