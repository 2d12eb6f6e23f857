"""Lyapunov exponents of a run: how fast changes of the states grow or fade along it, in every direction.

    J_t Q_{t−1} = Q_t R_t          λ_i = mean over steps of ln |R_t,ii|, after a warm-up

J_t stands on the left, in the order of time. The exponents are conditional: the run's own inputs drive the states.
Axes: L steps in reading order, N all states side by side, P exponents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from cellwright.errors import ConfigError, TrainingError
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.jacobian import jacobians
from cellwright.microscope.reading import Reading, read
from cellwright.microscope.runs import Record
from cellwright.microscope.step_rows import ROWS, pushed

__all__ = ["kaplan_yorke", "lyapunov_spectrum"]

EPS = float(np.finfo(np.float64).eps)


def lyapunov_spectrum(
    record: Record,
    layer: int = 0,
    direction: int = 0,
    sequence: int = 0,
    exponents: int | None = None,
    warm_up: int | None = None,
    seed: int = 0,
) -> Figure:
    """The Lyapunov spectrum, largest exponent first.

    Args:
        exponents: how many, from the largest on; all N if not given. Few are much cheaper: P products with J_t a step
            in place of all of J_t.
        warm_up: first steps that do not count; a tenth of the steps, at most 100, if not given.
        seed: of the directions Q_0 that the first step finds.

    Formula     λ_i = (1 / steps) Σ_t ln |R_t,ii|; time scale −1 / λ_i; dimension: see `kaplan_yorke`
    Unit        1 / step; time scale: steps (negative: of growth); dimension: 1
    Range       [−∞, ∞); −∞ for a direction that a step forgets wholly: to within 8 N eps of its length
    Source      Benettin et al. 1980; Engelken, Wolf & Abbott 2023, "Lyapunov spectra of chaotic recurrent networks";
                Vogt et al. 2022
    Adds up     Σ λ_i over the finite exponents = mean of ln volume of J_t Q_{t−1}, from singular values of its columns
                at length 1; of all N, that volume is |det J_t|. 64 N eps times the mean condition of those columns.

    Raises:
        ConfigError: more exponents than units, or a warm-up that leaves no step.
        TrainingError: a Jacobian that is not finite.
    """
    reading = read(record, layer, direction, sequence)
    steps, n = len(reading), reading.width
    count = n if exponents is None else exponents
    skipped = min(100, steps // 10) if warm_up is None else warm_up
    if not 1 <= count <= n:
        raise ConfigError(f"Expected 1 to {n} exponents, as many as the states have units, found {count}.")
    if not 0 <= skipped < steps:
        raise ConfigError(f"Expected a warm-up below {steps}, the steps of this sequence, found {skipped}.")
    done = _follow(reading, count, skipped, seed, None)
    if done.kept != done.prefix:  # a direction was forgotten on the way: once more, with the volume of the rest
        done = _follow(reading, count, skipped, seed, done.kept)
    return _figure(reading, done, steps - skipped, skipped)


@dataclass(frozen=True, slots=True)
class _Followed:
    """Sums over the counted steps.

    Attributes:
        logs_P: Σ ln |R_ii|; −∞ for a direction that a step forgot.
        kept: directions before the first that was forgotten.
        volume, condition: Σ of the ln volume of the first `prefix` columns, and of their condition.
    """

    logs_P: Array
    kept: int
    prefix: int
    volume: float
    condition: float


def _follow(reading: Reading, count: int, skipped: int, seed: int, prefix: int | None) -> _Followed:
    n = reading.width
    q = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, count)))[0]
    logs, alive = np.zeros(count), np.ones(count, bool)
    volume = condition = 0.0
    grow = _grower(reading, count)
    for t in range(len(reading)):
        grown = grow(t, q)
        if not np.isfinite(grown).all():
            raise TrainingError(
                f"Expected finite Jacobians, found nan or inf at step {t} ({reading.steps[t]}).",
                repair="`cellwright.microscope.first_bad` names the first bad number and what made it.",
            )
        q, r = np.linalg.qr(grown)
        if t < skipped:
            continue
        length, size = np.linalg.norm(grown, axis=0), np.abs(np.diagonal(r))
        alive &= size > 8 * n * EPS * length
        logs += np.log(np.where(alive, size, 1.0))
        prefix = _leading(alive) if prefix is None else prefix
        if prefix and _leading(alive) >= prefix:
            log_volume, own_condition = _log_volume(grown[:, :prefix], length[:prefix])
            volume, condition = volume + log_volume, condition + own_condition
    return _Followed(np.where(alive, logs, -np.inf), _leading(alive), prefix or 0, volume, condition)


def _leading(alive: Array) -> int:
    """Directions before the first that was forgotten."""
    return int(np.argmin(alive)) if not alive.all() else len(alive)


def kaplan_yorke(exponents: Array) -> float:
    """The Kaplan–Yorke dimension of exponents in falling order: j + Σ_{i≤j} λ_i / |λ_{j+1}|, j the last place at which
    the sum of the largest is not negative; 0 if λ_1 < 0, their number if no sum is negative."""
    sums = np.cumsum(exponents)
    j = int((sums >= 0).sum())  # sums of falling numbers rise, then fall: all that are not negative come first
    if j in (0, len(exponents)):
        return float(j)
    return j + float(sums[j - 1] / abs(exponents[j]))


def _figure(reading: Reading, done: _Followed, counted: int, skipped: int) -> Figure:
    n, count = reading.width, len(done.logs_P)
    found = done.logs_P / counted
    spectrum = np.sort(found)[::-1]
    with np.errstate(divide="ignore"):
        scale = np.where(spectrum == 0, np.inf, -1 / np.where(spectrum == 0, 1.0, spectrum))
    dimension = kaplan_yorke(spectrum)
    whole = count == n or bool((np.cumsum(spectrum) < 0).any())
    forgotten = int(np.isneginf(spectrum).sum())
    notes = [f"{counted} steps, after {skipped} that do not count; driven by the run's own inputs."]
    if forgotten:
        notes.append(f"{forgotten} directions are forgotten within a step: exponent −∞.")
    blunt = 64 * n * EPS * done.condition / counted
    if blunt > 1e-6:
        notes.append(f"Directions are nearly parallel: their volume is known to {blunt:.0e} only, and so is the sum.")
    if not whole:
        notes.append("More exponents would be needed for the dimension: it is at least this.")
    return Figure(
        name="lyapunov_spectrum",
        title="How fast changes of the states grow or fade",
        formula="λ_i = mean of ln |R_t,ii|, J_t Q_{t−1} = Q_t R_t",
        unit="1 / step; time_scale: steps",
        range="[−∞, ∞)",
        source="Benettin et al. 1980; Engelken, Wolf & Abbott 2023; Vogt et al. 2022",
        arrays={"exponent": spectrum, "time_scale": scale, "dimension": np.asarray(dimension)},
        axes={"exponent": ("i",), "time_scale": ("i",), "dimension": ()},
        check=Check(
            "Σ λ_i = mean ln volume of J Q",
            np.asarray([found[: done.kept].sum()]),
            np.asarray([done.volume / counted]),
            64 * n * EPS * max(1.0, done.condition / counted, float(np.abs(found[: done.kept]).sum())),
        ),
        notes=tuple(notes),
        verdict=f"λ_1 = {spectrum[0]:.4g}; {int((spectrum > 0).sum())} of {count} exponents are positive; Kaplan–Yorke"
        f" dimension {'' if whole else 'at least '}{dimension:.4g}.",
    )


def _grower(reading: Reading, count: int) -> Callable[[int, Array], Array]:
    """(t, Q) -> J_t Q."""

    def by_columns(t: int, q_NP: Array) -> Array:
        found: Array = pushed(reading, [t] * count, torch.from_numpy(np.ascontiguousarray(q_NP.T))).numpy().T
        return found

    block = max(1, ROWS // reading.width)
    held: dict[int, Array] = {}

    def by_matrix(t: int, q_NP: Array) -> Array:
        start = t - t % block
        if start not in held:
            held.clear()
            held[start] = jacobians(reading, start, min(start + block, len(reading)))
        found: Array = held[start][t - start] @ q_NP
        return found

    return by_columns if count < reading.width else by_matrix


def _log_volume(columns: Array, length: Array) -> tuple[float, float]:
    """(ln volume, condition) of columns, by singular values of the columns at length 1."""
    sigma = np.linalg.svd(columns / length, compute_uv=False)
    return float(np.log(length).sum() + np.log(sigma).sum()), float(sigma[0] / sigma[-1])
