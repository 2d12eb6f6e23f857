"""Forgetting events: where a unit's carry path shuts on something that the unit held; and the gate table's four kinds.

            a open          a shut
    i shut  keep            clear
    i open  blend           replace            a keeps the old, i lets the new in; open is ½ and above

Axes: L steps in reading order, S size of the state, E events.
"""

from __future__ import annotations

import numpy as np

from cellwright.engine.graph import Node
from cellwright.microscope.carry import CarryRows, carry_rows
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.ranges import ranges
from cellwright.microscope.runs import Record

__all__ = ["KINDS", "forgetting_events", "gate_kinds"]

EPS = float(np.finfo(np.float64).eps)
KINDS = ("keep", "blend", "clear", "replace")
"""A kind's number is 2 · (a shut) + (i open)."""


def gate_kinds(
    record: Record, layer: int = 0, direction: int = 0, sequence: int = 0, state: str | None = None
) -> Figure:
    """What each step did to each unit: keep, blend, clear or replace.

    Formula     2 [a < ½] + [i ≥ ½]; i is the factor of b within [0, 1]; where b has no such factor, a step writes if
                |b| is more than a tenth of the unit's mean |s| so far (a note says which)
    Unit        number of the kind in `KINDS`
    Range       0 … 3
    Source      the gate table of LSTM teaching; cellwright for cells with other gates
    Adds up     Σ_t (written − erased) = s_L − s_0, with written = b_t and erased = (1 − a_t) ⊙ s_{t−1}: a and b from
                the equations, states from the engine. 4 (L + 2) eps times the largest Σ_t |written| + |erased|.
    """
    rows = carry_rows(record, layer, direction, sequence, state)
    kinds, note = _kinds(rows)
    erased, written = _moved(rows)
    counts = [f"{kind} {float((kinds == k).mean()):.0%}" for k, kind in enumerate(KINDS)]
    return Figure(
        name="gate_kinds",
        title=f"What each step did to {rows.state}",
        formula=f"2 [a < ½] + [i ≥ ½], with {rows.carry.equation}",
        unit="0 keep, 1 blend, 2 clear, 3 replace; written, erased: that of the state",
        range="0 … 3",
        source="gate table; cellwright",
        arrays={"kind": kinds, "written": written, "erased": erased},
        axes=dict.fromkeys(("kind", "written", "erased"), ("t", "unit")),
        labels={"t": rows.reading.steps, "unit": rows.units},
        check=_telescope(rows, written, erased),
        notes=(note,),
        verdict=f"Of all steps and units of {rows.state}: {', '.join(counts)}.",
    )


def forgetting_events(
    record: Record,
    layer: int = 0,
    direction: int = 0,
    sequence: int = 0,
    state: str | None = None,
    below: float = 0.1,
    part: float = 0.1,
) -> Figure:
    """The steps and units at which something held was forgotten.

    Args:
        below: the carry path counts as shut where a is less than this.
        part: what is erased must be more than this part of the unit's mean |s| over the steps so far.

    Formula     event (t, j): a_{t,j} < below and |(1 − a_{t,j}) s_{t−1,j}| > part · mean_{k<t} |s_{k,j}|
    Unit        step, unit: numbers from 0; a: 1; erased, written: those of the state; kind: number in `KINDS`
    Source      cellwright
    Adds up     as `gate_kinds`.
    """
    rows = carry_rows(record, layer, direction, sequence, state)
    erased, written = _moved(rows)
    kinds, note = _kinds(rows)
    happened = (rows.a_LS < below) & (np.abs(erased) > part * _scale(rows))
    at, unit = np.nonzero(happened)
    steps = rows.reading.steps
    listed = {
        "step": at,
        "unit": unit,
        "a": rows.a_LS[happened],
        "erased_amount": np.abs(erased[happened]),
        "written_amount": np.abs(written[happened]),
        "kind": kinds[happened],
    }
    busiest = steps[int(np.bincount(at).argmax())] if len(at) else ""
    return Figure(
        name="forgetting_events",
        title=f"What {rows.state} forgot, and when",
        formula=f"a < {below:g} and |(1 − a) s| > {part:g} · mean |s| so far, with {rows.carry.equation}",
        unit="erased, written: that of the state",
        range="any",
        source="cellwright",
        arrays={"erased": erased, "written": written, **listed},
        axes={"erased": ("t", "unit"), "written": ("t", "unit"), **dict.fromkeys(listed, ("event",))},
        labels={
            "t": steps,
            "unit": rows.units,
            "event": tuple(f"{steps[t]}: {rows.units[j]}, {KINDS[kinds[t, j]]}" for t, j in zip(at, unit, strict=True)),
        },
        check=_telescope(rows, written, erased),
        notes=(note,),
        verdict=f"{len(at)} events in {len(set(at.tolist()))} of {len(steps)} steps, most at {busiest}." if len(at)
        else f"{rows.state} forgot nothing: no carry path below {below:g} on something held.",
    )  # fmt: skip


def _moved(rows: CarryRows) -> tuple[Array, Array]:
    """(erased, written), signed: (1 − a) ⊙ s_{t−1} and b."""
    return (1 - rows.a_LS) * rows.before_LS, rows.b_LS


def _scale(rows: CarryRows) -> Array:
    """(L, S): mean of |s| over the states before each step, the initial one included."""
    seen: Array = np.cumsum(np.abs(rows.before_LS), axis=0) / np.arange(1, len(rows.before_LS) + 1)[:, None]
    return seen


def _telescope(rows: CarryRows, written: Array, erased: Array) -> Check:
    largest = float((np.abs(written) + np.abs(erased)).sum(axis=0).max() + np.abs(rows.before_LS[0]).max())
    return Check(
        f"Σ_t (written − erased) = {rows.state}_L − {rows.state}_0",
        (written - erased).sum(axis=0),
        rows.after_LS[-1] - rows.before_LS[0],
        4 * (len(written) + 2) * EPS * max(largest, 1e-300),
    )


def _kinds(rows: CarryRows) -> tuple[Array, str]:
    """(L, S) numbers of kinds, and a note on what counts as writing."""
    gate = _write_gate(rows)
    shut = rows.a_LS < 0.5
    if gate is None:
        writes = np.abs(rows.b_LS) > 0.1 * _scale(rows)
        note = "No factor of b stays within [0, 1]: a step writes where |b| > a tenth of the unit's mean |s| so far."
    else:
        writes = gate >= 0.5
        note = f"{rows.carry.equation}: a step writes where the factor of the second term is ½ or more."
    return 2 * shut + writes, note


def _write_gate(rows: CarryRows) -> Array | None:
    """(L, S): the factor of b within [0, 1], part by part; b itself if that is; None where a part has none."""
    graph = rows.paths.graph
    known = ranges(graph)

    def is_gate(index: int) -> bool:
        low, high = known[index]
        return low >= 0.0 and high <= 1.0

    values = rows.reading.values(graph)
    found = np.zeros_like(rows.b_LS)
    for part in rows.carry.parts:
        if part.b is None:
            continue
        node: Node = graph.nodes[part.b]
        factors = [part.b] if is_gate(part.b) else [a for a in node.args if node.op == "mul" and is_gate(a)]
        if not factors:
            return None
        index = factors[0]
        value = rows.reading.wide(values[index], graph.nodes[index], part.stop - part.start)
        found[:, part.start : part.stop] = value.numpy()
    return found
