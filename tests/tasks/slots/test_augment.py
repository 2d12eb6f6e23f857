"""Other values in the same slots, and made-up ones: the form of the sentence stays."""

from __future__ import annotations

import numpy as np
import pytest

from cellwright.tasks.data.schemes import spans
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.slots.augment import ValueSwap
from cellwright.tasks.travel.generate import generate


def said(u: Utterance) -> list[str]:
    """The words outside of slots, and the slots' labels in place of their values."""
    rest: list[str] = []
    position = 0
    for start, end, label in spans(u.slots):
        rest += [*u.words[position:start], f"[{label}]"]
        position = end
    return [*rest, *u.words[position:]]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_only_values_change(language: str) -> None:
    train = generate(language, seed=2, train=200, valid=1, test=1).train
    swap, rng = ValueSwap(train, 0.7, 0.7), np.random.default_rng(0)
    changed = 0
    for u in train:
        other = swap(u, rng)
        assert (said(other), other.intent, len(other.slots)) == (said(u), u.intent, len(other.words))
        changed += other.words != u.words
    assert changed > 100
    assert ValueSwap(train, 0.0, 0.0)(train[0], rng) == train[0]


def test_a_made_up_value_uses_new_characters_as_often_as_values_of_its_slot_bring_some() -> None:
    def sentence(value: str, label: str) -> Utterance:
        return Utterance((*value, "x"), (f"B-{label}", *[f"I-{label}"] * (len(value) - 1), "O"), "")

    open_ended = [sentence(chr(0x4E00 + 2 * k) + chr(0x4E01 + 2 * k), "name") for k in range(40)]  # none used twice
    closed = [sentence(a + b, "day") for a in "月日周" for b in "月日周"]
    swap, rng = ValueSwap(open_ended + closed, 0.0, 1.0), np.random.default_rng(0)
    assert (swap.fresh["name"], swap.fresh["day"]) == (1.0, 0.0)
    names = {c for _ in range(30) for u in open_ended for c in swap(u, rng).words[:-1]}
    days = {c for _ in range(30) for u in closed for c in swap(u, rng).words[:-1]}
    assert names > days == set("月日周")
