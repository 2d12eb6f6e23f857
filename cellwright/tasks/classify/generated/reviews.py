"""Reviews whose words alone do not tell praise from blame: negation, hopes, and clauses about another shop."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from cellwright.tasks.classify.generated import reviews_en, reviews_zh
from cellwright.tasks.data.held_out import Split, choose, split_stream

__all__ = ["chinese_reviews", "english_reviews"]

SIZES: dict[Split, int] = {"train": 4000, "valid": 500, "test": 1000}
OTHER_SHOP, CHATTER = 0.5, 0.5  # shares of reviews with such a clause


def english_reviews(seed: int = 0, train: int = 0) -> dict[str, list[tuple[str, str]]]:
    """(text, "positive" or "negative") by split; `train` texts in train, 0 = 4,000."""
    return _splits(reviews_en, "reviews-en", seed, train)


def chinese_reviews(seed: int = 0, train: int = 0) -> dict[str, list[tuple[str, str]]]:
    """The same in Chinese."""
    return _splits(reviews_zh, "reviews-zh", seed, train)


def _splits(language: ModuleType, name: str, seed: int, train: int) -> dict[str, list[tuple[str, str]]]:
    sizes = {**SIZES, "train": train or SIZES["train"]}
    found: dict[str, list[tuple[str, str]]] = {}
    for split, size in sizes.items():
        rng = split_stream(seed, name, split)
        found[split] = [_review(language, rng, split) for _ in range(size)]
    return found


def _review(language: ModuleType, rng: np.random.Generator, split: Split) -> tuple[str, str]:
    good = bool(rng.random() < 0.5)
    clauses = [_clause(language, rng, split, good) for _ in range(rng.integers(1, 4))]
    if rng.random() < CHATTER:
        clauses.insert(int(rng.integers(len(clauses) + 1)), choose(rng, language.CHATTER, split))
    if rng.random() < OTHER_SHOP:  # mostly of the other opinion, and it does not count
        opinion = _clause(language, rng, split, good != bool(rng.random() < 0.8))
        other = choose(rng, language.OTHER_SHOP, split).format(opinion)
        clauses.insert(int(rng.integers(len(clauses) + 1)), other)
    return language.join(clauses), "positive" if good else "negative"


def _clause(language: ModuleType, rng: np.random.Generator, split: Split, good: bool) -> str:
    """One statement that praises (or blames), by a word of that kind or by denying one of the other kind."""
    kind = rng.random()
    says, denies = (language.GOOD, language.BAD) if good else (language.BAD, language.GOOD)
    noun = choose(rng, list(language.GOOD), split)
    frames, words = language.HOPED, {"word": says[noun], "hoped": denies[noun]}
    if kind < 0.35:
        frames, words = language.PLAIN, {"word": says[noun]}
    elif kind < 0.7:
        frames, words = language.DENIED, {"word": denies[noun]}
    elif kind < 0.85:
        frames, words = language.FAULTS_DENIED if good else language.FAULTS, {"fault": language.FAULT_WORDS}
    frame: str = choose(rng, frames, split)
    return frame.format(noun=noun, **{name: choose(rng, choices, "train") for name, choices in words.items()})
