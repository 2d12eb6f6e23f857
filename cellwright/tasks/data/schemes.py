"""Tag schemes: BIO (IOB2), BIOES and IOB1, checked and turned into one another; spans of BIO tags.

| | begins | goes on | single | last |
|---|---|---|---|---|
| bio | B- | I- | B- | I- |
| bioes | B- | I- or M- | S- | E- |
| iob1 | I-, or B- right after a span of the same label | I- | as begins | I- |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cellwright.errors import DataError

__all__ = ["Scheme", "Span", "convert", "find_scheme", "from_spans", "spans", "split_tag", "to_bio"]

Scheme = Literal["bio", "bioes", "iob1"]
Span = tuple[int, int, str]  # first word, word after the last, label


def split_tag(tag: str) -> tuple[str, str]:
    """("B", "city") of "B-city"; ("O", "") of "O"; M- of BMES is I-. Raises ValueError for anything else."""
    if tag == "O":
        return "O", ""
    prefix, dash, label = tag.partition("-")
    if prefix not in ("B", "I", "M", "E", "S") or not dash or not label:
        raise ValueError(tag)
    return "I" if prefix == "M" else prefix, label


def spans(tags: Sequence[str]) -> list[Span]:
    """Spans of BIO tags as conlleval reads them: an I- that goes on nothing begins a span of its own."""
    found: list[Span] = []
    start, current = 0, ""
    for k, tag in enumerate(tags):
        prefix, label = split_tag(tag)
        if current and (prefix != "I" or label != current):
            found.append((start, k, current))
            current = ""
        if label and not current:
            start, current = k, label
    return [*found, (start, len(tags), current)] if current else found


def from_spans(found: Sequence[Span], length: int) -> list[str]:
    """BIO tags of spans that do not overlap."""
    tags = ["O"] * length
    for start, end, label in found:
        tags[start:end] = [f"B-{label}"] + [f"I-{label}"] * (end - start - 1)
    return tags


def find_scheme(sentences: Sequence[Sequence[str]]) -> Scheme:
    """The scheme a whole file must be in: bioes if E- or S- occurs; iob1 if no span begins with B- unless it must."""
    prefixes: set[str] = set()
    loose = False  # an I- that goes on nothing: an error in bio, the rule in iob1
    for tags in sentences:
        previous = ("O", "")
        for tag in tags:
            try:
                prefix, label = split_tag(tag)
            except ValueError:
                continue
            prefixes.add(prefix)
            loose |= prefix == "I" and previous[1] != label
            if prefix == "B" and previous[1] != label:
                prefixes.add("B first")
            previous = prefix, label
    if prefixes & {"E", "S"}:
        return "bioes"
    return "iob1" if loose and "B first" not in prefixes else "bio"


def to_bio(tags: Sequence[str], scheme: Scheme, place: Sequence[tuple[str, int | None]] | None = None) -> list[str]:
    """Checked BIO tags.

    Args:
        tags: in `scheme`.
        place: file and line of each tag, for messages.

    Raises:
        DataError: a tag that is none, or a sequence that the scheme forbids (I- without B-, E- without B- …).
    """
    result: list[str] = []
    previous, previous_label = "O", ""
    for k, tag in enumerate(tags):
        try:
            prefix, label = split_tag(tag)
        except ValueError:
            raise _error(f"Expected a tag O, B-label or I-label, found {tag!r}.", place, k, _SPELLING) from None
        if prefix in "ES" and scheme != "bioes" and prefix != "O":
            raise _error(
                f"Expected a tag of the scheme {scheme}, found {tag!r}.",
                place,
                k,
                "Name the scheme: --set data.scheme=bioes when training, --scheme bioes when evaluating.",
            )
        open_label = previous_label if previous in ("B", "I") else ""
        goes_on = open_label == label and prefix in ("I", "E")
        if scheme == "bioes" and open_label and not goes_on:
            raise _error(
                f"Expected I-{open_label} or E-{open_label} after {previous}-{open_label}, found {tag}.",
                place,
                k,
                f"A span of several words ends with E-, one of a single word is S-{open_label}.",
            )
        if prefix in ("I", "E") and not goes_on and scheme != "iob1":
            after = "O" if previous == "O" else f"{previous}-{previous_label}"
            before = "at the start of a sentence" if k == 0 else f"after {after}"
            raise _error(
                f"Expected B-{label} to begin a span, found {tag} {before}.",
                place,
                k,
                f"Write B-{label} here, or, if the whole file begins spans with I-, name the scheme: "
                "--set data.scheme=iob1 when training, --scheme iob1 when evaluating.",
            )
        if prefix == "O":
            result.append("O")
        elif prefix in ("I", "E") and goes_on:
            result.append(f"I-{label}")
        else:
            result.append(f"B-{label}")
        previous, previous_label = prefix, label
    if scheme == "bioes" and previous in ("B", "I"):
        raise _error(
            f"Expected E-{previous_label} or S-{previous_label} at the end of a sentence, found {tags[-1]}.",
            place,
            len(tags) - 1,
            f"A span of several words ends with E-, one of a single word is S-{previous_label}.",
        )
    return result


def convert(tags: Sequence[str], scheme: Scheme) -> list[str]:
    """BIO tags in another scheme."""
    if scheme == "bio":
        return list(tags)
    result = ["O"] * len(tags)
    previous: Span = (-1, -1, "")
    for span in spans(tags):
        start, end, label = span
        if scheme == "bioes":
            inner = ["I"] * (end - start - 2)
            prefixes = ["S"] if end - start == 1 else ["B", *inner, "E"]
        else:
            touches = previous[1] == start and previous[2] == label
            prefixes = ["B" if touches else "I", *(["I"] * (end - start - 1))]
        result[start:end] = [f"{prefix}-{label}" for prefix in prefixes]
        previous = span
    return result


_SPELLING = "Tags are spelt O, B-label, I-label (BIO), also E-label, S-label (BIOES), M-label (BMES)."


def _error(message: str, place: Sequence[tuple[str, int | None]] | None, k: int, repair: str) -> DataError:
    file, line = place[k] if place else (None, None)
    where = "" if line is not None or place is None else f" (word {k + 1})"
    return DataError(message + where, file=file, line=line, repair=repair)
