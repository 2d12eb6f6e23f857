"""A pair of texts, and texts as tokens and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellwright.errors import DataError
from cellwright.tasks.data.given_text import given_text
from cellwright.tasks.data.text import MAX_TOKENS, Unit, check_text, join_words

__all__ = ["Pair", "cut", "joined"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and its translation.

    Attributes:
        source, target: as given.
        source_tokens, target_tokens: what the network reads and writes.
        kind: what sort of example a generator made; figures are also given by kind.
    """

    source: str
    target: str
    source_tokens: tuple[str, ...]
    target_tokens: tuple[str, ...]
    kind: str = ""

    @classmethod
    def of(cls, source: str, target: str, source_unit: Unit, target_unit: Unit, kind: str = "") -> Pair:
        """Raises DataError: no token in one of them, or more than 10,000."""
        return cls(source, target, cut(source, source_unit), cut(target, target_unit), kind)


def cut(text: str | Sequence[str], unit: Unit) -> tuple[str, ...]:
    """The tokens of a text: words and punctuation apart, or characters, where runs of white space are one space.

    Raises DataError: no token in it, half a character, or more than 10,000 tokens.
    """
    if unit == "word":
        return given_text(text, unit).words
    characters = tuple(" ".join(check_text(text if isinstance(text, str) else " ".join(text)).split()))
    if not 0 < len(characters) <= MAX_TOKENS:
        raise DataError(
            f"Expected 1 to {MAX_TOKENS:,} characters, found {len(characters):,}.", repair="Give a sentence at a time."
        )
    return characters


def joined(tokens: Sequence[str], unit: Unit) -> str:
    """The text that these tokens are: spaces between words, none between Chinese characters."""
    return "".join(tokens) if unit == "char" else join_words(tokens)[0]
