"""What range each value of a step can take, from its ops alone; and so which named values are gates.

    σ (0, 1)    tanh (−1, 1)    softmax, and its running sum, [0, 1]    exp (0, ∞)    x, states, parameters: anything
    l − max(l, i) ≤ 0, so that exp(l − max(l, i)) is within (0, 1]: a gate that no σ makes (sLSTM)

Ends are closed here: in floating point σ(40) is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from cellwright.engine.graph import Graph, Node
from cellwright.ops import OPS

__all__ = ["Range", "gates_of", "ranges"]

Range = tuple[float, float]
ANY: Range = (-math.inf, math.inf)


def ranges(graph: Graph) -> list[Range]:
    """(lowest, highest) value of every node, whatever x, the states and the weights are."""
    found: list[Range] = []
    for node in graph.nodes:
        if node.op == "constant":
            value = float(dict(node.attrs)["value"])
            found.append((value, value) if math.isfinite(value) else ANY)
        elif not node.args:
            found.append(ANY)
        else:
            found.append(RULES[node.op](graph, node, [found[arg] for arg in node.args]))
    return found


Rule = Callable[[Graph, Node, list[Range]], Range]


def _corners(values: list[float]) -> Range:
    known = [0.0 if math.isnan(value) else value for value in values]  # 0 · ∞: the bound 0 is reached, ∞ is not
    return min(known), max(known)


def _ordered(op: str) -> Rule:
    """An op of one argument that only rises."""

    def rule(graph: Graph, node: Node, args: list[Range]) -> Range:
        with np.errstate(all="ignore"):
            low, high = (float(OPS[op].numpy(np.float64(end))) for end in args[0])
        return low, high

    return rule


def _sub(graph: Graph, node: Node, args: list[Range]) -> Range:
    (p, q), (a, b) = node.args, args
    low, high = a[0] - b[1], a[1] - b[0]
    other = graph.nodes[q]
    if other.op == "maximum" and p in other.args:
        high = min(high, 0.0)
    if other.op == "minimum" and p in other.args:
        low = max(low, 0.0)
    return (-math.inf if math.isnan(low) else low), (math.inf if math.isnan(high) else high)


def _mul(graph: Graph, node: Node, args: list[Range]) -> Range:
    low, high = _corners([x * y for x in args[0] for y in args[1]])
    return (max(low, 0.0), high) if node.args[0] == node.args[1] else (low, high)


def _div(graph: Graph, node: Node, args: list[Range]) -> Range:
    if args[1][0] <= 0 <= args[1][1]:
        return ANY
    return _corners([x / y for x in args[0] for y in args[1]])


def _root(graph: Graph, node: Node, args: list[Range]) -> Range:
    return math.sqrt(max(args[0][0], 0.0)), math.sqrt(max(args[0][1], 0.0))


def _log(graph: Graph, node: Node, args: list[Range]) -> Range:
    low, high = (math.log(end) if end > 0 else -math.inf for end in args[0])
    return low, high


def _abs(graph: Graph, node: Node, args: list[Range]) -> Range:
    low, high = args[0]
    return (0.0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))


def _either(graph: Graph, node: Node, args: list[Range]) -> Range:
    """One of several: where, concat."""
    chosen = args[1:] if node.op == "where" else args
    return min(low for low, _ in chosen), max(high for _, high in chosen)


def _sum(graph: Graph, node: Node, args: list[Range]) -> Range:
    n = graph.nodes[node.args[0]].shape[0]
    return args[0][0] * n, args[0][1] * n


def _cumsum(graph: Graph, node: Node, args: list[Range]) -> Range:
    if graph.nodes[node.args[0]].op == "softmax":  # all of it is 1
        return 0.0, 1.0
    n, (low, high) = graph.nodes[node.args[0]].shape[0], args[0]
    return min(low, low * n), max(high, high * n)


def _same(graph: Graph, node: Node, args: list[Range]) -> Range:
    return args[0]


def _to(low: float, high: float) -> Rule:
    return lambda graph, node, args: (low, high)


RULES: dict[str, Rule] = {
    "add": lambda graph, node, args: (args[0][0] + args[1][0], args[0][1] + args[1][1]),
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "neg": lambda graph, node, args: (-args[0][1], -args[0][0]),
    "matmul": _to(*ANY),
    "concat": _either,
    "slice": _same,
    "identity": _same,
    "sigmoid": _ordered("sigmoid"),
    "tanh": _ordered("tanh"),
    "relu": _ordered("relu"),
    "softplus": _ordered("softplus"),
    "exp": _ordered("exp"),
    "log": _log,
    "sqrt": _root,
    "abs": _abs,
    "minimum": lambda graph, node, args: (min(args[0][0], args[1][0]), min(args[0][1], args[1][1])),
    "maximum": lambda graph, node, args: (max(args[0][0], args[1][0]), max(args[0][1], args[1][1])),
    "lt": _to(0.0, 1.0),
    "le": _to(0.0, 1.0),
    "gt": _to(0.0, 1.0),
    "ge": _to(0.0, 1.0),
    "where": _either,
    "sum": _sum,
    "mean": _same,
    "amax": _same,
    "softmax": _to(0.0, 1.0),
    "cumsum": _cumsum,
}


def gates_of(graph: Graph, names: dict[str, int]) -> tuple[str, ...]:
    """Named values that are gates: vectors within [0, 1] that multiply another value of the step, as themselves or
    after 1 − f, a part, a sum or a factor. In the order of the step."""
    known = ranges(graph)
    found = []
    for name, index in sorted(names.items(), key=lambda pair: pair[1]):
        node = graph.nodes[index]
        low, high = known[index]
        if node.args and len(node.shape) == 1 and 0.0 <= low < high <= 1.0 and _multiplies(graph, index):
            found.append(name)
    return tuple(dict.fromkeys(found))


def _multiplies(graph: Graph, start: int) -> bool:
    """Whether a value meets, in a product, one that is neither a number nor a parameter."""
    affine = {start}
    for index in range(start + 1, len(graph.nodes)):
        node = graph.nodes[index]
        held = [arg for arg in node.args if arg in affine]
        if not held:
            continue
        if node.op == "where":
            affine.add(index)
            if node.args[0] in affine:
                return True
        elif node.op in ("add", "sub", "neg", "identity", "slice", "concat", "cumsum"):
            affine.add(index)
        elif node.op == "mul" or (node.op == "div" and node.args[0] in affine):
            others = [arg for arg in node.args if arg not in affine]
            fixed = all(graph.nodes[arg].op in ("constant", "parameter") for arg in others)
            if others and not fixed:
                return True
            affine.add(index)
    return False
