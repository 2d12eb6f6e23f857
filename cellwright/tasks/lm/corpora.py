"""The text that `data.path` names: embedded sentences, a folder with train, valid and test, or one file cut in three.

Words: what spaces part, a line a sentence, with `</s>` after each line. Characters: the whole text, line ends too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError
from cellwright.tasks.data.splits import check_path, split_places
from cellwright.tasks.data.text import decode, read_bytes, read_lines, tokenize
from cellwright.tasks.lm.config import LmData
from cellwright.tasks.lm.facts import LANGUAGES
from cellwright.tasks.lm.sentences import Sentence, generate
from cellwright.tasks.text.vocabulary import END, TextVocabulary

__all__ = ["EMBEDDED", "Stream", "Text", "TextCorpus", "learn_vocabulary", "open_corpus"]

EMBEDDED = {"sentences": LANGUAGES, **{f"sentences-{language}": (language,) for language in LANGUAGES}}
FEWEST = 10  # tokens of a training text


@dataclass(frozen=True, slots=True)
class Stream:
    """A text as rows of the vocabulary, in one piece.

    Attributes:
        rows: (N,) int64.
        choices: (N,) of generated text: among how many answers the subject decides, 0 where it decides nothing.
    """

    rows: NDArray[np.int64]
    choices: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """One split, before its tokens have rows: lines of words, or one string of characters.

    Attributes:
        sentences: what the generator knows of each line.
    """

    lines: Sequence[str]
    unit: str
    tokenize: bool = False
    sentences: Sequence[Sentence] = ()

    def tokens(self) -> Iterator[Sequence[str]]:
        """Line by line; for characters, the text itself."""
        if self.unit == "char":
            yield from self.lines
        elif self.tokenize:
            yield from ([token for token, _, _ in tokenize(line)] for line in self.lines)
        else:
            yield from (line.split() for line in self.lines)

    def stream(self, vocabulary: TextVocabulary) -> Stream:
        """Its rows, `</s>` after each line of words."""
        if self.unit == "char":
            parts = [_character_rows(line, vocabulary) for line in self.lines]
            return Stream(np.concatenate([np.zeros(0, np.int64), *parts]))
        found: list[int] = []
        for words in self.tokens():
            found += vocabulary.encode(words)
            found.append(END)
        rows = np.array(found, np.int64)
        if not self.sentences:
            return Stream(rows)
        choices = np.zeros(len(rows), np.int64)
        start = 0
        for sentence in self.sentences:
            choices[start + sentence.answer] = sentence.choices
            start += len(sentence.words) + 1
        return Stream(rows, choices)


@dataclass(slots=True)
class TextCorpus:
    """A name, the three splits, and what the user should know."""

    name: str
    train: Text
    valid: Text
    test: Text
    notes: list[str] = field(default_factory=list)


def open_corpus(data: LmData) -> TextCorpus:
    """Read or generate the text.

    Raises DataError: nothing of that name (names the nearest embedded set), a file that is missing, empty or of
    another encoding, a text too short to be cut.
    """
    if data.path in EMBEDDED:
        return _embedded(data)
    root = check_path(data.path, EMBEDDED, "text")
    return _folder(root, data) if root.is_dir() else _file(root, data)


def learn_vocabulary(corpus: TextCorpus, data: LmData) -> TextVocabulary:
    """Of the training split.

    Raises DataError: no words in it, or too few.
    """
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


def _embedded(data: LmData) -> TextCorpus:
    if data.unit == "char":
        raise DataError(
            "Expected words of the embedded sentences, found data.unit = char.",
            repair="Give a text file: --data FILE.txt.",
        )
    splits = {
        split: generate(EMBEDDED[data.path], data.seed, split, data.size if split == "train" else 0)
        for split in ("train", "valid", "test")
    }
    made = {
        split: Text([" ".join(s.words) for s in sentences], "word", sentences=sentences)
        for split, sentences in splits.items()
    }
    return TextCorpus(data.path, made["train"], made["valid"], made["test"])


def _folder(root: Path, data: LmData) -> TextCorpus:
    files = split_places(root)
    if "train" not in files:
        raise DataError(
            "Expected a file for train, found none.",
            file=root,
            repair="Name the files train.txt, valid.txt and test.txt, or give one file.",
        )
    texts = {split: _read(file, data) for split, file in files.items()}
    train, notes = texts["train"], []
    if "valid" not in texts:
        train, texts["valid"] = _cut(train, [1 - data.valid_share], root)
        notes.append(f"no validation split: the last {data.valid_share:.0%} of train is set aside for it")
    return TextCorpus(root.name, train, texts["valid"], texts.get("test", Text([], data.unit)), notes)


def _file(file: Path, data: LmData) -> TextCorpus:
    shares = [1 - data.valid_share - data.test_share, 1 - data.test_share]
    train, valid, test = _cut(_read(file, data), shares, file)
    part = "characters" if data.unit == "char" else "lines"
    note = f"one file: the last {data.test_share:.0%} of its {part} are test, {data.valid_share:.0%} before them valid"
    return TextCorpus(file.name, train, valid, test, [note])


def _read(file: Path, data: LmData) -> Text:
    if data.unit == "char":
        return Text([decode(read_bytes(file), file)], "char")
    lines = [line for line in read_lines(file) if line.strip()]
    if not lines:
        raise DataError("Expected lines of text, found none.", file=file, repair="Write the file again.")
    return Text(lines, "word", data.tokenize)


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
            repair="Give more text, or a folder with train.txt, valid.txt and test.txt.",
        )
    return [Text([part] if isinstance(part, str) else part, text.unit, text.tokenize) for part in parts]


def _character_rows(text: str, vocabulary: TextVocabulary) -> NDArray[np.int64]:
    """A row a character, without a Python step for each."""
    points = np.frombuffer((text.lower() if vocabulary.lower else text).encode("utf-32-le"), np.uint32)
    distinct, inverse = np.unique(points, return_inverse=True)
    return np.array([vocabulary.row(chr(point)) for point in distinct], np.int64)[inverse]
