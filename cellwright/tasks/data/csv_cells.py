"""Comma-separated values as cells, each row with the line it begins on."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from cellwright.errors import DataError

__all__ = ["csv_cells"]


def csv_cells(content: str, path: Path) -> list[tuple[int, list[str]]]:
    """(line, cells) of each row that is not blank. Raises DataError: quotes that do not close."""
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    found: list[tuple[int, list[str]]] = []
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return found
        except csv.Error as error:
            raise DataError(
                f"Expected comma-separated values, found: {error}.",
                file=path,
                line=begins,
                repair='A value with a comma or a quote in it stands in quotes, its own quotes doubled: "a ""b"", c".',
            ) from None
        if any(cell.strip() for cell in cells):
            found.append((begins, cells))
        begins = reader.line_num + 1
