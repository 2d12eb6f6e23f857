"""What a reader hands over before the tags are checked, and the checks every format shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cellwright.errors import DataError
from cellwright.tasks.data.schemes import Scheme, find_scheme, to_bio
from cellwright.tasks.data.text import MAX_TOKENS, Unit
from cellwright.tasks.data.utterance import Utterance

__all__ = ["Labelled", "checked"]


@dataclass(slots=True)
class Labelled:
    """One utterance as a file has it: tags in any scheme, the line of the utterance, or of each tag."""

    words: list[str]
    tags: list[str]
    intent: str
    file: Path
    line: int
    tag_lines: list[int] | None = None
    text: str | None = None
    offsets: list[tuple[int, int]] | None = None
    tag_file: Path | None = None  # where it is not `file`


def checked(records: Sequence[Labelled], scheme: Scheme | str, unit: Unit) -> list[Utterance]:
    """Utterances with BIO tags. `scheme="auto"` takes the one scheme that the tags of all records fit.

    Raises:
        DataError: an empty utterance; more than 10,000 tokens; a tag or a sequence of tags the scheme forbids.
    """
    found = find_scheme([record.tags for record in records]) if scheme == "auto" else scheme
    return [_checked(record, found, unit) for record in records]  # type: ignore[arg-type]


def _checked(record: Labelled, scheme: Scheme, unit: Unit) -> Utterance:
    if not record.words:
        raise DataError(
            "Expected at least one word, found an empty utterance.",
            file=record.file,
            line=record.line,
            repair="Remove it (in seq.in, seq.out and label alike).",
        )
    tokens = len(record.words) if unit == "word" else sum(map(len, record.words))
    if tokens > MAX_TOKENS:
        raise DataError(
            f"Expected at most {MAX_TOKENS:,} {unit}s in an utterance, found {tokens:,}.",
            file=record.file,
            line=record.line,
            repair="Break it into sentences, one utterance each.",
        )
    lines = record.tag_lines or [record.line] * len(record.tags)
    name = str(record.tag_file or record.file)
    tags = to_bio(record.tags, scheme, [(name, line) for line in lines])
    words, offsets = record.words, record.offsets
    if unit == "char":
        words, tags, offsets = _by_character(words, tags, offsets)
    return Utterance(
        words=tuple(words),
        slots=tuple(tags),
        intent=record.intent,
        text=record.text,
        spans=None if offsets is None else tuple(offsets),
        place=f"{record.file}:{record.line}",
    )


def _by_character(
    words: Sequence[str], tags: Sequence[str], offsets: Sequence[tuple[int, int]] | None
) -> tuple[list[str], list[str], list[tuple[int, int]] | None]:
    """Every word cut into characters; B- stays on the first."""
    characters = [c for word in words for c in word]
    cut_tags = [
        tag if k == 0 or tag == "O" else f"I-{tag[2:]}"
        for word, tag in zip(words, tags, strict=True)
        for k in range(len(word))
    ]
    if offsets is None:
        return characters, cut_tags, None
    return characters, cut_tags, [(start + k, start + k + 1) for start, end in offsets for k in range(end - start)]
