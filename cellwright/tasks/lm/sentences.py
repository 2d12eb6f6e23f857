"""The embedded text: sentences of the frames in `facts`, drawn anew for each seed.

Which subject stands with which aside differs between the splits: a pair of the test is never in train, while its
subject and its aside both are. To say the answer, a model must carry the subject over words it never saw after it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cellwright.tasks.lm.facts import FRAMES, Frame

__all__ = ["SIZES", "Sentence", "generate"]

SIZES = {"train": 9000, "valid": 960, "test": 1920}
OF_FIVE = {"train": (2, 3, 4), "valid": (1,), "test": (0,)}
WITH_ASIDE = 0.75  # of the sentences of train; all of the others


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words; `answer` is the place of the word that the subject decides, `choices` how many answers its frame has."""

    words: tuple[str, ...]
    answer: int
    choices: int


def generate(languages: Sequence[str], seed: int, split: str, size: int = 0) -> list[Sentence]:
    """Sentences of one split, the languages, frames and subjects evenly often, in random order.

    Args:
        languages: names of `FRAMES`.
        size: how many; 0 = as SIZES says.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(list(SIZES).index(split),)))
    frames = [frame for language in languages for frame in FRAMES[language]]
    rounds = _subjects(frames)
    wanted = size or SIZES[split]
    made = [_sentence(*next(rounds), split, rng) for _ in range(wanted)]
    return [made[k] for k in rng.permutation(wanted)]


def in_split(number: int, aside: int, split: str) -> bool:
    """Whether the subject of this number stands with this aside in a split; three fifths of the pairs are in train."""
    digest = zlib.crc32(f"{number} {aside}".encode())
    return digest % 5 in OF_FIVE[split]


def _subjects(frames: Sequence[Frame]) -> Iterator[tuple[Frame, str]]:
    while True:
        yield from ((frame, subject) for frame in frames for subject in frame.answers)


def _sentence(frame: Frame, subject: str, split: str, rng: np.random.Generator) -> Sentence:
    number = list(frame.answers).index(subject)
    aside = ""
    if split != "train" or rng.random() < WITH_ASIDE:
        while not in_split(number, drawn := int(rng.integers(frame.asides.count)), split):
            pass
        aside = frame.asides.words(drawn)
    parts = (
        frame.openers[rng.integers(len(frame.openers))],
        frame.article if rng.random() < 0.5 else "",
        subject,
        aside,
        frame.link,
    )
    before = " ".join(parts).split()
    tail = frame.tails[rng.integers(len(frame.tails))].split()
    return Sentence((*before, frame.answers[subject], *tail), len(before), len(frame.answers))
