"""What a missing word may be: ranked words with their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellwright.tasks.answer import json_line, ranked

__all__ = ["Filled", "Gap"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A missing word, or a word whose sense is asked.

    Attributes:
        place: among the tokens, from 0.
        words: what it may be, the likeliest first; word/sense for senses.
        probabilities: of each of `words`.
        others, rest: how many further words the model knows, and the probability of all of them.
    """

    place: int
    words: tuple[str, ...]
    probabilities: tuple[float, ...]
    others: int
    rest: float


@dataclass(frozen=True, slots=True)
class Filled:
    """The missing words of a text, each given all the others.

    Attributes:
        text: the input.
        tokens: as the model read it; ___ where a word is missing.
        gaps: left to right.
        unknown: tokens of the text that training never had.
    """

    text: str
    tokens: tuple[str, ...]
    gaps: Sequence[Gap]
    unknown: tuple[str, ...]

    def to_json(self) -> str:
        """One line."""
        gaps = [{"place": gap.place, **ranked(gap.words, gap.probabilities, gap.others, gap.rest)} for gap in self.gaps]
        return json_line({"text": self.text, "tokens": self.tokens, "gaps": gaps, "unknown": self.unknown})

    def __str__(self) -> str:
        """The likeliest words of each gap: `sea 0.993  coal 0.001`."""
        return " | ".join(
            "  ".join(f"{w} {p:.3f}" for w, p in zip(gap.words[:5], gap.probabilities, strict=False))
            for gap in self.gaps
        )
