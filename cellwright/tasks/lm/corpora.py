"""The text that `data.path` names, as one stream of rows a split: `</s>` stands after each line of words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError
from cellwright.tasks.data.splits import check_path, split_places
from cellwright.tasks.lm.config import LmData
from cellwright.tasks.sentences.facts import LANGUAGES
from cellwright.tasks.sentences.generate import SIZES, Sentence, generate
from cellwright.tasks.set_files import SetFiles, lines_text
from cellwright.tasks.text.on_disk import DiskText
from cellwright.tasks.text.plain import Text, TextCorpus, character_rows, read_split, read_text
from cellwright.tasks.text.vocabulary import END, TextVocabulary

__all__ = ["BLOCK", "EMBEDDED", "SentenceText", "Stream", "embedded_files", "open_corpus", "row_blocks", "stream_of"]

BLOCK = 1 << 20  # rows at a time

EMBEDDED = {"sentences": LANGUAGES, **{f"sentences-{language}": (language,) for language in LANGUAGES}}


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
class SentenceText(Text):
    """Generated lines, and what the generator knows of each."""

    sentences: Sequence[Sentence] = ()


def open_corpus(data: LmData) -> TextCorpus:
    """Read or generate the text.

    Raises DataError: nothing of that name (names the nearest embedded set), a file that is missing, empty or of
    another encoding, a text too short to be cut.
    """
    if data.path not in EMBEDDED:
        root = check_path(data.path, EMBEDDED, "text")
        return _streamed(root, data) if data.stream else read_text(root, data)
    if data.stream:
        raise DataError(
            "Expected a folder of texts for data.stream, found the embedded sentences.",
            repair="--set data.stream=false",
        )
    if data.unit == "char":
        raise DataError(
            "Expected words of the embedded sentences, found data.unit = char.",
            repair="Give a text file: --data FILE.txt.",
        )
    return TextCorpus(data.path, _embedded(data, "train"), _embedded(data, "valid"), _embedded(data, "test"))


def embedded_files(data: LmData) -> SetFiles:
    """The embedded sentences, a line each."""
    splits = {split: _embedded(data, split).lines for split in SIZES}
    return SetFiles(
        {f"{split}.txt": lines_text(lines) for split, lines in splits.items()},
        {split: len(lines) for split, lines in splits.items()},
        "sentences",
        notes=["the files do not say which words the subject decides, so evaluate has no table of them"],
    )


def _streamed(root: Path, data: LmData) -> TextCorpus:
    """Valid and test are read whole, train is not."""
    files = split_places(root) if root.is_dir() else {}
    if "train" not in files or "valid" not in files:
        raise DataError(
            "Expected a folder with train and valid for data.stream, found none.",
            file=root,
            repair="Cut the text into train.txt and valid.txt: what cannot be read whole cannot be cut here.",
        )
    others = {split: read_split(file, data) for split, file in files.items() if split != "train"}
    train = DiskText((), data.unit, data.tokenize, files["train"])
    return TextCorpus(root.name, train, others["valid"], others.get("test", Text((), data.unit)))


def _embedded(data: LmData, split: str) -> SentenceText:
    sentences = generate(EMBEDDED[data.path], data.seed, split, data.size if split == "train" else 0)
    return SentenceText([" ".join(s.words) for s in sentences], sentences=sentences)


def row_blocks(text: Text, vocabulary: TextVocabulary) -> Iterator[NDArray[np.int64]]:
    """The text's rows, some at a time."""
    if text.unit == "char":
        for piece in text.tokens():
            yield character_rows(cast(str, piece), vocabulary)
        return
    found: list[int] = []
    for words in text.tokens():
        found += vocabulary.encode(words)
        found.append(END)
        if len(found) >= BLOCK:
            yield np.array(found, np.int64)
            found = []
    yield np.array(found, np.int64)


def stream_of(text: Text, vocabulary: TextVocabulary, most: int = 0) -> Stream:
    """The text's rows.

    Args:
        most: not many more than these; 0 = all.
    """
    kept: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for block in row_blocks(text, vocabulary):
        kept.append(block)
        if most and sum(map(len, kept)) >= most:
            break
    rows = np.concatenate(kept)
    if not isinstance(text, SentenceText):
        return Stream(rows)
    choices = np.zeros(len(rows), np.int64)
    start = 0
    for sentence in text.sentences:
        choices[start + sentence.place] = sentence.choices
        start += len(sentence.words) + 1
    return Stream(rows, choices)
