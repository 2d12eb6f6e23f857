"""A training file that stays on the disk: `data.stream=true`."""

from __future__ import annotations

from pathlib import Path

from cellwright.errors import ConfigError, DataError
from cellwright.tasks.classify.config import ClassifyData
from cellwright.tasks.classify.examples import Example
from cellwright.tasks.classify.formats import Columns, form_of, has_header, rows_of
from cellwright.tasks.data.given_text import given_text
from cellwright.tasks.data.streamed_data import check_stream_folder
from cellwright.tasks.data.streaming import LineIndex, StreamedExamples
from cellwright.tasks.data.text import decode

__all__ = ["check_stream", "stream_examples"]


def check_stream(data: ClassifyData) -> None:
    """Raises ConfigError: `data.stream` with settings or data that it does not go with."""
    if not data.stream:
        return
    check_stream_folder(data)
    if "\n".encode(data.encoding) != b"\n":
        raise ConfigError(
            f"Expected an encoding whose lines end with the byte 10 for data.stream, found {data.encoding}.",
            repair="Save the file as UTF-8.",
        )
    if data.validation:
        raise ConfigError(
            "Expected a validation split of its own with data.stream, found data.validation.",
            repair="Move some lines of train into a file called valid.",
        )


def stream_examples(place: Path, data: ClassifyData) -> StreamedExamples[Example]:
    """The examples of a file with one a line. Raises DataError: compressed, or a form whose texts may go over lines."""
    lines = LineIndex(place)
    first = decode(lines.line(0), place, data.encoding)
    columns = Columns(data.text_column, data.label_column)
    form = form_of(place, first)
    if form == "csv" or place.suffix == ".gz":
        raise DataError(
            f"Expected JSON lines, .tsv or lines of `class text` for data.stream, found {place.name}.",
            file=place,
            repair="Unpack it, or write it as JSON lines: a line then is an example.",
        )
    header = first if form == "tsv" and has_header(first, columns) else ""
    if header or data.size:
        lines.close()
        lines = LineIndex(place, skip=1 if header else 0, limit=data.size)

    def parse(line: str, where: str) -> Example:
        row = rows_of(f"{header}\n{line}", form, place, columns)[-1]
        words = given_text(row.text, data.unit).words
        return Example(words[::-1] if data.reverse else words, row.label, row.text, where)

    return StreamedExamples(lines, parse, data.encoding)
