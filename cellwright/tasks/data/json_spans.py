"""Labelled spans of a JSON object under the names that annotation tools give them.

| tool | |
|---|---|
| cellwright, Prodigy | "spans": [{"start": 6, "end": 12, "label": "city"}] |
| Rasa | "entities": [{"start": 6, "end": 12, "entity": "city", "role": "departure"}] |
| Doccano | "label": [[6, 12, "city"]], or "entities": [{"start_offset": 6, "end_offset": 12, "label": "city"}] |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cellwright.errors import DataError

__all__ = ["HOLDERS", "spans_in"]

HOLDERS = ("spans", "entities", "label", "labels", "annotations")
STARTS, ENDS = ("start", "start_offset"), ("end", "end_offset")
NAMES = ("label", "entity", "type")
EXAMPLE = '{"start": 6, "end": 12, "label": "city"}'


def spans_in(row: Mapping[str, Any], text: str, path: Path, line: int) -> list[tuple[int, int, str]]:
    """(start, end, label) of each; none where the object has no such key.

    Raises DataError: a span that is none; an end that counts the last character, by the span's own text; labels that
    stand in no span.
    """
    holder = next((key for key in HOLDERS if isinstance(row.get(key), list)), "spans")
    value = row.get(holder, [])
    if not isinstance(value, list):
        raise wrong(holder, "a list", value, path, line)
    if holder not in row:
        _check_unread(row, path, line)
    return [_span(span, holder, text, path, line) for span in value]


def wrong(key: str, expected: str, found: Any, path: Path, line: int) -> DataError:
    """The error of a value that is not what stands under its key."""
    return DataError(
        f"Expected {expected} under {key!r}, found {json.dumps(found, ensure_ascii=False)[:80]}.", file=path, line=line
    )


def _span(span: Any, holder: str, text: str, path: Path, line: int) -> tuple[int, int, str]:
    fields = [_first(span, keys) for keys in (STARTS, ENDS, NAMES)] if isinstance(span, dict) else span
    if not isinstance(fields, list) or [type(f) for f in fields] != [int, int, str]:
        raise wrong(holder, EXAMPLE, span, path, line)
    start, end, label = fields
    if isinstance(span, dict):
        if isinstance(role := span.get("role"), str) and role:
            label = f"{label}.{role}"
        said = next((span[key] for key in ("value", "text") if isinstance(span.get(key), str)), text[start:end])
        if said != text[start:end] and said == text[start : end + 1]:
            raise DataError(
                f"Expected {said!r} from {start} to {end}, found {text[start:end]!r}.",
                file=path,
                line=line,
                source=text[:200],
                repair=f"end is the character after the last: {end + 1} here. Add 1 to every end.",
            )
    return start, end, label


def _first(span: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((span[key] for key in keys if key in span), None)


def _check_unread(row: Mapping[str, Any], path: Path, line: int) -> None:
    """Raises DataError: slots without tokens, or a class where an intent may stand. They would be lost silently."""
    if row.get("slots"):
        raise DataError(
            'Expected "tokens" beside "slots", or "spans" with places, found slots alone.',
            file=path,
            line=line,
            source=json.dumps(row["slots"], ensure_ascii=False)[:200],
            repair=f'Say where in the text each stands: "spans": [{EXAMPLE}].',
        )
    if isinstance(row.get("label"), str) and "intent" not in row:
        raise DataError(
            f'Expected spans or an intent, found "label": {json.dumps(row["label"], ensure_ascii=False)[:40]}.',
            file=path,
            line=line,
            repair='Rename "label" to "intent"; without slots: cellwright train classify --data FILE',
        )
