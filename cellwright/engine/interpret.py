"""The meaning: run a graph in NumPy, one sequence and one step at a time. Slow and obvious; every other path is checked
against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.cells.cell import Cell, hidden_size_of
from cellwright.engine.graph import Graph
from cellwright.engine.trace import trace
from cellwright.ops import OPS

__all__ = ["interpret", "interpret_sequence"]

Array = NDArray[Any]


def interpret(graph: Graph, values: Mapping[str, Array]) -> tuple[dict[str, Array], Array]:
    """One step of one sequence.

    Args:
        values: "x" (I), every state by name, every parameter by its name ("W.i", "p_o").

    Returns:
        the new states by name, and the output.
    """
    results: list[Array] = []
    for node in graph.nodes:
        attrs = dict(node.attrs)
        if node.op == "constant":
            results.append(np.asarray(attrs["value"]))
        elif node.op in ("input", "state", "parameter"):
            results.append(values[node.name])
        else:
            result = OPS[node.op].numpy(*(results[arg] for arg in node.args), **attrs)
            # a comparison is 1 or 0: NumPy adds bools as "or"
            results.append(result.astype(np.float64) if result.dtype == bool else result)
    return {name: results[index] for name, index in graph.states}, results[graph.output]


def interpret_sequence(
    cell: Cell,
    weights: Mapping[str, Array],
    x_TBI: Array,
    state: Sequence[Array],
    lengths_B: Sequence[int] | None = None,
    reverse: bool = False,
) -> tuple[Array, tuple[Array, ...]]:
    """A batch of sequences, one after another, in float64.

    Args:
        weights: by the names of `cell.parameter_shapes`.
        x_TBI: (T, B, I).
        state: one (B, S) a state.
        lengths_B: valid steps of each sequence; all T if not given.
        reverse: start at each sequence's last valid step and go back.

    Returns:
        y (T, B, O), 0 beyond each length, and the final states, each (B, S).
    """
    steps, batch, input_size = x_TBI.shape
    hidden_size = hidden_size_of(cell, weights, state) or 1  # nothing is of that size
    graph = trace(cell, input_size, hidden_size, bias=any(key.startswith("b.") for key in weights))
    values = {name: np.asarray(weight, np.float64) for name, weight in weights.items()}
    y_TBO = np.zeros((steps, batch, cell.output_size(hidden_size)))
    finals = [np.array(s, np.float64) for s in state]
    for row in range(batch):
        length = steps if lengths_B is None else int(lengths_B[row])
        for t in range(length - 1, -1, -1) if reverse else range(length):
            held = {name: final[row].copy() for name, final in zip(cell.state_names, finals, strict=True)}
            new, y_TBO[t, row] = interpret(graph, {**values, **held, "x": np.asarray(x_TBI[t, row], np.float64)})
            for name, final in zip(cell.state_names, finals, strict=True):
                final[row] = new[name]
    return y_TBO, tuple(finals)
