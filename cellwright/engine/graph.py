"""The graph of one step: what a cell's text means, on one screen.

    graph    = nodes, new states (name -> node), output (node)
    node     = input        x                                 (I)
             | state        name                              (size of the state)
             | parameter    name, as "W.i" or "p_i"           (its shape)
             | constant     a number                          ()
             | op           name of cellwright.ops.OPS, arguments (earlier nodes), attributes

Passes behind the trace add to this: further inputs, masks (inputs without a gradient), rows and columns of a parameter
(attributes row0, row1, col0, col1), streams (computed for all steps before the loop), cotangents (gradients that
arrive) and the ops of adjoint_ops.

Nodes are immutable and shared: the same op on the same nodes is one node, unless names of values are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cellwright.ops import OPS, Op

__all__ = ["LEAVES", "Builder", "Graph", "Node"]

Shape = tuple[int, ...]
LEAVES = ("input", "state", "parameter", "constant")


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a step.

    Attributes:
        op: a leaf kind, or the name of an op.
        args: positions of earlier nodes.
        name: of an input, state or parameter; empty for ops.
        attrs: (key, number) pairs in order: value of a constant, start and stop of a slice.
        shape: (n,), (), or (m, n) for a parameter matrix.
    """

    op: str
    args: tuple[int, ...] = ()
    name: str = ""
    attrs: tuple[tuple[str, float], ...] = ()
    shape: Shape = ()

    def __str__(self) -> str:
        if self.op == "constant":
            return f"{dict(self.attrs).get('value', 'constant')}"
        if not self.args:
            rows = "".join(f" {key}={value:g}" for key, value in self.attrs)
            return f"{self.op} {self.name}{rows}"
        return f"{self.op}({', '.join([*(f'%{a}' for a in self.args), *(f'{k}={v}' for k, v in self.attrs)])})"


@dataclass(frozen=True, slots=True)
class Graph:
    """One step of `cell` at one input and hidden size."""

    cell: str
    nodes: tuple[Node, ...]
    states: tuple[tuple[str, int], ...]
    output: int

    def __str__(self) -> str:
        lines = [f"%{k:<3} {node!s:<34} {node.shape}" for k, node in enumerate(self.nodes)]
        lines += [f"{name}′ = %{k}" for name, k in self.states]
        return "\n".join([f"{self.cell}:", *lines, f"output = %{self.output}"])


@dataclass(slots=True)
class Builder:
    """Collects nodes; the same node added twice is one.

    Attributes:
        apart: every op's result stays a node of its own, as every result of `step` is a value of its own.
    """

    nodes: list[Node] = field(default_factory=list)
    known: dict[Node, int] = field(default_factory=dict)
    rows: Mapping[str, Op] = field(default_factory=lambda: OPS)
    apart: bool = False

    def add(self, node: Node) -> int:
        """The position of `node`."""
        if node not in self.known or (self.apart and node.args):
            self.known[node] = len(self.nodes)
            self.nodes.append(node)
        return self.known[node]

    def add_op(self, op: str, args: tuple[int, ...], attrs: Mapping[str, Any]) -> int:
        """The position of an op's node. Raises ValueError when the shapes do not fit."""
        shape = self.rows[op].shape(*(self.nodes[a].shape for a in args), **attrs)
        return self.add(Node(op, args, "", tuple(sorted(attrs.items())), shape))
