"""A recurrent weight below, at and above 1: the gradient by lag of one unit, of a rotation, and the end of float32."""

from __future__ import annotations

import math

import numpy as np
import torch

from cellwright.cells import Elman
from cellwright.lessons.lesson import Lesson, Number, Table, said
from cellwright.lessons.written import written_layer
from cellwright.microscope.figure import Array, Figure
from cellwright.microscope.first_bad import first_bad
from cellwright.microscope.gradients import gradient_by_lag, operator_by_lag
from cellwright.microscope.itemised import itemised_gradient
from cellwright.microscope.record import inspect
from cellwright.microscope.slope import slope_of
from cellwright.ops import identity

__all__ = ["lesson"]

WEIGHTS = (0.9, -0.9, 1.0, 1.1)
STEPS, FAR = 200, 50


def last_output(y: torch.Tensor) -> torch.Tensor:
    """The target: the last output alone."""
    return y[-1].sum()


def addends(weight: float) -> tuple[Figure, Array]:
    """Gradient by lag of one linear unit with a constant input of 1, and the addends of its input weight's gradient by
    lag, which are the same numbers, signed."""
    layer = written_layer(Elman(f=identity), 1, 1, {"W.h": 1.0, "R.h": weight})
    record = inspect(layer, np.ones((STEPS, 1, 1)), target=last_output)
    uses = itemised_gradient(record, "W.h").arrays["addend"]
    return gradient_by_lag(record), uses[-1][::-1]


def matrix_norms(recurrent: list[list[float]], steps: int = 20) -> Array:
    """‖R^k‖₂ by lag, from the microscope."""
    layer = written_layer(Elman(f=identity), 1, 2, {"W.h": 1.0, "R.h": recurrent})
    return operator_by_lag(inspect(layer, np.ones((steps, 1, 1)))).arrays["norm"]


def lesson() -> Lesson:
    """Addends by lag, their slope, their sum; matrices; the first infinite step."""
    found = {weight: addends(weight) for weight in WEIGHTS}
    sums = {w: float(part.sum()) for w, (_, part) in found.items()}
    slopes = {w: slope_of(np.abs(part)) for w, (_, part) in found.items()}
    near = found[0.9][1]
    far_share = float(near[FAR:].sum() / near.sum())
    turn = [[math.cos(0.5), -math.sin(0.5)], [math.sin(0.5), math.cos(0.5)]]
    rotation, shear = matrix_norms(turn), matrix_norms([[0.5, 2.0], [0.0, 0.5]])
    layer = written_layer(Elman(f=identity), 1, 1, {"W.h": 1.0, "R.h": 1.5}, torch.float32)
    bad = first_bad(layer, torch.tensor([1.0] + [0.0] * 239).reshape(240, 1, 1))[0]
    numbers = [
        Number(f"w = {said(w)}: log10 a lag", slopes[w].per_lag, math.log10(abs(w)), "log10 |w|", 1e-12, 4)
        for w in WEIGHTS
    ]
    numbers += [
        Number(
            f"w = {said(w)}: sum of the addends",
            sums[w],
            (1 - w**STEPS) / (1 - w),
            "(1 − wᵀ) / (1 − w)",
            1e-9 * max(1.0, sums[w]),
        )
        for w in WEIGHTS
        if w != 1
    ]
    return Lesson(
        "weight",
        "A recurrent weight below, at and above 1",
        (
            f"One linear unit, S_t = X_t + w S_{{t−1}}, a constant input of 1, {STEPS} steps, and the last state as "
            "target. Its gradient is a sum over lags; the addend of lag k is wᵏ. Here they are, by the engine's "
            "backward pass.",
            Table(
                "Addends by lag",
                ("w", "lag 0", "lag 1", "lag 2", "lag 10", f"lag {FAR}", "sum", "verdict"),
                tuple(
                    (w, *(float(part[k]) for k in (0, 1, 2, 10, FAR)), sums[w], slopes[w].kind)
                    for w, (_, part) in found.items()
                ),
                4,
            ),
            "It is not enough to tell w in (0, 1) from w > 1. A negative weight's addends alternate; at w = 1 they "
            "keep their size and the sum grows with the number of steps; and what counts is |w|.",
            f"Note what vanishes. At w = 0.9 the addends behind lag {FAR} are {100 * far_share:.2f} % of the sum: "
            "each far addend vanishes, not the gradient. A healthy norm of a weight's gradient says nothing about "
            "how far back the network can learn.",
            found[0.9][0],
            "For a matrix the part of |w| is played by two numbers. The spectral radius says what happens in the "
            "end, the largest singular value what may happen in one step. [[0.5, 2], [0, 0.5]] has the spectral "
            "radius 0.5 and still doubles a change at first; a rotation keeps every change as long as it was.",
            Table(
                "‖R^k‖ by lag",
                ("k", "rotation", "[[0.5, 2], [0, 0.5]]"),
                tuple((k, round(float(rotation[k]), 12), float(shear[k])) for k in (0, 1, 2, 5, 10, 19)),
                4,
            ),
            f"Above 1 float32 ends. With w = 1.5 and one input of 1 the microscope names the first bad number: "
            f"{bad.kind} at step {bad.step}, after {bad.position} multiplications.",
        ),
        (
            *numbers,
            Number("w = 1: sum of the addends", sums[1.0], STEPS, "T"),
            Number(
                "w = 0.9: 1/e after, in lags", -1 / (slopes[0.9].per_lag * math.log(10)), 9.4912, "−1 / ln 0.9", 5e-5, 5
            ),
            Number(
                f"w = 0.9: share of lags from {FAR} on",
                far_share,
                (0.9**FAR - 0.9**STEPS) / (1 - 0.9**STEPS),
                "(wᵐ − wᵀ) / (1 − wᵀ)",
                1e-12,
            ),
            Number("rotation: largest |‖R^k‖ − 1|", float(np.abs(rotation - 1).max()), 0, "orthogonal", 1e-12),
            Number(
                "[[0.5, 2], [0, 0.5]]: ‖R‖", float(shear[1]), (2 + math.sqrt(5)) / 2, "(b + √(b² + 4 a²)) / 2", 1e-12
            ),
            Number("float32, w = 1.5: multiplications until inf", bad.position or 0, 219, "⌈ln 3.403e38 / ln 1.5⌉"),
        ),
        (
            "Hochreiter 1991, Untersuchungen zu dynamischen neuronalen Netzen",
            "Bengio, Simard & Frasconi 1994, Learning long-term dependencies with gradient descent is difficult",
            "Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks",
        ),
    )
