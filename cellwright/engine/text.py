"""A graph as equations, for cells whose own text is not at hand: those read from a file."""

from __future__ import annotations

from collections import Counter

from cellwright.engine.adjoint_ops import ALL_OPS
from cellwright.engine.graph import LEAVES, Graph, Node

__all__ = ["Term", "graph_equations", "print_op"]

Term = tuple[str, int]  # printed form, and how tightly it binds

# How tightly an op's printed form binds; a function call or a leaf binds tightest.
BINDING = {"lt": 0, "le": 0, "gt": 0, "ge": 0, "eq": 0, "add": 1, "sub": 1, "neg": 2, "mul": 2, "div": 2, "matmul": 3}
TIGHTEST = 4
ALIKE = {"add", "mul"}  # a + (b + c) needs no brackets


def graph_equations(graph: Graph) -> str:
    """One line a value that is used more than once (v1, v2 …), then one a new state, then the output if it is none.

    >>> print(graph_equations(trace(LSTM(), 3, 4)))
    v1 = σ(W_o x + R_o h + b_o)
    …
    """
    uses = Counter(arg for node in graph.nodes for arg in node.args)
    new = {index: f"{name}′" for name, index in graph.states}
    names: dict[int, str] = {}
    lines: list[str] = []

    def said(index: int) -> Term:
        node = graph.nodes[index]
        if index in names:
            return names[index], TIGHTEST
        if node.op in LEAVES:
            return _leaf(node), TIGHTEST
        return print_op(node, [said(arg) for arg in node.args])

    for index, node in enumerate(graph.nodes):
        if node.op in LEAVES:
            continue
        if index in new or uses[index] > 1:
            text = said(index)[0]
            names[index] = new.get(index, f"v{sum(name[0] == 'v' for name in names.values()) + 1}")
            lines.append(f"{names[index]} = {text}")
    for name, index in graph.states:
        if names.get(index) != f"{name}′":  # an old state handed on, or one value for two states
            lines.append(f"{name}′ = {said(index)[0]}")
    if graph.output not in dict(graph.states).values():
        lines.append(f"output = {said(graph.output)[0]}")
    return "\n".join(lines)


def _leaf(node: Node) -> str:
    if node.op == "constant":
        return f"{dict(node.attrs)['value']:g}"
    return node.name.replace(".", "_")


def print_op(node: Node, arguments: list[Term]) -> Term:
    """An op on printed arguments, in brackets where they are needed."""
    attrs = dict(node.attrs)
    if node.op == "slice":
        text, binding = arguments[0]
        return f"{_bracketed(text, binding < TIGHTEST)}[{attrs['start']:g}:{attrs['stop']:g}]", TIGHTEST
    if node.op == "identity":
        return arguments[0]
    form = ALL_OPS[node.op].form
    binding = BINDING.get(node.op, TIGHTEST)
    if form is None:
        return f"{node.op}({', '.join(text for text, _ in arguments)})", TIGHTEST
    if node.op not in BINDING:
        return form.format(*(text for text, _ in arguments)), TIGHTEST
    loose = [
        own < binding or (own == binding and (k > 0 or node.op == "neg") and node.op not in ALIKE)
        for k, (_, own) in enumerate(arguments)
    ]
    return form.format(*(_bracketed(text, wrong) for (text, _), wrong in zip(arguments, loose, strict=True))), binding


def _bracketed(text: str, needed: bool) -> str:
    return f"({text})" if needed else text
