"""How far back a network remembers: four numbers from the gradient, one from behaviour. They can disagree, and are
printed side by side.

Axes: K lags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellwright.errors import ConfigError, DataError
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.gradients import gradient_by_lag
from cellwright.microscope.runs import Record
from cellwright.microscope.slope import slope_of
from cellwright.tasks.share import Share

__all__ = ["Horizons", "horizons", "memory_horizon", "task_horizon"]

FLAT = 1e-12  # of ln G a lag: less is rounding
Z = 1.959963984540054  # 97.5 % of a normal distribution lie below


@dataclass(frozen=True, slots=True)
class Horizons:
    """Four horizons of one curve G(0), G(1) … ≥ 0, in lags.

    Attributes:
        eps: H_eps, the largest k with G(k) ≥ eps G(0).
        half: H_half, the smallest K with Σ_{k≤K} G ≥ ½ Σ G.
        mean: H_mean = Σ k G / Σ G.
        tau: −1 / slope of ln G: after so many lags 1/e is left; below 0 where G grows, inf where it stays.
    """

    eps: float
    half: float
    mean: float
    tau: float

    def row(self) -> Array:
        return np.array([self.eps, self.half, self.mean, self.tau])


def horizons(values: Array, eps: float = 1e-3) -> Horizons:
    """The four of a curve over lags 0, 1, 2 …

    Of G = wᵏ without end: ⌊ln eps / ln w⌋, ⌈ln ½ / ln w − 1⌉, w / (1 − w), −1 / ln w.

    Raises:
        ConfigError: eps outside (0, 1].
        DataError: a value that is negative or no number; a curve of zeros alone.
    """
    curve = _curve(values, eps)
    lags = np.arange(len(curve))
    running = np.cumsum(curve)
    return Horizons(
        eps=float(np.flatnonzero(curve >= eps * curve[0])[-1]),
        half=float(np.flatnonzero(running >= running[-1] / 2)[0]),
        mean=float((lags * curve).sum() / curve.sum()),
        tau=_tau(slope_of(np.asarray(values, np.float64)).per_lag * np.log(10.0)),
    )


def memory_horizon(
    record: Record,
    layer: int = 0,
    direction: int = 0,
    sequence: int = 0,
    at: int | None = None,
    eps: float = 1e-3,
) -> Figure:
    """How many steps back the record's target still depends on the states, by four definitions.

    Args:
        at: the step that lag 0 stands for, as in `gradient_by_lag`.
        eps: what counts as nothing, of G(0).

    Formula     H_eps = max{k : G(k) ≥ eps G(0)}; H_half = min{K : Σ_{k≤K} G ≥ ½ Σ G}; H_mean = Σ k G / Σ G;
                tau = −1 / slope of ln G
    Unit        steps
    Range       [0, T − 1]; tau any
    Source      definitions; tau: Bengio, Simard & Frasconi 1994
    Adds up     each number again from the tails Σ_{j≥k} G of the curve in place of its values and running sums, tau
                from a least-squares solver. 1e-11 of the largest: two sums of one curve in different orders.
    """
    curve = gradient_by_lag(record, layer, direction, sequence, at)
    norm = curve.arrays["norm"]
    found = horizons(norm, eps)
    again = _from_tails(norm, eps)
    notes = list(curve.notes)
    if len(norm) > 1 and found.eps == len(norm) - 1:
        left = f"{norm[-1] / norm[0]:.3g} of G(0)" if norm[0] > 0 else "G(0) = 0, so that any lag has more"
        notes.append(f"The sequence ends at lag {len(norm) - 1} with {left}: at least so far.")
    finite = [abs(value) for value in found.row() if np.isfinite(value)]
    return Figure(
        name="memory_horizon",
        title=f"How many steps back {record.target} still depends on the states",
        formula="max{k : G(k) ≥ eps G(0)}, min{K : Σ_{k≤K} G ≥ ½ Σ G}, Σ k G / Σ G, −1 / slope of ln G",
        unit="steps",
        range="[0, T − 1]; tau any",
        source="definitions; tau: Bengio, Simard & Frasconi 1994",
        arrays={"horizon": found.row()},
        axes={"horizon": ("definition",)},
        labels={"definition": (f"H_eps, eps = {eps:g}", "H_half", "H_mean", "tau")},
        check=Check("from values = from tails", found.row(), again, 1e-11 * max([1.0, *finite])),
        notes=tuple(notes),
        verdict=f"H_eps {found.eps:g}, H_half {found.half:g}, H_mean {found.mean:.3g}, tau {found.tau:.4g} steps"
        + (": below 0, as the gradient grows." if found.tau < 0 else "."),
    )


def task_horizon(results: Sequence[tuple[int, int, int]], chance: float) -> Figure:
    """How far back a network remembers by what it can do: the largest gap at which a recall task still works.

    Args:
        results: (gap, correct, total) of each gap tried; a gap may come more than once.
        chance: the accuracy of guessing, 1/n of n equal answers.

    Formula     H_task = max{gap : accuracy ≥ chance + ½ (1 − chance)}; its interval: the largest gaps at which the
                lower and the upper bound of the accuracy reach that, each by Wilson's 95 % interval
    Unit        steps
    Range       [0, largest gap]; −1 where no gap is remembered
    Source      recall tasks: Hochreiter & Schmidhuber 1997; interval: Wilson 1927
    Adds up     Wilson's bounds by his formula = the roots of n (p − p̂)² = z² p (1 − p) by a polynomial solver. 1e-7: at
                p̂ = 0 or 1 one root is double in the limit, where a solver keeps half of the digits.

    Raises:
        DataError: no results, or counts that are none.
        ConfigError: chance outside [0, 1).
    """
    if not 0 <= chance < 1:
        raise ConfigError(f"Expected a chance from 0 to 1, without 1, found {chance}.")
    gaps, correct, total = _counted(results)
    accuracy = correct / total
    shares = [Share(int(right), int(of)) for right, of in zip(correct, total, strict=True)]
    bounds = np.array([(share.low, share.high) for share in shares])
    needed = chance + (1 - chance) / 2
    found = np.array([_largest(gaps, level >= needed) for level in (accuracy, *bounds.T)], np.float64)
    notes = []
    if found[0] == gaps[-1]:
        notes.append(f"The largest gap tried, {gaps[-1]}, is still remembered: at least so far.")
    if (np.diff(accuracy) > 0).any():
        notes.append("Accuracy does not fall from gap to gap alone: look at the curve.")
    if found[0] < 0:
        verdict = f"Remembers no gap of those tried: accuracy below {needed:.0%} at each."
    else:
        verdict = f"Remembers over {found[0]:g} steps (95 %: {found[1]:g} to {found[2]:g})."
    return Figure(
        name="task_horizon",
        title="How long a gap the network remembers over, by its answers",
        formula="max{gap : accuracy ≥ chance + ½ (1 − chance)}",
        unit="steps",
        range="[0, largest gap]",
        source="recall: Hochreiter & Schmidhuber 1997; interval: Wilson 1927",
        arrays={"bounds": bounds, "accuracy": accuracy, "horizon": found},
        axes={"bounds": ("gap", "bound"), "accuracy": ("gap",), "horizon": ("estimate",)},
        labels={
            "gap": tuple(map(str, gaps)),
            "bound": ("low", "high"),
            "estimate": ("H_task", "from low", "from high"),
        },
        check=Check("Wilson's formula = roots of his equation", bounds, _wilson_roots(accuracy, total), 1e-7),
        notes=tuple(notes),
        verdict=verdict,
    )


def _curve(values: Array, eps: float) -> Array:
    """The curve over its largest value, so that no sum overflows."""
    if not 0 < eps <= 1:
        raise ConfigError(f"Expected eps above 0 and at most 1, found {eps}.")
    curve = np.asarray(values, np.float64)
    largest = curve.max(initial=0.0)
    if not np.isfinite(largest) or (curve < 0).any() or np.isnan(curve).any():
        raise DataError("Expected a curve of finite numbers from 0 up, found others among them.")
    if largest == 0:
        raise DataError("Expected a curve with a value above 0: the target depends on no state.")
    return np.asarray(curve / largest)


def _tau(slope: float) -> float:
    return float("inf") if np.isnan(slope) or abs(slope) < FLAT else -1.0 / slope


def _from_tails(values: Array, eps: float) -> Array:
    curve = _curve(values, eps)
    tails = np.cumsum(curve[::-1])[::-1]  # Σ_{j≥k} G(j)
    large = next(k for k in range(len(curve) - 1, -1, -1) if curve[k] >= eps * curve[0])
    # Σ_{k≤K} G ≥ ½ Σ G where the tail behind K is at most as large
    half = next(k for k in range(len(curve)) if tails[0] - _behind(tails, k) >= tails[0] / 2 * (1 - 1e-15))
    usable = np.isfinite(values) & (values >= np.finfo(np.float64).tiny)
    lags = np.flatnonzero(usable)
    slope = np.linalg.lstsq(np.stack([lags, np.ones(len(lags))], 1), np.log(values[usable]), rcond=None)[0][0]
    flat = len(lags) < 2
    if flat and len(values) > 1:
        slope = -np.inf
    return np.array([large, half, tails[1:].sum() / tails[0], _tau(np.nan if len(values) < 2 else slope)])


def _behind(tails: Array, k: int) -> float:
    return float(tails[k + 1]) if k + 1 < len(tails) else 0.0


def _counted(results: Sequence[tuple[int, int, int]]) -> tuple[Array, Array, Array]:
    if not len(results):
        raise DataError("Expected (gap, correct, total) of one gap or more, found none.")
    counts: dict[int, list[int]] = {}
    for gap, correct, total in results:
        if gap < 0 or total < 1 or not 0 <= correct <= total:
            raise DataError(f"Expected 0 ≤ correct ≤ total and a gap from 0 up, found {(gap, correct, total)}.")
        held = counts.setdefault(gap, [0, 0])
        held[0] += correct
        held[1] += total
    gaps = sorted(counts)
    return np.array(gaps), np.array([counts[g][0] for g in gaps]), np.array([counts[g][1] for g in gaps])


def _wilson_roots(accuracy: Array, total: Array) -> Array:
    rows = [
        np.sort(np.roots([n + Z**2, -(2 * n * p + Z**2), n * p**2]).real) for p, n in zip(accuracy, total, strict=True)
    ]
    return np.asarray(np.clip(np.stack(rows), 0, 1))


def _largest(gaps: Array, kept: Array) -> int:
    return int(gaps[kept][-1]) if kept.any() else -1
