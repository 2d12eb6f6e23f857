"""A CSV file with a header: columns by name, cells as finite numbers, every complaint with its line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cellwright.errors import DataError
from cellwright.nearest import nearest
from cellwright.tasks.data.csv_cells import csv_cells, separator_of
from cellwright.tasks.data.text import decode, read_bytes
from cellwright.tasks.series.numbers import decimal_comma, finite, with_point

__all__ = ["Table", "read_table"]

SHOWN = 12  # columns in a message


@dataclass(frozen=True, slots=True)
class Table:
    """The header, and the rows with their lines; each row has as many cells as the header.

    Attributes:
        comma: whether decimals are written with a comma.
    """

    path: Path
    header: Sequence[str]
    rows: Sequence[tuple[int, Sequence[str]]]
    comma: bool = False

    def place_of(self, name: str, setting: str, several: bool = False, trained: bool = False) -> int:
        """Index of a column. Raises DataError: it is not there; names the nearest and the setting that chose it, which
        may hold `several`, or, where a `trained` model asks for it, says so."""
        if name in self.header:
            return list(self.header).index(name)
        near = nearest(name, self.header)
        if trained:
            raise DataError(
                f"Expected a column {name!r}, with which the model was trained, found {self.shown()}.",
                file=self.path,
                line=1,
                repair=f"Is it {near}? Rename it." if near else "Add it: a model reads the columns of its training.",
            )
        example = json.dumps([near or "NAME"], ensure_ascii=False) if several else near or "NAME"
        raise DataError(
            f"Expected a column {name!r}, found {self.shown()}.",
            file=self.path,
            line=1,
            repair=(f"Did you mean {near}? " if near else "") + f"--set {shlex.quote(f'{setting}={example}')}",
        )

    def cell(self, row: int, column: int) -> str:
        """The cell's text; a number with a decimal point."""
        text = self.rows[row][1][column]
        return with_point(text) if self.comma else text

    def number(self, row: int, column: int) -> float:
        """The cell as a finite number. Raises DataError."""
        return finite(self.cell(row, column), self.path, self.rows[row][0], f"column {self.header[column]}")

    def shown(self) -> str:
        """The names of the columns, for messages."""
        more = len(self.header) - SHOWN
        return ", ".join(self.header[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def read_table(path: Path) -> Table:
    """The file's columns, parted by commas, semicolons or tabs. A first column without a name that counts the rows, as
    pandas writes it, is left out.

    Raises DataError: no such file, empty, not UTF-8, no rows, a column twice, a row of another width.
    """
    content = decode(read_bytes(path), path)
    separator = separator_of(content)
    cells = _without_count(csv_cells(content, path, separator))
    line, header = cells[0][0], [cell.strip() for cell in cells[0][1]]
    if len(header) < 2:
        raise DataError(
            "Expected a header with two columns or more, found one.",
            file=path,
            line=line,
            source=header[0][:200],
            repair="Part the columns by commas, semicolons or tabs.",
        )
    for name in header:
        if header.count(name) > 1 or not name:
            raise DataError(
                f"Expected a name for each column, found {f'{name!r} twice' if name else 'an empty one'}.",
                file=path,
                line=line,
                repair="Name every column differently in the first row.",
            )
    if len(cells) == 1:
        raise DataError("Expected rows below the header, found none.", file=path, repair="Write the file again.")
    for number, row in cells[1:]:
        if len(row) != len(header):
            raise DataError(
                f"Expected {len(header)} columns as in line {line}, found {len(row)}.",
                file=path,
                line=number,
                source=",".join(row)[:200],
                repair="Every row has a cell for each column; decimals are written with a point.",
            )
    rows = [(number, [cell.strip() for cell in row]) for number, row in cells[1:]]
    # Where commas part the columns, 1,234 in quotes is not known to be 1.234: it is refused.
    comma = separator != "," and decimal_comma(cell for _, row in rows for cell in row)
    return Table(path, header, rows, comma)


def _without_count(cells: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    if cells[0][1][0].strip() or len(cells) < 2:
        return cells
    first = [row[0].strip() for _, row in cells[1:]]
    if first not in ([str(k + begin) for k in range(len(first))] for begin in (0, 1)):
        return cells
    return [(number, row[1:]) for number, row in cells]
