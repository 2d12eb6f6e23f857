"""Files of translations: a line a pair, a column a language, tabs between."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cellwright.errors import ConfigError, DataError
from cellwright.nearest import nearest
from cellwright.tasks.data.text import read_lines

__all__ = ["Columns", "Row", "columns_of", "read_pairs"]

LANGUAGES = ("source", "target")  # of a file whose columns are not named


class Columns(NamedTuple):
    """Which columns hold source and target, from 0; a line must have `least` cells."""

    source: int
    target: int
    least: int


class Row(NamedTuple):
    """A pair as a file has it; `first` is the text of its first column."""

    source: str
    target: str
    first: str
    line: int


def columns_of(languages: Sequence[str], direction: str) -> Columns:
    """The columns that a direction such as "en-zh" names.

    Raises ConfigError: no direction, a language that no column has (names the nearest), one language twice.
    """
    names = list(languages) or list(LANGUAGES)
    if not direction:
        return Columns(0, 1, len(names))
    found = [(a, b) for a in range(len(names)) for b in range(len(names)) if direction == f"{names[a]}-{names[b]}"]
    if not found or found[0][0] == found[0][1]:
        ways = [f"{a}-{b}" for a in names for b in names if a != b]
        near = nearest(direction, ways)
        shown = ", ".join(ways[:6]) + (" …" if len(ways) > 6 else "")
        raise ConfigError(
            f"data.direction: expected one of {shown}, found {direction!r}.",
            repair=f"Did you mean {near}?" if near else 'Name the columns: --set \'data.languages=["en", "zh"]\'',
        )
    return Columns(*found[0], len(names))


def read_pairs(path: Path, columns: Columns, encoding: str = "utf-8") -> list[Row]:
    """Every pair of a file; blank lines are skipped, columns after the last named one are not read.

    Raises DataError: missing, empty or of another encoding; a line with too few columns; a blank text.
    """
    rows = []
    for number, line in enumerate(read_lines(path, encoding), start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) < columns.least:
            raise DataError(
                f"Expected {columns.least} columns with tabs between, found {len(cells)}.",
                file=path,
                line=number,
                source=line[:200],
                repair="Write source, a tab, target; name further columns in data.languages.",
            )
        source, target = cells[columns.source], cells[columns.target]
        if not source or not target:
            raise DataError(
                f"Expected two texts, found column {1 + (columns.target if source else columns.source)} blank.",
                file=path,
                line=number,
                source=line[:200],
                repair="Fill it in, or leave the line out.",
            )
        rows.append(Row(source, target, cells[0], number))
    return rows
