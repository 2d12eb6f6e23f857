"""Files of tagged words: CoNLL-U, CoNLL columns, JSON lines, `word/tag` lines, and lines of words parted by spaces."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from cellwright.errors import DataError
from cellwright.tasks.data.csv_cells import check_no_table
from cellwright.tasks.data.jsonl import read_jsonl
from cellwright.tasks.data.labelled import Labelled
from cellwright.tasks.data.text import Unit, numbered_blocks, read_lines

__all__ = ["FORMATS", "format_of", "read_tagged"]

FORMATS = ("conllu", "conll", "jsonl", "word/tag", "words")
CONLLU_COLUMNS = 10
UNIVERSAL = {"upos": 4, "xpos": 5}
LOOKED_AT = 50  # lines, to find a file's form


def read_tagged(path: Path, form: str, column: str = "", unit: Unit = "word") -> list[Labelled]:
    """Words and tags of each sentence; of `words` no tags.

    Args:
        form: of FORMATS.
        column: of the tags: "upos", "xpos" of CoNLL-U, or a number from 1; "" = upos, or the last.

    Raises DataError: missing, empty, or not of this form.
    """
    if form == "jsonl":
        return read_jsonl(path, unit)
    lines = read_lines(path)
    if form == "conllu":
        return list(_conllu(lines, path, column or "upos"))
    if form == "conll":
        return list(_columns(lines, path, column))
    read = _slashed if form == "word/tag" else _spaced
    return [read(line, path, number) for number, line in enumerate(lines, start=1) if line.strip()]


def format_of(path: Path) -> str:
    """Found from the name, else from the first lines. Raises DataError: a table of texts."""
    name = path.name.removesuffix(".gz")
    if name.endswith((".jsonl", ".json")):
        return "jsonl"
    if name.endswith(".conllu"):
        return "conllu"
    lines = read_lines(path)
    some = list(itertools.islice((line for line in lines if line.strip() and not _comment(line)), LOOKED_AT))
    first = some[0] if some else ""
    if first.lstrip().startswith("{"):
        return "jsonl"
    check_no_table(path, first, "words with their tags", "Texts with a class each: cellwright train classify.")
    if "\t" in first:
        cells = first.split("\t")
        return "conllu" if len(cells) == CONLLU_COLUMNS and cells[0][:1].isdigit() else "conll"
    if all(word and tag for word, _, tag in (token.rpartition("/") for token in first.split())):
        return "word/tag"
    widths = {len(line.split()) for line in some}
    return "conll" if len(widths) == 1 and 2 <= widths.pop() <= 20 and not all(map(str.strip, lines)) else "words"


def _comment(line: str) -> bool:
    """`# text = …`; the word # with its tag is none."""
    return line.startswith("#") and "\t" not in line and len(line.split()) != 2


def _conllu(lines: list[str], path: Path, column: str) -> Iterator[Labelled]:
    """Words of `1 form lemma UPOS …`; ranges (`3-4`) and empty nodes (`5.1`) are skipped."""
    place = UNIVERSAL.get(column) or _number(column, CONLLU_COLUMNS, path, None)
    for block in numbered_blocks(lines):
        words, tags, numbers = [], [], []
        for number, line in block:
            if line.startswith("#") and "\t" not in line:
                continue
            cells = line.split("\t")
            if len(cells) != CONLLU_COLUMNS or not cells[0].replace("-", "").replace(".", "").isdecimal():
                raise DataError(
                    f"Expected a number and {CONLLU_COLUMNS - 1} more columns, found {len(cells)}: {cells[0][:20]!r}.",
                    file=path,
                    line=number,
                    source=line[:200],
                    repair="Columns of CoNLL-U are parted by tabs; name a file of two columns .conll.",
                )
            if not cells[0].isdecimal():
                continue
            if cells[place - 1] in ("", "_"):
                raise DataError(
                    f"Expected a tag in column {column}, found {cells[place - 1]!r}.",
                    file=path,
                    line=number,
                    source=line[:200],
                    repair="--set data.column=xpos, if the tags are there.",
                )
            words.append(cells[1])
            tags.append(cells[place - 1])
            numbers.append(number)
        if words:
            yield Labelled(words, tags, "", path, numbers[0], tag_lines=numbers)


def _columns(lines: list[str], path: Path, column: str) -> Iterator[Labelled]:
    """`word … tag` a line, a blank line after each sentence."""
    for block in numbered_blocks(lines):
        words, tags, numbers = [], [], []
        for number, line in block:
            if _comment(line) or line.startswith("-DOCSTART-"):
                continue
            cells = [cell.strip() for cell in (line.split("\t") if "\t" in line else line.split()) if cell.strip()]
            if len(cells) < 2:
                raise DataError(
                    f"Expected a word and a tag in columns, found {len(cells)} column.",
                    file=path,
                    line=number,
                    source=line[:200],
                    repair="Give the word first and its tag last, parted by a tab.",
                )
            words.append(cells[0])
            tags.append(cells[(_number(column, len(cells), path, number) if column else len(cells)) - 1])
            numbers.append(number)
        if words:
            yield Labelled(words, tags, "", path, numbers[0], tag_lines=numbers)


def _slashed(line: str, path: Path, number: int) -> Labelled:
    words, tags = [], []
    for token in line.split():
        word, slash, tag = token.rpartition("/")
        if not slash or not word or not tag:
            raise DataError(
                f"Expected word/tag, found {token[:40]!r}.",
                file=path,
                line=number,
                source=line[:200],
                repair="Part words by spaces and write each with its tag: 天空/n.",
            )
        words.append(word)
        tags.append(tag)
    return Labelled(words, tags, "", path, number)


def _spaced(line: str, path: Path, number: int) -> Labelled:
    return Labelled(line.split(), [], "", path, number)


def _number(column: str, width: int, path: Path, line: int | None) -> int:
    if not column.isdecimal() or not 2 <= int(column) <= width:
        raise DataError(
            f"Expected a column of 2 to {width} with the tags, found {column!r}.",
            file=path,
            line=line,
            repair="--set data.column=NUMBER, or upos or xpos for CoNLL-U.",
        )
    return int(column)
