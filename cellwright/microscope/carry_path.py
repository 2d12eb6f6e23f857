"""The carry path of a cell, found on its graph: s′ = a ⊙ s + b, where a is what multiplies the old state itself.

    c′ = f ⊙ c + i ⊙ g               a = f        b = i ⊙ g
    h′ = (1 − z) ⊙ n + z ⊙ h         a = z        b = (1 − z) ⊙ n          n and z read h too: that is part of a and b
    h′ = tanh(W x + R h + b)         none: h is read inside a function and through a matrix only

The old state is followed through what is linear and elementwise: + − ⊙ / by a value, where, and slices and joins that
put a unit back in its own place. A read through a matrix, inside a function (max and |·| are functions too), of
another unit, or of another state belongs to b. Holding a and b at their values the identity is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cellwright.engine.graph import LEAVES, Graph, Node
from cellwright.engine.text import print_op
from cellwright.microscope.carry_parts import Finder, Part, Passage

__all__ = ["Carry", "CarryPaths", "carry_paths", "said"]


@dataclass(frozen=True, slots=True)
class Carry:
    """The carry path of one state.

    Attributes:
        parts: the state's units in order; of most cells one part. At least one has an a.
        route: the ops along which the old state itself goes into the new one, and how it passes each.
        factor, written: a and b as text; those of the first part that carries.
    """

    state: str
    parts: tuple[Part, ...]
    route: Mapping[int, tuple[Passage, ...]]
    factor: str
    written: str

    @property
    def edges(self) -> set[tuple[int, int]]:
        """(op, argument) pairs on the way."""
        return {(index, k) for index, passages in self.route.items() for passage in passages for k in passage.args}

    @property
    def equation(self) -> str:
        """As "c′ = f ⊙ c + i ⊙ g"."""
        first = self.state if self.factor == "1" else f"{_bracketed(self.factor)} ⊙ {self.state}"
        return f"{self.state}′ = {first}" + (f" + {self.written}" if self.written else "")


@dataclass(frozen=True, slots=True)
class CarryPaths:
    """All carry paths of a cell.

    Attributes:
        graph: the step's graph; behind its own nodes, which keep their positions, those of a and b.
        carries: by state; empty where none carries.
    """

    graph: Graph
    carries: dict[str, Carry]

    @property
    def verdict(self) -> str:
        """Which states carry, and how; or that none does."""
        states = [name for name, _ in self.graph.states]
        if not self.carries:
            reads = " and ".join(states)
            return (
                f"{self.graph.cell} has no carry path: {reads} {'is' if len(states) == 1 else 'are'} read inside a"
                " function, through a matrix or by another state only, nowhere as a ⊙ s + b."
            )
        rest = [name for name in states if name not in self.carries]
        text = f"{self.graph.cell} carries " + "; ".join(carry.equation for carry in self.carries.values())
        return text + (f". No carry path: {', '.join(rest)}." if rest else ".")


def carry_paths(graph: Graph, names: Mapping[str, int] | None = None) -> CarryPaths:
    """The carry path of each state of a step's graph that has one.

    Args:
        names: name -> node, so that a and b are printed with the names of the step.
    """
    finder = Finder(graph)
    found: dict[str, tuple[tuple[Part, ...], dict[int, tuple[Passage, ...]]]] = {}
    for state, index in graph.states:
        parts = finder.parts(state, index)
        if any(part.a is not None and finder.value(part.a) != 0.0 for part in parts):  # 0: it cancelled
            found[state] = (parts, finder.route(state, index))
    nodes = tuple(finder.builder.nodes)
    whole = Graph(graph.cell, nodes, graph.states, graph.output)
    spoken = {index: name for name, index in sorted((names or {}).items(), reverse=True)}
    spoken |= {index: f"{name}′" for name, index in graph.states if nodes[index].op not in LEAVES}
    carries = {}
    for state, (parts, route) in found.items():
        first = next(part for part in parts if part.a is not None)
        assert first.a is not None
        written = "" if first.b is None else said(nodes, spoken, first.b)
        carries[state] = Carry(state, parts, route, said(nodes, spoken, first.a), written)
    return CarryPaths(whole, carries)


def said(nodes: tuple[Node, ...], spoken: Mapping[int, str], index: int, depth: int = 6) -> str:
    """A node as text, in named values where there are any; what is nested deeper than `depth` is an ellipsis."""
    return _term(nodes, spoken, index, depth)[0]


def _term(nodes: tuple[Node, ...], spoken: Mapping[int, str], index: int, depth: int) -> tuple[str, int]:
    node, tight = nodes[index], 4
    if index in spoken:
        return spoken[index], tight
    if node.op == "constant":
        return f"{dict(node.attrs)['value']:g}", tight
    if node.op in LEAVES:
        return node.name.replace(".", "_"), tight
    if not depth:
        return "…", tight
    return print_op(node, [_term(nodes, spoken, arg, depth - 1) for arg in node.args])


def _bracketed(text: str) -> str:
    return f"({text})" if " " in text else text
