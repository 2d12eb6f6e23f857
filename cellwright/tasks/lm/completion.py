"""What may come next: ranked words with their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellwright.tasks.answer import json_line, ranked

__all__ = ["Completion", "shown_token"]

NAMED = {"</s>": "(end)", "<unk>": "(unknown word)", "\n": "(line end)", " ": "(space)", "\t": "(tab)"}


@dataclass(frozen=True, slots=True)
class Completion:
    """The next token of a text.

    Attributes:
        text: the input.
        tokens: as the model read it.
        words: what may come, the likeliest first.
        probabilities: of each of `words`.
        others, rest: how many further words the model knows, and the probability of all of them; with it the
            probabilities sum to 1.
        unknown: tokens of the text that training never had.
    """

    text: str
    tokens: tuple[str, ...]
    words: tuple[str, ...]
    probabilities: tuple[float, ...]
    others: int
    rest: float
    unknown: tuple[str, ...]

    def to_json(self) -> str:
        """One line."""
        said = ranked(self.words, self.probabilities, self.others, self.rest)
        return json_line({"text": self.text, "tokens": self.tokens, **said, "unknown": self.unknown})

    def __str__(self) -> str:
        """The likeliest words on one line: `blue 0.993  grey 0.001`."""
        return "  ".join(f"{shown_token(w)} {p:.3f}" for w, p in zip(self.words[:5], self.probabilities, strict=False))

    def table(self) -> str:
        """A line a word, then one for all others."""
        lines: Sequence[tuple[str, float]] = list(zip(self.words, self.probabilities, strict=True))
        made = [f"{p:8.4f}  {shown_token(word)}" for word, p in lines]
        if self.others:
            made.append(f"{self.rest:8.4f}  {self.others:,} other words together")
        return "\n".join(made)


def shown_token(token: str) -> str:
    """The token in print, where it cannot be seen by itself."""
    return NAMED.get(token, token)
