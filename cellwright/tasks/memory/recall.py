"""Recall: a country is named, small talk follows, then the language is asked for; also with two countries.

我一直呆在中国，……，我会说一口流利的 (汉语): what decides the word stands as many characters back as the gap has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cellwright.errors import DataError
from cellwright.tasks.data.text import MAX_TOKENS, check_text, tokenize
from cellwright.tasks.memory.problem import Example, IntArray, Problem
from cellwright.tasks.memory.stories import STORIES

__all__ = ["Recall", "TwoFacts"]

UNKNOWN = "<unk>"
ODD = 0.7  # of training's small talk has unknown words or a wrong order, so that what it never had does not disturb
LONGEST_ODD = 5
LEAD = 8  # up to so many clauses stand before the first fact
CLAUSES = 3000
KEPT = 5  # every fifth combination of fact and question is kept for the test split


class Recall(Problem):
    """One fact, one question. Gaps are counted in tokens: characters in Chinese, words in English.

    Args:
        language: "zh" or "en".
    """

    def __init__(self, language: str) -> None:
        self.story = story = STORIES[language]
        self.places = [place for place, _ in story.homes]
        self.classes = [spoken for _, spoken in story.homes]
        self._rows: dict[str, int] = {UNKNOWN: 0}
        self._encoded: dict[str, IntArray] = {}
        for text in (*self.places, *self._said_texts()):
            self._encode(text)
        rng = np.random.default_rng(0)
        parts = (story.who, story.when, story.what)
        few = [part[: round(0.7 * len(part))] for part in parts]
        self._talk = {"train": self._made_odd(self._clauses(few, rng), rng)}
        self.training_tokens = list(self._rows)[1:]
        self._talk["test"] = self._clauses(parts, rng)
        self.tokens = list(self._rows)

    def _said_texts(self) -> Sequence[str]:
        """What facts and questions are made of."""
        return (*self.story.openings, *self.story.facts, *self.story.questions)

    def _encode(self, text: str) -> IntArray:
        """Rows of the tokens of a text, {place} left out; a new token gets the next row."""
        if text not in self._encoded:
            tokens = [token for token, _, _ in tokenize(text.replace("{place}", " "))]
            rows = [self._rows.setdefault(token, len(self._rows)) for token in tokens]
            self._encoded[text] = np.array(rows, dtype=np.int64)
        return self._encoded[text]

    def _clauses(self, parts: Sequence[Sequence[str]], rng: np.random.Generator) -> list[IntArray]:
        """Small talk, clause by clause."""
        chosen = [[part[k] for k in rng.integers(len(part), size=CLAUSES)] for part in parts]
        joint = "" if self.story.stop == "，" else " "
        return [self._encode(joint.join(pieces) + self.story.stop) for pieces in zip(*chosen, strict=True)]

    def _made_odd(self, clauses: Sequence[IntArray], rng: np.random.Generator) -> list[IntArray]:
        """Most of them, each with a run of unknown or of any tokens, and perhaps with its tokens in another order."""
        found = []
        for clause in clauses:
            rows = clause.copy()
            if rng.random() < ODD:
                start, length = int(rng.integers(len(rows) - 1)), int(rng.integers(1, LONGEST_ODD + 1))
                run = rows[start : start + length]
                run[:] = rng.integers(1, len(self._rows), size=len(run)) if rng.random() < 0.5 else 0
                if rng.random() < 0.5:
                    rng.shuffle(rows[:-1])  # the stop stays
            found.append(rows)
        return found

    def _small_talk(self, rng: np.random.Generator, split: str, *, clauses: int = 0, tokens: int = 0) -> IntArray:
        """So many clauses, or exactly so many tokens, cut at the beginning."""
        pool = self._talk["test" if split == "test" else "train"]
        empty = np.zeros(0, dtype=np.int64)
        pieces = [pool[k] for k in rng.integers(len(pool), size=clauses or tokens // 4 + 1)] if clauses + tokens else []
        rows = np.concatenate([empty, *pieces])
        while len(rows) < tokens:
            rows = np.concatenate([rows, pool[rng.integers(len(pool))]])
        return rows[len(rows) - tokens :] if tokens else rows

    def _said(self, text: str, place: int | None = None) -> IntArray:
        """A fact with its country and the stop, or a question."""
        if place is None:
            return self._encode(text)
        return self._encode(text.replace("{place}", self.places[place]) + self.story.stop)

    def _combination(self, rng: np.random.Generator, split: str, *parts: Sequence[str]) -> list[str]:
        """One of each part, such that the split may have them together."""
        while True:
            chosen = [int(rng.integers(len(part))) for part in parts]
            if split == "test" or sum(chosen) % KEPT:
                return [part[k] for part, k in zip(parts, chosen, strict=True)]

    def draw(self, rng: np.random.Generator, gap: int, split: str) -> Example:
        story = self.story
        opening, fact, question = self._combination(rng, split, story.openings, story.facts, story.questions)
        place = int(rng.integers(len(self.places)))
        inputs = [
            self._small_talk(rng, split, clauses=int(rng.integers(LEAD + 1))),
            self._said(opening + fact, place),
            self._small_talk(rng, split, tokens=gap),
            self._said(question),
        ]
        return Example(np.concatenate(inputs), np.array([place]))

    def chance(self) -> float:
        return 1 / len(self.classes)

    def read(self, text: str) -> Sequence[str]:
        """Tokens of a sentence that ends before the word asked for."""
        tokens = [token for token, _, _ in tokenize(check_text(text))]
        if not 0 < len(tokens) <= MAX_TOKENS:
            raise DataError(f"Expected 1 to {MAX_TOKENS:,} words, found {len(tokens):,}.", repair="Give a sentence.")
        return tokens


class TwoFacts(Recall):
    """Where one grew up, where one went later; either language may be asked for, and the other is the rival.

    The gap stands between the second fact and the question; 1 to `gap` tokens stand between the facts.
    """

    def _said_texts(self) -> Sequence[str]:
        story = self.story
        return (*story.youth, *story.later, *story.first_question, *story.second_question)

    def draw(self, rng: np.random.Generator, gap: int, split: str) -> Example:
        story = self.story
        second = bool(rng.integers(2))
        questions = story.second_question if second else story.first_question
        youth, later, question = self._combination(rng, split, story.youth, story.later, questions)
        places = rng.choice(len(self.places), size=2, replace=False)
        inputs = [
            self._small_talk(rng, split, clauses=int(rng.integers(LEAD + 1))),
            self._said(youth, places[0]),
            self._small_talk(rng, split, tokens=int(rng.integers(1, gap + 1)) if gap else 0),
            self._said(later, places[1]),
            self._small_talk(rng, split, tokens=gap),
            self._said(question),
        ]
        return Example(np.concatenate(inputs), places[[int(second)]], rivals=places[[1 - int(second)]])

    def chance(self) -> float:
        """Of who knows both countries and not which is asked for."""
        return 0.5

    def details(self) -> Mapping[str, str]:
        return {"chance": "of who knows both countries, but not which of the two is asked for"}
