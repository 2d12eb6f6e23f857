"""The text that `data.path` names, as one stream of rows a split: `</s>` stands after each line of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError
from cellwright.tasks.data.splits import check_path
from cellwright.tasks.lm.config import LmData
from cellwright.tasks.sentences.facts import LANGUAGES
from cellwright.tasks.sentences.generate import Sentence, generate
from cellwright.tasks.text.plain import Text, TextCorpus, character_rows, read_text
from cellwright.tasks.text.vocabulary import END, TextVocabulary

__all__ = ["EMBEDDED", "SentenceText", "Stream", "open_corpus", "stream_of"]

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
        return read_text(check_path(data.path, EMBEDDED, "text"), data)
    if data.unit == "char":
        raise DataError(
            "Expected words of the embedded sentences, found data.unit = char.",
            repair="Give a text file: --data FILE.txt.",
        )
    return TextCorpus(data.path, _embedded(data, "train"), _embedded(data, "valid"), _embedded(data, "test"))


def _embedded(data: LmData, split: str) -> SentenceText:
    sentences = generate(EMBEDDED[data.path], data.seed, split, data.size if split == "train" else 0)
    return SentenceText([" ".join(s.words) for s in sentences], sentences=sentences)


def stream_of(text: Text, vocabulary: TextVocabulary) -> Stream:
    """The text's rows."""
    if text.unit == "char":
        parts = [character_rows(line, vocabulary) for line in text.lines]
        return Stream(np.concatenate([np.zeros(0, np.int64), *parts]))
    found: list[int] = []
    for words in text.tokens():
        found += vocabulary.encode(words)
        found.append(END)
    rows = np.array(found, np.int64)
    if not isinstance(text, SentenceText):
        return Stream(rows)
    choices = np.zeros(len(rows), np.int64)
    start = 0
    for sentence in text.sentences:
        choices[start + sentence.place] = sentence.choices
        start += len(sentence.words) + 1
    return Stream(rows, choices)
