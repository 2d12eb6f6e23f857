"""The gradient by lag: how much of it arrives k steps back, for the direction the target takes and for the worst one.

Axes: L steps in reading order, K lags, N all states side by side.
"""

from __future__ import annotations

import numpy as np

from cellwright.errors import ConfigError
from cellwright.microscope.back import all_steps_back, arriving, from_output
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.jacobian import transition_norms
from cellwright.microscope.reading import Reading, read
from cellwright.microscope.runs import Record
from cellwright.microscope.slope import log10, slope_of

__all__ = ["gradient_by_lag", "operator_by_lag", "state_gradient_of"]

EPS = float(np.finfo(np.float64).eps)
DEFINITION = "Hochreiter 1991; Bengio, Simard & Frasconi 1994"


def gradient_by_lag(
    record: Record, layer: int = 0, direction: int = 0, sequence: int = 0, at: int | None = None
) -> Figure:
    """How much the record's target changes with the states k steps back.

    Args:
        at: the step that lag 0 stands for, in reading order from 0; the last if not given.

    Formula     G(k) = ‖dL/ds_{at−k}‖₂ over all states side by side, as later steps and the output see them
    Unit        of the target a unit of a state
    Range       [0, ∞)
    Source      Hochreiter 1991; Bengio, Simard & Frasconi 1994
    Adds up     dL/ds_t = Jᵀ_{t+1} dL/ds_{t+1} + what the output of step t hands on. Left from the engine's backward
                loop; right by autograd through each step's equations by itself. 64 N eps times the largest G: sums
                over units and gates.
    """
    reading = read(record, layer, direction, sequence)
    last = _step(reading, at)
    left_LN, right_LN = state_gradient_of(reading)
    by_lag = np.arange(last, -1, -1)
    names = reading.run.state_names
    norm = _norms(left_LN[by_lag])
    arrays = {"norm": norm, "share": _shares(norm), "log10": log10(norm)}
    if len(names) > 1:
        arrays |= {f"norm of {name}": _norms(left_LN[by_lag][:, place]) for name, place in reading.places.items()}
    slope = slope_of(norm)
    peak = int(np.argmax(np.where(np.isnan(norm), -1.0, norm)))
    entries = int(arriving(reading).output_LO.numpy().any(axis=1).sum())
    notes, verdict = [], f"{slope}; largest at lag {peak}."
    if entries > 1:  # what enters on the way hides what is lost on the way
        notes = [f"Gradient enters at the output of {entries} steps, not at lag 0 alone: the slope is no decay by lag."]
        verdict = f"Enters at {entries} steps; {slope.per_lag:+.4f} log10 a lag; largest at lag {peak}."
    return Figure(
        name="gradient_by_lag",
        title=f"How much of {record.target} depends on the states k steps back",
        formula="G(k) = ‖dL/ds_{t−k}‖₂",
        unit="of the target a unit of a state",
        range="[0, ∞)",
        source=DEFINITION,
        arrays=arrays,
        axes=dict.fromkeys(arrays, ("lag",)),
        labels={"lag": tuple(reading.steps[t] for t in by_lag)},
        check=Check(
            "dL/ds_t = Jᵀ dL/ds_{t+1} + from the output",
            norm,
            _norms(right_LN[by_lag]),
            64 * reading.width * EPS * float(norm.max(where=np.isfinite(norm), initial=0.0)),
        ),
        notes=(*notes, *slope.notes),
        verdict=verdict,
    )


def state_gradient_of(reading: Reading) -> tuple[Array, Array]:
    """d target / d (state after each step), (L, N), twice: by the engine's loop, and by autograd of single steps."""
    here = arriving(reading)
    direct_LN = from_output(reading, here.output_LO)
    left_LN = here.states_LN + direct_LN
    right_LN = direct_LN.clone()
    right_LN[:-1] += all_steps_back(reading, here)[1:]
    right_LN[-1] += here.states_LN[-1]  # what the target reads of the final state itself
    return left_LN.numpy(), right_LN.numpy()


def operator_by_lag(
    record: Record, layer: int = 0, direction: int = 0, sequence: int = 0, at: int | None = None
) -> Figure:
    """The most that any change of the states k steps back can still be: the worst direction, whatever the target.

    Args:
        at: the step that lag 0 stands for, in reading order from 0; the last if not given.

    Formula     Gop(k) = ‖M(at, at−k)‖₂, M(t, k) = J_t J_{t−1} … J_{k+1}
    Unit        1
    Range       [0, ∞); bound: ∞ where the equations allow none
    Source      Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013
    Adds up     as `transition_norms`: the product of one-step Jacobians beside autograd through all steps at once.
    """
    reading = read(record, layer, direction, sequence)
    last = _step(reading, at)
    by_step = transition_norms(record, layer, direction, sequence, last)
    norm, bound = by_step.arrays["norm"][::-1].copy(), by_step.arrays["bound"][::-1].copy()
    assert by_step.check is not None
    check = by_step.check
    slope = slope_of(norm)
    arrays = {"norm": norm, "bound": bound, "log10": log10(norm)}
    return Figure(
        name="operator_by_lag",
        title="The most that a change of the states k steps back can still be",
        formula="Gop(k) = ‖J_t … J_{t−k+1}‖₂",
        unit="1",
        range="[0, ∞)",
        source=by_step.source,
        arrays=arrays,
        axes=dict.fromkeys(arrays, ("lag",)),
        labels={"lag": tuple(reading.steps[t] for t in range(last, -1, -1))},
        check=Check("‖J_t … J_{t−k+1}‖ = ‖ds_t/ds_{t−k}‖", norm, np.asarray(check.right)[::-1], check.tolerance),
        notes=(*by_step.notes, *slope.notes),
        verdict=f"{slope}.",
    )


def _step(reading: Reading, at: int | None) -> int:
    last = len(reading) - 1 if at is None else at
    if not 0 <= last < len(reading):
        raise ConfigError(f"Expected a step from 0 to {len(reading) - 1}, found at={at}.")
    return last


def _norms(rows: Array) -> Array:
    """The length of each row, without under- or overflow of its squares."""
    largest = np.abs(rows).max(axis=1, initial=0.0)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    with np.errstate(invalid="ignore", over="ignore"):
        found: Array = scale * np.sqrt(((rows / scale[:, None]) ** 2).sum(axis=1))
    return found


def _shares(norm: Array) -> Array:
    """Of their sum; 0 where that is 0 or no number."""
    largest = float(norm.max(initial=0.0))
    if not np.isfinite(largest) or largest == 0:
        return np.zeros_like(norm)
    part = norm / largest
    shares: Array = part / part.sum()
    return shares
