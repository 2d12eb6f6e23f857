"""Labelled sentences as JSON lines that stay on the disk: `data.stream=true`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from cellwright.errors import DataError
from cellwright.tasks.data.json_objects import json_objects
from cellwright.tasks.data.jsonl import labelled_object
from cellwright.tasks.data.labelled import Labelled, checked
from cellwright.tasks.data.schemes import Scheme, find_scheme
from cellwright.tasks.data.streaming import LineIndex, StreamedExamples
from cellwright.tasks.data.text import Unit, decode
from cellwright.tasks.data.utterance import Utterance

__all__ = ["placed", "stream_labelled", "stream_sentences"]

LOOKED_AT = 10_000  # sentences, evenly spread, that tell the scheme of the tags


def stream_labelled(place: Path, *, unit: Unit = "word", size: int = 0) -> StreamedExamples[Labelled]:
    """The objects of a file with one a line, as `read_jsonl` gives them; their `line` is not known.

    Args:
        size: objects at most; 0 = all.

    Raises DataError: a folder, compressed, or no JSON lines.
    """
    if place.is_dir() or place.suffix == ".gz":
        raise _no_lines(place)
    lines = LineIndex(place, limit=size)
    if not decode(lines.line(0), place).lstrip().startswith("{"):
        raise _no_lines(place)

    def labelled(line: str, where: str) -> Labelled:
        ((number, row),) = json_objects(line, place)
        return labelled_object(row, place, number, unit)

    return StreamedExamples(lines, labelled)


def stream_sentences(
    records: StreamedExamples[Labelled], scheme: Scheme | Literal["auto"], unit: Unit
) -> StreamedExamples[Utterance]:
    """The sentences of these objects, as `checked` gives them.

    Args:
        scheme: of the tags; "auto" finds it from some of the sentences, and an error names one that it does not fit.
    """
    found = find_scheme([record.tags for record in records.spread(LOOKED_AT)]) if scheme == "auto" else scheme
    return records.then(lambda record: placed(checked([record], found, unit)[0]))


def placed(sentence: Utterance) -> Utterance:
    """With the file as its place: which line it was would have to be counted."""
    place = sentence.place or ""
    return dataclasses.replace(sentence, place=place.rpartition(":")[0])


def _no_lines(place: Path) -> DataError:
    return DataError(
        f"Expected JSON lines for data.stream, found {place.name}.",
        file=place,
        repair='Write it as JSON lines: {"tokens": ["to", "Rome"], "slots": ["O", "B-city"], "intent": "fly"}; '
        "or, where it fits into memory, --set data.stream=false",
    )
