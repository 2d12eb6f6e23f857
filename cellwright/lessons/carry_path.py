"""The carry path of an LSTM: without loss where nothing forgets, ∏ f elsewhere; and what it does not prevent."""

from __future__ import annotations

import math

import numpy as np

from cellwright.cells import LSTM, LSTM1997
from cellwright.lessons.lesson import Lesson, Number, Table
from cellwright.lessons.written import drawn_inputs, drawn_layer, written_layer
from cellwright.microscope.carry import carry_gradient
from cellwright.microscope.detours import detours
from cellwright.microscope.jacobian import transition_norms
from cellwright.microscope.record import inspect

__all__ = ["lesson"]

STEPS, INPUT, HIDDEN = 12, 3, 4
LONG, LAGS = 104, 10
FED_BACK = 3.0


def lesson() -> Lesson:
    """Three LSTMs: none forgets, constant gates, and one whose gradient explodes beside its carry path."""
    x = drawn_inputs(7, STEPS, 1, INPUT)
    lossless = carry_gradient(inspect(drawn_layer(LSTM1997(), INPUT, HIDDEN, seed=6), x)).arrays["kept"]
    record = inspect(drawn_layer(LSTM(), INPUT, HIDDEN, seed=6), x)
    with_forget = carry_gradient(record)
    gates = record.run().values["f"][:, 0]
    by_gates = np.stack([np.prod(gates[t + 1 :], axis=0) for t in range(STEPS)])
    high = written_layer(LSTM(), 1, 1, {"b.f": 5.0})
    kept = carry_gradient(inspect(high, np.zeros((LONG, 1, 1)))).arrays["kept"][:, 0]
    # one unit at rest: i = o = 1, f = ½, g = tanh(3 h); so c′ = ½ c + 3 h and h′ = c′ near 0
    wild = inspect(written_layer(LSTM(), 1, 1, {"b.i": 40.0, "b.o": 40.0, "R.g": FED_BACK}), np.zeros((LAGS + 1, 1, 1)))
    path = carry_gradient(wild).arrays["kept"][::-1, 0]
    whole = transition_norms(wild)
    norm = whole.arrays["norm"][::-1]
    ways = detours(wild)
    closed = (FED_BACK + 0.5) ** (LAGS - 1) * math.sqrt(2 * (FED_BACK**2 + 0.25))
    return Lesson(
        "carry-path",
        "The carry path: what the LSTM solves, and what it does not",
        (
            "In c′ = f ⊙ c + i ⊙ g the old cell state is multiplied by a gate and by nothing else: no matrix, no "
            "squashing function. Along that path alone, dc_T/dc_t = f_T ⊙ … ⊙ f_{t+1}. In the LSTM of 1997, which "
            "has no forget gate, that is exactly 1, over any number of steps: the constant error carousel.",
            with_forget,
            f"With a forget gate it is the product of the gates. At b_f = 5 half of the gradient is left after "
            f"{LONG - 1} steps.",
            "But c also reaches the next step through h, which all gates and the candidate read. Those detours have "
            "matrices and squashing functions in them as in any recurrent network, and they add to the carry path. "
            "So it is half true that without a forget gate the gradient travels without loss: true of the path, not "
            "of the whole gradient.",
            f"And an LSTM does not solve exploding gradients. Take one unit with i = o = 1, f = ½, and a candidate "
            f"tanh({FED_BACK:g} h). At rest its step is c′ = ½ c + {FED_BACK:g} h, h′ = c′. The carry path halves at "
            "every step while the whole gradient grows by 3.5 a step.",
            Table(
                "Carry path alone, and the whole Jacobian's norm",
                ("lag", "carry path", "whole"),
                tuple((k, float(path[k]), float(norm[k])) for k in (1, 2, 3, 5, LAGS)),
                5,
            ),
            ways,
            whole,
            "So: an LSTM eases vanishing along its carry path, as far as the forget gate is open. Against exploding, "
            "clip the gradient's norm (Pascanu, Mikolov & Bengio 2013).",
        ),
        (
            Number("LSTM of 1997: least kept along the path", float(lossless.min()), 1, "1"),
            Number("LSTM of 1997: most", float(lossless.max()), 1, "1"),
            Number(
                "LSTM: carry path − product of its gates",
                float(np.abs(with_forget.arrays["kept"] - by_gates).max()),
                0,
                "the same",
                1e-12,
            ),
            Number(
                f"b_f = 5: kept over {LONG - 1} steps",
                float(kept[0]),
                (1 + math.exp(-5)) ** -(LONG - 1),
                "σ(5)^103",
                1e-12,
            ),
            Number(f"carry path, {LAGS} steps", float(path[LAGS]), 0.5**LAGS, "½^10", 1e-12),
            Number(f"whole Jacobian, {LAGS} steps", float(norm[LAGS]), closed, "3.5⁹ · √(2 (3² + ½²))", 1e-9 * closed),
            Number("growth a step", float(norm[LAGS] / norm[LAGS - 1]), 3.5, "½ + 3", 1e-9),
        ),
        (
            "Hochreiter & Schmidhuber 1997, Long short-term memory (constant error carousel)",
            "Gers, Schmidhuber & Cummins 2000, Learning to forget",
            "Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks",
        ),
    )
