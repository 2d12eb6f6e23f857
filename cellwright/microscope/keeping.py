"""Values that a carried state is multiplied by, where they can leave [0, 1]: legal, and seldom what was meant.

A gate decides how much of the old state is kept. With another function than σ in its place (relu, tanh, exp) the state
can grow at every step or change its sign, though shapes and gradients are as before.
"""

from __future__ import annotations

from collections.abc import Mapping

from cellwright.cells.cell import Cell, at_step
from cellwright.engine.graph import LEAVES, Graph
from cellwright.microscope.ranges import Range, ranges

__all__ = ["keeping_warnings", "wide_keepers"]


def wide_keepers(graph: Graph) -> list[tuple[str, int, Range]]:
    """(state, node, its range) of each computed value that multiplies an old state and can leave [0, 1]."""
    found = ranges(graph)
    wide: dict[int, tuple[str, int, Range]] = {}
    for node in graph.nodes:
        for kept, factor in (node.args, node.args[::-1]) if node.op == "mul" else ():
            state, other = graph.nodes[kept], graph.nodes[factor]
            low, high = found[factor]
            if state.op == "state" and other.op not in LEAVES and other.shape == state.shape and (low < 0 or high > 1):
                wide[factor] = (state.name, factor, (low, high))
    return list(wide.values())


def keeping_warnings(cell: Cell, graph: Graph, names: Mapping[str, int]) -> tuple[str, ...]:
    """A line for each such value that has a name. What has none is a formula, whose true range may be narrower.

    Args:
        names: the values that `step` names, as `trace` gives them.
    """
    called, at = {index: name for name, index in names.items()}, at_step(cell)
    return tuple(
        f"warning: {cell.name} multiplies the state {state} by {called[index]}, which can be "
        f"{low:.4g} to {high:.4g}{at}: above 1 the state grows, below 0 it changes its sign; σ stays between 0 and 1"
        for state, index, (low, high) in wide_keepers(graph)
        if index in called
    )
