"""Record and figures -> what the page holds: JSON with arrays as `codec` writes them.

A page shows up to SHOWN steps and UNITS units of each value; where there are more, it says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cellwright.engine.graph import Graph, Node
from cellwright.errors import CellError
from cellwright.microscope.carry import carry_rows, paths_of
from cellwright.microscope.diagram import Part, graph_svg, parts_of
from cellwright.microscope.figure import Array, Figure
from cellwright.microscope.ranges import gates_of
from cellwright.microscope.reading import read
from cellwright.microscope.report.codec import Kind, encode
from cellwright.microscope.report.cut import cut
from cellwright.microscope.report.epochs import training_view
from cellwright.microscope.report.identity import recipe
from cellwright.microscope.report.overview import Placed, Seen
from cellwright.microscope.report.parts import parts
from cellwright.microscope.report.phases import phases_of
from cellwright.microscope.runs import Run

__all__ = ["SHOWN", "UNITS", "payload"]

SHOWN = 400  # steps of a heat map
UNITS = 256  # units of a heat map
EXACT = 6_000  # entries up to which a figure's array is float64 in the page; above, float32 where an identity needs it
LARGEST = 250_000  # entries above which a figure's array stays out of the page
# Ops that the page works out itself from values it has; the others' results are written into it.
ELEMENTWISE = (
    "add", "sub", "mul", "div", "neg", "identity", "sigmoid", "tanh", "relu", "softplus", "exp", "log", "sqrt", "abs",
    "minimum", "maximum",
)  # fmt: skip


def payload(seen: Sequence[Seen], epochs: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """The page's data.

    Args:
        seen: one model, or two to compare.
        epochs: records of `train --watch`, oldest first.
    """
    from cellwright import __version__

    return {
        "version": __version__,
        "models": [_model(part) for one in seen for part in parts(one)],
        "epochs": training_view(epochs),
    }


def _model(seen: Seen) -> dict[str, Any]:
    record = seen.record
    length = int(record.lengths_B[0])
    words = (
        list(record.words[0]) if record.words and len(record.words[0]) == length else [str(t) for t in range(length)]
    )
    window = _window(seen, length)
    notes = []
    if len(window) < length:
        notes.append(
            f"The text has {length:,} words; heat maps, ring and wiring show the {len(window)} from number"
            f" {window[0] + 1:,} on, where most of the gradient arrives. Figures are of the whole text."
        )
    drawings: list[str] = []
    runs = [_run(seen, run, window, drawings, notes) for run in record.runs]
    return {
        "name": seen.name,
        "target": record.target,
        "answer": seen.answer if len(window) == length else _shortened(seen.answer),
        "words": [words[t] for t in window],
        "first": window[0],
        "total": length,
        "notes": notes,
        "wirings": drawings,
        "runs": runs,
        "figures": [_figure(placed) for placed in seen.figures],
        "absent": [
            {"name": a.name, "layer": a.layer, "direction": a.direction, "why": a.why} for a in seen.absent
        ],
    }  # fmt: skip


def _shortened(answer: dict[str, Any] | None) -> dict[str, Any] | None:
    """The answer to a long text, without its word-by-word part."""
    return None if answer is None else {"said": answer["said"][:500] + (" …" if len(answer["said"]) > 500 else "")}


def _window(seen: Seen, length: int) -> range:
    """All steps, or the SHOWN neighbouring ones in which most of the gradient arrives."""
    if length <= SHOWN:
        return range(length)
    arriving = np.zeros(length)
    for run in seen.record.runs:
        if run.layer == 0 and run.dx_TBI.size:
            arriving += np.linalg.norm(run.dx_TBI[:length, 0], axis=-1)
    sums = np.convolve(arriving, np.ones(SHOWN), mode="valid")
    first = int(sums.argmax())
    return range(first, first + SHOWN)


def _run(seen: Seen, run: Run, window: range, drawings: list[str], notes: list[str]) -> dict[str, Any]:
    names = {name: index for name, index in run.names.items() if name in run.values}
    parts = parts_of(run.graph, run.names)
    wiring = graph_svg(run.graph, run.names, style=False)
    if wiring not in drawings:
        drawings.append(wiring)
    size = max(values.shape[-1] for values in run.values.values())
    units = _units(run, size)
    if len(units) < size:
        notes.append(
            f"Layer {run.layer + 1} {'backward' if run.direction else 'forward'}: {len(units)} of {size:,} units are"
            " shown, those with the largest gradient times value."
        )

    def shown(array: Array) -> dict[str, Any]:
        cut = array[window.start : window.stop, 0]
        return encode(cut[:, units] if cut.shape[-1] == size else cut, "f2")

    positions = list(run.positions(0))
    carries = paths_of(run).carries
    carry = None
    if carries:
        rows = carry_rows(seen.record, run.layer, run.direction)
        placed = {"a": np.zeros_like(run.values[rows.state]), "b": np.zeros_like(run.values[rows.state])}
        placed["a"][positions, 0], placed["b"][positions, 0] = rows.a_LS, rows.b_LS
        carry = {"state": rows.state, "equation": rows.carry.equation, **{k: shown(v) for k, v in placed.items()}}
    cut_first = window.stop - 1 if run.direction else window.start  # the step that the page reads first
    initial = {s: run.before(s)[cut_first, 0] for s in run.state_names}
    return {
        "layer": run.layer,
        "direction": run.direction,
        "cell": run.cell.name,
        "equations": _equations(run),
        "verdict": paths_of(run).verdict,
        "states": list(run.state_names),
        "names": sorted(names, key=lambda name: names[name]),
        "gates": list(gates_of(run.graph, dict(run.names))),
        "units": units,
        "values": {name: shown(run.values[name]) for name in names},
        "gradients": {name: shown(run.gradients[name]) for name in names if name in run.gradients},
        "initial": {
            s: encode(held[units] if len(held) == size else held, "f4") for s, held in initial.items()
        },
        "carry": carry,
        "wiring": drawings.index(wiring),
        "parts": _parts(seen, run, parts, names, window, units, size),
    }  # fmt: skip


def _equations(run: Run) -> str:
    """As the cell's text says them; of a step that is no plain list of equations, its graph."""
    try:
        return run.cell.equations()
    except CellError:
        return str(run.graph)


