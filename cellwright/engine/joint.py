"""From a cell's step to its two programs: forward and backward, with what the first saves for the second.

Saved is what the gradient needs and what is dear to compute again: products, exponentials, reductions, old states.
Everything else (sums, products of elements, comparisons) is computed again from what was saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellwright.engine.differentiate import Gradient, differentiate
from cellwright.engine.graph import Graph, Node
from cellwright.engine.hoist import Hoisted, hoist
from cellwright.engine.plan import Array, Program, plan_program
from cellwright.engine.simplify import prune, simplify, simplify_nodes
from cellwright.engine.spots import Spot, padded, width

__all__ = ["Joint", "JointPlan", "OuterProduct", "make_plan"]

CHEAP = frozenset(
    [
        "add",
        "sub",
        "mul",
        "neg",
        "identity",
        "relu",
        "abs",
        "minimum",
        "maximum",
        "lt",
        "le",
        "gt",
        "ge",
        "eq",
        "where",
        "slice",
        "concat",
        "pad",
        "spread",
    ]
)


@dataclass(frozen=True, slots=True)
class OuterProduct:
    """The gradient of matrices that multiply one operand: (rows of `cotangents`)ᵀ (rows of `operand`), after the loop.

    Attributes:
        matrices: parameter nodes, one below the other as their cotangents stand side by side.
        columns: where each one's cotangent begins in its array.
        cotangents, operand: spots in arrays of the backward program.
    """

    matrices: tuple[Node, ...]
    columns: tuple[int, ...]
    cotangents: Spot
    operand: Spot
    operand_size: int


@dataclass(frozen=True, slots=True)
class JointPlan:
    """One direction of one layer, planned.

    Attributes:
        saved: columns of the array that forward leaves to backward; 0 = none.
        states: (name, size).
        without: forward without saving, for inference.
        grads: vector and scalar parameters in the order of the backward program's gradients.
        stream_parts: columns of each stream that get a gradient, from and to.
    """

    graph: Graph
    hoisted: Hoisted
    forward: Program
    without: Program
    backward: Program
    saved: int
    states: tuple[tuple[str, int], ...]
    output: int
    outers: tuple[OuterProduct, ...]
    grads: tuple[Node, ...]
    stream_parts: tuple[tuple[tuple[int, int], ...], ...]


@dataclass(frozen=True, slots=True)
class Joint:
    """The step and its gradient, simplified together, and where each root went."""

    nodes: tuple[Node, ...]
    news: tuple[int, ...]
    output: int
    states: dict[str, int]
    leaves: tuple[tuple[Node, int], ...]
    outers: tuple[tuple[Node, int, int], ...]


def make_plan(graph: Graph, lanes: int, order: Sequence[str] = ()) -> JointPlan:
    """Plans a traced step for vectors of `lanes` numbers.

    Args:
        order: names of the parameters as they are stored.
    """
    hoisted = hoist(simplify(graph), order)
    inner = hoisted.graph
    joint = _joint(inner, differentiate(inner))
    return JointPlanner(graph, hoisted, joint, lanes, order).plan()


def _joint(graph: Graph, gradient: Gradient) -> Joint:
    roots = [index for _, index in graph.states] + [graph.output]
    roots += [index for _, index in gradient.states] + list(gradient.leaves.values())
    for outer in gradient.outers:
        roots += [outer.matrix, outer.cotangent, outer.operand]
    roots += list(gradient.leaves)
    nodes, moved = simplify_nodes(gradient.nodes, roots, last=True)
    return Joint(
        nodes,
        tuple(moved[index] for _, index in graph.states),
        moved[graph.output],
        {name: moved[index] for name, index in gradient.states},
        tuple((gradient.nodes[leaf], moved[g]) for leaf, g in gradient.leaves.items()),
        tuple((gradient.nodes[o.matrix], moved[o.cotangent], moved[o.operand]) for o in gradient.outers),
    )


class JointPlanner:
    """Works out both programs from the joint nodes."""

    def __init__(self, graph: Graph, hoisted: Hoisted, joint: Joint, lanes: int, order: Sequence[str]) -> None:
        self.graph, self.hoisted, self.joint, self.lanes = graph, hoisted, joint, lanes
        self.nodes = joint.nodes
        self.order = {name: k for k, name in enumerate(order)}
        self.states = tuple((name, width(self._leaf("state", name).shape)) for name, _ in hoisted.graph.states)
        self.dependent = self._on_cotangents()
        self.saved = self._saved()

    def _leaf(self, op: str, name: str) -> Node:
        return next(n for n in self.hoisted.graph.nodes if n.op == op and n.name == name)

    def _on_cotangents(self) -> list[bool]:
        dependent: list[bool] = []
        for node in self.nodes:
            dependent.append(node.op == "cotangent" or any(dependent[a] for a in node.args))
        return dependent

    def backward_roots(self) -> list[int]:
        roots = [*self.joint.states.values(), *(g for _, g in self.joint.leaves)]
        return roots + [k for _, cotangent, operand in self.joint.outers for k in (cotangent, operand)]

    def _saved(self) -> dict[int, int]:
        """Nodes that forward saves, with the column of each."""
        saved: dict[int, int] = {}
        seen: set[int] = set()
        column = 0
        todo = self.backward_roots()
        while todo:
            index = todo.pop()
            if index in seen:
                continue
            seen.add(index)
            node = self.nodes[index]
            keep = not self.dependent[index] and (node.op == "state" or (bool(node.args) and node.op not in CHEAP))
            if keep:
                saved[index] = -1
            else:
                todo.extend(node.args)
        for index in sorted(saved, key=lambda k: (width(self.nodes[k].shape) == 1, k)):
            saved[index] = column
            size = width(self.nodes[index].shape)
            column += size if size == 1 else padded(size, self.lanes)
        self.saved_columns = column
        return saved

    def plan(self) -> JointPlan:
        forward = self._forward("forward", self.saved)
        without = self._forward("inference", {})
        backward, outers, grads, parts = self._backward()
        output = width(self.hoisted.graph.nodes[self.hoisted.graph.output].shape)
        return JointPlan(
            self.graph, self.hoisted, forward, without, backward,
            self.saved_columns, self.states, output, outers, grads, parts,
        )  # fmt: skip

    def _streams(self) -> list[Array]:
        return [Array(f"s{k}", stream.size, "z") for k, stream in enumerate(self.hoisted.streams)]

    def _stream_spots(self, nodes: Sequence[Node]) -> dict[int, Spot]:
        return {
            k: Spot("array", int(node.name[1:]), int(dict(node.attrs)["column"]))
            for k, node in enumerate(nodes)
            if node.op == "stream"
        }

    def _forward(self, name: str, saved: dict[int, int]) -> Program:
        arrays = self._streams()
        y = len(arrays)
        arrays.append(Array("y", width(self.nodes[self.joint.output].shape), "y"))
        if saved:
            arrays.append(Array("saved", self.saved_columns, "z", whole=True))
        roots = [*self.joint.news, self.joint.output, *saved]
        nodes, moved = prune(self.nodes, roots)
        leaves = self._stream_spots(nodes)
        names = [state for state, _ in self.states]
        leaves |= {k: Spot("state", names.index(node.name)) for k, node in enumerate(nodes) if node.op == "state"}
        stores = [(moved[self.joint.output], Spot("array", y))]
        stores += [(moved[k], Spot("array", y + 1, column)) for k, column in saved.items()]
        news = [(k, moved[index]) for k, index in enumerate(self.joint.news)]
        return plan_program(
            name, nodes, self.lanes, arrays=arrays, leaves=leaves, states=self.states, news=news, stores=stores
        )

    def _backward(
        self,
    ) -> tuple[Program, tuple[OuterProduct, ...], tuple[Node, ...], tuple[tuple[tuple[int, int], ...], ...]]:
        kept = [
            Node("saved", (), str(k), (), node.shape) if k in self.saved else node for k, node in enumerate(self.nodes)
        ]
        nodes, moved = prune(kept, self.backward_roots())
        nodes = tuple(self._in_stored_order(nodes, node) for node in nodes)
        arrays = self._streams()
        dy = len(arrays)
        arrays.append(Array("dy", width(self.nodes[self.joint.output].shape), "y"))
        arrays.append(Array("saved", self.saved_columns, "z", whole=True))
        leaves = self._stream_spots(nodes)
        names = [state for state, _ in self.states]
        for k, node in enumerate(nodes):
            if node.op == "cotangent":
                leaves[k] = Spot("array", dy) if node.name == "output.y" else Spot("state", names.index(node.name))
        leaves |= {moved[k]: Spot("array", dy + 1, column) for k, column in self.saved.items() if k in moved}
        stores: list[tuple[int, Spot]] = []
        parts: list[tuple[tuple[int, int], ...]] = []
        first = len(arrays)
        for k, stream in enumerate(self.hoisted.streams):
            arrays.append(Array(f"d_s{k}", 0 if stream.fixed else stream.size, "z"))
            inside = []
            for leaf, g in self.joint.leaves:
                if leaf.op == "stream" and leaf.name == f"s{k}":
                    column = int(dict(leaf.attrs)["column"])
                    stores.append((moved[g], Spot("array", first + k, column)))
                    inside.append((column, column + width(leaf.shape)))
            parts.append(tuple(sorted(inside)))
        outers = self._outers(nodes, moved, arrays, leaves, stores, first)
        vectors = [(leaf, g) for leaf, g in self.joint.leaves if leaf.op == "parameter"]
        news = [(names.index(name), moved[index]) for name, index in self.joint.states.items()]
        program = plan_program(
            "backward", nodes, self.lanes, arrays=arrays, leaves=leaves, states=self.states, news=news,
            stores=stores, grads=[moved[g] for _, g in vectors],
        )  # fmt: skip
        return program, tuple(outers), tuple(leaf for leaf, _ in vectors), tuple(parts)

    def _outers(
        self,
        nodes: tuple[Node, ...],
        moved: dict[int, int],
        arrays: list[Array],
        leaves: dict[int, Spot],
        stores: list[tuple[int, Spot]],
        first: int,
    ) -> list[OuterProduct]:
        """Arrays for both sides of every matrix gradient, shared with a stream's gradient where the same values stand
        side by side there."""
        groups: dict[int, list[tuple[Node, int]]] = {}
        for matrix, cotangent, operand in self.joint.outers:
            groups.setdefault(operand, []).append((matrix, cotangent))
        outers: list[OuterProduct] = []
        for operand, members in groups.items():
            members.sort(key=lambda member: self._stored_at(member[0]))
            sizes = [width(matrix.shape[:1]) for matrix, _ in members]
            columns = [sum(padded(s, self.lanes) for s in sizes[:k]) for k in range(len(sizes))]
            wanted = [(moved[c], column) for (_, c), column in zip(members, columns, strict=True)]
            total = columns[-1] + padded(sizes[-1], self.lanes)
            spot = self._same_columns(arrays, stores, wanted, total, first)
            if spot is None:
                spot = Spot("array", len(arrays))
                arrays.append(Array(f"d_products{len(outers)}", total, "z", whole=True))
                stores += [(node, spot.at(column)) for node, column in wanted]
            at = leaves.get(moved[operand])
            if at is None or at.kind != "array":
                at = Spot("array", len(arrays))
                arrays.append(
                    Array(
                        f"operand{len(outers)}", padded(width(self.nodes[operand].shape), self.lanes), "z", whole=True
                    )
                )
                stores.append((moved[operand], at))
            matrices = tuple(matrix for matrix, _ in members)
            outers.append(OuterProduct(matrices, tuple(columns), spot, at, width(self.nodes[operand].shape)))
        return outers

    def _in_stored_order(self, nodes: tuple[Node, ...], node: Node) -> Node:
        """A transposed product with its blocks in the order in which the matrices are stored."""
        if node.op != "matmul_t":
            return node
        pairs = sorted(
            zip(node.args[0::2], node.args[1::2], strict=True), key=lambda pair: self._stored_at(nodes[pair[0]])
        )
        return Node(node.op, tuple(a for pair in pairs for a in pair), node.name, node.attrs, node.shape)

    def _stored_at(self, matrix: Node) -> tuple[int, str, float, float]:
        attrs = dict(matrix.attrs)
        return self.order.get(matrix.name, -1), matrix.name, attrs.get("row0", 0), attrs.get("col0", 0)

    def _same_columns(
        self, arrays: list[Array], stores: list[tuple[int, Spot]], wanted: list[tuple[int, int]], total: int, first: int
    ) -> Spot | None:
        for k in range(first, len(arrays)):
            if arrays[k].columns == total and {(n, s.column) for n, s in stores if s.index == k} == set(wanted):
                return Spot("array", k)
        return None
