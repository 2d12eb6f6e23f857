"""What a user gives a model to read: a text, or words that are parted already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from cellwright.errors import DataError
from cellwright.tasks.data.text import MAX_TOKENS, Unit, check_text, join_words, tokenize

__all__ = ["GivenText", "given_text", "given_words"]


@dataclass(frozen=True, slots=True)
class GivenText:
    """The tokens, the text they stand in, and where: text[start:end] is the token."""

    words: tuple[str, ...]
    text: str
    offsets: tuple[tuple[int, int], ...]


def given_text(text: str | Sequence[str], unit: Unit) -> GivenText:
    """A text cut into tokens, or a list of words joined to one; with `unit="char"` each character is a token.

    Raises DataError: neither a text nor words, no word in it, a blank word among them, half a character, or more than
    10,000 tokens.
    """
    if isinstance(text, str):
        tokens = tokenize(check_text(text), unit)
        words, offsets = [token for token, _, _ in tokens], [(start, end) for _, start, end in tokens]
    else:
        words = given_words(text)
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


def given_words(given: object) -> list[str]:
    """Words that are parted already, as a list.

    Raises DataError: something else, such as bytes, a number or None; among them too; half a character; texts in place
    of words: half of them or more hold spaces.
    """
    if isinstance(given, bytes | bytearray | Mapping | Set) or not isinstance(given, Iterable):
        raise DataError(
            f"Expected a text, or a list of words, found {type(given).__name__}.",
            repair='For example "leave Taipei", or ["leave", "Taipei"].',
        )
    words = []
    for place, word in enumerate(given, start=1):
        if not isinstance(word, str):
            raise DataError(
                f"Expected texts as words, found {type(word).__name__} at place {place}: {str(word)[:40]}.",
                repair="Several inputs: model.predict_many([…]), or model.predict for each.",
            )
        words.append(check_text(word))
    spaced = [word for word in words if len(word.split()) > 1]  # some words do: 10 000
    if spaced and 2 * len(spaced) >= len(words):
        raise DataError(
            f"Expected a text, or a list of words, found a list with the text {spaced[0][:60]!r}.",
            repair="Several texts: model.predict_many([…]), or model.predict for each.",
        )
    return words
