"""JSON lines: {"tokens", "slots", "intent"}, or {"text", "spans", "intent"} with character offsets."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellwright.errors import DataError
from cellwright.nearest import nearest
from cellwright.tasks.data.json_objects import json_objects
from cellwright.tasks.data.json_spans import HOLDERS, spans_in, wrong
from cellwright.tasks.data.labelled import Labelled
from cellwright.tasks.data.schemes import Scheme, convert, from_spans
from cellwright.tasks.data.text import Unit, decode, read_bytes, tokenize
from cellwright.tasks.data.utterance import Utterance

__all__ = ["jsonl_text", "labelled_object", "labelled_text", "read_jsonl"]

_KEYS = ("tokens", "slots", "intent", "text", "spans")


def read_jsonl(path: Path, unit: Unit = "word") -> list[Labelled]:
    """Every object of the file; keys beyond those above and the other names of spans are ignored.

    A text with spans counts, where tokens have no slots beside them: a line that `predict --json` prints.

    Raises DataError: no JSON; no object; a missing or ill-typed key; tokens and slots of unequal number; a span that
    lies outside the text, is empty, or overlaps another.
    """
    return [labelled_object(row, path, line, unit) for line, row in json_objects(decode(read_bytes(path), path), path)]


def jsonl_text(utterances: Sequence[Utterance], scheme: Scheme) -> str:
    """The utterances with tokens and slots, one object a line; `text` too where it is known."""
    lines = []
    for u in utterances:
        row: dict[str, Any] = {"tokens": u.words, "slots": convert(u.slots, scheme)}
        row |= {"intent": u.intent} if u.intent else {}
        row |= {"text": u.text} if u.text is not None else {}
        lines.append(json.dumps(row, ensure_ascii=False))
    return "".join(f"{line}\n" for line in lines)


def labelled_text(
    text: str, spans: Sequence[tuple[int, int, str]], intent: str, path: Path, line: int, unit: Unit
) -> Labelled:
    """Tokens and BIO tags of a text with labelled character spans; a token is cut where a span begins or ends."""
    ordered = sorted(spans)
    for k, (start, end, label) in enumerate(ordered):
        piece = text[start:end]
        if not 0 <= start < end <= len(text) or not piece.strip() or not label:
            raise DataError(
                f"Expected a span of text with a label, found characters {start} to {end} ({label or 'no label'}) "
                f"of {len(text)}.",
                file=path,
                line=line,
                source=text[:200],
                repair="start counts from 0 and end is the character after the last.",
            )
        before = ordered[k - 1]
        if k and start < before[1]:
            raise DataError(
                f"Expected spans apart, found {text[before[0] : before[1]]!r} and {piece!r} overlapping.",
                file=path,
                line=line,
                source=text[:200],
                repair="Keep one of them: a word has one slot.",
            )
    cuts = [0, *(edge for start, end, _ in ordered for edge in (start, end)), len(text)]
    tokens = [
        (token, a + start, b + start)
        for start, stop in itertools.pairwise(cuts)
        for token, a, b in tokenize(text[start:stop], unit)
    ]
    offsets = [(a, b) for _, a, b in tokens]
    word_spans = []
    for start, end, label in ordered:
        inside = [k for k, (a, b) in enumerate(offsets) if start <= a and b <= end]
        word_spans.append((inside[0], inside[-1] + 1, label))
    tags = from_spans(word_spans, len(tokens))
    return Labelled([token for token, _, _ in tokens], tags, intent, path, line, text=text, offsets=offsets)


def labelled_object(row: dict[str, Any], path: Path, number: int, unit: Unit) -> Labelled:
    """The utterance of one object, which stands in line `number`. Raises DataError, as `read_jsonl` does."""
    intent = row.get("intent", "")
    if not isinstance(intent, str):
        raise wrong("intent", "text", intent, path, number)
    if "tokens" in row and ("slots" in row or not any(key in row for key in HOLDERS)):
        words, tags = (_texts(row, key, path, number) for key in ("tokens", "slots"))
        if len(words) != len(tags):
            raise DataError(
                f"Expected {len(words)} slots for {len(words)} tokens, found {len(tags)}.",
                file=path,
                line=number,
                source=" ".join(words)[:200],
                repair="Give one slot a token.",
            )
        return Labelled(words, tags, intent.strip(), path, number)
    text = row.get("text")
    if not isinstance(text, str):
        raise _missing(row, path, number)
    return labelled_text(text, spans_in(row, text, path, number), intent.strip(), path, number, unit)


def _texts(row: dict[str, Any], key: str, path: Path, number: int) -> list[str]:
    value = row.get(key)
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise wrong(key, "a list of texts, none of them blank", value, path, number)
    return value


def _missing(row: dict[str, Any], path: Path, number: int) -> DataError:
    near = [(key, match) for key in row if key not in _KEYS and (match := nearest(key, _KEYS))]
    repair = f"Rename {near[0][0]!r} to {near[0][1]!r}." if near else 'For example {"text": "…", "spans": []}.'
    return DataError(
        f'Expected "tokens" or "text", found {", ".join(map(repr, row)) or "no key"}.',
        file=path,
        line=number,
        repair=repair,
    )
