"""The sigmoid as a filter between 0 and 1: its curve, its limits in floating point, its derivative; and tanh."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from cellwright.lessons.curves import curves_svg
from cellwright.lessons.lesson import Drawing, Lesson, Number, Table
from cellwright.microscope.figure import Array, Check, Figure

__all__ = ["lesson"]

FILTERED = (5.0, -5.0)
PLACES = np.arange(-5, 5, 0.1)
DRAW = "cellwright lesson sigmoid"
STEEPEST = math.log(2 + math.sqrt(3)) / 2  # where |tanh''| is largest: tanh x = 1/√3


def sigmoid(x: Any) -> Any:
    """1/(1 + e^−x), as it is usually typed, in the type of x."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def first_where(low: float, high: float, holds: str, kind: type) -> float:
    """Between `low`, where the sigmoid is not yet the number `holds`, and `high`, where it is: the place it becomes so,
    by halving; all in `kind`."""
    wanted = kind(holds)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (low, middle) if sigmoid(kind(middle)) == wanted else (middle, high)
    return high


def undecided(margin: float) -> float:
    """The largest |x| of a fine grid at which σ is between `margin` and 1 − `margin`."""
    x = np.linspace(0, 6, 60_001)
    return float(x[sigmoid(x) < 1 - margin].max())


def inside(values: Array, low: float, high: float) -> int:
    """How many lie in the open interval."""
    return int(((low < values) & (values < high)).sum())


def each_by_itself() -> int:
    """Entries of C ⊙ σ(X) that are the product of their own two numbers."""
    C, X = np.array([[5.0, -5.0], [1.0, 0.0]]), np.array([[-2.0, 0.0], [3.0, 40.0]])
    passed = C * sigmoid(X)
    return sum(bool(passed[k] == C[k] * sigmoid(X[k])) for k in np.ndindex(2, 2))


def curve() -> Figure:
    """σ at 100 places from −5 to 4.9."""
    x = PLACES
    y = sigmoid(x)
    return Figure(
        name="sigmoid",
        title="The sigmoid",
        formula="σ(x) = 1 / (1 + e^−x)",
        unit="1",
        range="(0, 1)",
        source="definition",
        arrays={"sigmoid": y},
        axes={"sigmoid": ("x",)},
        labels={"x": tuple(f"{value:.1f}" for value in x)},
        check=Check("σ(x) = ½ + ½ tanh(x/2)", y, 0.5 + 0.5 * np.tanh(x / 2), 4e-16),
    )


def bend_of(x: Array) -> Array:
    """tanh″."""
    bend: Array = -2 * np.tanh(x) * (1 - np.tanh(x) ** 2)
    return bend


