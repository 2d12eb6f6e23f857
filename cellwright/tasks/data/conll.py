"""CoNLL columns: one `word … tag` line a word, a blank line after each utterance, `# intent: NAME` before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from cellwright.errors import DataError
from cellwright.tasks.data.labelled import Labelled
from cellwright.tasks.data.schemes import Scheme, convert, split_tag
from cellwright.tasks.data.text import numbered_blocks, read_lines
from cellwright.tasks.data.utterance import Utterance

__all__ = ["conll_text", "read_conll"]

_INTENT = re.compile(r"#\s*intent\s*[:=]\s*(\S.*?)\s*$")


def read_conll(path: Path) -> list[Labelled]:
    """The first column is the word, the last the tag; columns are parted by a tab, or by spaces where none has a tab.

    Raises DataError: a line with one column; a second intent in one utterance.
    """
    records = []
    intent, intent_line = "", 0
    for block in numbered_blocks(read_lines(path)):
        words, tags, lines = [], [], []
        for number, line in block:
            if found := _INTENT.match(line):
                if intent:
                    raise DataError(
                        f"Expected one intent an utterance, found a second: {found[1]!r}.",
                        file=path,
                        line=number,
                        repair=f"Remove it, or end the utterance of line {intent_line} with a blank line.",
                    )
                intent, intent_line = found[1], number
                continue
            if _is_comment(line) or line.startswith("-DOCSTART-"):
                continue
            columns = line.split("\t") if "\t" in line else line.split()
            columns = [column.strip() for column in columns if column.strip()]
            if len(columns) < 2:
                raise DataError(
                    f"Expected a word and a tag in columns, found {len(columns)} column.",
                    file=path,
                    line=number,
                    source=line[:200],
                    repair="Give the word first and its tag last, parted by a tab.",
                )
            words.append(columns[0])
            tags.append(columns[-1])
            lines.append(number)
        if words:
            records.append(Labelled(words, tags, intent, path, lines[0], tag_lines=lines))
            intent = ""
    if intent:
        raise DataError(
            f"Expected words after the intent {intent!r}, found the end of the file.",
            file=path,
            line=intent_line,
            repair="Remove the line, or add the words.",
        )
    return records


def conll_text(utterances: Sequence[Utterance], scheme: Scheme) -> str:
    """The utterances as a CoNLL file of two columns."""
    blocks = []
    for utterance in utterances:
        rows = [f"{word}\t{tag}" for word, tag in zip(utterance.words, convert(utterance.slots, scheme), strict=True)]
        head = [f"# intent: {utterance.intent}"] if utterance.intent else []
        blocks.append("\n".join([*head, *rows]) + "\n")
    return "\n".join(blocks)


def _is_comment(line: str) -> bool:
    """`# text = …` is a comment; the word # with its tag is none."""
    if not line.startswith("#"):
        return False
    try:
        split_tag(line.split()[-1])
    except ValueError:
        return True
    return len(line.split()) < 2
