"""What is drawn as one: the nodes of a step's graph, gathered as in Colah's figures.

    layer   an activation over products with weights, W x + R h + b: a rectangle with its formula inside
    point   an elementwise op, + × σ tanh: a circle
    box     any other op, softmax, sum, concat: a rectangle with its name

Every op of the graph is in exactly one part. Weights and numbers are written where they are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cellwright.engine.graph import Graph, Node

__all__ = ["Part", "Token", "is_value_leaf", "parts_of"]

# What a circle says. An op that is not here is a box with its name.
SYMBOLS = {
    "add": "+", "sub": "−", "mul": "×", "div": "÷", "neg": "−", "identity": "=", "sigmoid": "σ", "tanh": "tanh",
    "relu": "relu", "softplus": "soft+", "exp": "exp", "log": "log", "sqrt": "√", "abs": "| |", "minimum": "min",
    "maximum": "max", "lt": "<", "le": "≤", "gt": ">", "ge": "≥", "where": "if",
}  # fmt: skip
ACTIVATIONS = ("sigmoid", "tanh", "relu", "softplus", "exp", "softmax", "identity")
SIGNS = {"add": " + ", "sub": " − ", "mul": " ⊙ ", "matmul": " · "}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a formula; `node` is the op that it stands for, None for names and brackets."""

    text: str
    node: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One drawn thing.

    Attributes:
        root: the node whose value leaves it.
        kind: "layer", "point" or "box".
        symbol: what it says in large.
        nodes: the ops inside, the root last.
        inputs: values that enter, in order: roots of other parts, x, states; each once.
        formula: rows of a layer's text, one a term; what a circle multiplies by, where that is a weight or a number.
        name: what `step` calls its value; empty where it has no name.
    """

    root: int
    kind: str
    symbol: str
    nodes: tuple[int, ...]
    inputs: tuple[int, ...]
    formula: tuple[tuple[Token, ...], ...]
    name: str = ""


def is_value_leaf(node: Node) -> bool:
    """Whether the node is x or a state."""
    return node.op in ("input", "state")


def parts_of(graph: Graph, names: Mapping[str, int] | None = None) -> tuple[Part, ...]:
    """The parts of a step, in the order in which they can be computed.

    Args:
        names: name of a value -> its node, as `trace` fills it.
    """
    return _Gather(graph, names or {}).parts()


class _Gather:
    def __init__(self, graph: Graph, names: Mapping[str, int]) -> None:
        self.graph, self.nodes = graph, graph.nodes
        self.named: dict[int, str] = {}
        for name, index in names.items():
            self.named.setdefault(index, name)
        self.readers = [0] * len(graph.nodes)
        for node in graph.nodes:
            for arg in node.args:
                self.readers[arg] += 1
        for index in {*(index for _, index in graph.states), graph.output}:
            self.readers[index] += 1

    def parts(self) -> tuple[Part, ...]:
        taken: set[int] = set()
        found: list[Part] = []
        for index in reversed(range(len(self.nodes))):
            if self.nodes[index].args and index not in taken:
                part = self.layer(index) or self.single(index)
                taken.update(part.nodes)
                found.append(part)
        return tuple(reversed(found))

    def layer(self, root: int) -> Part | None:
        """The layer whose value is `root`; None if no product with a weight is behind it."""
        node = self.nodes[root]
        activated = node.op in ACTIVATIONS
        top = node.args[0] if activated else root
        if activated and not self.inside(top):
            return None
        rows: list[tuple[Token, ...]] = []
        inputs: list[int] = []
        nodes: list[int] = []
        if not self.terms(top, None, "", activated, rows, inputs, nodes):
            return None
        if not any(self.nodes[n].op == "matmul" or self.weighted(n) for n in nodes):
            return None
        symbol = (SYMBOLS.get(node.op, node.op) if node.op != "identity" else "=") if activated else ""
        whole = (*sorted(nodes), root) if activated else tuple(sorted(nodes))
        return Part(root, "layer", symbol, whole, tuple(dict.fromkeys(inputs)), tuple(rows), self.named.get(root, ""))

    def terms(
        self, index: int, sign: int | None, symbol: str, activated: bool, rows: list[tuple[Token, ...]],
        inputs: list[int], nodes: list[int],
    ) -> bool:  # fmt: skip
        """Write the terms of a sum, one a row; False if one is no term of a layer. `sign` is the op before the term."""
        lead = () if sign is None and not symbol else (Token(symbol, sign),)
        node = self.nodes[index]
        if node.op in ("add", "sub") and (not nodes or self.inside(index)):
            nodes.append(index)
            if not self.terms(node.args[0], sign, symbol, activated, rows, inputs, nodes):
                return False
            later = self.nodes[node.args[1]]
            if node.op == "sub" and later.op in ("add", "sub") and self.inside(node.args[1]):
                return False  # a − (b + c) has brackets: no plain list of terms
            return self.terms(node.args[1], index, "+ " if node.op == "add" else "− ", activated, rows, inputs, nodes)
        if node.op in ("parameter", "constant"):
            rows.append((*lead, self.leaf(index)))
            return activated or node.op == "parameter"
        product = node.op == "matmul" or (activated and self.weighted(index))
        if product and (self.inside(index) or not nodes):
            nodes.append(index)
            weight, other = node.args if self.is_weight(node.args[0]) else node.args[::-1]
            rows.append((*lead, self.leaf(weight), Token(SIGNS[node.op], index), self.leaf(other)))
            if not self.is_weight(other):
                inputs.append(other)
            return self.is_weight(weight)
        if not activated:
            return False
        rows.append((*lead, self.leaf(index)))
        inputs.append(index)
        return True

    def inside(self, index: int) -> bool:
        """Whether the value is read once and has no name, so that it may be drawn inside its reader."""
        return bool(self.nodes[index].args) and self.readers[index] == 1 and index not in self.named

    def is_weight(self, index: int) -> bool:
        return self.nodes[index].op in ("parameter", "constant")

    def weighted(self, index: int) -> bool:
        """Whether the node is a weight times a value, entry by entry."""
        node = self.nodes[index]
        return node.op == "mul" and any(self.nodes[a].op == "parameter" for a in node.args)

    def leaf(self, index: int) -> Token:
        """How a value is written inside a formula."""
        node = self.nodes[index]
        if node.op == "constant":
            return Token(f"{dict(node.attrs)['value']:g}")
        if not node.args:
            return Token(node.name.replace(".", "_"))
        return Token(self.named.get(index, "•"))

    def single(self, index: int) -> Part:
        """The part of one op."""
        node = self.nodes[index]
        symbol = SYMBOLS.get(node.op)
        inputs = tuple(dict.fromkeys(a for a in node.args if not self.is_weight(a)))
        beside: tuple[tuple[Token, ...], ...] = ()
        if any(self.is_weight(a) for a in node.args):
            parts = [self.leaf(a) if self.is_weight(a) else Token("·") for a in node.args]
            sign = SYMBOLS.get(node.op, node.op)
            text = (
                f" {sign} ".join(part.text for part in parts) if len(parts) == 2 else ", ".join(p.text for p in parts)
            )
            beside = ((Token(text),),)
        if node.op == "slice":
            attrs = dict(node.attrs)
            return Part(
                index,
                "box",
                f"[{attrs['start']:g}:{attrs['stop']:g}]",
                (index,),
                inputs,
                beside,
                self.named.get(index, ""),
            )
        if node.op == "sub" and str(self.nodes[node.args[0]]) == "1.0":
            return Part(index, "point", "1−", (index,), inputs, (), self.named.get(index, ""))
        kind = "point" if symbol is not None else "box"
        return Part(index, kind, symbol or node.op, (index,), inputs, beside, self.named.get(index, ""))
