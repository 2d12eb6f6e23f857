"""What is commonly taught wrong about recurrent networks: statement, correction, evidence."""

from __future__ import annotations

import math

import numpy as np
from torch import nn as torch_nn

from cellwright.cells import LSTM, Elman
from cellwright.lessons.counts import HIDDEN, INPUT, stored
from cellwright.lessons.lesson import Lesson, Number, Table
from cellwright.lessons.powers import repeated
from cellwright.lessons.sigmoid import sigmoid
from cellwright.lessons.steps import steps_to_zero
from cellwright.lessons.taught import TAUGHT

__all__ = ["lesson"]


def after_cosines(count: int) -> float:
    """cos of cos of … 1."""
    x = 1.0
    for _ in range(count):
        x = math.cos(x)
    return x


def lesson() -> Lesson:
    """All statements, and the numbers that take one line each."""
    with np.errstate(over="ignore", invalid="ignore"):
        above = np.float32(3e38) * np.float32(10)
        difference = above - above
    fixed = after_cosines(365)
    half = sigmoid(np.float64(0.0))
    tables = tuple(
        Table(subject, ("it is said", "it is", "see"), tuple((one.said, one.right, one.evidence) for one in rows))
        for subject, rows in TAUGHT.items()
    )
    count = sum(map(len, TAUGHT.values()))
    return Lesson(
        "corrections",
        "What is commonly taught wrong",
        (
            f"{count} statements about recurrent networks as they are found in tutorials: most are wrong, some are "
            "loose or typing errors that travel from copy to copy, and two are right. Each with what holds, and "
            "where to see it: a number that a lesson works out anew, or a source.",
            *tables,
        ),
        (
            Number("Dense(10) after 200 outputs", stored(torch_nn.Linear(2 * HIDDEN, 10)), 2_010, "200 · 10 + 10"),
            Number(
                "LSTM to simple recurrent layer",
                LSTM().count_parameters(INPUT, HIDDEN) / Elman().count_parameters(INPUT, HIDDEN),
                4,
                "three gates and the candidate",
            ),
            Number("steps of 1e−6 over 0.25", steps_to_zero(250_000, 1), 250_000, "0.25 / 1e−6"),
            Number("tanh′(0)", float(1 - np.tanh(0.0) ** 2), 1, "1"),
            Number("σ′(0)", float(half * (1 - half)), 0.25, "¼"),
            Number("σ(17) in float32", float(sigmoid(np.float32(17))), 1, "1, from 24 ln 2 on"),
            Number("3e38 · 10 in float32", float(above), math.inf, "past 3.403e38"),
            Number("inf − inf is no number", int(np.isnan(difference)), 1, "IEEE 754"),
            Number("cos, 365 times", fixed, 0.739085133215161, "the fixed point x = cos x", 1e-12),
            Number("1 to the power of 365", repeated(1.0, 365), 1, "1"),
            Number("half-life at b_f = 0", math.log(0.5) / math.log(float(half)), 1, "ln ½ / ln σ(0)"),
        ),
        (
            "Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000; Gers & Schmidhuber 2000",
            "Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013; Greff et al. 2017",
            "Le, Jaitly & Hinton 2015, A simple way to initialize recurrent networks of rectified linear units",
            "Rusch & Mishra 2021, coRNN; Rusch et al. 2022, Long expressive memory",
            "Bengio, Léonard & Courville 2013, Estimating or propagating gradients through stochastic neurons",
            "Cybenko 1989; Hornik 1991; Goller & Küchler 1996; Graves et al. 2009",
            "Linzen, Dupoux & Goldberg 2016; Beck et al. 2024",
        ),
    )
