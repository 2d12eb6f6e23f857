"""What a user gives a model to read: a text, or words that are parted already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellwright.errors import DataError
from cellwright.tasks.data.text import MAX_TOKENS, Unit, check_text, join_words, tokenize

__all__ = ["GivenText", "given_text"]


@dataclass(frozen=True, slots=True)
class GivenText:
    """The tokens, the text they stand in, and where: text[start:end] is the token."""

    words: tuple[str, ...]
    text: str
    offsets: tuple[tuple[int, int], ...]


def given_text(text: str | Sequence[str], unit: Unit) -> GivenText:
    """A text cut into tokens, or a list of words joined to one; with `unit="char"` each character is a token.

    Raises DataError: no word in it, a blank word among them, half a character, or more than 10,000 tokens.
    """
    if isinstance(text, str):
        tokens = tokenize(check_text(text), unit)
        words, offsets = [token for token, _, _ in tokens], [(start, end) for _, start, end in tokens]
    else:
        words = [check_text(str(word)) for word in text]
        if blank := [word for word in words if not word.strip()]:
            raise DataError(f"Expected words, found {blank[0]!r} among them.", repair="Leave blank words out.")
        if unit == "char":
            words = [character for word in words for character in word]
        text, offsets = join_words(words)
    if not words:
        raise DataError("Expected at least one word, found none.", repair="Give a sentence.")
    if len(words) > MAX_TOKENS:
        raise DataError(
            f"Expected at most {MAX_TOKENS:,} words, found {len(words):,}.", repair="Give a sentence at a time."
        )
    return GivenText(tuple(words), text, tuple(offsets))
