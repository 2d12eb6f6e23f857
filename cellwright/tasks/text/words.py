"""Words as numbers, learnt from the training split: a row, the characters, hashed prefixes and suffixes."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer, models, normalizers

__all__ = [
    "AFFIX_BUCKETS",
    "END",
    "MAX_CHARACTERS",
    "PAD",
    "UNKNOWN",
    "WordCode",
    "WordCounts",
    "WordTable",
    "check_rows",
    "normalize",
    "word_level",
]

PAD, UNKNOWN = 0, 1
BEGIN, END = 2, 3  # of a word, among characters
MAX_CHARACTERS = 20  # of a word; longer ones keep their first and last ten
AFFIX_BUCKETS = 20_000
AFFIX_LENGTHS = (2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class WordCode:
    """One word as numbers: its row, its characters with begin and end, its hashed prefixes and suffixes."""

    row: int
    characters: tuple[int, ...]
    affixes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WordCounts:
    """How often each word and each character stands in the training texts, in order of first use."""

    words: Counter[str]
    characters: Counter[str]

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]]) -> WordCounts:
        """One pass over the texts."""
        counted = cls(Counter(), Counter())
        for text in texts:
            counted.add(text)
        return counted

    def add(self, text: Sequence[str]) -> None:
        """Count one more text."""
        self.words.update(map(normalize, text))
        self.characters.update("".join(text))


class WordTable:
    """What a network knows of words.

    Args:
        words: a word-level tokenizer over lower-cased words, rows 0 and 1 padding and unknown.
        characters: characters by row, from row 4.

    Attributes:
        counts: occurrences of each word row in training, for word dropout; not saved.
        character_counts: the same of each character row.
    """

    def __init__(self, words: Tokenizer, characters: Sequence[str]) -> None:
        self.words = words
        self.characters = list(characters)
        self.character_rows = {c: k for k, c in enumerate(self.characters, start=END + 1)}
        self.counts = np.zeros(0)
        self.character_counts = np.zeros(0)
        self._codes: dict[str, WordCode] = {}

    @staticmethod
    def rows_of(counted: WordCounts, min_count: int = 1) -> tuple[Tokenizer, list[str]]:
        """The two arguments of the constructor; words by falling frequency, ties in order of first use."""
        kept = [word for word, count in counted.words.most_common() if count >= min_count]
        rows = {word: k for k, word in enumerate(dict.fromkeys(["<pad>", "<unk>", *kept]))}
        return word_level(rows), sorted(counted.characters)

    def keep_counts(self, counted: WordCounts) -> None:
        """Set `counts` and `character_counts` from the training texts."""
        words, characters = counted.words, counted.characters
        counts = np.zeros(self.size)
        for word, count in words.items():
            row = self.words.token_to_id(word)
            if row is not None:
                counts[row] = count
        character_counts = np.zeros(len(self.characters) + END + 1)
        for character, row in self.character_rows.items():
            character_counts[row] = characters[character]
        self.counts, self.character_counts = counts, character_counts

    @property
    def size(self) -> int:
        """Rows of the word table."""
        return self.words.get_vocab_size()

    def code(self, word: str) -> WordCode:
        """The word's numbers; remembered, as texts repeat their words."""
        found = self._codes.get(word)
        if found is None:
            row = self.words.token_to_id(normalize(word))
            shown = word if len(word) <= MAX_CHARACTERS else word[: MAX_CHARACTERS // 2] + word[-MAX_CHARACTERS // 2 :]
            characters = (BEGIN, *(self.character_rows.get(c, UNKNOWN) for c in shown), END)
            found = WordCode(UNKNOWN if row is None else row, characters, affixes(word))
            if len(self._codes) < 200_000:  # a stream of new words must not fill the memory
                self._codes[word] = found
        return found

    def knows(self, word: str) -> bool:
        """Whether the word has a row of its own: training had it `min_count` times."""
        return self.code(word).row != UNKNOWN


def check_rows(words: Tokenizer) -> None:
    """Raises ValueError: a tokenizer from a file that does not hold padding and unknown at their rows."""
    if words.token_to_id("<pad>") != PAD or words.token_to_id("<unk>") != UNKNOWN:
        raise ValueError("<pad> and <unk> do not have their rows")


def normalize(word: str) -> str:
    """What is one word to the word table."""
    return word.lower()


def word_level(rows: dict[str, int]) -> Tokenizer:
    """A tokenizer in the file format that Hugging Face's libraries read."""
    tokenizer = Tokenizer(models.WordLevel(vocab=rows, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    return tokenizer


def affixes(word: str) -> tuple[int, ...]:
    """Rows of its prefixes and suffixes of 2 to 5 characters, the word's ends included; hashed, the same everywhere."""
    whole = f"<{normalize(word)}>"
    pieces = [whole[:n] for n in AFFIX_LENGTHS] + ["$" + whole[-n:] for n in AFFIX_LENGTHS]
    return tuple(zlib.crc32(piece.encode()) % AFFIX_BUCKETS for piece in pieces)
