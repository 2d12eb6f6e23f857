"""More sentences than were labelled: other values in the same slots, and values nobody has ever heard of."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from cellwright.tasks.data.schemes import from_spans, spans
from cellwright.tasks.data.utterance import Utterance

__all__ = ["ValueSwap"]


class ValueSwap:
    """Replaces each slot's value with probability `share`, and makes up a word's spelling with `made_up`.

    A replacement is drawn evenly from the slot's distinct values in training. A made-up word is the head of one word
    and the tail of another from values of that slot, so that the network learns to name a value it never saw by its
    context and look: without it a character network remembers the spellings of training.
    """

    def __init__(self, utterances: Iterable[Utterance], share: float, made_up: float) -> None:
        self.share, self.made_up = share, made_up
        found: dict[str, dict[tuple[str, ...], None]] = defaultdict(dict)
        for u in utterances:
            for start, end, label in spans(u.slots):
                found[label][u.words[start:end]] = None
        self.values = {label: list(values) for label, values in found.items()}
        self.words = {label: sorted({w for v in values for w in v}) for label, values in self.values.items()}
        self.characters = sorted({w for u in utterances for w in u.words if len(w) == 1 and w.isalpha()})
        self.fresh = {label: _share_of_new(values) for label, values in self.values.items()}

    def __call__(self, utterance: Utterance, rng: np.random.Generator) -> Utterance:
        """Another sentence of the same form; its intent stays."""
        found = spans(utterance.slots)
        if not found or not (self.share or self.made_up):
            return utterance
        words: list[str] = []
        new_spans = []
        position = 0
        for start, end, label in found:
            words += utterance.words[position:start]
            value = utterance.words[start:end]
            chance = rng.random(2)
            if chance[0] < self.share:
                choices = self.values[label]
                value = choices[rng.integers(len(choices))]
            if chance[1] < self.made_up:
                value = tuple(self._make_up(word, label, rng) for word in value)
            new_spans.append((len(words), len(words) + len(value), label))
            words += value
            position = end
        words += utterance.words[position:]
        return Utterance(tuple(words), tuple(from_spans(new_spans, len(words))), utterance.intent)

    def _make_up(self, word: str, label: str, rng: np.random.Generator) -> str:
        """A word like those of the slot; digits and their company stay, as they say what they are."""
        if not word.isalpha():
            return word
        choices = self.words[label]
        head, tail = (choices[rng.integers(len(choices))] for _ in range(2))
        if not (head.isalpha() and tail.isalpha()):
            return word
        if len(word) == 1:
            if rng.random() < self.fresh[label]:
                return self.characters[rng.integers(len(self.characters))]
            return head if len(head) == 1 else word
        cut = int(rng.integers(1, max(2, len(head))))
        made = head[:cut] + tail[len(tail) // 2 :].lower()
        return made[0].upper() + made[1:] if word[0].isupper() else made.lower()


def _share_of_new(values: Sequence[tuple[str, ...]]) -> float:
    """How likely a word of a value not seen yet is new to the slot, after Good and Turing: words found only once."""
    counts = Counter(word for value in values for word in value)
    return sum(n == 1 for n in counts.values()) / max(1, counts.total())
