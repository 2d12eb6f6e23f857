"""Which words decided: what the answer loses when they are taken out of the text.

Log odds, not log p: of a network that is sure, log p barely moves whatever is taken out. In the whole text and in the
sentence alone: where several sentences say the same, none of them is missed. The mean of the two is what the first and
the last member of a coalition add, the ends of a Shapley value.

Sources: Robnik-Šikonja & Kononenko 2008, "Explaining Classifications for Individual Instances", IEEE TKDE 20(5),
section 3 (weight of evidence); Štrumbelj & Kononenko 2010, "An Efficient Explanation of Individual Classifications
using Game Theory", JMLR 11, section 2 (what redundant parts need); Li, Monroe & Jurafsky 2016, "Understanding Neural
Networks through Representation Erasure", arXiv:1612.08220v3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

__all__ = ["Reason", "reasons"]

SENTENCE_ENDS = {*".!?;。！？；…"}
LONGEST = 5  # words of a piece
MOST = 1500  # pieces that are weighed
MOST_WORDS = 200_000  # in all of them
SHOWN = 8
LEAST = 0.02  # of the largest effect: what has less has decided nothing
PER_WORD = 0.8  # a piece must say more than its best part by this factor a word, or the part is named


@dataclass(frozen=True, slots=True)
class Reason:
    """Words first to after − 1 of the text; `effect` is how much the answer's log odds fall without them, in nats."""

    first: int
    after: int
    effect: float


def reasons(words: Sequence[str], log_odds: Callable[[list[tuple[str, ...]]], Tensor]) -> list[Reason]:
    """The pieces of a text that moved the answer most, those against it with a negative effect; most decisive first.

    A piece is up to 5 words without punctuation inside, so that "not bad" can count as one. Pieces do not overlap.
    Of two pieces with about the same effect the shorter one is named. A piece is taken out of the whole text and out of
    its own sentence, and the effect is the mean of the two.

    Args:
        log_odds: log p/(1 − p) of the answer in each text, where the answer is that of the whole text.
    """
    whole = tuple(words)
    sentences = _sentences(whole)
    pieces = _pieces(whole)
    around = {piece: _around(piece, sentences, len(whole)) for piece in pieces}
    cuts = [(first, a, b, after) for (a, b), places in around.items() for first, after in places]
    read = dict.fromkeys((first, after) for first, _, _, after in cuts)
    texts = [whole[a:b] for a, b in read] + [whole[first:a] + whole[b:after] for first, a, b, after in cuts]
    logs = log_odds(texts).tolist() if texts else []
    given = dict(zip(read, logs, strict=False))
    effects = dict.fromkeys(pieces, 0.0)
    for (first, a, b, after), log in zip(cuts, logs[len(read) :], strict=True):
        effects[a, b] += (given[first, after] - log) / len(around[a, b])
    ranked = sorted(effects, key=lambda piece: -abs(effects[piece]) * PER_WORD ** (piece[1] - piece[0]))
    chosen: list[tuple[int, int]] = []
    for a, b in ranked:
        if len(chosen) < SHOWN and all(b <= first or after <= a for first, after in chosen):
            chosen.append((a, b))
    least = LEAST * max((abs(effects[piece]) for piece in chosen), default=0.0)
    found = [Reason(a, b, effects[a, b]) for a, b in chosen if abs(effects[a, b]) > least]
    return sorted(found, key=lambda reason: -abs(reason.effect))


def _around(piece: tuple[int, int], sentences: Sequence[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """Where the piece is taken out: the whole text, and its sentence if that is less than the text and more than it."""
    a, b = piece
    own = [(first, after) for first, after in sentences if first <= a and b <= after and after - first > b - a]
    return [(0, count), *(place for place in own if place != (0, count))]


def _sentences(words: Sequence[str]) -> list[tuple[int, int]]:
    """Where each begins, and the word after it."""
    last = [{*word} <= SENTENCE_ENDS for word in words]
    ends = [k + 1 for k in range(len(words) - 1) if last[k] and not last[k + 1]]
    return list(zip([0, *ends], [*ends, len(words)], strict=True))


def _has_letters(word: str) -> bool:
    return any(c.isalnum() for c in word)


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
        if all(_has_letters(word) for word in words[a : a + n])
    ]
