"""Rewrites that change no meaning, so that one form of a step reaches the plan. Each rule: before -> after.

slice(M v)               -> M[rows] v                    chunk after one big product = one product a gate
M concat(a, b)           -> M[:, :n] a + M[:, n:] b      one matrix on concat(h, x) = one on h and one on x
slice(a ⊙ b)             -> slice(a) ⊙ slice(b)          for every elementwise op
slice(slice), slice(concat), slice(all), slice(parameter) -> the part itself
mean(a)                  -> Σ a · 1/n
v / s, s one number      -> v · (1 / s)                  one division a row, and no quotient is saved for the gradient
Σ (−v)                   -> −Σ v
Σ concat(a, b)           -> Σ a + Σ b                    also of what an elementwise op makes of a concat
softmax(a)               -> e^(a − max a) / Σ, once its gradient has been taken
identity(a), a · 1, a + 0, a − 0, a / 1, −(−a), number op number
(M v + s) + p            -> (M v + p) + s                v of the input alone, p a parameter: a bias leaves the loop
a + Aᵀ u + Bᵀ v          -> a + (Aᵀ u + Bᵀ v)            one product with A over B
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cellwright.engine.adjoint_ops import ALL_OPS
from cellwright.engine.graph import Builder, Graph, Node

__all__ = ["ELEMENTWISE", "prune", "simplify", "simplify_nodes"]

ELEMENTWISE = frozenset(
    [
        "add",
        "sub",
        "mul",
        "div",
        "neg",
        "identity",
        "sigmoid",
        "tanh",
        "relu",
        "softplus",
        "exp",
        "log",
        "sqrt",
        "abs",
        "minimum",
        "maximum",
        "lt",
        "le",
        "gt",
        "ge",
        "eq",
        "where",
    ]
)
_COMPARES = ("lt", "le", "gt", "ge", "eq")


def simplify(graph: Graph) -> Graph:
    """The same step in the form that the plan expects. Old states stay, also where nothing reads them."""
    held = [index for index, node in enumerate(graph.nodes) if node.op == "state"]
    roots = [*(index for _, index in graph.states), graph.output]
    nodes, moved = simplify_nodes(graph.nodes, [*held, *roots])
    states = tuple((name, moved[index]) for name, index in graph.states)
    return Graph(graph.cell, nodes, states, moved[graph.output])


def simplify_nodes(
    nodes: Sequence[Node], roots: Sequence[int], last: bool = False
) -> tuple[tuple[Node, ...], dict[int, int]]:
    """Rewrites until nothing changes, and keeps what the roots need.

    Args:
        last: also takes apart what was kept whole for its gradient (softmax).

    Returns:
        the nodes, and where each root stands in them.
    """
    place = {root: root for root in roots}
    while True:
        before = tuple(nodes)
        nodes, moved = _pass(before, set(place.values()), last)
        place = {root: moved[at] for root, at in place.items()}
        if tuple(nodes) == before:
            return before, place


def prune(nodes: Sequence[Node], roots: Sequence[int]) -> tuple[tuple[Node, ...], dict[int, int]]:
    """Only what the roots need, in the old order; where every kept node went."""
    needed: set[int] = set()
    todo = list(roots)
    while todo:
        index = todo.pop()
        if index not in needed:
            needed.add(index)
            todo.extend(nodes[index].args)
    moved: dict[int, int] = {}
    kept: list[Node] = []
    for index in sorted(needed):
        node = nodes[index]
        moved[index] = len(kept)
        kept.append(Node(node.op, tuple(moved[a] for a in node.args), node.name, node.attrs, node.shape))
    return tuple(kept), moved


def _pass(nodes: Sequence[Node], roots: set[int], last: bool) -> tuple[tuple[Node, ...], dict[int, int]]:
    rewriter = Rewriter(last)
    moved: dict[int, int] = {}
    for index, node in enumerate(nodes):
        moved[index] = rewriter.rewrite(node, tuple(moved[a] for a in node.args))
    kept, where = prune(rewriter.builder.nodes, [moved[root] for root in roots])
    return kept, {root: where[moved[root]] for root in roots}


class Rewriter:
    """One bottom-up pass. A rule gets a node with rewritten arguments and returns a position, or None."""

    def __init__(self, last: bool) -> None:
        self.builder = Builder(rows=ALL_OPS)
        self.last = last
        self.pieces: dict[int, list[int] | None] = {}

    def op(self, name: str, *args: int, **attrs: int) -> int:
        """An op's node, rewritten in turn."""
        shape = ALL_OPS[name].shape(*(self.node(a).shape for a in args), **attrs)
        return self.rewrite(Node(name, args, "", tuple(sorted(attrs.items())), shape), args)

    def node(self, index: int) -> Node:
        return self.builder.nodes[index]

    def number(self, index: int) -> float | None:
        node = self.node(index)
        return node.attrs[0][1] if node.op == "constant" else None

    def rewrite(self, node: Node, args: tuple[int, ...]) -> int:
        node = Node(node.op, args, node.name, node.attrs, node.shape)
        rule = RULES.get(node.op)
        if node.op in ELEMENTWISE and node.op not in _COMPARES and args:
            numbers = [self.number(a) for a in args]
            if all(number is not None for number in numbers):
                with np.errstate(all="ignore"):
                    value = float(ALL_OPS[node.op].numpy(*(np.float64(n) for n in numbers)))
                return self.builder.add(Node("constant", attrs=(("value", value),)))
        result = rule(self, node) if rule else None
        return self.builder.add(node) if result is None else result


