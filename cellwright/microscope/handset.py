"""Models whose weights are written down, not trained: small LSTMs of which every number is known beforehand.

Each word sets the gates of each unit to 0 or 1 (σ(±40): in float64 exactly 1, and 4e-18) and the candidate to a number;
no gate reads h. So a unit does what its line says, and tests and lessons can ask for equality.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cellwright.cells import LSTM
from cellwright.errors import DataError
from cellwright.microscope.figure import Array
from cellwright.microscope.record import inspect
from cellwright.microscope.runs import Record
from cellwright.nn import Recurrent

__all__ = ["Gate", "HandSet", "agreement", "counter", "gate_table", "half_lives", "latch"]

WIDE = 40.0
"""σ(40) = 1 in float64; σ(−40) = 4.2e-18."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What one word does to one unit: c′ = f c + i g, h′ = o tanh(c′)."""

    i: float = 0.0
    f: float = 1.0
    g: float = 0.0
    o: float = 0.0


KEEP = Gate()
SHOW = Gate(o=1.0)
CLEAR = Gate(f=0.0)


def write(value: float, o: float = 0.0) -> Gate:
    """Replace what is held by `value`, +1, 0 or −1."""
    return Gate(i=1.0, f=0.0, g=value, o=o)


@dataclass(frozen=True, slots=True)
class HandSet:
    """A layer with weights written down.

    Attributes:
        story: what it shows, in one sentence.
        layer: an LSTM in float64; its input is one-hot over `words`, unit j is called `units[j]`.
        sentence: an example to look at.
    """

    name: str
    story: str
    layer: Recurrent
    words: tuple[str, ...]
    units: tuple[str, ...]
    sentence: tuple[str, ...]

    def encode(self, *sentences: Sequence[str]) -> Array:
        """(T, B, I): sentences as one-hot rows, zeros beyond a sentence's end. Raises DataError for an unknown word."""
        x_TBI = np.zeros((max(map(len, sentences)), len(sentences), len(self.words)))
        for b, sentence in enumerate(sentences):
            for t, word in enumerate(sentence):
                if word not in self.words:
                    raise DataError(
                        f"Expected words of the model {self.name}, found {word!r}.",
                        repair=f"It knows {', '.join(self.words)}.",
                    )
                x_TBI[t, b, self.words.index(word)] = 1.0
        return x_TBI

    def inspect(self, *sentences: Sequence[str]) -> Record:
        """A record of sentences, of the example if none is given, with their words."""
        given = sentences or (self.sentence,)
        record = inspect(self.layer, self.encode(*given), lengths=[len(sentence) for sentence in given])
        return dataclasses.replace(record, words=tuple(tuple(sentence) for sentence in given))


def _layer(words: Mapping[str, Sequence[Gate]], biases: Mapping[str, Sequence[float]] | None = None) -> Recurrent:
    """An LSTM in which each word sets each unit's gates; R is 0, b is 0 unless given."""
    gates = list(words.values())
    size = len(gates[0])
    layer = Recurrent(LSTM(), len(words), size, dtype=torch.float64)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        views = layer.views(0)
        for column, units in enumerate(gates):
            for unit, gate in enumerate(units):
                for letter in "ifo":
                    open_ = getattr(gate, letter)
                    views[f"W.{letter}"][unit, column] = WIDE * (2 * open_ - 1)
                views["W.g"][unit, column] = math.atanh(gate.g) if abs(gate.g) < 1 else WIDE * gate.g
        for name, values in (biases or {}).items():
            views[name].copy_(torch.tensor(values, dtype=torch.float64))
    return layer.requires_grad_(False)


def agreement() -> HandSet:
    """A number unit and a gender unit. 小明 is one boy, 小红 one girl, 同学们 are many and of no one gender; the verb
    asks for the number alone: the gender is still held, and not shown."""
    words = {
        "小明": (write(-1.0), write(1.0)),
        "小红": (write(-1.0), write(-1.0)),
        "同学们": (write(1.0), CLEAR),
        "昨天": (KEEP, KEEP),
        "在": (KEEP, KEEP),
        "学校": (KEEP, KEEP),
        "唱歌": (SHOW, KEEP),
    }
    return HandSet(
        "agreement",
        "A new subject replaces the old one's number; the verb sees the number and not the gender.",
        _layer(words),
        tuple(words),
        ("number", "gender"),
        ("小明", "昨天", "在", "学校", "唱歌", "同学们", "在", "学校", "唱歌"),
    )


def gate_table(candidate: float = 1.0) -> HandSet:
    """One unit, four words: each a line of the gate table, with a candidate from −1 to 1."""
    table = {"keep": (0.0, 1.0), "blend": (1.0, 1.0), "clear": (0.0, 0.0), "replace": (1.0, 0.0)}
    words = {word: (Gate(i=i, f=f, g=candidate, o=1.0),) for word, (i, f) in table.items()}
    return HandSet(
        "gate_table",
        "Forget and input gate open or shut: keep, blend, clear, replace.",
        _layer(words),
        tuple(words),
        ("memory",),
        ("replace", "keep", "blend", "clear", "keep"),
    )


def counter() -> HandSet:
    """One unit that adds 1 at every "tick": after 50 of them it holds 50, the bound |c| ≤ |c₀| + t."""
    words = {"tick": (Gate(i=1.0, f=1.0, g=1.0, o=1.0),), "wait": (SHOW,)}
    return HandSet(
        "counter",
        "With both gates open the cell state counts, and has no bound but the number of steps.",
        _layer(words),
        tuple(words),
        ("count",),
        ("tick",) * 50,
    )


def latch() -> HandSet:
    """One unit that "set" fills and "reset" clears; in between it holds, however long."""
    words = {"set": (write(1.0),), "reset": (CLEAR,), "wait": (KEEP,), "read": (SHOW,)}
    return HandSet(
        "latch",
        "A bit held for 50 steps without loss: forget gate open, input gate shut.",
        _layer(words),
        tuple(words),
        ("bit",),
        ("set", *("wait",) * 50, "read", "reset", "read"),
    )


def half_lives(forget_biases: Sequence[float] = (0.0, 1.0, 2.0, 3.0, 5.0)) -> HandSet:
    """One unit a forget bias, with a constant forget gate σ(b_f): "pulse" adds 1 to each, which then fades."""
    pulse = Gate(i=1.0, f=0.5, g=1.0, o=1.0)  # f = ½: no weight, so that the bias alone sets the gate
    wait = Gate(i=0.0, f=0.5, g=0.0, o=1.0)
    size = len(forget_biases)
    words = {"pulse": (pulse,) * size, "wait": (wait,) * size}
    return HandSet(
        "half_lives",
        "What a forget bias means in steps: half-life ln ½ / ln σ(b_f).",
        _layer(words, {"b.f": forget_biases}),
        tuple(words),
        tuple(f"b_f = {bias:g}" for bias in forget_biases),
        ("pulse", *("wait",) * 20),
    )
