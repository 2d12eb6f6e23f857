"""The gradient of one step, as a graph: one vector-Jacobian row an op.

    forward   %0 … %n                       the step
    leaves    cotangent h′, cotangent c′ …  gradients that arrive: of every new state, and of the output
    results   gradients of the old states, the streams and the vector parameters;
              for a matrix M of a product M v: the pair (cotangent of the product, v), whose outer product is summed
              over all steps after the loop, as one matrix product

At a tie, maximum and minimum share the gradient by halves, amax shares it evenly: as torch does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from cellwright.engine.adjoint_ops import ALL_OPS
from cellwright.engine.graph import Builder, Graph, Node

__all__ = ["VJP", "Gradient", "Outer", "differentiate"]


@dataclass(frozen=True, slots=True)
class Outer:
    """One product of the step: the gradient of `matrix` is the sum over steps of cotangent ⊗ operand."""

    matrix: int
    cotangent: int
    operand: int


@dataclass(frozen=True, slots=True)
class Gradient:
    """The step and its gradient in one list of nodes; positions of the step's nodes are unchanged."""

    nodes: tuple[Node, ...]
    forward: int
    states: tuple[tuple[str, int], ...]
    leaves: dict[int, int]
    outers: tuple[Outer, ...]


class Write:
    """Adds nodes by position, so that a row reads like its formula."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def shape(self, a: int) -> tuple[int, ...]:
        return self.builder.nodes[a].shape

    def number(self, value: float) -> int:
        return self.builder.add(Node("constant", attrs=(("value", float(value)),)))

    def op(self, name: str, *args: int, **attrs: int) -> int:
        return self.builder.add_op(name, args, attrs)

    def add(self, a: int, b: int) -> int:
        return self.op("add", a, b)

    def sub(self, a: int, b: int) -> int:
        return self.op("sub", a, b)

    def mul(self, a: int, b: int) -> int:
        return self.op("mul", a, b)

    def div(self, a: int, b: int) -> int:
        return self.op("div", a, b)

    def half_at_ties(self, loses: str, a: int, b: int, g: int) -> list[int | None]:
        """`g` to whichever of a and b does not lose, half to each where they are equal; to both where one is NaN."""
        half, zero = self.mul(g, self.number(0.5)), self.number(0.0)
        tie = self.op("eq", a, b)
        first = self.op("where", tie, half, self.op("where", self.op(loses, a, b), zero, g))
        second = self.op("where", tie, half, self.op("where", self.op(loses, b, a), zero, g))
        return [first, second]


Row = Callable[..., list[int | None]]


def _amax(w: Write, g: int, y: int, x: int) -> list[int | None]:
    at = w.op("where", w.op("eq", x, y), w.number(1.0), w.number(0.0))
    return [w.mul(at, w.div(g, w.op("sum", at)))]


def _concat(w: Write, g: int, y: int, *parts: int) -> list[int | None]:
    pieces: list[int | None] = []
    start = 0
    for part in parts:
        stop = start + w.shape(part)[0]
        pieces.append(w.op("slice", g, start=start, stop=stop))
        start = stop
    return pieces


def _softmax(w: Write, g: int, y: int, x: int) -> list[int | None]:
    return [w.mul(y, w.sub(g, w.op("sum", w.mul(g, y))))]


def _where(w: Write, g: int, y: int, condition: int, a: int, b: int) -> list[int | None]:
    zero = w.number(0.0)
    return [None, w.op("where", condition, g, zero), w.op("where", condition, zero, g)]


def _sign(w: Write, x: int) -> int:
    zero = w.number(0.0)
    negative = w.op("where", w.op("lt", x, zero), w.number(-1.0), zero)
    return w.op("where", w.op("gt", x, zero), w.number(1.0), negative)


def _spread(w: Write, g: int, x: int) -> int:
    """A scalar's gradient, for every feature of x."""
    return w.op("spread", g, size=w.shape(x)[0])


def _pass_positive(w: Write, g: int, y: int, x: int) -> list[int | None]:
    # asked this way round, NaN is not cut off: its gradient goes on, as in torch
    return [w.op("where", w.op("le", y, w.number(0.0)), w.number(0.0), g)]


