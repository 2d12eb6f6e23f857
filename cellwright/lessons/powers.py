"""0.99^365 and 1.01^365, and where repeated factors leave float32 (only arithmetic; see `weight` for a network)."""

from __future__ import annotations

import math

import numpy as np

from cellwright.lessons.lesson import Lesson, Number, Table

__all__ = ["lesson"]

DAYS = 365
LARGE = (1.01, 1.1, 1.5, 2.0)


def repeated(factor: float, times: int, kind: type = np.float64) -> float:
    """The factor multiplied `times` times, every product rounded to `kind`."""
    product, rounded = kind(1), kind(factor)
    for _ in range(times):
        product = product * rounded
    return float(product)


def first_infinite(factor: float) -> int:
    """The first power that float32 has no number for, by repeated products."""
    powers = np.float32(1)
    with np.errstate(over="ignore"):
        for k in range(1, 10_000):
            powers = powers * np.float32(factor)
            if np.isinf(powers):
                return k
    raise ArithmeticError(f"{factor} stays finite")


def lesson() -> Lesson:
    """The powers, and the first infinite ones."""
    small, large = repeated(0.99, DAYS), repeated(1.01, DAYS)
    single = {factor: repeated(factor, DAYS, np.float32) for factor in (0.99, 1.01)}
    biggest = math.log(float(np.finfo(np.float32).max))
    infinite = {factor: first_infinite(factor) for factor in LARGE}
    with np.errstate(over="ignore", invalid="ignore"):
        inf = np.float32(3e38) * np.float32(10)
        bad = [("3e38 · 10", float(inf)), ("inf − inf", float(inf - inf)), ("0 · inf", float(np.float32(0) * inf))]
    numbers = [
        Number("0.99^365", small, math.exp(DAYS * math.log(0.99)), "exp(365 ln 0.99)", 1e-14, 9),
        Number("1.01^365", large, math.exp(DAYS * math.log(1.01)), "exp(365 ln 1.01)", 1e-11, 9),
        Number("their ratio", large / small, (1.01 / 0.99) ** DAYS, "(1.01/0.99)^365", 1e-9),
        Number("0.99^365 in float32, step by step", single[0.99], 0.0255181, "0.0255181", 5e-8, 6),
        Number("1.01^365 in float32, step by step", single[1.01], 37.783295, "37.783295", 5e-7, 8),
        Number("0.99^365 in float32", single[0.99], small, "0.99^365, to 365 roundings of 6e−8", 365 * 6e-8 * small),
        Number("1.01^365 in float32", single[1.01], large, "1.01^365, to 365 roundings of 6e−8", 365 * 6e-8 * large),
    ]
    numbers += [
        Number(f"first infinite power of {w:g}", k, math.ceil(biggest / math.log(w)), "⌈ln 3.403e38 / ln w⌉")
        for w, k in infinite.items()
    ]
    return Lesson(
        "powers",
        "One factor a day: 0.99 and 1.01 to the power of 365, and where float32 ends",
        (
            "A recurrent network multiplies by the same weight at every step, and its gradient does so on the way "
            "back. A factor a little below 1 and one a little above 1 look alike for one step. After 365 "
            "steps they do not.",
            Table(
                "Repeated products",
                ("factor", "1 step", "365 steps", "365 steps in float32"),
                ((0.99, 0.99, small, single[0.99]), (1.01, 1.01, large, single[1.01])),
            ),
            "Not every repeated computation ends at nothing or at infinity: a factor of exactly 1, a rotation, and a "
            "map with a fixed point stay where they are.",
            "Above 1 the numbers end. The largest float32 is 3.403e38; the first power past it is infinite. Infinity "
            "comes first, and is not yet NaN: that needs inf − inf, 0 · inf or inf / inf, as inside a softmax.",
            Table("First infinite power in float32", ("w", "k"), tuple(infinite.items())),
            Table("What comes after the largest number", ("float32", "gives"), tuple(bad)),
        ),
        tuple(numbers),
        (
            "Bengio, Simard & Frasconi 1994, Learning long-term dependencies with gradient descent is difficult",
            "IEEE 754-2019",
        ),
    )
