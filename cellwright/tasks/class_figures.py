"""How good answers are, class by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

__all__ = ["class_figures", "macro_f1"]


def class_figures(label: str, given: Sequence[str], found: Sequence[str]) -> dict[str, float]:
    """Precision, recall and F1 of a class, 0 where nothing is asked or said, and how many are given."""
    right = sum(a == b == label for a, b in zip(given, found, strict=True))
    asked, said = sum(a == label for a in given), sum(b == label for b in found)
    return {
        "precision": right / said if said else 0.0,
        "recall": right / asked if asked else 0.0,
        "f1": 2 * right / (asked + said) if asked + said else 0.0,
        "count": asked,
    }


def macro_f1(given: Sequence[str], found: Sequence[str]) -> float:
    """The mean F1 of the classes that are given: rare ones count as much as frequent ones."""
    right = Counter(a for a, b in zip(given, found, strict=True) if a == b)
    asked, said = Counter(given), Counter(found)
    return sum(2 * right[label] / (asked[label] + said[label]) for label in asked) / len(asked)
