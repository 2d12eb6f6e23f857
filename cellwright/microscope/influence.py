"""What each output owes to each input: the (t, k) triangle, and one output's row of it by lag.

Axes: L steps in reading order, K lags, N all states side by side, O output, I input, R rows that are followed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from cellwright.errors import ConfigError
from cellwright.microscope.back import step_back, step_matrix
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.reading import Reading, read
from cellwright.microscope.runs import Record
from cellwright.microscope.slope import log10, slope_of

__all__ = ["influence", "output_by_lag"]

EPS = float(np.finfo(np.float64).eps)
MOST_ROWS = 4_000  # outputs times steps that are followed at once, unless steps are named


def output_by_lag(
    record: Record,
    layer: int = 0,
    direction: int = 0,
    sequence: int = 0,
    at: int | None = None,
    outputs: Sequence[int] | None = None,
    most: int = 256,
) -> Figure:
    """How much each output unit of one step changes with the input k steps back.

    Args:
        at: the step of the output, in reading order from 0; the last if not given.
        outputs: units to follow; all if not given.
        most: lags followed at most; a note says when there are more.

    Formula     ‖dy_{at,j}/dx_{at−k}‖₂ for each unit j; over all followed units: the square root of the sum of squares
    Unit        of an output a unit of an input
    Range       [0, ∞)
    Source      connectivity: Madsen 2019; norms: Bengio, Simard & Frasconi 1994
    Adds up     backward through each step's equations, output by output = the product of the steps' Jacobian matrices,
                each made input by input. 64 N eps K times the largest: sums over units, one step after
                another.
    """
    reading = read(record, layer, direction, sequence)
    last = len(reading) - 1 if at is None else at
    if not 0 <= last < len(reading):
        raise ConfigError(f"Expected a step from 0 to {len(reading) - 1}, found at={at}.")
    size = reading.run.y_TBO.shape[2]
    units = list(range(size)) if outputs is None else list(outputs)
    if wrong := [unit for unit in units if not 0 <= unit < size]:
        raise ConfigError(f"Expected output units from 0 to {size - 1}, found {wrong[0]}.")
    first = max(0, last - most + 1)
    back = _outputs_back(reading, [last], units, first)[::-1, 0]
    matrices = _by_matrices(reading, [last], units, first)[::-1, 0]
    unit_norm, again = np.sqrt((back**2).sum(-1)), np.sqrt((matrices**2).sum(-1))
    norm = np.sqrt((unit_norm**2).sum(-1))
    slope = slope_of(norm)
    arrays = {"by unit": unit_norm, "norm": norm, "log10": log10(norm)}
    notes = [f"The first {first} inputs, more than {most} steps back, were not followed."] if first else []
    names = tuple(f"y {unit}" for unit in units)
    return Figure(
        name="output_by_lag",
        title=f"How much the output after {reading.steps[last]} depends on the input k steps back",
        formula="‖dy_{t,j}/dx_{t−k}‖₂",
        unit="of an output a unit of an input",
        range="[0, ∞)",
        source="Madsen 2019",
        arrays=arrays,
        axes={"by unit": ("lag", "unit"), "norm": ("lag",), "log10": ("lag",)},
        labels={"lag": tuple(reading.steps[t] for t in range(last, first - 1, -1)), "unit": names},
        check=Check(
            "backward through the steps = product of their Jacobians",
            unit_norm,
            again,
            64 * reading.width * EPS * len(norm) * float(unit_norm.max(initial=0.0)),
        ),
        notes=(*notes, *slope.notes),
        verdict=f"{slope}; largest at lag {int(np.argmax(norm))}.",
    )


def influence(
    record: Record,
    layer: int = 0,
    direction: int = 0,
    sequence: int = 0,
    times: Sequence[int] | None = None,
) -> Figure:
    """How much each output depends on each input: 0 above the diagonal, as no step reads what comes later.

    Args:
        times: steps of the output, in reading order from 0; all if not given, of long sequences evenly chosen ones, as
            a note says.

    Formula     ‖dy_t/dx_k‖_F
    Unit        of an output a unit of an input
    Range       [0, ∞)
    Source      connectivity: Madsen 2019
    Adds up     as `output_by_lag`, for every t and k.
    """
    reading = read(record, layer, direction, sequence)
    steps, size = len(reading), reading.run.y_TBO.shape[2]
    chosen, notes = list(range(steps)) if times is None else sorted(set(times)), []
    if wrong := [t for t in chosen if not 0 <= t < steps]:
        raise ConfigError(f"Expected steps from 0 to {steps - 1}, found {wrong[0]}.")
    fit = max(1, MOST_ROWS // size)
    if times is None and steps > fit:
        chosen = sorted({int(t) for t in np.linspace(0, steps - 1, fit).round()})
        notes.append(f"Outputs of {len(chosen)} of {steps} steps, evenly chosen; times=[…] names others.")
    back = _outputs_back(reading, chosen, list(range(size)), 0)
    matrices = _by_matrices(reading, chosen, list(range(size)), 0)
    found, again = (np.sqrt((part**2).sum((-1, -2))).T for part in (back, matrices))
    return Figure(
        name="influence",
        title="How much each output depends on each input",
        formula="‖dy_t/dx_k‖_F",
        unit="of an output a unit of an input",
        range="[0, ∞)",
        source="Madsen 2019",
        arrays={"norm": found},
        axes={"norm": ("t", "k")},
        labels={"t": tuple(reading.steps[t] for t in chosen), "k": reading.steps},
        check=Check(
            "backward through the steps = product of their Jacobians",
            found,
            again,
            64 * reading.width * EPS * steps * float(found.max(initial=0.0)),
        ),
        notes=tuple(notes),
    )


def _outputs_back(reading: Reading, times: Sequence[int], units: Sequence[int], first: int) -> Array:
    """(K, t, j, I): dy_{t,j}/dx_k for steps k from `first` on, by one backward pass that picks up each output as it
    comes by."""
    back, size = step_back(reading), reading.run.y_TBO.shape[2]
    count, rows = len(units), len(times) * len(units)
    picked = torch.eye(size, dtype=torch.float64)[list(units)]
    states_RN = torch.zeros(rows, reading.width, dtype=torch.float64)
    last = max(times)
    found = np.zeros((last + 1 - first, len(times), count, reading.x_LI.shape[1]))
    for k in range(last, first - 1, -1):
        begun = [at for at, t in enumerate(times) if t >= k]
        live = slice(begun[0] * count, rows)  # times rise: later ones began before
        outputs = torch.zeros(rows, size, dtype=torch.float64)
        if times[begun[0]] == k:
            outputs[begun[0] * count : (begun[0] + 1) * count] = picked
        states_RN[live], x_RI, _ = back(k, states_RN[live], outputs[live])
        found[k - first, begun[0] :] = x_RI.reshape(len(begun), count, -1).numpy()
    return found


def _by_matrices(reading: Reading, times: Sequence[int], units: Sequence[int], first: int) -> Array:
    """The same as a product of matrices, each step's made column by column."""
    size, count, last = reading.width, len(units), max(times)
    found = np.zeros((last + 1 - first, len(times), count, reading.x_LI.shape[1]))
    left = np.zeros((0, size))
    for k in range(last, first - 1, -1):
        matrix = step_matrix(reading, k).numpy()
        whole = left @ matrix[:size]
        if k in times:
            whole = np.concatenate([matrix[size:][list(units)], whole])
        found[k - first, len(times) - len(whole) // count :] = whole[:, size:].reshape(-1, count, found.shape[3])
        left = whole[:, :size]
    return found
