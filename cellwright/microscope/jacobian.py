"""The state Jacobian J_t = ds_t/ds_{t−1} of any cell, its singular values, and what products of it do.

All steps at once: where the states are recorded, the steps do not depend on each other.
Axes: L steps in reading order, N all states side by side, in the cell's order.
"""

from __future__ import annotations

import numpy as np
import torch

from cellwright.errors import ConfigError
from cellwright.microscope.bounds import step_bound
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.reading import Reading, read
from cellwright.microscope.runs import Record
from cellwright.microscope.step_rows import ROWS, pulled, pushed, states_back

__all__ = ["jacobians", "singular_values", "state_jacobian", "transition_norms"]

EPS = float(np.finfo(np.float64).eps)


def jacobians(reading: Reading, first: int = 0, stop: int | None = None) -> Array:
    """(steps, N, N): J_t of the steps from `first` to before `stop`, all if not given: row i of J_t is that of a step
    repeated N times."""
    n = reading.width
    steps = range(first, len(reading) if stop is None else stop)
    count = max(1, ROWS // n)
    found = []
    for start in range(steps.start, steps.stop, count):
        block = range(start, min(start + count, steps.stop))
        rows = torch.eye(n, dtype=torch.float64).repeat(len(block), 1)
        found.append(pulled(reading, np.repeat(block, n).tolist(), rows).view(-1, n, n))
    made: Array = torch.cat(found).numpy()
    return made


def state_jacobian(record: Record, layer: int = 0, direction: int = 0, sequence: int = 0) -> Figure:
    """J_t of every step: L · N² numbers.

    Formula     J_t[i, j] = ds_{t,i}/ds_{t−1,j}
    Unit        1
    Source      definition; for the LSTM in blocks: Gers, Schmidhuber & Cummins 2000
    Adds up     J_t u = the derivative along u, with u of +1 and −1: left from the rows of J_t, right by the transpose
                of v → J_tᵀ v. 64 N eps times the largest Σ_j |J_ij|: sums over units and gates.
    """
    reading = read(record, layer, direction, sequence)
    found = jacobians(reading)
    u = np.where(np.random.default_rng(0).random(reading.width) < 0.5, -1.0, 1.0)
    along = pushed(reading, range(len(reading)), torch.from_numpy(u).expand(len(reading), -1)).numpy()
    row_sums = np.abs(found).sum(axis=2)
    return Figure(
        name="state_jacobian",
        title="How each step's states depend on the states before it",
        formula="J_t[i, j] = ds_{t,i} / ds_{t−1,j}",
        unit="1",
        range="any",
        source="definition",
        arrays={"jacobian": found},
        axes={"jacobian": ("t", "after", "before")},
        labels={"t": reading.steps, "after": reading.units, "before": reading.units},
        check=Check(
            "J u = derivative along u", found @ u, along, 64 * reading.width * EPS * max(1.0, float(row_sums.max()))
        ),
        verdict=f"Largest entry {np.abs(found).max():.3g}; "
        f"{float((np.abs(found) < 1e-3).mean()):.0%} of the entries are below 0.001.",
    )


def singular_values(record: Record, layer: int = 0, direction: int = 0, sequence: int = 0) -> Figure:
    """What each step can do to a change of its states: stretch it by σ_1 at most, by σ_N at least.

    Formula     σ_1 ≥ … ≥ σ_N of J_t; condition σ_1 / σ_N
    Unit        1
    Range       [0, ∞)
    Source      Pascanu, Mikolov & Bengio 2013
    Adds up     σ(J_t) = the upper half of the eigenvalues of [0 J; Jᵀ 0]: an SVD beside a symmetric eigenvalue solver.
                64 N eps times the largest σ_1.
    """
    reading = read(record, layer, direction, sequence)
    found = jacobians(reading)
    n = reading.width
    sigma = np.linalg.svd(found, compute_uv=False)
    both = np.zeros((len(found), 2 * n, 2 * n))
    both[:, :n, n:], both[:, n:, :n] = found, found.transpose(0, 2, 1)
    again = np.linalg.eigvalsh(both)[:, ::-1][:, :n]
    smallest = np.where(sigma[:, -1] > n * EPS * sigma[:, 0], sigma[:, -1], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        condition = np.where(smallest > 0, sigma[:, 0] / np.where(smallest > 0, smallest, 1.0), np.inf)
    singular = int((smallest == 0).sum())
    return Figure(
        name="singular_values",
        title="How far each step can stretch and shrink a change of its states",
        formula="σ_i of J_t, condition σ_1 / σ_N",
        unit="1",
        range="[0, ∞)",
        source="Pascanu, Mikolov & Bengio 2013",
        arrays={"sigma": sigma, "condition": condition},
        axes={"sigma": ("t", "i"), "condition": ("t",)},
        labels={"t": reading.steps},
        check=Check("σ(J) = eigenvalues of [0 J; Jᵀ 0]", sigma, again, 64 * n * EPS * max(1.0, float(sigma.max()))),
        notes=(f"{singular} of {len(found)} steps forget some direction wholly: condition ∞.",) if singular else (),
        verdict=f"σ_1 from {sigma[:, 0].min():.3g} to {sigma[:, 0].max():.3g}: that is the most a step stretches by.",
    )


def transition_norms(
    record: Record, layer: int = 0, direction: int = 0, sequence: int = 0, until: int | None = None
) -> Figure:
    """‖M(T, t)‖, the most that a change of the states after step t can still be at step T; and its bound.

    Args:
        until: T, a step in reading order from 0; the last if not given.

    Formula     M(T, t) = J_T J_{T−1} … J_{t+1}; bound β^{T−t}, β = γ σ1(R) for a simple recurrent network
    Unit        1
    Range       [0, ∞); bound: ∞ where the equations allow none (a note says why)
    Source      Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013
    Adds up     ‖M‖ of the product of one-step Jacobians = ‖ds_T/ds_t‖ by autograd through all steps at once. 64 N L eps
                times the largest ‖M‖.
    """
    reading = read(record, layer, direction, sequence)
    last = len(reading) - 1 if until is None else until
    if not 0 <= last < len(reading):
        raise ConfigError(f"Expected a step from 0 to {len(reading) - 1}, found until={until}.")
    reading = reading.first(last + 1)
    found, n = jacobians(reading), reading.width
    product = np.eye(n)
    norms = np.ones(len(found))
    for t in range(len(found) - 1, 0, -1):
        product = product @ found[t]
        norms[t - 1] = np.linalg.norm(product, 2)
    whole = states_back(reading, torch.eye(n, dtype=torch.float64)).numpy()
    again = np.sqrt(np.maximum(np.linalg.eigvalsh(whole @ whole.transpose(0, 2, 1))[:, -1], 0.0))
    bound = step_bound(reading)
    lags = np.arange(len(found))[::-1]
    with np.errstate(over="ignore"):
        limit = np.full(len(found), np.inf) if bound.value is None else np.float64(bound.value) ** lags
    if bound.value is None:
        said = f"No bound (γ σ1)^k for this cell: {bound.reason}"
    else:
        holds = bool((norms <= limit * (1 + 64 * n * len(found) * EPS)).all())
        holding = "holds at all" if holds else "does NOT hold at all"
        said = f"β = {bound.value:.4g}, {bound.reason}; ‖M‖ ≤ β^k {holding} steps."
    grows = "grows" if norms[0] > norms[-1] else "shrinks"
    return Figure(
        name="transition_norms",
        title="How much of a change of the states can be left",
        formula="‖J_T … J_{t+1}‖₂ ≤ β^{T−t}",
        unit="1",
        range="[0, ∞)",
        source="Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013",
        arrays={"norm": norms, "bound": limit},
        axes={"norm": ("t",), "bound": ("t",)},
        labels={"t": reading.steps},
        check=Check("‖J_T … J_t+1‖ = ‖ds_T/ds_t‖", norms, again, 64 * n * len(found) * EPS * float(norms.max())),
        notes=(said,),
        verdict=f"Over {len(found) - 1} steps the largest possible change {grows} to {norms[0]:.3g} of itself.",
    )
