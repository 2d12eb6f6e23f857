"""A CSV file with a header: columns by name, cells as finite numbers, every complaint with its line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright.errors import DataError
from cellwright.nearest import nearest
from cellwright.tasks.data.csv_cells import csv_cells
from cellwright.tasks.data.text import decode, read_bytes

__all__ = ["LARGEST", "Table", "finite", "read_table"]

LARGEST = float(np.finfo(np.float32).max)  # networks compute in float32
GAP = "Fill the gap, for instance with the value before it, or leave the row out."


@dataclass(frozen=True, slots=True)
class Table:
    """The header, and the rows with their lines; each row has as many cells as the header."""

    path: Path
    header: Sequence[str]
    rows: Sequence[tuple[int, Sequence[str]]]

    def place_of(self, name: str, setting: str) -> int:
        """Index of a column. Raises DataError: it is not there; names the nearest and the setting that chose it."""
        if name in self.header:
            return list(self.header).index(name)
        near = nearest(name, self.header)
        raise DataError(
            f"Expected a column {name!r}, found {', '.join(self.header)}.",
            file=self.path,
            line=1,
            repair=f"Did you mean {near}? --set {setting}=…" if near else f"--set {setting}=NAME",
        )

    def number(self, row: int, column: int) -> float:
        """The cell as a finite number. Raises DataError."""
        line, cells = self.rows[row]
        return finite(cells[column], self.path, line, f"column {self.header[column]}")


def read_table(path: Path) -> Table:
    """Raises DataError: no such file, empty, not UTF-8, no rows, a column twice, a row of another width."""
    cells = csv_cells(decode(read_bytes(path), path), path)
    line, header = cells[0][0], [cell.strip() for cell in cells[0][1]]
    if len(header) < 2:
        raise DataError(
            "Expected a header with two columns or more, found one.",
            file=path,
            line=line,
            source=header[0][:200],
            repair="Part the columns by commas.",
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
    return Table(path, header, [(number, [cell.strip() for cell in row]) for number, row in cells[1:]])


def finite(text: str, path: Path, line: int, where: str) -> float:
    """The text as a finite number of float32. Raises DataError: empty, ?, nan, inf, 1e39 or no number."""
    try:
        value = float(text)
    except ValueError:
        found = "an empty cell" if not text else repr(text[:40])
        repair = GAP if text in ("", "?") else "Numbers are written as 12, -0.5 or 1e-3."
        raise DataError(f"Expected a number in {where}, found {found}.", file=path, line=line, repair=repair) from None
    if not abs(value) <= LARGEST:
        raise DataError(f"Expected a finite number in {where}, found {text[:40]}.", file=path, line=line, repair=GAP)
    return value
