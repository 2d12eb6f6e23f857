"""Gates: how open they stand, how often they are shut or wide open, and how long the carry path remembers.

Axes: L steps in reading order, U units of all gates, S size of a state.
"""

from __future__ import annotations

import math

import numpy as np

from cellwright.errors import CellError
from cellwright.microscope.carry import autograd_steps, carry_rows, unit_names
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.ranges import gates_of
from cellwright.microscope.reading import Reading, read
from cellwright.microscope.runs import Record

__all__ = ["gate_statistics", "half_life"]

EPS = float(np.finfo(np.float64).eps)
SHUT, OPEN = 0.1, 0.9


def gate_statistics(record: Record, layer: int = 0, direction: int = 0, sequence: int = 0) -> Figure:
    """Mean, spread and saturation of every gate's every unit.

    A gate is a named value that the step's own ops keep within [0, 1] and that multiplies another value: no list of
    names says so.

    Formula     mean, standard deviation; shut: share of steps < 0.1; open: share of steps > 0.9
    Unit        1
    Range       [0, 1]
    Source      Karpathy, Johnson & Li 2015, "Visualizing and Understanding Recurrent Networks", figure 2
    Adds up     the same numbers of gates worked out anew from the equations, in torch, on recorded x and states; the
                figure's are of the gates that the engine recorded. 256 eps: both are within a few eps of the gate.

    Raises CellError for a cell without gates.
    """
    reading = read(record, layer, direction, sequence)
    run = reading.run
    gates = gates_of(run.graph, dict(run.names))
    if not gates:
        raise CellError(
            f"{run.cell.name} names no gates: no named value of its step is kept within [0, 1] and multiplies another.",
            repair="Give the gate a name of its own in step: z = sigmoid(…), then z * h.",
        )
    values = reading.values(run.graph)
    recorded = np.concatenate([reading.named(gate) for gate in gates], axis=1)
    again = np.concatenate([_again(reading, values, gate) for gate in gates], axis=1)
    units = tuple(unit for gate in gates for unit in unit_names(gate, reading.named(gate).shape[1]))
    found = _statistics(recorded)
    return Figure(
        name="gate_statistics",
        title="How open the gates stand",
        formula="mean, standard deviation, share of steps < 0.1 and > 0.9, by unit",
        unit="1",
        range="[0, 1]",
        source="Karpathy, Johnson & Li 2015",
        arrays=found,
        axes=dict.fromkeys(found, ("unit",)),
        labels={"unit": units},
        check=Check(
            "statistics of recorded gates = of gates from the equations",
            np.stack(list(found.values())),
            np.stack(list(_statistics(again).values())),
            256 * EPS,
        ),
        notes=(f"Gates: {', '.join(gates)}.",),
        verdict="; ".join(_said(gate, found, units) for gate in gates) + ".",
    )


def _again(reading: Reading, values: list, gate: str) -> Array:  # type: ignore[type-arg]
    index = reading.run.names[gate]
    node = reading.run.graph.nodes[index]
    found: Array = reading.rows(values[index], node).numpy()
    return found


def _statistics(gates_LU: Array) -> dict[str, Array]:
    return {
        "mean": gates_LU.mean(axis=0),
        "sd": gates_LU.std(axis=0),
        "shut": (gates_LU < SHUT).mean(axis=0),
        "open": (gates_LU > OPEN).mean(axis=0),
    }


def _said(gate: str, found: dict[str, Array], units: tuple[str, ...]) -> str:
    mine = [k for k, unit in enumerate(units) if unit.rsplit(" ", 1)[0] == gate]
    mean, shut, wide = (float(found[name][mine].mean()) for name in ("mean", "shut", "open"))
    return f"{gate} is {mean:.2f} on average, shut in {shut:.0%} of steps, open in {wide:.0%}"


def half_life(
    record: Record, layer: int = 0, direction: int = 0, sequence: int = 0, state: str | None = None
) -> Figure:
    """How long each unit's carry path remembers.

    Formula     f̄ = (Π_t |a_t|)^{1/L}, the geometric mean; half-life ln ½ / ln f̄; time scale 1 / (1 − f̄)
    Unit        f̄: 1; half-life, time scale: steps
    Range       [0, ∞]: 0 where a is 0 at some step, ∞ where f̄ ≥ 1
    Source      half-life: definition; time scale: Tallec & Ollivier 2018, "Can Recurrent Neural Networks Warp Time?"
    Adds up     f̄, and as the half-life and the time scale give it, = the same mean of |ds_t/ds_{t−1}| along the path by
                autograd, step by step. 64 eps times the larger of 1 and f̄: a mean of logarithms and one exponential.

    The geometric mean, since gates multiply: one shut gate forgets, whatever the others do.
    """
    rows = carry_rows(record, layer, direction, sequence, state)
    with np.errstate(divide="ignore"):
        log_mean = np.log(np.abs(rows.a_LS)).mean(axis=0)
        again = np.exp(np.log(np.abs(autograd_steps(rows))).mean(axis=0))
        mean = np.exp(log_mean)
        forgets = mean < 1
        half = np.where(forgets, math.log(0.5) / np.where(forgets, log_mean, -1.0), np.inf)
        scale = np.where(forgets, 1 / np.where(forgets, 1 - mean, 1.0), np.inf)
        left = np.stack([mean, 0.5 ** (1 / half), 1 - 1 / scale])
    right = np.stack([again, np.minimum(again, 1), np.minimum(again, 1)])  # of f̄ ≥ 1 they say no more than that
    return Figure(
        name="half_life",
        title=f"How long the carry path of {rows.state} remembers",
        formula=f"half-life = ln ½ / ln f̄, time scale = 1 / (1 − f̄), f̄ the geometric mean of {rows.carry.factor}",
        unit="steps; f̄: 1",
        range="[0, ∞]",
        source="Tallec & Ollivier 2018",
        arrays={"half_life": half, "time_scale": scale, "mean": mean},
        axes=dict.fromkeys(("half_life", "time_scale", "mean"), ("unit",)),
        labels={"unit": rows.units},
        check=Check(
            f"f̄ = geometric mean of |d{rows.state}_t/d{rows.state}_t−1| along the path",
            left,
            right,
            64 * EPS * max(1.0, float(mean.max())),
        ),
        notes=(
            f"{rows.carry.equation}; mean is f̄.",
            *(() if forgets.all() else ("Units that never forget: half-life ∞.",)),
        ),
        verdict=f"Half-life of {rows.state}: median {float(np.median(half)):.3g} steps, "
        f"from {float(half.min()):.3g} to {float(half.max()):.3g}.",
    )
