"""Which words decided: what the answer loses when they are taken out of the text.

Source: Li, Monroe & Jurafsky 2016, "Understanding Neural Networks through Representation Erasure", arXiv:1612.08220v3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

__all__ = ["Reason", "reasons"]

LONGEST = 5  # words of a piece
MOST = 1500  # texts without a piece that are read
MOST_WORDS = 200_000  # in all of them
SHOWN = 8
LEAST = 0.02  # of the largest effect: what has less has decided nothing
PER_WORD = 0.8  # a piece must say more than its best part by this factor a word, or the part is named


@dataclass(frozen=True, slots=True)
class Reason:
    """Words first to after − 1 of the text; `effect` is how much log p(answer) falls without them, in nats."""

    first: int
    after: int
    effect: float


def reasons(words: Sequence[str], log_probabilities: Callable[[list[tuple[str, ...]]], Tensor]) -> list[Reason]:
    """The pieces of a text that moved the answer most, those against it with a negative effect; most decisive first.

    A piece is up to 5 words without punctuation inside, so that "not bad" can count as one. Pieces do not overlap.
    Of two pieces with about the same effect the shorter one is named.

    Args:
        log_probabilities: log p(answer) of each text, where the answer is that of the whole text.
    """
    pieces = _pieces(words)
    whole = tuple(words)
    texts = [whole, *(whole[:a] + whole[b:] for a, b in pieces)]
    logs = log_probabilities(texts).tolist()
    effects = {piece: logs[0] - log for piece, log in zip(pieces, logs[1:], strict=True)}
    ranked = sorted(effects, key=lambda piece: -abs(effects[piece]) * PER_WORD ** (piece[1] - piece[0]))
    chosen: list[tuple[int, int]] = []
    for a, b in ranked:
        if len(chosen) < SHOWN and all(b <= first or after <= a for first, after in chosen):
            chosen.append((a, b))
    least = LEAST * max((abs(effects[piece]) for piece in chosen), default=0.0)
    found = [Reason(a, b, effects[a, b]) for a, b in chosen if abs(effects[a, b]) > least]
    return sorted(found, key=lambda reason: -abs(reason.effect))


def _pieces(words: Sequence[str]) -> list[tuple[int, int]]:
    """Every run of 1 to LONGEST words without punctuation; of a long text shorter runs, or its parts side by side."""
    count = len(words)
    if count < 2:
        return []
    most = max(1, min(MOST, MOST_WORDS // count))
    if count > most:
        size = -(-count // most)
        return [(a, min(a + size, count)) for a in range(0, count, size)]
    return [
        (a, a + n)
        for n in range(1, min(LONGEST, count - 1, most // count) + 1)
        for a in range(count - n + 1)
        if all(any(c.isalnum() for c in word) for word in words[a : a + n])
    ]
