"""Files of translations: a line a pair, a column a language, tabs between; or comma-separated values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cellwright.errors import ConfigError, DataError
from cellwright.nearest import nearest
from cellwright.tasks.data.csv_cells import csv_cells
from cellwright.tasks.data.text import decode, read_bytes, read_lines

__all__ = ["Columns", "Row", "columns_of", "read_pairs"]

LANGUAGES = ("source", "target")  # of a file whose columns are not named
HEADERS = {  # what a first line calls its columns
    *LANGUAGES, "src", "tgt", "trg", "input", "output", "text", "translation", "original",
    "en", "zh", "de", "fr", "es", "ja", "ko", "ru", "pt", "eng", "cmn", "zho", "deu", "fra", "spa", "jpn",
    "english", "chinese", "german", "french", "spanish", "japanese", "korean", "russian", "portuguese",
    "英文", "中文", "英语", "汉语", "原文", "译文",
}  # fmt: skip


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


def read_pairs(path: Path, columns: Columns, encoding: str = "utf-8", notes: list[str] | None = None) -> list[Row]:
    """Every pair of a file; blank lines are skipped, columns after the last named one are not read.

    Args:
        notes: gets a sentence where the first line is taken as the names of the columns.

    Raises DataError: missing, empty or of another encoding; a line with too few columns; a blank text; numbers where
        texts should be.
    """
    rows: list[Row] = []
    for number, line, cells in _cells(path, encoding):
        names = [cell.lower() for cell in cells]
        if not rows and len(cells) >= columns.least and {names[columns.source], names[columns.target]} <= HEADERS:
            if notes is not None:
                notes.append(f"{path.name}: the first line, {' and '.join(cells[:2])}, is taken as names of columns")
            continue
        if len(cells) < columns.least:
            raise DataError(
                f"Expected {columns.least} columns with tabs between, found {len(cells)}.",
                file=path,
                line=number,
                source=line[:200],
                repair="Write source, a tab, target, or name the file .csv; name further columns in data.languages.",
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
    if len(rows) > 1 and len(cells) > columns.least:
        _check_texts(rows, columns, path)
    return rows


def _check_texts(rows: Sequence[Row], columns: Columns, path: Path) -> None:
    """Raises DataError: a column of numbers, where there are more columns than named ones."""
    for column, texts in (
        (columns.source, [row.source for row in rows]),
        (columns.target, [row.target for row in rows]),
    ):
        if all(text.isdecimal() for text in texts):
            raise DataError(
                f"Expected texts in column {column + 1}, found numbers in all of its {len(rows):,} lines.",
                file=path,
                line=rows[0].line,
                repair="Say which columns hold the texts, for instance: "
                '--set \'data.languages=["id", "en", "id2", "zh"]\' --set data.direction=en-zh',
            )


def _cells(path: Path, encoding: str) -> Iterator[tuple[int, str, list[str]]]:
    """(line, its text, cells) of each line that is not blank."""
    if path.name.removesuffix(".gz").endswith(".csv"):
        for number, cells in csv_cells(decode(read_bytes(path), path, encoding), path):
            yield number, ",".join(cells), [" ".join(cell.split()) for cell in cells]
        return
    for number, line in enumerate(read_lines(path, encoding), start=1):
        if line.strip():
            yield number, line, [cell.strip() for cell in line.split("\t")]
