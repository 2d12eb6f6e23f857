"""What a legal graph is: checked after tracing and before a graph read from a file is used."""

from __future__ import annotations

from cellwright.engine.graph import LEAVES, Graph
from cellwright.errors import CellError
from cellwright.ops import OPS

__all__ = ["verify"]


def verify(graph: Graph) -> None:
    """Raises CellError unless every node is a known op on earlier nodes, of the arity and shape of its row."""

    def fail(position: int, why: str) -> None:
        raise CellError(f"graph of {graph.cell}: node %{position} ({graph.nodes[position]}) {why}")

    for position, node in enumerate(graph.nodes):
        attrs = dict(node.attrs)
        if node.op in LEAVES:
            if node.args:
                fail(position, "is a leaf with arguments")
            if (node.op == "constant") != (set(attrs) == {"value"}) or (node.op == "constant") == bool(node.name):
                fail(position, "must be a constant with a value, or have a name")
            if node.op == "constant" and node.shape:
                fail(position, "is a number with a shape")
            if any(size < 1 for size in node.shape):
                fail(position, f"has shape {node.shape}")
            continue
        if node.op not in OPS:
            fail(position, "is no op of the list")
        row = OPS[node.op]
        if any(not 0 <= arg < position for arg in node.args):
            fail(position, "uses a node that is not before it")
        if row.arity not in (-1, len(node.args)) or not node.args:
            fail(position, f"has {len(node.args)} arguments, its row says {row.arity}")
        if node.op == "matmul" and graph.nodes[node.args[0]].op != "parameter":
            fail(position, "multiplies by a matrix that is no parameter")
        try:
            shape = row.shape(*(graph.nodes[arg].shape for arg in node.args), **attrs)
        except (ValueError, TypeError) as wrong:
            fail(position, f"does not fit its row: {wrong}")
        if shape != node.shape:
            fail(position, f"has shape {node.shape}, its row gives {shape}")
    held = {node.name: node.shape for node in graph.nodes if node.op == "state"}
    for name, index in graph.states:
        if not 0 <= index < len(graph.nodes) or name not in held or graph.nodes[index].shape != held[name]:
            raise CellError(f"graph of {graph.cell}: the new state {name} is no node of the state's shape")
    if not 0 <= graph.output < len(graph.nodes) or len(graph.nodes[graph.output].shape) != 1:
        raise CellError(f"graph of {graph.cell}: the output is no vector of the graph")
