"""The four phases in which a step is told: forget, input, update, output; from the carry path, for any cell.

    forget   what the factor a of the carry path is made of      how much of the old stays
    input    what else the new carried state is made of          what is written
    update   the carry path itself                               old · a + written
    output   the rest                                            what is shown of it

A cell without a carry path reads in "input" and answers in "output".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cellwright.engine.graph import Graph
from cellwright.microscope.carry_path import carry_paths
from cellwright.microscope.diagram import Part

__all__ = ["PHASES", "phases_of"]

PHASES = ("forget", "input", "update", "output")


def phases_of(graph: Graph, names: Mapping[str, int], parts: Sequence[Part]) -> dict[int, str]:
    """Root of each part -> its phase."""
    paths = carry_paths(graph, names)
    if not paths.carries:
        return {part.root: "input" if part.kind == "layer" else "output" for part in parts}
    factors = [p.a for carry in paths.carries.values() for p in carry.parts if p.a is not None]
    forget = _behind(paths.graph, factors)
    new = dict(graph.states)
    written = _behind(graph, [new[state] for state in paths.carries])
    route = {node for carry in paths.carries.values() for node in carry.route}
    found = {}
    for part in parts:
        if route & set(part.nodes):
            found[part.root] = "update"
        elif part.root in forget:
            found[part.root] = "forget"
        else:
            found[part.root] = "input" if part.root in written else "output"
    return found


def _behind(graph: Graph, roots: Sequence[int]) -> set[int]:
    """The roots and everything that they are made of."""
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        index = waiting.pop()
        if index not in found:
            found.add(index)
            waiting += graph.nodes[index].args
    return found
