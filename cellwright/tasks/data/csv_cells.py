"""Separated values as cells, each row with the line it begins on."""

from __future__ import annotations

import csv
import io
import itertools
import re
from pathlib import Path

from cellwright.errors import DataError

__all__ = ["check_no_table", "csv_cells", "is_number", "separator_of"]

SEPARATORS = (",", ";", "\t")
NAMED = "sep="  # a first line that spreadsheets write and hide: sep=;
LOOKED_AT = 20  # rows, to find the separator
LONGEST = 1 << 16  # characters of them; below the longest cell that the reader takes


def separator_of(content: str) -> str:
    """What parts the columns: as a line `sep=;` says, else the first of , ; and tab that gives each of the first rows
    the same number of columns, two or more; else the comma."""
    first = content.partition("\n")[0].strip()
    if first.lower().startswith(NAMED) and len(first) == len(NAMED) + 1:
        return first[-1]
    head = io.StringIO(content[:LONGEST], newline="")
    for separator in SEPARATORS:
        head.seek(0)
        rows = [row for row in itertools.islice(csv.reader(head, delimiter=separator), LOOKED_AT + 1) if row]
        widths = {len(row) for row in (rows[:-1] if len(content) > LONGEST else rows)}  # the last one may be cut
        if len(widths) == 1 and min(widths) > 1:
            return separator
    return SEPARATORS[0]


def csv_cells(content: str, path: Path, separator: str | None = None) -> list[tuple[int, list[str]]]:
    """(line, cells) of each row that is not blank; without a separator, that of `separator_of`.

    Raises DataError: quotes that do not close.
    """
    begins = 1
    separator = separator or separator_of(content)
    if content[: len(NAMED)].lower() == NAMED:
        content, begins = content.partition("\n")[2], 2
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True)
    found: list[tuple[int, list[str]]] = []
    skipped = begins - 1
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
        begins = reader.line_num + 1 + skipped


def check_no_table(path: Path, first: str, wanted: str, repair: str) -> None:
    """Raises DataError: a table, of which `first` is the first line; its rows would be taken for words."""
    names = {cell.strip(" \"'").lower() for cell in re.split("[,;\t]", first)}
    if path.name.removesuffix(".gz").endswith(".csv") or {"text", "label"} <= names:
        raise DataError(f"Expected {wanted}, found a table.", file=path, line=1, source=first[:200], repair=repair)


def is_number(cell: str) -> bool:
    """Whether the cell is a number, finite or not."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
