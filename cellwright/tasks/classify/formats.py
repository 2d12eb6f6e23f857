"""Files of labelled texts: TSV, CSV, JSON lines, and lines of "label text"."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from cellwright.errors import DataError
from cellwright.nearest import nearest
from cellwright.tasks.classify.titles import titles
from cellwright.tasks.data.csv_cells import csv_cells
from cellwright.tasks.data.json_objects import json_objects
from cellwright.tasks.data.text import decode, read_bytes

__all__ = ["Columns", "Form", "Row", "form_of", "has_header", "read_rows", "rows_of"]

Form = Literal["json", "csv", "tsv", "lines"]

TEXTS = ("text", "sentence", "review", "content", "comment", "question", "title", "utterance")
LABELS = ("label", "class", "category", "sentiment", "polarity", "intent", "target", "rating")
FASTTEXT = "__label__"


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold the text and the class: names, numbers from 1, or "" to find them."""

    text: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A text and its class as a file has them."""

    text: str
    label: str
    line: int


def read_rows(
    path: Path, columns: Columns | None = None, encoding: str = "utf-8", notes: list[str] | None = None
) -> list[Row]:
    """Every labelled text of a file; its form is found from its name, else from its content. Blank lines are skipped.

    Args:
        notes: gets a sentence where it is not certain whether the first line names the columns.

    Raises DataError: missing, empty or of another encoding; a column that is not there (names the nearest); a row with
    more or fewer columns than the first; a text or class that is blank.
    """
    content = decode(read_bytes(path), path, encoding)
    first = next(line for line in content.split("\n") if line.strip())
    rows = rows_of(content, form_of(path, first), path, columns or Columns(), notes)
    if not rows:
        raise DataError("Expected labelled texts, found none.", file=path, repair="The file holds only a header.")
    return rows


def form_of(path: Path, first: str) -> Form:
    """How a file of this name and first line is written."""
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix in (".json", ".jsonl") or (suffix not in (".csv", ".tsv") and first.lstrip().startswith("{")):
        return "json"
    if suffix == ".csv":
        return "csv"
    return "tsv" if suffix == ".tsv" or "\t" in first else "lines"


def has_header(first: str, columns: Columns) -> bool:
    """Whether the first line of a .tsv file names its columns."""
    return _named([cell.strip().lower() for cell in first.split("\t")], columns)


def rows_of(content: str, form: Form, path: Path, columns: Columns, notes: list[str] | None = None) -> list[Row]:
    """The labelled texts of a file's content, or of its header with some of its lines."""
    doubts = [] if notes is None else notes
    if form == "json":
        found = _from_json(content, path, columns)
    elif form == "csv":
        found = _from_table(csv_cells(content, path), path, columns, doubts)
    elif form == "tsv":
        found = _from_table([(number, line.split("\t")) for number, line in _lines(content)], path, columns, doubts)
    else:
        found = _from_lines(content, path)
    return [_checked(row, path) for row in found]