def lesson() -> Lesson:
    """Curve, filter, limits, derivatives."""
    figure = curve()
    y = figure.arrays["sigmoid"]
    grid = np.linspace(-40, 40, 8001)
    filtered = {held: held * sigmoid(np.linspace(-30, 30, 6001)) for held in FILTERED}
    slope = sigmoid(grid) * (1 - sigmoid(grid))
    fine = np.linspace(0.6, 0.7, 100_001)
    steepest = {side: side * float(fine[np.argmax(np.abs(bend_of(side * fine)))]) for side in (1, -1)}
    bent = np.linspace(-3, 3, 121)
    x = torch.tensor(grid, requires_grad=True)
    (theirs,) = torch.autograd.grad(torch.tanh(x).sum(), x)
    away = grid[np.abs(grid) > 0.02]
    step_slope = (np.heaviside(away + 1e-3, 1) - np.heaviside(away - 1e-3, 1)) / 2e-3
    ones = {kind: first_where(10.0, 50.0, "1", kind) for kind in (np.float32, np.float64)}
    zeros = {kind: first_where(-10.0, low, "0", kind) for kind, low in ((np.float32, -200.0), (np.float64, -1000.0))}
    return Lesson(
        "sigmoid",
        "The sigmoid as a filter, and its companion tanh",
        (
            "σ(x) = 1/(1 + e^−x) turns any number into one between 0 and 1. A value multiplied by it is let through, "
            "held back, or anything in between: a gate.",
            Drawing("sigmoid", "σ at 100 places", curves_svg(PLACES, {"σ(x)": y}, figure.title), f"{DRAW} --svg ."),
            figure,
            Table(
                "σ from −5 to 4.9",
                ("x", "σ(x)"),
                tuple((float(x), float(v)) for x, v in zip(range(-5, 5), y[::10], strict=True)),
            ),
            "What passes keeps its sign: a value of 5 comes out between 0 and 5, a value of −5 between −5 and 0.",
            Table(
                "C · σ(x) for x from −30 to 30",
                ("C", "least", "most"),
                tuple((held, float(v.min()), float(v.max())) for held, v in filtered.items()),
            ),
            "In mathematics σ never reaches 0 or 1. In floating point it does: 1 + e^−x rounds to 1 once e^−x is "
            "half a unit in the last place, and the form above gives exactly 0 once e^−x is past the largest number.",
            Table(
                "Where the typed formula is exactly 1 and exactly 0",
                ("", "1 from x =", "0 below x ="),
                (
                    ("float32", ones[np.float32], zeros[np.float32]),
                    ("float64", ones[np.float64], zeros[np.float64]),
                ),
                5,
            ),
            "Between 0.1 and 0.9 it stays only for |x| < 2.197: most inputs find the gate nearly open or nearly "
            "shut. A step from 0 to 1 would be simpler, but its derivative is 0 everywhere but at the jump, so "
            "nothing could be learnt through it without a substitute gradient. Other smooth gates can be used, and "
            "are: the hard sigmoid, or exponential gates (sLSTM).",
            Table(
                "Largest derivatives",
                ("function", "largest |f′|", "at x"),
                (
                    ("σ", float(slope.max()), 0),
                    ("tanh", float((1 - np.tanh(grid) ** 2).max()), 0),
                    ("relu", 1, "x > 0"),
                    ("identity", 1, "everywhere"),
                ),
            ),
            "The gates use σ; tanh shapes the candidate and the output of the cell state, which is not within (−1, "
            "1) by itself. tanh′ = 1 − tanh² comes cheaply from the value. Its second derivative is largest, 0.7698, "
            "at x = ±0.6585; that is no protection against vanishing, which is a matter of products of first "
            "derivatives. Nothing here is convex: tanh″ changes its sign at 0. And a monotone "
            "activation is convenient, not necessary.",
            Drawing(
                "tanh",
                "tanh and its first two derivatives",
                curves_svg(
                    bent, {"tanh x": np.tanh(bent), "tanh′ x": 1 - np.tanh(bent) ** 2, "tanh″ x": bend_of(bent)}, "tanh"
                ),
                f"{DRAW} --svg .",
            ),
        ),
        (
            Number("points from −5 to 4.9", len(y), 100, "np.arange(−5, 5, 0.1)"),
            Number("σ(−5)", float(y[0]), 1 / (1 + math.exp(5)), "1 / (1 + e⁵)", 1e-15, 8),
            Number("σ(4.9)", float(y[-1]), 1 / (1 + math.exp(-4.9)), "1 / (1 + e^−4.9)", 1e-14, 8),
            Number("most of 5 σ", float(filtered[5.0].max()), 5, "5, open", 1e-11),
            Number("least of −5 σ", float(filtered[-5.0].min()), -5, "−5, open", 1e-11),
            Number("places where 0 < 5 σ < 5", inside(filtered[5.0], 0, 5), 6001, "all 6,001 from −30 to 30"),
            Number("places where −5 < −5 σ < 0", inside(filtered[-5.0], -5, 0), 6001, "all 6,001 from −30 to 30"),
            Number("entries of a 2 × 2 matrix filtered each by itself", each_by_itself(), 4, "all 4"),
            Number("σ(−40)", float(sigmoid(np.float64(-40))), math.exp(-40), "e^−40", 1e-30, 3),
            Number("σ(40)", float(sigmoid(np.float64(40))), 1, "1, in float64"),
            Number("float32 is 1 from", ones[np.float32], 24 * math.log(2), "24 ln 2", 1e-3, 5),
            Number("float64 is 1 from", ones[np.float64], 53 * math.log(2), "53 ln 2", 1e-3, 5),
            Number("float32 is 0 below", zeros[np.float32], -128 * math.log(2), "−128 ln 2", 1e-3, 5),
            Number("float64 is 0 below", zeros[np.float64], -1024 * math.log(2), "−1024 ln 2", 1e-3, 5),
            Number("0.1 < σ < 0.9 for |x| below", undecided(0.1), math.log(9), "ln 9", 1e-3, 4),
            Number("0.01 < σ < 0.99 for |x| below", undecided(0.01), math.log(99), "ln 99", 1e-3, 4),
            Number("largest σ′", float(slope.max()), 0.25, "¼, at 0", 1e-15),
            Number("tanh′(0)", float(1 - np.tanh(0.0) ** 2), 1, "1"),
            Number(
                "largest |tanh″|", float(np.abs(bend_of(grid)).max()), 4 / (3 * math.sqrt(3)), "4 / (3 √3)", 1e-4, 4
            ),
            Number("at x =", steepest[1], STEEPEST, "artanh(1/√3)", 1e-5, 4),
            Number("and at x =", steepest[-1], -STEEPEST, "−artanh(1/√3)", 1e-5, 4),
            Number(
                "tanh′ by autograd, off 1 − tanh² by at most",
                float(np.abs(theirs.numpy() - (1 - np.tanh(grid) ** 2)).max()),
                0,
                "0, to rounding",
                1e-15,
            ),
            Number("slope of a step, away from the jump", float(np.abs(step_slope).max()), 0, "0"),
        ),
        (
            "Hochreiter & Schmidhuber 1997, Long short-term memory (gates)",
            "Gers, Schmidhuber & Cummins 2000, Learning to forget",
            "Beck et al. 2024, xLSTM (exponential gates)",
        ),
    )
