"""More sentences than were labelled: a slot's value replaced by another that training shows for the same slot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from cellwright.tasks.data.schemes import from_spans, spans
from cellwright.tasks.data.utterance import Utterance

__all__ = ["ValueSwap"]


class ValueSwap:
    """Replaces each slot's value with probability `share`, drawn evenly from the slot's distinct values."""

    def __init__(self, utterances: Sequence[Utterance], share: float) -> None:
        self.share = share
        found: dict[str, dict[tuple[str, ...], None]] = defaultdict(dict)
        for u in utterances:
            for start, end, label in spans(u.slots):
                found[label][u.words[start:end]] = None
        self.values = {label: list(values) for label, values in found.items()}

    def __call__(self, utterance: Utterance, rng: np.random.Generator) -> Utterance:
        """Another sentence of the same form; its intent stays."""
        found = spans(utterance.slots)
        if not found or not self.share:
            return utterance
        words: list[str] = []
        new_spans = []
        position = 0
        for start, end, label in found:
            words += utterance.words[position:start]
            value = utterance.words[start:end]
            if rng.random() < self.share:
                choices = self.values[label]
                value = choices[rng.integers(len(choices))]
            new_spans.append((len(words), len(words) + len(value), label))
            words += value
            position = end
        words += utterance.words[position:]
        return Utterance(tuple(words), tuple(from_spans(new_spans, len(words))), utterance.intent)
