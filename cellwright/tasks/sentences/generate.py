"""Sentences of the frames in `facts`, drawn anew for each seed.

Which subject stands with which aside differs between the splits: a pair of the test is never in train, while its
subject and its aside both are. To say the answer, a model must carry the subject over words it never saw after it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cellwright.tasks.sentences.facts import FRAMES, Aside, Frame

__all__ = ["SIZES", "Sentence", "drawn_aside", "generate", "random_numbers"]

SIZES = {"train": 9000, "valid": 960, "test": 1920}
OF_FIVE = {"train": (2, 3, 4), "valid": (1,), "test": (0,)}
WITH_ASIDE = 0.75  # of the sentences of train; all of the others


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words; `place` is that of the word that another one decides, `choices` how many could stand there without it."""

    words: tuple[str, ...]
    place: int
    choices: int


def generate(
    languages: Sequence[str], seed: int, split: str, size: int = 0, decided: Literal["answer", "subject"] = "answer"
) -> list[Sentence]:
    """Sentences of one split, the languages, frames and subjects evenly often, in random order.

    Args:
        languages: names of `FRAMES`.
        size: how many; 0 = as SIZES says.
        decided: the word whose place is given: the answer, decided by what stands to its left, or the subject, decided
            by the answer to its right.
    """
    rng = random_numbers(seed, split)
    subjects = _subjects(languages)
    made = [_sentence(*next(subjects), split, rng, decided) for _ in range(size or SIZES[split])]
    return [made[k] for k in rng.permutation(len(made))]


def random_numbers(seed: int, split: str) -> np.random.Generator:
    """Of one split, so that the size of one changes no other."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(list(SIZES).index(split),)))


def drawn_aside(asides: Aside, number: int, split: str, rng: np.random.Generator) -> str:
    """An aside that the subject of this number has in this split: three fifths of the pairs are in train, some
    subjects of train have none."""
    if split == "train" and rng.random() >= WITH_ASIDE:
        return ""
    while True:
        aside = int(rng.integers(asides.count))
        if zlib.crc32(f"{number} {aside}".encode()) % 5 in OF_FIVE[split]:
            return asides.words(aside)


def _subjects(languages: Sequence[str]) -> Iterator[tuple[str, Frame, str]]:
    while True:
        for language in languages:
            for frame in FRAMES[language]:
                yield from ((language, frame, subject) for subject in frame.answers)


def _sentence(
    language: str, frame: Frame, subject: str, split: str, rng: np.random.Generator, decided: str
) -> Sentence:
    aside = drawn_aside(frame.asides, list(frame.answers).index(subject), split, rng)
    opener = frame.openers[rng.integers(len(frame.openers))]
    article = frame.article if rng.random() < 0.5 else ""
    left = f"{opener} {article}".split()
    before = f"{' '.join(left)} {subject} {aside} {frame.link}".split()
    tail = frame.tails[rng.integers(len(frame.tails))].split()
    words = (*before, frame.answers[subject], *tail)
    if decided == "answer":
        return Sentence(words, len(before), len(frame.answers))
    beside = [other for other in FRAMES[language] if not article or other.article == article]
    return Sentence(words, len(left), sum(len(other.answers) for other in beside))
