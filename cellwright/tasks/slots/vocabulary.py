"""Words, characters, affixes, tags and intents as numbers, learnt from the training split."""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models, normalizers

from cellwright.errors import StorageError
from cellwright.tasks.data.utterance import Utterance

__all__ = ["AFFIX_BUCKETS", "MAX_CHARACTERS", "PAD", "UNKNOWN", "Vocabulary", "WordCode", "normalize"]

PAD, UNKNOWN = 0, 1
BEGIN, END = 2, 3  # of a word, among characters
MAX_CHARACTERS = 20  # of a word; longer ones keep their first and last ten
AFFIX_BUCKETS = 20_000
AFFIX_LENGTHS = (2, 3, 4, 5)
TAG = re.compile(r"O|[BI]-.+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class WordCode:
    """One word as numbers: its row, its characters with begin and end, its hashed prefixes and suffixes."""

    row: int
    characters: tuple[int, ...]
    affixes: tuple[int, ...]


@dataclass
class Vocabulary:
    """Everything a model knows by name.

    Attributes:
        words: a word-level tokenizer over lower-cased words, rows 0 and 1 padding and unknown.
        characters: characters by row, from row 4.
        tags: slot tags by row; "O" is row 0, and every label has its B- and I-.
        intents: intents by row; [""] where the data has none.
        counts: occurrences of each word row in training, for word dropout; not saved.
        character_counts: the same of each character row.
    """

    words: Tokenizer
    characters: list[str]
    tags: list[str]
    intents: list[str]
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0))
    character_counts: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        self.character_rows = {c: k for k, c in enumerate(self.characters, start=END + 1)}
        self.tag_rows = {tag: k for k, tag in enumerate(self.tags)}
        self.intent_rows = {intent: k for k, intent in enumerate(self.intents)}
        self._codes: dict[str, WordCode] = {}

    @classmethod
    def learn(cls, utterances: Sequence[Utterance], min_count: int = 1) -> Vocabulary:
        """Of the training split; rows by falling frequency, ties in order of first use."""
        counts = Counter(normalize(word) for u in utterances for word in u.words)
        kept = [word for word, count in counts.most_common() if count >= min_count]
        rows = {word: k for k, word in enumerate(dict.fromkeys(["<pad>", "<unk>", *kept]))}
        characters = Counter(c for u in utterances for word in u.words for c in word)
        labels = sorted({tag[2:] for u in utterances for tag in u.slots if tag != "O"})
        vocabulary = cls(
            words=word_level(rows),
            characters=sorted(characters),
            tags=["O", *(f"{prefix}-{label}" for label in labels for prefix in "BI")],
            intents=sorted({u.intent for u in utterances}),
        )
        vocabulary.counts = np.zeros(len(rows))
        for word, row in rows.items():
            vocabulary.counts[row] = counts[word]
        vocabulary.character_counts = np.zeros(len(characters) + END + 1)
        for character, row in vocabulary.character_rows.items():
            vocabulary.character_counts[row] = characters[character]
        return vocabulary

    @property
    def size(self) -> int:
        """Rows of the word table."""
        return self.words.get_vocab_size()

    @property
    def has_intents(self) -> bool:
        return len(self.intents) > 1

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

    def allowed_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """(K, K) and (K,) bool: I-x follows only B-x or I-x, and begins nothing."""
        follows = np.array([[b[0] != "I" or a[2:] == b[2:] != "" for b in self.tags] for a in self.tags])
        return follows, np.array([tag[0] != "I" for tag in self.tags])

    def to_files(self) -> dict[str, bytes]:
        """The files of a model's folder."""
        names = {"characters": self.characters, "tags": self.tags, "intents": self.intents}
        return {
            "words.json": self.words.to_str(pretty=False).encode(),
            "vocabulary.json": json.dumps(names, ensure_ascii=False).encode(),
        }

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], place: object) -> Vocabulary:
        """Raises StorageError: the files hold no vocabulary."""
        try:
            names: dict[str, Any] = json.loads(files["vocabulary.json"])
            lists = [names[key] for key in ("characters", "tags", "intents")]
            if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
                raise ValueError("lists of names expected")
            if not lists[2] or len({*lists[1]}) < len(lists[1]) or not all(TAG.fullmatch(tag) for tag in lists[1]):
                raise ValueError("tags O, B-label, I-label and at least one intent expected")
            words = Tokenizer.from_str(files["words.json"].decode())
            if words.token_to_id("<pad>") != PAD or words.token_to_id("<unk>") != UNKNOWN or lists[1][:1] != ["O"]:
                raise ValueError("<pad>, <unk> and O do not have their rows")
        except Exception as error:  # tokenizers raises nothing more special
            raise StorageError(
                f"Expected the vocabulary of a model, found: {error}.",
                file=str(place),
                repair="Copy the model's folder again from its origin, or train it again.",
            ) from None
        return cls(words, *lists)


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
