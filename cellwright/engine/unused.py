"""Gates that a cell declares and its `step` does nothing with."""

from __future__ import annotations

from cellwright.cells.cell import Cell, at_step
from cellwright.engine.graph import Graph

__all__ = ["unused_gates", "unused_warnings"]


def unused_gates(cell: Cell, graph: Graph) -> tuple[str, ...]:
    """The declared gates on whose rows of W, R, b and bR neither a new state nor the output depends."""
    reached: set[int] = set()
    waiting = [graph.output, *(index for _, index in graph.states)]
    while waiting:
        index = waiting.pop()
        if index not in reached:
            reached.add(index)
            waiting.extend(graph.nodes[index].args)
    leaves = [graph.nodes[index] for index in reached]
    read = {leaf.name.partition(".")[2] for leaf in leaves if leaf.op == "parameter"}
    return tuple(gate for gate in cell.gate_names if gate not in read)


def unused_warnings(cell: Cell, graph: Graph) -> tuple[str, ...]:
    """A line for each such gate: what is wrong, where, and what to do."""
    return tuple(
        f"warning: {cell.name} declares the gate {gate}, which step never uses{at_step(cell)}: "
        f"take it out of gates, or use W.{gate}, R.{gate} or b.{gate}"
        for gate in unused_gates(cell, graph)
    )
