"""Sentences up to a word whose number is that of the subject, with nouns of either number in between."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellwright.tasks.agreement.lexicon import LANGUAGES, SPLITS, Language
from cellwright.tasks.classify.examples import Example
from cellwright.tasks.data.text import tokenize

__all__ = ["NUMBERS", "SIZES", "Sentence", "generate"]

SIZES = {"train": 8000, "valid": 800, "test": 2000}
NUMBERS = ("singular", "plural")
MOST = 4  # attractors
BESIDE = 2  # nouns of the subject's number among the others, at most, so that counting nouns does not tell it
EARLIER = 0.25  # of the sentences begin with another subject


@dataclass(frozen=True, slots=True)
class Sentence(Example):
    """What stands before the asked word; `label` is that word, or its number alone where the text is the user's.

    Attributes:
        number: of the subject.
        attractors: nouns of the other number between the subject and the asked word.
        nearest: number of the last noun before it; "" where it is not known.
        kind: "known words", or what training had not: "new nouns", "new phrases", "new nouns, new phrases".
        second: whether another subject stood before.
    """

    number: str = ""
    attractors: int = 0
    nearest: str = ""
    kind: str = ""
    second: bool = False


def generate(languages: Sequence[str], seed: int, split: str, size: int = 0) -> list[Sentence]:
    """Sentences of one split; languages, asked forms and numbers of attractors evenly often, in random order.

    Args:
        languages: names of LANGUAGES.
        size: how many; 0 = as SIZES says.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(SPLITS.index(split),)))
    kinds = [
        (LANGUAGES[language], tense, number, attractors)
        for language in languages
        for tense in LANGUAGES[language].forms
        for number in range(2)
        for attractors in range(MOST + 1)
    ]
    made = [_sentence(*kinds[k % len(kinds)], split, rng) for k in range(size or SIZES[split])]
    return [made[k] for k in rng.permutation(len(made))]


def _sentence(
    language: Language, tense: str, number: int, attractors: int, split: str, rng: np.random.Generator
) -> Sentence:
    new_nouns, new_phrases = (split != "train" and bool(rng.random() < 0.5) for _ in range(2))
    nouns = language.nouns[split if new_nouns else "train"]
    words = split if new_phrases else "train"

    def choose(given: Sequence[str]) -> str:
        return given[int(rng.integers(len(given)))]

    def named(plural: int) -> str:
        if not plural and not new_nouns and rng.random() < 0.2:
            return choose(language.names)
        noun = (language.plural if plural else language.singular).format(choose(nouns))
        return f"{choose(language.determiners)} {choose(language.adjectives)} {noun}"

    between = [1 - number] * attractors + [number] * int(rng.integers(BESIDE + 1))
    between = [between[k] for k in rng.permutation(len(between))]
    second = bool(rng.random() < EARLIER)
    parts = [choose(language.openers[tense][words])]
    if second:
        parts.append(choose(language.earlier).format(named(int(rng.integers(2)))))
    parts.append(named(number))
    for plural in between:
        parts.append(_agreeing(choose(language.phrases[words]), plural).format(named(plural)))
    parts.append(choose(language.ends))
    text = " ".join(" ".join(parts).split())
    new = [name for name, is_new in (("new nouns", new_nouns), ("new phrases", new_phrases)) if is_new]
    return Sentence(
        words=tuple(token for token, _, _ in tokenize(text)),
        label=language.forms[tense][number],
        text=text,
        number=NUMBERS[number],
        attractors=attractors,
        nearest=NUMBERS[between[-1] if between else number],
        kind=", ".join(new) or "known words",
        second=second,
    )


def _agreeing(phrase: str, plural: int) -> str:
    """{v:likes|like} in the number of the phrase's noun."""
    return re.sub(r"\{v:(\w+)\|(\w+)\}", lambda m: m[1 + plural], phrase)
