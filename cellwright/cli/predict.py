"""`cellwright predict`: arguments, a file, or standard input line by line."""

from __future__ import annotations

import json as json_text
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from cellwright.cli.choices import check_able
from cellwright.cli.language import not_known
from cellwright.errors import CellwrightError, ConfigError, DataError
from cellwright.tasks.registry import kind_of_model
from cellwright.tasks.summaries import READS_WORDS, TELLS_WHY, UNKNOWN_AS_ONE

__all__ = ["run_prediction"]


def run_prediction(model: Path, texts: list[str], file: Path | None, words: bool, why: bool, json: bool) -> None:
    """Print one line a text. A text that cannot be read gives an error in its place; the exit code is then 1."""
    if texts and file is not None:
        raise ConfigError("Expected texts or --file, found both.", repair="Leave one of them out.")
    kind, place = kind_of_model(model)
    check_able(kind.name, place, "--words", words, READS_WORDS)
    check_able(kind.name, place, "--why", why, TELLS_WHY)
    loaded: Any = kind.load(place)
    ask = loaded.why if why else loaded.predict
    if file is not None and kind.name in READS_WORDS:
        check_lines(file)
    lines: Iterable[str | CellwrightError] = texts or (
        lines_of(file) if file is not None else decoded(sys.stdin.buffer)
    )
    each = "text" if texts else "line"
    failed = 0
    for number, line in enumerate(lines, start=1):
        try:
            if isinstance(line, CellwrightError):
                raise line
            given = text_of(line) if kind.name in READS_WORDS else line
            answer = ask(given.split() if words else given)
        except CellwrightError as error:
            failed += 1
            if json:
                said = {"argument" if texts else "line": number, "error": error.message, "repair": error.repair}
                said |= {"file": error.file, "file_line": error.line} if error.file else {}
                print(json_text.dumps(said, ensure_ascii=False), flush=True)
            else:
                print(f"error in {each} {number}: {error.in_a_line()}", flush=True)
            continue
        if kind.name in UNKNOWN_AS_ONE and answer.unknown:
            print(f"{each} {number}: {not_known(answer.unknown)}", file=sys.stderr, flush=True)
        for note in getattr(answer, "notes", ()):
            print(f"{each} {number}: {note}", file=sys.stderr, flush=True)
        print(answer.to_json() if json else f"{answer}", flush=True)
    if failed:
        raise DataError(f"{failed:,} of the {each}s could not be read; each has its message in its place.")


def text_of(line: str) -> str:
    """The line itself, or the text of an object as JSON lines have it: {"text": "…"}."""
    if not line.lstrip().startswith('{"'):
        return line
    try:
        row = json_text.loads(line)
    except (ValueError, RecursionError):
        return line
    text = row.get("text") if isinstance(row, dict) else None
    return text if isinstance(text, str) else line


def check_lines(file: Path) -> None:
    """Raises DataError: a table, whose lines hold more than a text."""
    if file.suffix.lower() in (".csv", ".tsv"):
        raise DataError(
            f"Expected a text a line, found a table ({file.suffix}): its labels and quotes would be read as text.",
            file=file,
            repair='Write the column of texts alone into a .txt file, or as JSON lines: {"text": "…"}.',
        )


def lines_of(file: Path) -> Iterator[str | CellwrightError]:
    """The file's lines; it may be larger than memory."""
    try:
        with open(file, "rb") as stream:
            yield from decoded(stream)
    except OSError as error:
        raise DataError(
            f"Expected a file with a text a line, found: {error.strerror}.", file=file, repair="Check --file."
        ) from None


def decoded(stream: BinaryIO) -> Iterator[str | CellwrightError]:
    """Lines as they arrive, decoded one by one so that a bad byte spoils only its line."""
    for number, line in enumerate(iter(stream.readline, b""), start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            yield DataError(
                f"Expected UTF-8, found byte 0x{line[error.start]:02x} at offset {error.start:,} of the line.",
                repair="Send UTF-8.",
            )
