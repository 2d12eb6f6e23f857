"""A step with masks: zoneout on its new states, dropout on the states that its products read.

    zoneout     s′ = where(d, s, s̃)            d drawn at every step: a unit keeps its old value (Krueger et al. 2016)
    expected    s′ = p ⊙ s + (1 − p) ⊙ s̃       zoneout outside training: the mean over d
    dropout     R h  ->  R (m ⊙ h)             wherever a product's operand reads h, as it is or in R (r ⊙ h);
                                               elsewhere h stays itself (Gal & Ghahramani 2016: one m a sequence)

Masks are leaves without a gradient, drawn before the loop.

Zoneout: https://arxiv.org/abs/1606.01305; dropout: https://arxiv.org/abs/1512.05287.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cellwright.engine.graph import Builder, Graph, Node

__all__ = ["Masking", "mask_name", "mask_step", "product_states"]


@dataclass(frozen=True, slots=True)
class Masking:
    """What is masked in a step.

    Attributes:
        zoneout: states that a mask keeps.
        dropout: states that products read through a mask.
        expected: (state, probability) of each state in the mean over its zoneout masks.
        output: the state that is the cell's output; empty if the output is a value of its own, made of s̃.
    """

    zoneout: tuple[str, ...] = ()
    dropout: tuple[str, ...] = ()
    expected: tuple[tuple[str, float], ...] = ()
    output: str = ""

    def to_data(self) -> dict[str, Any]:
        return {
            "zoneout": list(self.zoneout),
            "dropout": list(self.dropout),
            "expected": [list(pair) for pair in self.expected],
            "output": self.output,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Masking:
        expected = tuple((str(name), float(rate)) for name, rate in data["expected"])
        return cls(tuple(data["zoneout"]), tuple(data["dropout"]), expected, data["output"])


def mask_name(kind: str, state: str) -> str:
    """The leaf of a mask; kind: "zoneout" or "dropout"."""
    return f"{kind}.{state}"


def mask_step(graph: Graph, masking: Masking) -> tuple[Graph, list[int]]:
    """The masked step, and where each node of the step went; the nodes of new states to the masked ones."""
    builder = Builder(apart=True)
    moved: list[int] = []
    inside: list[int] = []  # the same values as products read them
    old: dict[str, int] = {}

    def mask(kind: str, state: str) -> int:
        return builder.add(Node("mask", (), mask_name(kind, state), (), builder.nodes[old[state]].shape))

    for node in graph.nodes:
        read = [inside[a] if node.op == "matmul" else moved[a] for a in node.args]
        moved.append(builder.add(Node(node.op, tuple(read), node.name, node.attrs, node.shape)))
        within = tuple(inside[a] for a in node.args)
        if node.op == "state":
            old[node.name] = moved[-1]
            masked = node.name in masking.dropout
            inside.append(builder.add_op("mul", (moved[-1], mask("dropout", node.name)), {}) if masked else moved[-1])
        elif node.op == "matmul" or within == tuple(moved[a] for a in node.args):
            inside.append(moved[-1])
        else:
            inside.append(builder.add(Node(node.op, within, node.name, node.attrs, node.shape)))
    states = dict(graph.states)
    new = {name: moved[index] for name, index in states.items()}
    zero = builder.add(Node("constant", attrs=(("value", 0.0),)))
    for state in masking.zoneout:
        kept = builder.add_op("gt", (mask("zoneout", state), zero), {})
        new[state] = builder.add_op("where", (kept, old[state], new[state]), {})
    for state, rate in masking.expected:
        share, rest = (builder.add(Node("constant", attrs=(("value", n),))) for n in (rate, 1 - rate))
        parts = builder.add_op("mul", (share, old[state]), {}), builder.add_op("mul", (rest, new[state]), {})
        new[state] = builder.add_op("add", parts, {})
    output = new[masking.output] if masking.output else moved[graph.output]
    for name, index in states.items():
        moved[index] = new[name]
    return Graph(graph.cell, tuple(builder.nodes), tuple(new.items()), output), moved


def product_states(graph: Graph) -> tuple[str, ...]:
    """The states that products read, in declared order."""
    reads: list[frozenset[str]] = []
    found: set[str] = set()
    for node in graph.nodes:
        if node.op == "matmul":
            found |= reads[node.args[1]]
            reads.append(frozenset())
        elif node.op == "state":
            reads.append(frozenset([node.name]))
        else:
            reads.append(frozenset().union(*(reads[a] for a in node.args)))
    return tuple(name for name, _ in graph.states if name in found)
