"""A cloze model on sentences of which one word at a time is missing, beside n-grams."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cellwright.tasks.cloze.config import ClozeData
from cellwright.tasks.cloze.corpora import Example, open_corpus
from cellwright.tasks.cloze.ngrams import TwoSided
from cellwright.tasks.cloze.predict import ClozeModel, among
from cellwright.tasks.data.splits import split_named
from cellwright.tasks.report import Line, Report, Section
from cellwright.tasks.share import Share
from cellwright.tasks.text.vocabulary import UNKNOWN

__all__ = ["evaluate_model"]

AMONG = 5


@dataclass(slots=True)
class Tally:
    """What one guesser's distributions were worth.

    Attributes:
        right, near: how often the word was the likeliest, and among the five likeliest.
        log_p: sum of ln P of the words.
        decided, decided_right: words that another word decides, and how many were right.
    """

    asked: int = 0
    right: int = 0
    near: int = 0
    log_p: float = 0.0
    decided: int = 0
    decided_right: int = 0
    chance: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float | Share]:
        """Accuracy at 1 and at 5, perplexity."""
        mean = -self.log_p / self.asked
        return {
            "accuracy": self.right / self.asked,
            f"among {AMONG}": self.near / self.asked,
            "perplexity": math.exp(min(700.0, mean)),
        }


def evaluate_model(model: ClozeModel, data: ClozeData, split: str) -> Report:
    """Accuracy at 1 and 5 and perplexity on a split.

    Raises DataError: no such split, or files that cannot be read.
    """
    corpus = open_corpus(data)
    examples = split_named(corpus, split, data.path)
    places = asked_places(examples, data.positions)
    sentences = [example.words for example in examples]
    ngrams = TwoSided(corpus.train, model.vocabulary, data.ngram)
    sides = "both sides" if model.network.config.bidirectional else "left side only"
    guessers = {
        f"model, {sides}": model.distributions(sentences, places),
        f"{data.ngram}-gram, both sides": ngrams.distributions(sentences, places, 2),
        f"{data.ngram}-gram, left side only": ngrams.distributions(sentences, places, 1),
        "how often each word is": ngrams.distributions(sentences, places, 0),
    }
    tallies = {name: tally(model, examples, places, found) for name, found in guessers.items()}
    notes = list(corpus.notes)
    total = sum(len(example.words) for example in examples)
    asked = sum(map(len, places))
    if asked < total:
        notes.append(f"{asked:,} of {total:,} words are asked, evenly over the text (data.positions)")
    unknown = sum(
        model.vocabulary.row(example.answers[place]) == UNKNOWN
        for example, own in zip(examples, places, strict=True)
        for place in own
    )
    if unknown:
        notes.append(f"{unknown:,} of the missing words are unknown ones, foretold as one")
    first = next(iter(tallies.values()))
    sections = []
    if first.decided:
        lines = [Line(name, {"right": Share(t.decided_right, t.decided)}) for name, t in tallies.items()]
        title = "senses told by the other words" if model.senses else "words that a later word decides"
        chance = float(np.mean(first.chance))
        sections.append(Section(title, [*lines, Line("chance", {"right": chance})]))
    return Report(
        "cloze",
        corpus.name,
        split,
        asked,
        [Line(name, t.figures()) for name, t in tallies.items()],
        unit="missing words",
        percent=("accuracy", f"among {AMONG}", "right"),
        sections=sections,
        notes=notes,
    )


def asked_places(examples: Sequence[Example], most: int) -> list[list[int]]:
    """Of each sentence the places that are asked: every n-th word of the text, and every decided one."""
    step = max(1, -(-sum(len(example.words) for example in examples) // most))
    found, number = [], 0
    for example in examples:
        own = {place for place in range(len(example.words)) if (number + place) % step == 0}
        found.append(sorted(own | example.decided))
        number += len(example.words)
    return found


def tally(
    model: ClozeModel,
    examples: Sequence[Example],
    places: Sequence[Sequence[int]],
    found: Iterator[NDArray[np.float64]],
) -> Tally:
    """Compare distributions, in the order of the places, with the words."""
    asked = [(example, place) for example, own in zip(examples, places, strict=True) for place in own]
    result = Tally()
    for p_V, (example, place) in zip(found, asked, strict=True):
        row = model.vocabulary.row(example.answers[place])
        # Of equally likely words the more frequent one is named first, so a guesser without an opinion is not right.
        better = int((p_V > p_V[row]).sum() + (p_V[:row] == p_V[row]).sum())
        result.asked += 1
        result.right += better == 0
        result.near += better < AMONG
        result.log_p += math.log(max(float(p_V[row]), 1e-300))
        if place in example.decided:
            tokens = model.senses_of(example.words[place])
            if tokens:
                p_V = among(p_V, [model.vocabulary.rows[token] for token in tokens])
            result.decided += 1
            result.decided_right += int(p_V.argmax()) == row
            result.chance.append(1 / (len(tokens) or example.choices or len(model.vocabulary)))
    return result
