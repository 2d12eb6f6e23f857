"""What reads the input alone leaves the loop: its products become streams, computed for all steps at once.

W.i x + b.i, W.f x + b.f …      ->  stream 0, columns side by side: one product over all T·B rows
x itself, where an elementwise op reads it  ->  a stream too; a mask  ->  a stream without a gradient
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellwright.engine.graph import Builder, Graph, Node

__all__ = ["Hoisted", "HoistedRow", "Stream", "hoist"]


@dataclass(frozen=True, slots=True)
class HoistedRow:
    """One product of a stream: matrix (parameter) times operand, plus a bias (parameter) or nothing."""

    matrix: Node
    bias: Node | None


@dataclass(frozen=True, slots=True)
class Stream:
    """Columns computed before the loop for every step: [M₁ v + b₁ | M₂ v + b₂ | …], or v itself without rows.

    Attributes:
        operand: position of v in `Hoisted.before`.
        size: number of columns.
        fixed: it has no gradient.
    """

    operand: int
    rows: tuple[HoistedRow, ...]
    size: int
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Hoisted:
    """A step cut in two: what runs before the loop (nodes over x and parameters) and what the loop runs."""

    before: tuple[Node, ...]
    streams: tuple[Stream, ...]
    graph: Graph


def hoist(graph: Graph, order: Sequence[str] = ()) -> Hoisted:
    """Cuts a simplified step. Stream k stands in the new graph as leaves "sk", one a product, attribute `column`.

    Args:
        order: names of the parameters in the order in which they are stored; columns follow it.
    """
    frontier = _frontier(graph)
    groups: dict[tuple[int, bool], list[tuple[int, HoistedRow]]] = {}
    for at, (operand, row) in frontier.items():
        groups.setdefault((operand, row.bias is not None), []).append((at, row))
    places = {name: k for k, name in enumerate(order)}
    leaves: dict[int, Node] = {}
    streams: list[Stream] = []
    for (operand, _), members in groups.items():
        members.sort(key=lambda pair: (places.get(pair[1].matrix.name, -1), dict(pair[1].matrix.attrs).get("row0", 0)))
        column = 0
        for at, row in members:
            leaves[at] = Node("stream", (), f"s{len(streams)}", (("column", column),), row.matrix.shape[:1])
            column += row.matrix.shape[0]
        streams.append(Stream(operand, tuple(row for _, row in members), column))
    for index, node in enumerate(graph.nodes):
        if node.op in ("input", "mask") and node in _without(graph, leaves).nodes:
            fixed = node.op == "mask"
            attrs = (("column", 0), ("fixed", 1)) if fixed else (("column", 0),)
            leaves[index] = Node("stream", (), f"s{len(streams)}", attrs, node.shape)
            streams.append(Stream(index, (), node.shape[0], fixed))
    return Hoisted(graph.nodes, tuple(streams), _without(graph, leaves))


def _frontier(graph: Graph) -> dict[int, tuple[int, HoistedRow]]:
    """The products of the input alone that the rest of the step reads, each with a bias where one is added at once."""
    nodes, free = graph.nodes, _input_only(graph.nodes)
    users = [0] * len(nodes)
    for node in nodes:
        for arg in set(node.args):
            users[arg] += 1
    roots = [index for _, index in graph.states] + [graph.output]
    frontier: dict[int, tuple[int, HoistedRow]] = {}
    seen: set[int] = set()
    todo = list(roots)
    while todo:
        index = todo.pop()
        if index in seen:
            continue
        seen.add(index)
        node = nodes[index]
        if node.op == "matmul" and free[index]:
            frontier[index] = (node.args[1], HoistedRow(nodes[node.args[0]], None))
            continue
        if node.op == "add" and free[index]:
            for product, bias in (node.args, node.args[::-1]):
                lone = users[product] == 1 and product not in roots
                fits = nodes[bias].op == "parameter" and nodes[bias].shape == nodes[product].shape
                if nodes[product].op == "matmul" and lone and fits:
                    frontier[index] = (nodes[product].args[1], HoistedRow(nodes[nodes[product].args[0]], nodes[bias]))
                    break
            else:
                todo.extend(node.args)
            continue
        todo.extend(node.args)
    return frontier


def _input_only(nodes: tuple[Node, ...]) -> list[bool]:
    """Whether each node can be computed before the loop: no state behind it."""
    free: list[bool] = []
    for node in nodes:
        free.append(node.op != "state" and all(free[a] for a in node.args))
    return free


def _without(graph: Graph, leaves: dict[int, Node]) -> Graph:
    """The graph with hoisted values as leaves, and what nothing needs any more left out."""
    roots = [index for _, index in graph.states] + [graph.output]
    builder = Builder()
    moved: dict[int, int] = {}

    def place(index: int) -> int:
        if index not in moved:
            node = graph.nodes[index]
            if index in leaves:
                moved[index] = builder.add(leaves[index])
            else:
                args = tuple(place(a) for a in node.args)
                moved[index] = builder.add(Node(node.op, args, node.name, node.attrs, node.shape))
        return moved[index]

    held = [index for index, node in enumerate(graph.nodes) if node.op == "state"]
    for index in held + roots:
        place(index)
    states = tuple((name, moved[index]) for name, index in graph.states)
    return Graph(graph.cell, tuple(builder.nodes), states, moved[graph.output])
