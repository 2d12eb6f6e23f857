"""Words of a text without spaces as a tag a character: B begins, M goes on, E ends, S is a word alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cellwright.tasks.data.schemes import Span

__all__ = ["TAGS", "as_read", "from_words", "sentences", "to_spans"]

TAGS = ("S", "B", "E", "M")
WORD = "word"  # the label of all spans
_END = re.compile(r"[。！？；!?;]")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


def from_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """(characters, tags) of a text whose words are known."""
    characters = [c for word in words for c in word]
    tags = [tag for word in words for tag in ("S" if len(word) == 1 else f"B{'M' * (len(word) - 2)}E")]
    return characters, tags


def to_spans(tags: Sequence[str]) -> list[Span]:
    """The words; whatever the tags, every character is in one: a word ends where the next begins."""
    begins = [k for k, tag in enumerate(tags) if k == 0 or tag in "BS" or tags[k - 1] in "ES"]
    return [(a, b, WORD) for a, b in zip(begins, [*begins[1:], len(tags)], strict=True)]


def as_read(character: str) -> str:
    """The character as the network reads it: full-width letters, digits and signs as half-width ones, every digit as 0,
    every Latin letter as a: where words end does not depend on which it is."""
    plain = character.translate(_FULL_WIDTH)
    if plain.isascii() and plain.isalnum():
        return "0" if plain.isdigit() else "a"
    return plain


def sentences(words: Sequence[str]) -> list[Sequence[str]]:
    """The words cut after marks that end a sentence: no word crosses one."""
    pieces, begin = [], 0
    for k, word in enumerate(words):
        if _END.fullmatch(word.translate(_FULL_WIDTH)):
            pieces.append(words[begin : k + 1])
            begin = k + 1
    return [*pieces, words[begin:]] if begin < len(words) else pieces
