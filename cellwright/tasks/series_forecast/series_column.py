"""Which column of a table names the series that a row is of: as the user says, or by its name where times repeat."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from itertools import combinations

from cellwright.errors import DataError
from cellwright.tasks.data.csv_cells import is_number
from cellwright.tasks.series.table import Table
from cellwright.tasks.series.time_axis import Time

__all__ = [
    "JOINT",
    "SERIES",
    "first_again",
    "likely_columns",
    "named",
    "rows_of_series",
    "series_places",
    "series_setting",
]

SERIES = ("unique_id", "series", "series_id", "item_id", "id")  # names of a column that names the series
JOINT = "+"  # store+item: several columns name the series together
MOST, KEYS = 8, 3  # columns that are tried together for a message, and how many of them at most
NAMED = 5  # series in a note


def series_places(
    table: Table, times: Sequence[Time], name: str, taken: Collection[int]
) -> tuple[list[int], list[str]]:
    """(places of the columns that name the series, none where the table holds one; a note where they were found).

    Args:
        times: of every row.
        name: data.series_column.
        taken: places of columns that mean something else.

    Raises DataError: a column that is not there; times that repeat where another column would say of which series.
    """
    if name in table.header:
        return [list(table.header).index(name)], []
    if name:
        return [table.place_of(part.strip(), "data.series_column") for part in name.split(JOINT)], []
    if len(set(times)) == len(times):
        return [], []
    for usual in SERIES:
        for k, column in enumerate(table.header):
            if column.lower() == usual and k not in taken and _tells_apart(table, times, [k]):
                count = len({cells[k] for _, cells in table.rows})
                return [k], [f"times repeat, so column {column} is read as the name of the series: {count:,} series"]
    if likely := likely_columns(table, times, taken):
        row = first_again(times)
        raise DataError(
            f"Expected each time once, found {times[row]} again.", file=table.path, line=table.rows[row][0],
            repair=f"Where {' and '.join(likely)} say{'s' * (len(likely) == 1)} which series a row is of: "
            f"--set {series_setting(likely)} (otherwise leave one of the rows out, or take their mean)",
        )  # fmt: skip
    return [], []


def rows_of_series(table: Table, places: Sequence[int]) -> dict[str, list[int]]:
    """Rows by the name of their series, in the order of their first rows. Raises DataError: a row without a name."""
    found: dict[str, list[int]] = {}
    for row, (line, cells) in enumerate(table.rows):
        for k in places:
            if not cells[k]:
                raise DataError(
                    f"Expected the name of a series in column {table.header[k]}, found an empty cell.",
                    file=table.path, line=line, repair="Fill it: every row says which series it is of.",
                )  # fmt: skip
        found.setdefault(JOINT.join(cells[k] for k in places), []).append(row)
    return found


def likely_columns(
    table: Table, times: Sequence[Time], taken: Collection[int], beside: Sequence[int] = ()
) -> list[str]:
    """Names of the columns, as few as will do, that would tell equal times apart (with those `beside`).

    None where no three do. Words go before numbers, and few values before many.
    """
    values = {k: len({cells[k] for _, cells in table.rows}) for k in range(len(table.header)) if k not in taken}
    free = [k for k, count in values.items() if 1 < count <= len(times) // 2]
    for size in range(1, KEYS + 1 - len(beside)):
        chosen = combinations(free[:MOST] if size > 1 else free, size)
        if found := [places for places in chosen if _tells_apart(table, times, [*beside, *places])]:
            best = min(found, key=lambda p: (sum(is_number(table.cell(0, k)) for k in p), sum(values[k] for k in p)))
            return [table.header[k] for k in (*beside, *best)]
    return []


def series_setting(columns: Sequence[str]) -> str:
    """As an argument of --set."""
    return shlex.quote(f"data.series_column={JOINT.join(columns)}")


def named(series: Sequence[str]) -> str:
    """The first of the names, and how many others there are."""
    more = len(series) - NAMED
    return ", ".join(series[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def first_again(times: Sequence[Time]) -> int:
    """Row of the first time that another row above has too."""
    seen: set[Time] = set()
    for row, time in enumerate(times):
        if time in seen:
            return row
        seen.add(time)
    raise AssertionError("no time repeats")


def _tells_apart(table: Table, times: Sequence[Time], places: Sequence[int]) -> bool:
    """Whether no time repeats among the rows with the same cells there, and such rows are two or more on average."""
    names = [tuple(cells[k] for k in places) for _, cells in table.rows]
    return 2 * len(set(names)) <= len(names) and len(set(zip(names, times, strict=True))) == len(names)