def part(r: Rewriter, index: int, start: int, stop: int) -> int:
    """The slice of a value, as far inside as it goes."""
    node = r.node(index)
    return index if node.shape == (stop - start,) else r.op("slice", index, start=start, stop=stop)


def parameter_part(
    r: Rewriter, index: int, rows: tuple[int, int] | None = None, columns: tuple[int, int] | None = None
) -> int:
    """Rows or columns of a parameter, as a parameter."""
    node = r.node(index)
    attrs = dict(node.attrs)
    shape = list(node.shape)
    for axis, (name, cut) in enumerate((("row", rows), ("col", columns))[: len(shape)]):
        start, stop = cut or (0, shape[axis])
        first = int(attrs.get(f"{name}0", 0))
        attrs |= {f"{name}0": first + start, f"{name}1": first + stop}
        shape[axis] = stop - start
    return r.builder.add(Node("parameter", (), node.name, tuple(sorted(attrs.items())), tuple(shape)))


def _slice(r: Rewriter, node: Node) -> int | None:
    (source,), attrs = node.args, dict(node.attrs)
    start, stop = int(attrs["start"]), int(attrs["stop"])
    inner = r.node(source)
    if inner.shape == (stop - start,):
        return source
    if inner.op == "slice":
        offset = int(dict(inner.attrs)["start"])
        return r.op("slice", inner.args[0], start=start + offset, stop=stop + offset)
    if inner.op == "matmul":
        return r.op("matmul", parameter_part(r, inner.args[0], rows=(start, stop)), inner.args[1])
    if inner.op == "parameter":
        return parameter_part(r, source, rows=(start, stop))
    if inner.op == "spread":
        return r.op("spread", inner.args[0], size=stop - start)
    if inner.op in ELEMENTWISE:
        cut = [part(r, a, start, stop) if r.node(a).shape == inner.shape else a for a in inner.args]
        return r.op(inner.op, *cut)
    if inner.op == "concat":
        pieces, at = [], 0
        for arg in inner.args:
            size = r.node(arg).shape[0]
            low, high = max(start - at, 0), min(stop - at, size)
            if low < high:
                pieces.append(part(r, arg, low, high))
            at += size
        return pieces[0] if len(pieces) == 1 else r.op("concat", *pieces)
    return None


def _matmul(r: Rewriter, node: Node) -> int | None:
    matrix, operand = node.args
    inner = r.node(operand)
    if inner.op != "concat":
        return None
    total, at = -1, 0
    for arg in inner.args:
        size = r.node(arg).shape[0]
        term = r.op("matmul", parameter_part(r, matrix, columns=(at, at + size)), arg)
        total = term if total < 0 else r.op("add", total, term)
        at += size
    return total


def _concat(r: Rewriter, node: Node) -> int | None:
    return node.args[0] if len(node.args) == 1 else None


def _same_shape(r: Rewriter, node: Node, index: int) -> int | None:
    return index if r.node(index).shape == node.shape else None


def _add(r: Rewriter, node: Node) -> int | None:
    a, b = node.args
    for one, other in ((a, b), (b, a)):
        if r.number(other) == 0.0 and (kept := _same_shape(r, node, one)) is not None:
            return kept
    first, second = r.node(a), r.node(b)
    if first.op == second.op == "matmul_t":
        return r.builder.add(Node("matmul_t", first.args + second.args, "", (), node.shape))
    if first.op == "matmul_t" and second.op != "matmul_t":
        return r.op("add", b, a)
    if first.op == "add" and second.op == "matmul_t" and r.node(first.args[1]).op == "matmul_t":
        return r.op("add", first.args[0], r.op("add", first.args[1], b))
    if first.op == "add" and r.node(first.args[1]).op == "matmul_t" and first.shape == node.shape:
        return r.op("add", r.op("add", first.args[0], b), first.args[1])
    if second.op == "add" and r.node(second.args[1]).op == "matmul_t" and second.shape == node.shape:
        return r.op("add", r.op("add", a, second.args[0]), second.args[1])
    return _bias_first(r, a, b)


