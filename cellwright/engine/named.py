"""A step that shows what it names: every gate, candidate and state beside the output, and where a gradient may arrive.

    output y                 ->  concat(y, f, c, …)          the named values leave with the output
    f = σ(a), used below     ->  f = σ(a) + tap_f            taps are inputs of zeros: d loss / d tap_f is d loss / d f

The result is a graph like any other: the passes compile it as they compile the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cellwright.engine.adjoint_ops import ALL_OPS
from cellwright.engine.graph import Builder, Graph, Node
from cellwright.engine.spots import width

__all__ = ["BEFORE", "Named", "name_states", "name_values"]

COMPARISONS = ("lt", "le", "gt", "ge")
BEFORE = ".before"  # behind a state's name: the state that a step begins with


@dataclass(frozen=True, slots=True)
class Named:
    """A step whose output carries, behind its own, every named value.

    Attributes:
        output: columns of the step's own output, the first ones.
        columns: name -> its columns.
        taps: name -> the input to which its gradient arrives; two names of one value share one. None without taps;
            a comparison has none.
    """

    graph: Graph
    output: int
    columns: Mapping[str, tuple[int, int]]
    taps: Mapping[str, str]


def name_values(graph: Graph, names: Mapping[str, int], taps: bool) -> Named:
    """Shows the nodes `names` of a traced step; matrices are no values of a step and stay inside.

    Args:
        taps: also give each an input of zeros, added before anything reads the value.
    """
    shown = {name: at for name, at in sorted(names.items(), key=lambda pair: pair[1]) if len(graph.nodes[at].shape) < 2}
    builder = Builder(rows=ALL_OPS)
    tap_of: dict[int, str] = {}
    moved: list[int] = []
    wanted = {at for at in shown.values() if taps and graph.nodes[at].op not in COMPARISONS}
    for index, node in enumerate(graph.nodes):
        value = builder.add(Node(node.op, tuple(moved[a] for a in node.args), node.name, node.attrs, node.shape))
        if index in wanted:
            tap_of[index] = f"tap{len(tap_of)}"
            tap = builder.add(Node("input", (), tap_of[index], (), (width(node.shape),)))
            value = builder.add_op("add", (value, tap if node.shape else builder.add_op("sum", (tap,), {})), {})
        moved.append(value)
    parts, columns = [moved[graph.output]], {}
    at = graph.nodes[graph.output].shape[0]
    for name, index in shown.items():
        size = width(graph.nodes[index].shape)
        value = moved[index]
        parts.append(value if graph.nodes[index].shape else builder.add_op("spread", (value,), {"size": 1}))
        columns[name] = (at, at + size)
        at += size
    wide = builder.add_op("concat", tuple(parts), {})
    states = tuple((name, moved[index]) for name, index in graph.states)
    own = {name: tap_of[index] for name, index in shown.items() if index in tap_of}
    return Named(
        Graph(graph.cell, tuple(builder.nodes), states, wide), graph.nodes[graph.output].shape[0], columns, own
    )


def name_states(graph: Graph, names: Mapping[str, int]) -> tuple[Graph, dict[str, int]]:
    """The same step with two more names a state: its own, of the new state, whatever `step` calls that, and with
    BEFORE behind it of the state that the step begins with."""
    nodes = list(graph.nodes)
    states = []
    for name, index in graph.states:
        if not nodes[index].args:  # handed on as it was: the new state is a value of its own all the same
            nodes.append(Node("identity", (index,), "", (), nodes[index].shape))
            index = len(nodes) - 1
        states.append((name, index))
    old = {node.name + BEFORE: index for index, node in enumerate(nodes) if node.op == "state"}
    return Graph(graph.cell, tuple(nodes), tuple(states), graph.output), {**names, **dict(states), **old}
