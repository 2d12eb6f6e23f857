"""How long an LSTM's memory lasts by its forget bias alone: half-lives of units with constant gates."""

from __future__ import annotations

import math

import numpy as np

from cellwright.cells import Elman
from cellwright.lessons.lesson import Lesson, Number, Table
from cellwright.lessons.written import written_layer
from cellwright.microscope.gates import half_life
from cellwright.microscope.gradients import operator_by_lag
from cellwright.microscope.handset import half_lives
from cellwright.microscope.record import inspect

__all__ = ["lesson"]

BIASES = (0.0, 1.0, 2.0, 3.0, 5.0)
STEPS = 200


def gate(bias: float) -> float:
    """σ(b_f)."""
    return 1 / (1 + math.exp(-bias))


def lesson() -> Lesson:
    """Half-lives, and the bias that a wanted half-life needs."""
    wanted = math.log(2 ** (-1 / STEPS) / (1 - 2 ** (-1 / STEPS)))  # logit of ½^(1/200)
    model = half_lives((*BIASES, wanted))
    record = model.inspect(("pulse", *("wait",) * STEPS))
    figure = half_life(record)
    lives = [float(v) for v in figure.arrays["half_life"]]
    c = record.run().values["c"][:, 0]
    shrinking = written_layer(Elman(), 1, 2, {"R.h": [[0.5, 0.0], [0.0, 0.5]]})
    norm = operator_by_lag(inspect(shrinking, np.zeros((50, 1, 1)))).arrays["norm"]
    forgotten = int(np.argmax(norm < 1e-3))
    rows = tuple(
        (bias, gate(bias), lives[j], 1 / (1 - gate(bias)), float(c[10, j]), float(c[100, j]))
        for j, bias in enumerate((*BIASES, wanted))
    )
    numbers = [
        Number(f"half-life at b_f = {bias:g}", lives[j], math.log(0.5) / math.log(gate(bias)), "ln ½ / ln σ(b_f)", 1e-9)
        for j, bias in enumerate(BIASES)
    ]
    numbers += [
        Number("b_f to keep half over 200 steps", wanted, 5.663, "logit of ½^(1/200)", 5e-4, 4),
        Number("the gate of that", gate(wanted), 0.99654, "½^(1/200)", 5e-6, 5),
        Number("b_f = 5: left after 100 steps", float(c[100, 4]), gate(5.0) ** 100, "σ(5)^100", 1e-12),
        Number("R = ½ I: first lag below a thousandth", forgotten, 10, "⌈log₂ 1000⌉"),
        Number("what that unit keeps over 200 steps", float(c[STEPS, -1]), 0.5, "½", 1e-12),
    ]
    return Lesson(
        "forget-bias",
        "What a forget bias means in steps",
        (
            "It is often said that remembering over long times is an LSTM's default behaviour. It is what an LSTM "
            "can do, and it hangs on one number. If nothing else moves the forget gate, f = σ(b_f), and a value "
            "fades by f at every step: half of it is left after ln ½ / ln f steps.",
            Table(
                "A pulse of 1, left to fade (constant gates, no recurrent weights)",
                ("b_f", "f", "half-life, steps", "1/(1−f), steps", "left after 10", "left after 100"),
                rows,
                4,
            ),
            "At b_f = 0, where a network starts that draws its biases around 0, half is gone after one step. A bias "
            "of 1 (Jozefowicz et al. 2015) makes two steps of it. For a task with a gap of 200 steps, start with b_f "
            'near 5.7, or with biases drawn for all time scales at once: `init="chrono"` (Tallec & Ollivier 2018).',
            figure,
            "The other end of the scale is a simple recurrent network whose recurrent matrix shrinks every change. "
            "With R = ½ I, at rest, where tanh has slope 1, a change is below a thousandth of itself after "
            f"{forgotten} steps. The LSTM unit with b_f = 5 still holds {float(c[100, 4]):.3f} of its pulse after 100.",
        ),
        tuple(numbers),
        (
            "Gers, Schmidhuber & Cummins 2000, Learning to forget",
            "Jozefowicz, Zaremba & Sutskever 2015, An empirical exploration of recurrent network architectures",
            "Tallec & Ollivier 2018, Can recurrent neural networks warp time?",
        ),
    )