# op: (cotangent g of the result y, arguments) -> cotangents of the arguments, None where there is none
VJP: dict[str, Row] = {
    "add": lambda w, g, y, a, b: [g, g],
    "sub": lambda w, g, y, a, b: [g, w.op("neg", g)],
    "mul": lambda w, g, y, a, b: [w.mul(g, b), w.mul(g, a)],
    "div": lambda w, g, y, a, b: [w.div(g, b), w.op("neg", w.mul(g, w.div(y, b)))],
    "neg": lambda w, g, y, a: [w.op("neg", g)],
    "concat": _concat,
    "slice": lambda w, g, y, x, start, stop: [w.op("pad", g, start=start, size=w.shape(x)[0])],
    "identity": lambda w, g, y, x: [g],
    "sigmoid": lambda w, g, y, x: [w.mul(g, w.mul(y, w.sub(w.number(1.0), y)))],
    "tanh": lambda w, g, y, x: [w.mul(g, w.sub(w.number(1.0), w.mul(y, y)))],
    "relu": _pass_positive,
    "softplus": lambda w, g, y, x: [w.mul(g, w.op("sigmoid", x))],
    "exp": lambda w, g, y, x: [w.mul(g, y)],
    "log": lambda w, g, y, x: [w.div(g, x)],
    "sqrt": lambda w, g, y, x: [w.div(w.mul(g, w.number(0.5)), y)],
    "abs": lambda w, g, y, x: [w.mul(g, _sign(w, x))],
    "minimum": lambda w, g, y, a, b: w.half_at_ties("gt", a, b, g),
    "maximum": lambda w, g, y, a, b: w.half_at_ties("lt", a, b, g),
    "lt": lambda w, g, y, a, b: [None, None],
    "le": lambda w, g, y, a, b: [None, None],
    "gt": lambda w, g, y, a, b: [None, None],
    "ge": lambda w, g, y, a, b: [None, None],
    "where": _where,
    "sum": lambda w, g, y, x: [_spread(w, g, x)],
    "mean": lambda w, g, y, x: [_spread(w, w.mul(g, w.number(1.0 / w.shape(x)[0])), x)],
    "amax": _amax,
    "softmax": _softmax,
    "cumsum": lambda w, g, y, x: [w.op("suffix_sum", g)],
    "spread": lambda w, g, y, x, size: [w.op("sum", g)],
}


def differentiate(graph: Graph) -> Gradient:
    """The gradient of a step whose matrices are all parameters.

    Cotangent leaves are named after the new states, and "y" stands for the output's own gradient.
    """
    builder = Builder(list(graph.nodes), {node: k for k, node in enumerate(graph.nodes)}, ALL_OPS)
    w = Write(builder)
    arrived: dict[int, int] = {}

    def arrive(target: int, g: int) -> None:
        if builder.nodes[g].shape != builder.nodes[target].shape:
            g = _fitted(w, g, target)
        arrived[target] = w.add(arrived[target], g) if target in arrived else g

    for name, index in graph.states:
        arrive(index, builder.add(Node("cotangent", (), name, (), graph.nodes[index].shape)))
    arrive(graph.output, builder.add(Node("cotangent", (), "output.y", (), graph.nodes[graph.output].shape)))
    reached = _depends_on_leaf(graph)
    outers: list[Outer] = []
    for index in range(len(graph.nodes) - 1, -1, -1):
        node = graph.nodes[index]
        if index not in arrived or not node.args:
            continue
        g = arrived[index]
        if node.op == "matmul":
            matrix, operand = node.args
            outers.append(Outer(matrix, g, operand))
            if reached[operand]:
                arrive(operand, w.op("matmul_t", matrix, g))
            continue
        attrs = {key: int(value) for key, value in node.attrs}
        for arg, cotangent in zip(node.args, VJP[node.op](w, g, index, *node.args, **attrs), strict=True):
            if cotangent is not None and reached[arg]:
                arrive(arg, cotangent)
    held = {node.name: k for k, node in enumerate(graph.nodes) if node.op == "state"}
    for index in held.values():
        if index not in arrived:
            arrived[index] = _spread(w, w.number(0.0), index)
    states = tuple((name, arrived[held[name]]) for name, _ in graph.states)
    leaves = {
        k: arrived[k]
        for k, node in enumerate(graph.nodes)
        if k in arrived and (node.op == "stream" or (node.op == "parameter" and len(node.shape) < 2))
    }
    return Gradient(tuple(builder.nodes), len(graph.nodes), states, leaves, tuple(outers))


def _fitted(w: Write, g: int, target: int) -> int:
    """A gradient in its value's own shape: what was broadcast is summed, a scalar's is spread."""
    if math.prod(w.shape(g)) > math.prod(w.shape(target)):
        g = w.op("sum", g)
    return _spread(w, g, target) if w.shape(target) and w.shape(g) != w.shape(target) else g


def _depends_on_leaf(graph: Graph) -> list[bool]:
    """Whether a gradient must go on from each node: all but what constants, masks and comparisons alone make."""
    reached: list[bool] = []
    for node in graph.nodes:
        if not node.args:
            reached.append(node.op != "constant" and not dict(node.attrs).get("fixed"))
        else:
            reached.append(any(reached[a] for a in node.args) and node.op not in ("lt", "le", "gt", "ge"))
    return reached
