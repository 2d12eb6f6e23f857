"""A cell's parameters as layers store them: one tensor a head, W.i, W.f … being rows of one W."""

from __future__ import annotations

from collections.abc import Mapping

from cellwright.engine.graph import Graph, Node

__all__ = ["stored_graph", "stored_names", "stored_rows"]


def stored_names(shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Names of the stored tensors, in order."""
    return list(dict.fromkeys(name.split(".")[0] for name in shapes))


def stored_rows(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, int]]:
    """Parameter -> its first row in the stored tensor and the one behind its last.

    Args:
        shapes: of each parameter, as `Cell.parameter_shapes` gives them.
    """
    total: dict[str, int] = {}
    rows: dict[str, tuple[int, int]] = {}
    for name, shape in shapes.items():
        head = name.split(".")[0]
        first = total.get(head, 0)
        total[head] = first + (shape[0] if shape else 1)
        rows[name] = first, total[head]
    return rows


def stored_graph(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> Graph:
    """The same step over stored tensors."""
    places = stored_rows(shapes)

    def moved(node: Node) -> Node:
        if node.op != "parameter" or "." not in node.name:
            return node
        start, stop = places[node.name]
        rows = {"row0": float(start), "row1": float(stop)}
        columns = {"col0": 0.0, "col1": float(node.shape[1])} if len(node.shape) == 2 else {}
        return Node("parameter", (), node.name.split(".")[0], tuple(sorted((rows | columns).items())), node.shape)

    return Graph(graph.cell, tuple(moved(node) for node in graph.nodes), graph.states, graph.output)
