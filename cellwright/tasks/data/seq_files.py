"""The form ATIS and SNIPS come in: seq.in, seq.out and label, one utterance a line, the same line in each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cellwright.errors import DataError
from cellwright.tasks.data.labelled import Labelled
from cellwright.tasks.data.schemes import Scheme, convert
from cellwright.tasks.data.text import read_lines
from cellwright.tasks.data.utterance import Utterance

__all__ = ["read_seq", "seq_files"]


def read_seq(folder: Path) -> list[Labelled]:
    """One split. `label` may be missing: then no utterance has an intent.

    Raises DataError: files of unequal length (the first line where words and tags differ in number, else the first that
    lacks its partner); words and tags that differ in number; a line of `label` that is blank.
    """
    words_file, tags_file, intent_file = folder / "seq.in", folder / "seq.out", folder / "label"
    words, tags = _lines(words_file), _lines(tags_file)
    _same_length(words, tags, words_file, tags_file)
    intents = _lines(intent_file) if intent_file.exists() else [""] * len(words)
    _same_length(words, intents, words_file, intent_file)
    records = []
    for number, (line, tag_line, intent) in enumerate(zip(words, tags, intents, strict=True), start=1):
        record = Labelled(line.split(), tag_line.split(), intent.strip(), words_file, number, tag_file=tags_file)
        if len(record.words) != len(record.tags) and record.words:
            raise DataError(
                f"Expected {len(record.words)} tags for {len(record.words)} words, found {len(record.tags)}.",
                file=tags_file,
                line=number,
                source=tag_line[:200],
                repair=f'Give one tag a word of: "{line.strip()[:200]}".',
            )
        if not record.intent and intent_file.exists():
            raise DataError(
                "Expected an intent, found a blank line.", file=intent_file, line=number, repair="Name the intent."
            )
        records.append(record)
    return records


def seq_files(utterances: Sequence[Utterance], scheme: Scheme) -> dict[str, str]:
    """The content of the three files."""
    rows = {
        "seq.in": [" ".join(u.words) for u in utterances],
        "seq.out": [" ".join(convert(u.slots, scheme)) for u in utterances],
        "label": [u.intent for u in utterances],
    }
    if not any(rows["label"]):
        del rows["label"]
    return {name: "".join(f"{line}\n" for line in lines) for name, lines in rows.items()}


def _lines(path: Path) -> list[str]:
    lines = read_lines(path)
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _same_length(words: list[str], other: list[str], words_file: Path, other_file: Path) -> None:
    if len(words) == len(other):
        return
    line = min(len(words), len(other)) + 1
    lacking, source = (other_file, words) if len(other) < len(words) else (words_file, other)
    having = words_file if lacking is other_file else other_file
    repair = f'Line {line} of {having.name} is "{source[line - 1].strip()[:120]}": add its partner, or remove it.'
    if other_file.name == "seq.out" and (unlike := _first_unlike(words, other)):
        line = unlike
        repair = (
            f"Line {line} has {len(words[line - 1].split())} words and {len(other[line - 1].split())} tags: "
            f"{lacking.name} lacks a line here or a little above."
        )
    raise DataError(
        f"{words_file.name} has {len(words):,} lines, {other_file.name} has {len(other):,}: "
        "each utterance needs a line in both.",
        file=lacking,
        line=line,
        repair=repair,
    )


def _first_unlike(words: list[str], tags: list[str]) -> int | None:
    """The first line with other numbers of words than tags: a line that is lost puts all lines after it out of step."""
    pairs = enumerate(zip(words, tags, strict=False), start=1)
    return next((number for number, (line, row) in pairs if len(line.split()) != len(row.split())), None)
