"""JSON files as objects, each with the line it begins on: an object a line, or one array of objects."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cellwright.errors import DataError
from cellwright.tasks.data.text import check_text

__all__ = ["json_objects"]

SPACE = " \t\r\n"  # what JSON calls white space


def json_objects(content: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, object) of each; blank lines are skipped.

    Raises DataError: no JSON, something other than an object, half a surrogate pair; an object around the others, with
    the command that takes them out.
    """
    rows = _array(content, path) if content.lstrip().startswith("[") else _lines(content, path)
    for line, row, source in rows:
        if not isinstance(row, dict):
            raise DataError(f"Expected a JSON object, found {type(row).__name__}.", file=path, line=line, source=source)
        try:
            check_text(json.dumps(row, ensure_ascii=False))
        except (DataError, RecursionError) as error:
            raise _no_json(error, path, line, source) from None
        yield line, row


def _lines(content: str, path: Path) -> Iterator[tuple[int, Any, str]]:
    # Not splitlines(): U+2028 within a text does not end a line.
    filled = ((k, line.strip()) for k, line in enumerate(content.split("\n"), start=1) if line.strip())
    for first, (number, line) in enumerate(filled):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise (None if first else _around(content, path)) or _no_json(error, path, number, line[:200]) from None
        if not first and _list_in(row) and (around := _around(content, path)):
            raise around
        yield number, row, line[:200]


def _array(content: str, path: Path) -> Iterator[tuple[int, Any, str]]:
    decoder, at, line = json.JSONDecoder(), content.index("[") + 1, 1
    counted = 0
    while True:
        at = _past_space(content, at)
        if content[at : at + 1] == "]" and not content[at + 1 :].strip():
            return
        line, counted = line + content.count("\n", counted, at), at
        source = content[at : at + 200].split("\n")[0]
        try:
            row, at = decoder.raw_decode(content, at)
            yield line, row, source
            at = _past_space(content, at)
            if content[at : at + 1] == ",":
                at += 1
            elif content[at : at + 1] != "]":
                raise ValueError("no comma between two objects")
        except (ValueError, RecursionError) as error:
            raise _no_json(error, path, line, source) from None


def _past_space(content: str, at: int) -> int:
    while at < len(content) and content[at] in SPACE:
        at += 1
    return at


def _around(content: str, path: Path) -> DataError | None:
    """The error of one object over the whole file that holds a list of others; None where it is none."""
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        return None
    place = _list_in(whole)
    if place is None:
        return None
    new = shlex.quote(f"{path.stem}.jsonl")
    return DataError(
        f"Expected a JSON object an example, found one object with the examples under {place.strip('.')!r}.",
        file=path,
        line=1,
        repair=f"Take them out: jq -c '{place}[]' {shlex.quote(str(path))} > {new}",
    )


def _list_in(value: Any, depth: int = 2) -> str | None:
    """Where the first list of objects lies: ".data"."""
    if not isinstance(value, dict) or "text" in value or "tokens" in value:
        return None
    for key, inner in value.items():
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            return f".{key}"
        if depth > 1 and (deeper := _list_in(inner, depth - 1)):
            return f".{key}{deeper}"
    return None


def _no_json(error: Exception, path: Path, line: int, source: str) -> DataError:
    return DataError(
        f"Expected a JSON object, found: {error}.",
        file=path,
        line=line,
        source=source,
        repair="One object a line, or one array of objects.",
    )
