"""What a node of a graph is called, and which numbers went into one entry of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from cellwright.engine.adjoint_ops import ALL_OPS
from cellwright.engine.graph import Node

__all__ = ["Operand", "expression", "indexed", "operands_of"]

Operand = tuple[str, float]
DEPTH = 2  # operations written out inside each other before "…"


def expression(nodes: Sequence[Node], names: Mapping[int, str], at: int, depth: int = DEPTH) -> str:
    """A node by its name, as a leaf, or as its formula: "f ⊙ c before"."""
    node = nodes[at]
    if at in names:
        return names[at]
    if node.op == "constant":
        return f"{dict(node.attrs)['value']:g}"
    if not node.args:
        kinds = {"state": f"{node.name} before", "cotangent": f"gradient of {node.name.removeprefix('output.')}"}
        return kinds.get(node.op, node.name)
    if depth == 0:
        return "…"
    parts = [expression(nodes, names, a, depth - 1) for a in node.args]
    form = ALL_OPS[node.op].form
    if form is None:
        return f"{node.op}({', '.join(parts)})"
    open_form = "(" not in form and "|" not in form
    return form.format(*(f"({part})" if open_form and " " in part and "before" not in part else part for part in parts))


def operands_of(
    nodes: Sequence[Node], names: Mapping[int, str], values: Sequence[Tensor], at: int, row: int, unit: int
) -> tuple[Operand, ...]:
    """The numbers that entry `unit` of a node was made of at one step: of a product the term that is no number, or the
    largest; of a sum the same among its entries.

    Args:
        values: of every node, (N, n) or (N,), or without the axis N where no step went in.
        row: which of the N steps.
    """
    node = nodes[at]

    def one(arg: int) -> Tensor:
        value, rank = values[arg], len(nodes[arg].shape)
        return value[row] if value.dim() > rank else value

    def entry(arg: int, place: int) -> Operand:
        value = one(arg).reshape(-1)
        name = expression(nodes, names, arg)
        number = float(value[place if len(value) > 1 else 0])
        return indexed(name, place) if len(value) > 1 else name, number

    if node.op in ("matmul", "matmul_t"):
        matrix, vector = node.args
        row_of = one(matrix)[unit] if node.op == "matmul" else one(matrix)[:, unit]
        place = _most_telling(row_of * one(vector))
        index = (unit, place) if node.op == "matmul" else (place, unit)
        weight = expression(nodes, names, matrix)
        return (indexed(weight, *index), float(row_of[place])), entry(vector, place)
    if node.op == "concat":
        start = 0
        for arg in node.args:
            size = nodes[arg].shape[0]
            if unit < start + size:
                return (entry(arg, unit - start),)
            start += size
    attrs = {key: int(value) for key, value in node.attrs}
    if node.op == "slice":
        return (entry(node.args[0], attrs["start"] + unit),)
    if node.op == "pad":
        inside = 0 <= unit - attrs["start"] < nodes[node.args[0]].shape[0]
        return (entry(node.args[0], unit - attrs["start"]),) if inside else ()
    if node.op in ("sum", "mean", "amax", "softmax", "cumsum", "suffix_sum"):
        return (entry(node.args[0], _most_telling(one(node.args[0]))),)
    return tuple(entry(arg, unit) for arg in node.args if nodes[arg].op != "constant")


def indexed(name: str, *places: int) -> str:
    """An entry of a value: "h[3]", "(W.a x)[0]"."""
    return f"({name})[{', '.join(map(str, places))}]" if " " in name else f"{name}[{', '.join(map(str, places))}]"


def _most_telling(values: Tensor) -> int:
    """The first entry that is no number, else the largest by size."""
    bad = ~torch.isfinite(values)
    return int(bad.int().argmax()) if bool(bad.any()) else int(values.abs().argmax())