def _units(run: Run, size: int) -> list[int]:
    if size <= UNITS:
        return list(range(size))
    weight = np.zeros(size)
    for name, values in run.values.items():
        if values.shape[-1] == size:
            weight += np.abs(values * run.gradients.get(name, 1.0)).sum(axis=(0, 1))
    return sorted(np.argsort(-weight, kind="stable")[:UNITS].tolist())


def _parts(
    seen: Seen, run: Run, parts: Sequence[Part], names: dict[str, int], window: range, units: list[int], size: int
) -> list[dict[str, Any]]:
    """Each part of the wiring, and how the page finds its value at a step: by name, from other parts, or written."""
    graph = run.graph
    phases = phases_of(graph, run.names, parts)
    named = {index: name for name, index in reversed(names.items())}
    known = set(named) | {k for k, node in enumerate(graph.nodes) if node.op == "state"}
    reading = read(seen.record, run.layer, run.direction)
    values = None
    made = []
    for part in parts:
        one: dict[str, Any] = {
            "root": part.root, "kind": part.kind, "symbol": part.symbol, "name": part.name, "phase": phases[part.root],
            "formula": "".join(token.text for row in part.formula for token in row),
        }  # fmt: skip
        node = graph.nodes[part.root]
        args = [_arg(graph, a) for a in node.args]
        if part.root in named:
            one["value"] = {"name": named[part.root]}
        elif (
            part.nodes == (part.root,)
            and node.op in ELEMENTWISE
            and all("number" in arg or arg.get("node") in known for arg in args)
        ):
            one["value"] = {"op": node.op, "args": args}
        else:
            values = values or reading.values(graph)
            rows = reading.rows(values[part.root], node).numpy()
            rows = rows if rows.ndim == 2 else rows[:, None]
            whole = np.zeros((run.y_TBO.shape[0], rows.shape[1]))
            whole[list(run.positions(0))] = rows
            cut = whole[window.start : window.stop]
            one["value"] = {"written": encode(cut[:, units] if cut.shape[-1] == size else cut, "f2")}
        known.add(part.root)
        made.append(one)
    return made


def _arg(graph: Graph, index: int) -> dict[str, Any]:
    node: Node = graph.nodes[index]
    if node.op == "constant":
        return {"number": dict(node.attrs)["value"]}
    if node.op == "state":
        return {"node": index, "state": node.name}
    return {"node": index}


def _figure(placed: Placed) -> dict[str, Any]:
    figure: Figure = cut(placed.figure)
    notes = list(figure.notes)
    small = {name: np.asarray(array, np.float64) for name, array in figure.arrays.items() if np.size(array) <= LARGEST}
    for name in figure.arrays.keys() - small.keys():
        notes.append(f"{name} has {np.size(figure.arrays[name]):,} entries, too many for a page: --npz holds them.")
    check = figure.check
    held = check is not None and max(np.size(check.left), np.size(check.right)) <= LARGEST
    found = recipe(figure) if len(small) == len(figure.arrays) and held else None
    summed = set() if found is None else {found["array"]} if "array" in found else set(small)
    arrays = {}
    for name, values in small.items():
        kind: Kind = "f8" if values.size <= EXACT else "f4" if name in summed or values.ndim < 2 else "f2"
        arrays[name] = {**encode(values, kind), "axes": list(figure.axes[name])}
    return {
        "name": figure.name,
        "layer": placed.layer,
        "direction": placed.direction,
        "title": figure.title,
        "formula": figure.formula,
        "unit": figure.unit,
        "range": figure.range,
        "source": figure.source,
        "arrays": arrays,
        "labels": {axis: list(labels) for axis, labels in figure.labels.items() if len(labels) <= 4_000},
        "check": None
        if check is None
        else {
            "identity": check.identity,
            "tolerance": check.tolerance if np.isfinite(check.tolerance) else None,
            "recipe": found,
            "left": encode(np.asarray(check.left, np.float64)) if found is None and held else None,
            "right": encode(np.asarray(check.right, np.float64)) if held else None,
            "written": None if held else {"text": str(check), "holds": check.holds},  # sides too long for a page
        },
        "notes": notes,
        "verdict": figure.verdict,
    }