def _lines(content: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(content.split("\n"), start=1):
        if line.strip():
            yield number, line.removesuffix("\r")


def _from_lines(content: str, path: Path) -> Iterator[Row]:
    """`5 How far is it …`, or fastText's `__label__5 How far is it …`."""
    for number, line in _lines(content):
        label, _, text = line.strip().partition(" ")
        if not text.strip():
            raise DataError(
                f"Expected a class, a space and a text, found {len(line.split())} word.",
                file=path,
                line=number,
                source=line[:200],
                repair="Put the class first; or name the file .tsv or .csv if it is one.",
            )
        yield Row(text, label.removeprefix(FASTTEXT), number)


def _from_table(
    cells: Sequence[tuple[int, list[str]]], path: Path, columns: Columns, notes: list[str]
) -> Iterator[Row]:
    names = [cell.strip().lower() for cell in cells[0][1]]
    header = _named(names, columns)
    width = len(names)
    if width < 2:
        raise DataError(
            "Expected a column with texts and one with classes, found 1 column.",
            file=path,
            line=cells[0][0],
            source=",".join(cells[0][1])[:200],
            repair="Columns are parted by a comma, semicolon or tab in .csv, by a tab in .tsv.",
        )
    _check_widths(cells, path)
    body = cells[1:] if header else cells
    label = _column("label", columns.label, LABELS, names if header else [], width, path, cells[0][0])
    text = _column("text", columns.text, TEXTS, names if header else [], width, path, cells[0][0])
    if header and width == 2:  # the other one
        label = 1 - text if label is None and text is not None else label
        text = 1 - label if text is None and label is not None else text
    if label is None or text is None:
        if header:
            _no_column(label is None, names, path, cells[0][0])
        label, text = _guess(cells, path)
        titled, note = titles([row for _, row in cells], label)
        notes += [f"{path.name}: {note}"] if note else []
        body = cells[1:] if titled else cells
    for number, row in body:
        yield Row(row[text], row[label], number)


def _check_widths(cells: Sequence[tuple[int, list[str]]], path: Path) -> None:
    """Before any column is looked for: a line too short is no reason to doubt the header."""
    first, width = cells[0][0], len(cells[0][1])
    for number, row in cells:
        if len(row) != width:
            raise DataError(
                f"Expected {width} columns as in line {first}, found {len(row)}.",
                file=path,
                line=number,
                source="\t".join(row)[:200],
                repair="Give it the columns it lacks, or remove it."
                if len(row) < width
                else "A text with the separator in it stands in quotes in .csv, and has no place in .tsv.",
            )


def _named(names: Sequence[str], columns: Columns) -> bool:
    """Whether these cells are names of columns."""
    asked = any(c and not c.isdigit() for c in (columns.text, columns.label))
    return asked or bool({*names} & {*TEXTS, *LABELS})


def _column(
    what: str, asked: str, known: Sequence[str], names: Sequence[str], width: int, path: Path, line: int
) -> int | None:
    """The index of a column; None where it is neither asked for nor known by its name."""
    if asked.isdigit():
        if not 1 <= int(asked) <= width:
            raise DataError(
                f"Expected a column {asked} with the {what}, found {width} columns.",
                file=path,
                line=line,
                repair=f"data.{what}_column is a number from 1 to {width}, or a name.",
            )
        return int(asked) - 1
    if asked:
        if asked.lower() not in names:
            near = nearest(asked, names)
            raise DataError(
                f"Expected a column {asked!r} with the {what}, found {', '.join(names)}.",
                file=path,
                line=line,
                repair=f"Did you mean {near}?" if near else f"--set data.{what}_column=NAME",
            )
        return names.index(asked.lower())
    return next((names.index(name) for name in known if name in names), None)


def _guess(rows: Sequence[tuple[int, list[str]]], path: Path) -> tuple[int, int]:
    """(class, text) of two columns without names: classes are those of fewer different values."""
    kinds = [len({row[k] for _, row in rows}) for k in range(len(rows[0][1]))]
    if len(kinds) > 2:
        raise _unnamed(rows, kinds, path)
    if kinds[0] != kinds[1]:
        label = 0 if kinds[0] < kinds[1] else 1
        return label, 1 - label
    raise DataError(
        f"Expected a column of fewer different values than the other, the class, found {kinds[0]:,} in both.",
        file=path,
        line=rows[0][0],
        source="\t".join(rows[0][1])[:200],
        repair=f"Too few rows ({len(rows):,}) to tell which column is the class. Call them text and label in a first "
        "line, or number them: --set data.text_column=1 --set data.label_column=2",
    )


def _unnamed(rows: Sequence[tuple[int, list[str]]], kinds: Sequence[int], path: Path) -> DataError:
    """Three columns or more with no name we know: the longest cells are texts, the fewest different ones classes."""
    first = [cell.strip() for cell in rows[0][1]]
    text = max(range(len(kinds)), key=lambda k: sum(len(row[k]) for _, row in rows))
    label = min((k for k in range(len(kinds)) if k != text), key=lambda k: kinds[k])
    titled = rows[0][1][label] not in {row[label] for _, row in rows[1:]}  # a class would come again

    def called(column: int) -> str:
        named = titled and first[column] and not first[column].isdigit()
        return first[column] if named else str(column + 1)

    sets = [shlex.quote(f"data.{what}_column={called(k)}") for what, k in (("text", text), ("label", label))]
    return DataError(
        f"Expected columns called text and label, found {', '.join(cell[:30] for cell in first)}.",
        file=path,
        line=rows[0][0],
        repair=f"Say which they are, probably: --set {sets[0]} --set {sets[1]}",
    )


def _no_column(label: bool, names: Sequence[str], path: Path, line: int) -> NoReturn:
    what, known = ("label", LABELS) if label else ("text", TEXTS)
    free = [name for name in names if name not in {*LABELS, *TEXTS}]  # a text's column is no label's
    near = [name for name in free if nearest(name, known)] or free[: len(free) == 1]
    raise DataError(
        f"Expected a column with the {what} ({', '.join(known[:3])} …), found {', '.join(names)}.",
        file=path,
        line=line,
        repair=f"--set data.{what}_column={near[0] if near else 'NAME'}",
    )


def _from_json(content: str, path: Path, columns: Columns) -> Iterator[Row]:
    for number, row in json_objects(content, path):
        yield Row(
            _value(row, "text", columns.text, TEXTS, path, number),
            _value(row, "label", columns.label, LABELS, path, number),
            number,
        )


def _value(row: dict[str, Any], what: str, asked: str, known: Sequence[str], path: Path, line: int) -> str:
    key = asked or next((name for name in known if name in row), "")
    if key not in row:
        near = nearest(key or what, row)
        repair = f"Did you mean {near}? " if near else ""
        raise DataError(
            f"Expected a key {(key or what)!r} with the {what}, found {', '.join(map(repr, row)) or 'no key'}.",
            file=path,
            line=line,
            repair=f"{repair}--set data.{what}_column=KEY",
        )
    value = row[key]
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(
            f"Expected text under {key!r}, found {json.dumps(value, ensure_ascii=False)[:80]}.", file=path, line=line
        )
    return str(value)


def _checked(row: Row, path: Path) -> Row:
    for what, value in (("text", row.text), ("class", row.label)):
        if not value.strip():
            raise DataError(
                f"Expected a {what}, found a blank one.", file=path, line=row.line, repair="Remove the row, or fill it."
            )
    return Row(row.text.strip(), row.label.strip(), row.line)
