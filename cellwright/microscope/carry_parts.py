"""Splits the values of a step into a ⊙ s + b, s the old state itself: one rule an op, part by part of the units."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from cellwright.engine.graph import Builder, Graph, Node
from cellwright.ops import OPS

__all__ = ["Finder", "Part", "Passage"]

LINEAR = ("add", "sub", "neg", "identity", "mul", "div", "where", "slice", "concat")


@dataclass(frozen=True, slots=True)
class Part:
    """Units start to stop of a value: a ⊙ (the old state's same units) + b, as nodes; None is zero."""

    start: int
    stop: int
    a: int | None
    b: int | None


@dataclass(frozen=True, slots=True)
class Passage:
    """Units start to stop of an op on the way: which of its arguments the old state comes in by."""

    start: int
    stop: int
    args: frozenset[int]


class Finder:
    """Splits values into a ⊙ s + b; adds the nodes that a and b need behind the graph's own."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.builder = Builder(list(graph.nodes), {node: k for k, node in enumerate(graph.nodes)})

    def node(self, index: int) -> Node:
        return self.builder.nodes[index]

    def size(self, index: int) -> int:
        shape = self.node(index).shape
        return shape[0] if shape else 1

    def parts(self, state: str, root: int) -> tuple[Part, ...]:
        """The root's parts, aligned with the state's own units."""
        return self._all_parts(state, root)[root, 0]

    def route(self, state: str, root: int) -> dict[int, tuple[Passage, ...]]:
        """The ops that the old state passes on its way to the root."""
        parts, found, todo = self._all_parts(state, root), dict[int, tuple[Passage, ...]](), [(root, 0)]
        while todo:
            index, offset = todo.pop()
            args = self._args(index, offset)
            if index in found or not args or not _carries(parts[index, offset]):
                continue
            found[index] = self._passages(index, [parts[pair] for pair in args])
            todo += [args[k] for passage in found[index] for k in passage.args]
        return found

    def _passages(self, index: int, args: list[tuple[Part, ...]]) -> tuple[Passage, ...]:
        node, n = self.node(index), self.size(index)
        if node.op in ("concat", "slice"):
            return (Passage(0, n, frozenset(k for k, parts in enumerate(args) if _carries(parts))),)
        found = []
        for start, stop, pieces in self._pieces(node, n, args):
            carried = self._rule(node, index, pieces, start, stop)[0] is not None
            taken = (k for k, piece in enumerate(pieces) if carried and piece.a is not None)
            found.append(Passage(start, stop, frozenset(taken)))
        return tuple(found)

    def _all_parts(self, state: str, root: int) -> dict[tuple[int, int], tuple[Part, ...]]:
        """Parts of every (node, offset) that the root is linearly made of: its unit j stands beside the state's unit
        offset + j."""
        todo, needed = [(root, 0)], set()
        while todo:
            pair = todo.pop()
            if pair not in needed:
                needed.add(pair)
                todo.extend(self._args(*pair))
        found: dict[tuple[int, int], tuple[Part, ...]] = {}
        for index, offset in sorted(needed):  # arguments stand before what is made of them
            node = self.node(index)
            if node.op == "state" and node.name == state and offset == 0:
                found[index, offset] = (Part(0, self.size(index), self.number(1.0), None),)
            else:
                found[index, offset] = self._split(index, [found[pair] for pair in self._args(index, offset)])
        return found

    def _args(self, index: int, offset: int) -> list[tuple[int, int]]:
        """The arguments of a linear op with their own offsets; none of another op."""
        node = self.graph.nodes[index]
        if node.op not in LINEAR:
            return []
        if node.op == "slice":
            return [(node.args[0], offset - int(dict(node.attrs)["start"]))]
        if node.op == "concat":
            starts = np.cumsum([0, *(self.size(arg) for arg in node.args)])
            return [(arg, offset + int(start)) for arg, start in zip(node.args, starts, strict=False)]
        return [(arg, offset) for arg in node.args]

    def _split(self, index: int, args: list[tuple[Part, ...]]) -> tuple[Part, ...]:
        node, n = self.node(index), self.size(index)
        alone = (Part(0, n, None, index),)
        if not any(_carries(parts) for parts in args):
            return alone
        if node.op == "concat":
            return self._joined(node, args)
        if node.op == "slice":
            attrs = dict(node.attrs)
            return self._within(args[0], int(attrs["start"]), int(attrs["stop"]))
        if any(_carries(parts) and self.size(arg) != n for arg, parts in zip(node.args, args, strict=True)):
            return alone  # one number beside many: it goes to units that are not its own
        made = []
        for start, stop, pieces in self._pieces(node, n, args):
            a, b = self._rule(node, index, pieces, start, stop)
            made.append(Part(start, stop, a, b))
        return tuple(made)

    def _pieces(self, node: Node, n: int, args: list[tuple[Part, ...]]) -> list[tuple[int, int, list[Part]]]:
        """Units start to stop of an elementwise op in which every argument is of one part, and those parts."""
        beside = list(zip(node.args, args, strict=True))
        split = [part for arg, parts in beside if self.size(arg) == n for part in parts]
        cuts = sorted({edge for part in split for edge in (part.start, part.stop)})
        return [
            (
                start,
                stop,
                [
                    self._within(parts, start, stop)[0] if self.size(arg) == n else Part(0, 1, None, arg)
                    for arg, parts in beside
                ],
            )
            for start, stop in itertools.pairwise(cuts)
        ]

    def _joined(self, node: Node, args: list[tuple[Part, ...]]) -> tuple[Part, ...]:
        found, at = [], 0
        for arg, parts in zip(node.args, args, strict=True):
            found += [Part(at + part.start, at + part.stop, part.a, part.b) for part in parts]
            at += self.size(arg)
        return tuple(found)

    def _within(self, parts: tuple[Part, ...], start: int, stop: int) -> tuple[Part, ...]:
        """Parts of the units start to stop, counted from start."""
        found = []
        for part in parts:
            low, high = max(start, part.start), min(stop, part.stop)
            if low < high:
                cut = [self.cut(value, part.stop - part.start, low - part.start, high - part.start)
                       for value in (part.a, part.b)]  # fmt: skip
                found.append(Part(low - start, high - start, cut[0], cut[1]))
        return tuple(found)

    def cut(self, value: int | None, size: int, start: int, stop: int) -> int | None:
        """Units start to stop of a value of `size` units; one number stands for all units."""
        if value is None or self.size(value) != size or (start, stop) == (0, size):
            return value
        return self.op("slice", value, start=start, stop=stop)

    def _rule(self, node: Node, index: int, pieces: list[Part], start: int, stop: int) -> tuple[int | None, int | None]:
        """(a, b) of an op from those of its arguments; where it is not linear in the state, all of it is b."""
        p, alone = pieces[0], (None, self._same_op(node, index, start, stop))
        if node.op == "identity":
            return p.a, p.b
        if node.op == "neg":
            return self.neg(p.a), self.neg(p.b)
        if node.op == "where":
            condition, x, y = pieces
            if condition.a is not None:
                return alone
            return self.where(condition.b, x.a, y.a), self.where(condition.b, x.b, y.b)
        q = pieces[1]
        if node.op == "add":
            return self.add(p.a, q.a), self.add(p.b, q.b)
        if node.op == "sub":
            return self.add(p.a, self.neg(q.a)), self.add(p.b, self.neg(q.b))
        if node.op == "div":
            return alone if q.a is not None or q.b is None else (self.div(p.a, q.b), self.div(p.b, q.b))
        if p.a is not None and q.a is not None:
            return alone
        if p.a is None:
            p, q = q, p
        return self.mul(p.a, q.b), self.mul(p.b, q.b)

    def _same_op(self, node: Node, index: int, start: int, stop: int) -> int:
        """Units start to stop of an elementwise op's value: the value itself, or the op on those units."""
        n = self.size(index)
        if (start, stop) == (0, n):
            return index
        return self.op(node.op, *(cut for arg in node.args if (cut := self.cut(arg, n, start, stop)) is not None))

    def number(self, value: float) -> int:
        return self.builder.add(Node("constant", attrs=(("value", value),)))

    def value(self, index: int | None) -> float | None:
        """The number a node is; None of any other node."""
        node = self.node(index) if index is not None else None
        return float(dict(node.attrs)["value"]) if node is not None and node.op == "constant" else None

    def op(self, name: str, *args: int, **attrs: int) -> int:
        numbers = [number for arg in args if (number := self.value(arg)) is not None]
        if len(numbers) == len(args):
            with np.errstate(all="ignore"):
                return self.number(float(OPS[name].numpy(*(np.float64(number) for number in numbers))))
        return self.builder.add_op(name, args, attrs)

    def add(self, a: int | None, b: int | None) -> int | None:
        if a is None or b is None:
            return b if a is None else a
        if self.node(b).op == "neg":
            return self.op("sub", a, self.node(b).args[0])
        return self.op("add", a, b)

    def neg(self, a: int | None) -> int | None:
        return None if a is None else self.op("neg", a)

    def mul(self, a: int | None, b: int | None) -> int | None:
        if a is None or b is None:
            return None
        if 1.0 in (self.value(a), self.value(b)):
            return b if self.value(a) == 1.0 else a
        return self.op("mul", a, b)

    def div(self, a: int | None, b: int) -> int | None:
        return a if a is None or self.value(b) == 1.0 else self.op("div", a, b)

    def where(self, condition: int | None, a: int | None, b: int | None) -> int | None:
        if (a is None and b is None) or condition is None:
            return None
        zero = self.number(0.0)
        return self.builder.add_op("where", (condition, zero if a is None else a, zero if b is None else b), {})


def _carries(parts: tuple[Part, ...]) -> bool:
    return any(part.a is not None for part in parts)
