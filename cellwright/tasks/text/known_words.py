"""A user's text as the words a vocabulary knows, also where nothing parts them."""

from __future__ import annotations

from cellwright.tasks.data.text import tokenize
from cellwright.tasks.text.vocabulary import UNKNOWN, TextVocabulary

__all__ = ["known_words"]


def known_words(text: str, vocabulary: TextVocabulary) -> list[str]:
    """What spaces part; of a part that is no known word, the longest known words from the left.

    A word that is known in lower case only is given so. What is not known at all stays as `tokenize` cuts it.

    >>> known_words("小猫爱吃", TextVocabulary(["小猫", "爱", "吃"]))
    ['小猫', '爱', '吃']
    """
    found: list[str] = []
    for part in text.split():
        if (word := _known(part, vocabulary)) is not None:
            found.append(word)
        else:
            found += _cut([token for token, _, _ in tokenize(part)], vocabulary)
    return found


def _cut(pieces: list[str], vocabulary: TextVocabulary) -> list[str]:
    longest = max(map(len, vocabulary.tokens))
    found: list[str] = []
    start = 0
    while start < len(pieces):
        stop = start + 1
        word = _known(pieces[start], vocabulary)
        for end in range(start + 2, min(len(pieces), start + longest) + 1):
            joined = _known("".join(pieces[start:end]), vocabulary)
            if joined is not None:
                stop, word = end, joined
        found.append(pieces[start] if word is None else word)
        start = stop
    return found


def _known(word: str, vocabulary: TextVocabulary) -> str | None:
    return next((form for form in (word, word.lower()) if vocabulary.row(form) != UNKNOWN), None)
