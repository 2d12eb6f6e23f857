"""What runs before the loop: products of the input for all steps at once, in torch, with autograd.

Axes: N rows (valid steps of all sequences), I input.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from cellwright.engine.graph import Node
from cellwright.engine.hoist import Hoisted, HoistedRow
from cellwright.engine.run.torch_rows import TORCH_ROWS

__all__ = ["run_streams"]


def run_streams(hoisted: Hoisted, x_NI: Tensor, parameters: Mapping[str, Tensor]) -> list[Tensor]:
    """Every stream, (N, columns)."""
    values: dict[int, Tensor] = {}

    def value(index: int) -> Tensor:
        if index not in values:
            node = hoisted.before[index]
            if node.op == "input":
                values[index] = x_NI
            elif node.op == "parameter":
                values[index] = part_of(parameters, node)
            elif node.op == "constant":
                values[index] = x_NI.new_tensor(dict(node.attrs)["value"])
            else:
                values[index] = _batched(node, [value(arg) for arg in node.args], hoisted, len(x_NI))
        return values[index]

    streams = []
    for stream in hoisted.streams:
        operand = value(stream.operand)
        if operand.dim() < 2:
            operand = operand.expand(len(x_NI), -1)
        if not stream.rows:
            streams.append(operand.contiguous())
            continue
        weight = _below(parameters, [row.matrix for row in stream.rows])
        bias = None if stream.rows[0].bias is None else _below(parameters, [_bias(row) for row in stream.rows])
        streams.append(functional.linear(operand, weight, bias))
    return streams


def _bias(row: HoistedRow) -> Node:
    assert row.bias is not None
    return row.bias


def _batched(node: Node, args: list[Tensor], hoisted: Hoisted, rows: int) -> Tensor:
    """One op on values with a row axis, or without one where only parameters stand behind them."""
    attrs = {key: int(number) for key, number in node.attrs}
    depths = [len(hoisted.before[a].shape) for a in node.args]
    batched = any(arg.dim() > depth for arg, depth in zip(args, depths, strict=True))
    if batched and node.op == "concat":
        args = [a if a.dim() > d else a.expand(rows, -1) for a, d in zip(args, depths, strict=True)]
    elif batched and node.op != "matmul" and any(depths):
        args = [a.unsqueeze(-1) if a.dim() > d == 0 else a for a, d in zip(args, depths, strict=True)]
    return TORCH_ROWS[node.op](*args, **attrs)


def _below(parameters: Mapping[str, Tensor], nodes: list[Node]) -> Tensor:
    """Parameters one below the other: the stored tensor itself where they are all of it, in its order."""
    parts = [part_of(parameters, node) for node in nodes]
    if len(parts) == 1:
        return parts[0]
    base = parts[0]._base
    whole = base is not None and all(part._base is base for part in parts) and base.dim() == parts[0].dim()
    if whole and base is not None and base.is_contiguous() and sum(len(part) for part in parts) == len(base):
        at = base.data_ptr()
        for part in parts:
            if part.data_ptr() != at:
                return torch.cat(parts)
            at += part.numel() * part.element_size()
        return base
    return torch.cat(parts)


def part_of(parameters: Mapping[str, Tensor], node: Node) -> Tensor:
    """The rows and columns of a parameter that a node stands for."""
    tensor, attrs = parameters[node.name], dict(node.attrs)
    if "row0" in attrs:
        tensor = tensor[int(attrs["row0"]) : int(attrs["row1"])]
    if "col0" in attrs:
        tensor = tensor[:, int(attrs["col0"]) : int(attrs["col1"])]
    return tensor
