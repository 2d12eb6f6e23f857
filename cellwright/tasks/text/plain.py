"""Plain text as a corpus: a folder with train, valid and test, or one file cut in three.

Words: what spaces part, a line a sentence. Characters: the whole text, line ends too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError
from cellwright.tasks.data.splits import split_places
from cellwright.tasks.data.text import decode, read_bytes, read_lines, tokenize
from cellwright.tasks.text.settings import TextData
from cellwright.tasks.text.vocabulary import TextVocabulary

__all__ = ["Text", "TextCorpus", "character_rows", "learn_vocabulary", "read_split", "read_text", "words_of"]

FEWEST = 10  # tokens of a training text
LOOKED_AT = 1000  # lines, to see how words are parted
LONGEST_WORD = 6  # characters on average: words of Chinese have 1 to 3
PUNCTUATION = '.,;:!?"”’)'
HANGING = 0.04  # of the words: texts cut into words have some like Inc.


@dataclass(frozen=True, slots=True)
class Text:
    """One split, before its tokens have rows: lines of words, or one string of characters."""

    lines: Sequence[str]
    unit: str = "word"
    tokenize: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is no such split."""
        return not self.lines

    def tokens(self) -> Iterator[Sequence[str]]:
        """Line by line; for characters, the text itself."""
        yield from self.lines if self.unit == "char" else (words_of(line, self.tokenize) for line in self.lines)


def words_of(line: str, cut: bool) -> Sequence[str]:
    """What spaces part; or words, punctuation and Chinese characters, each for itself."""
    return [token for token, _, _ in tokenize(line)] if cut else line.split()


@dataclass(slots=True)
class TextCorpus:
    """A name, the three splits, and what the user should know."""

    name: str
    train: Text
    valid: Text
    test: Text
    notes: list[str] = field(default_factory=list)

    def split(self, name: str) -> Text:
        """The text of "train", "valid" or "test". Raises DataError: there is none."""
        text = {"train": self.train, "valid": self.valid, "test": self.test}[name]
        if text.empty:
            raise DataError(f"Expected a text in the split {name}, found none.", file=self.name, repair="--split valid")
        return text


def read_text(root: Path, data: TextData) -> TextCorpus:
    """A folder or a file.

    Raises DataError: no train, a file that is empty or of another encoding, a text too short to be cut.
    """
    return _folder(root, data) if root.is_dir() else _file(root, data)


def learn_vocabulary(corpus: TextCorpus, data: TextData) -> TextVocabulary:
    """Of the training split. Raises DataError: fewer than ten tokens in it."""
    vocabulary = TextVocabulary.learn(
        corpus.train.tokens(), min_count=data.min_count, most=data.max_words, lower=data.lower
    )
    count = sum(len(words) for words in corpus.train.tokens())
    if count < FEWEST:
        raise DataError(
            f"Expected a training text of at least {FEWEST} {data.unit}s, found {count}.",
            file=corpus.name,
            repair="Give more text.",
        )
    return vocabulary


def character_rows(text: str, vocabulary: TextVocabulary) -> NDArray[np.int64]:
    """A row a character, without a Python step for each."""
    points = np.frombuffer((text.lower() if vocabulary.lower else text).encode("utf-32-le"), np.uint32)
    distinct, inverse = np.unique(points, return_inverse=True)
    return np.array([vocabulary.row(chr(point)) for point in distinct], np.int64)[inverse]


def _folder(root: Path, data: TextData) -> TextCorpus:
    files = split_places(root)
    if "train" not in files:
        raise DataError(
            "Expected a file for train, found none.",
            file=root,
            repair="Name the files train.txt, valid.txt and test.txt, or give one file.",
        )
    texts = {split: read_split(file, data) for split, file in files.items()}
    train, notes = texts["train"], []
    if "valid" not in texts:
        train, texts["valid"] = _cut(train, [1 - data.valid_share], root)
        notes.append(f"no validation split: the last {data.valid_share:.0%} of train is set aside for it")
    notes += _glued(train)
    return TextCorpus(root.name, train, texts["valid"], texts.get("test", Text([], data.unit)), notes)


def _file(file: Path, data: TextData) -> TextCorpus:
    shares = [1 - data.valid_share - data.test_share, 1 - data.test_share]
    train, valid, test = _cut(read_split(file, data), shares, file)
    part = "characters" if data.unit == "char" else "lines"
    note = f"one file: the last {data.test_share:.0%} of its {part} are test, {data.valid_share:.0%} before them valid"
    return TextCorpus(file.name, train, valid, test, [note, *_glued(train)])


def read_split(file: Path, data: TextData) -> Text:
    """A file read whole. Raises DataError."""
    if data.unit == "char":
        return Text([decode(read_bytes(file), file)], "char")
    lines = [line for line in read_lines(file) if line.strip()]
    if not lines:
        raise DataError("Expected lines of text, found none.", file=file, repair="Write the file again.")
    if not data.tokenize:
        _check_spaced(lines, file)
    return Text(lines, "word", data.tokenize)


def _check_spaced(lines: Sequence[str], file: Path) -> None:
    """Raises DataError: Chinese or Japanese sentences without spaces, of which each would be one word."""
    words = [word for line in lines[:LOOKED_AT] for word in line.split()]
    wide = sum(character >= "\u2e80" for word in words for character in word)
    characters = sum(map(len, words))
    if 2 * wide > characters > LONGEST_WORD * len(words):
        raise DataError(
            f"Expected words parted by spaces, found {characters / len(words):.0f} characters a word.",
            file=file,
            source=words[0][:60],
            repair="Chinese text is read with --set data.tokenize=true (a character or a Latin word is a token), "
            "a language model also with --set data.unit=char (every character, line ends too).",
        )


def _glued(text: Text) -> list[str]:
    """A note where punctuation hangs on many words."""
    if text.unit == "char" or text.tokenize:
        return []
    words = [word for line in text.lines[:LOOKED_AT] for word in line.split()]
    hanging = [word for word in words if len(word) > 1 and word[-1] in PUNCTUATION]
    alone = sum(len(word) == 1 and word in PUNCTUATION for word in words)
    if len(hanging) <= max(alone, HANGING * len(words)):
        return []
    return [
        f"{len(hanging) / len(words):.0%} of the words end in punctuation, as {hanging[0]!r}: "
        "data.tokenize=true cuts it off"
    ]


def _cut(text: Text, shares: Sequence[float], place: Path) -> list[Text]:
    """The text cut at these shares of its lines, or of its characters."""
    whole: Sequence[str] = text.lines[0] if text.unit == "char" else text.lines
    bounds = [0, *(round(share * len(whole)) for share in shares), len(whole)]
    parts = [whole[start:stop] for start, stop in itertools.pairwise(bounds)]
    if not all(len(part) > 0 for part in parts):
        raise DataError(
            f"Expected text enough for {len(parts)} parts, found {len(whole)} "
            f"{'characters' if text.unit == 'char' else 'lines'}.",
            file=place,
            repair="Give more text, or a folder with train.txt, valid.txt and test.txt."
            if text.unit == "char"
            else "Write a sentence a line, or --set data.unit=char where the text is one long line.",
        )
    return [Text([part] if isinstance(part, str) else part, text.unit, text.tokenize) for part in parts]