def _bias_first(r: Rewriter, a: int, b: int) -> int | None:
    """(input product + s) + p -> (input product + p) + s, whichever side of a sum each stands on."""
    for one, p in ((a, b), (b, a)):
        outer = r.node(one)
        if r.node(p).op != "parameter" or outer.op != "add" or r.node(p).shape != outer.shape:
            continue
        for product, s in (outer.args, outer.args[::-1]):
            if input_product(r, product) and r.node(s).op != "parameter":
                return r.op("add", r.op("add", product, p), s)
            inner = r.node(product)
            if inner.op == "add" and any(input_product(r, deep) for deep in inner.args) and r.node(s).op != "parameter":
                return r.op("add", r.op("add", product, p), s)
    return None


def input_product(r: Rewriter, index: int) -> bool:
    node = r.node(index)
    return node.op == "matmul" and r.node(node.args[1]).op == "input"


def _sub(r: Rewriter, node: Node) -> int | None:
    return _same_shape(r, node, node.args[0]) if r.number(node.args[1]) == 0.0 else None


def _mul(r: Rewriter, node: Node) -> int | None:
    a, b = node.args
    if r.number(b) == 1.0:
        return _same_shape(r, node, a)
    return _same_shape(r, node, b) if r.number(a) == 1.0 else None


def _div(r: Rewriter, node: Node) -> int | None:
    a, b = node.args
    if r.number(b) == 1.0:
        return _same_shape(r, node, a)
    if r.node(a).shape and not r.node(b).shape and r.number(b) is None:
        one = r.builder.add(Node("constant", attrs=(("value", 1.0),)))
        return r.op("mul", a, r.op("div", one, b))
    return None


def _neg(r: Rewriter, node: Node) -> int | None:
    inner = r.node(node.args[0])
    return inner.args[0] if inner.op == "neg" else None


def _sum(r: Rewriter, node: Node) -> int | None:
    inner = r.node(node.args[0])
    if inner.op == "neg":
        return r.op("neg", r.op("sum", inner.args[0]))
    pieces = _pieces(r, node.args[0])
    if pieces is None:
        return None
    total = r.op("sum", pieces[0])
    for piece in pieces[1:]:
        total = r.op("add", total, r.op("sum", piece))
    return total


def _pieces(r: Rewriter, index: int) -> list[int] | None:
    """The parts of a concat, or of what elementwise ops make of concats cut alike and of numbers; None of others."""
    below: set[int] = set()
    todo = [index]
    while todo:
        at = todo.pop()
        if at not in below and at not in r.pieces:
            below.add(at)
            todo += [arg for arg in r.node(at).args if r.node(at).op in ELEMENTWISE and r.node(arg).shape]
    for at in sorted(below):  # arguments stand before what reads them
        r.pieces[at] = _cut_pieces(r, r.node(at))
    return r.pieces[index]


def _cut_pieces(r: Rewriter, node: Node) -> list[int] | None:
    if node.op == "concat":
        return list(node.args)
    if node.op not in ELEMENTWISE:
        return None
    columns: list[list[int] | None] = []
    cuts: set[tuple[tuple[int, ...], ...]] = set()
    for arg in node.args:
        found = r.pieces[arg] if r.node(arg).shape else None
        if found is None and r.node(arg).shape:
            return None
        columns.append(found)
        if found is not None:
            cuts.add(tuple(r.node(piece).shape for piece in found))
    if len(cuts) != 1:
        return None
    count = len(next(iter(cuts)))
    each = [[arg] * count if found is None else found for arg, found in zip(node.args, columns, strict=True)]
    return [r.op(node.op, *args) for args in zip(*each, strict=True)]


def _mean(r: Rewriter, node: Node) -> int | None:
    scale = r.builder.add(Node("constant", attrs=(("value", 1.0 / r.node(node.args[0]).shape[0]),)))
    return r.op("mul", r.op("sum", node.args[0]), scale)


def _softmax(r: Rewriter, node: Node) -> int | None:
    if not r.last:
        return None
    e = r.op("exp", r.op("sub", node.args[0], r.op("amax", node.args[0])))
    return r.op("div", e, r.op("sum", e))


RULES: dict[str, Callable[[Rewriter, Node], int | None]] = {
    "slice": _slice,
    "matmul": _matmul,
    "concat": _concat,
    "identity": lambda r, node: node.args[0],
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "neg": _neg,
    "sum": _sum,
    "mean": _mean,
    "softmax": _softmax,
}
