"""What runs before the loop: products of the input for all steps at once, with autograd.

Axes: N rows (valid steps of all sequences), I input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from cellwright.engine.graph import Node
from cellwright.engine.hoist import Hoisted, HoistedRow, Stream
from cellwright.engine.run.torch_rows import TORCH_ROWS

__all__ = ["StreamRunner", "evaluate", "joined", "part_of", "stacked"]


Linear = Callable[[Tensor, Tensor, Tensor | None], Tensor]


class StreamRunner:
    """Runs the streams of one cell, with what they read worked out once."""

    def __init__(self, hoisted: Hoisted) -> None:
        self.hoisted = hoisted
        self.plain = [_reads_whole_input(hoisted, stream) for stream in hoisted.streams]
        self.read = _read_by(hoisted.before, {stream.operand for stream in hoisted.streams})

    def run(
        self,
        x_NI: Tensor,
        parameters: Mapping[str, Tensor],
        linear: Linear = functional.linear,
        beside: Mapping[str, Tensor] | None = None,
    ) -> list[Tensor]:
        """Every stream, (N, columns).

        Args:
            linear: (x, matrix, bias or None) -> x Wᵀ + b.
            beside: inputs of the step other than x, and masks, by name, (N, n).
        """
        # no closure fills it: one that calls itself would keep x until Python searches for garbage
        values: dict[int, Tensor] = {}
        for index in self.read:
            node = self.hoisted.before[index]
            if node.op in ("input", "mask"):
                values[index] = x_NI if node.name == "x" else (beside or {})[node.name]
            else:
                args = [values[arg] for arg in node.args]
                values[index] = _value(self.hoisted.before, node, args, parameters, len(x_NI), x_NI)
        streams = []
        for stream, plain in zip(self.hoisted.streams, self.plain, strict=True):
            if plain is not None and _is_whole(stream, plain, x_NI, parameters):
                weight, bias = plain
                streams.append(linear(x_NI, parameters[weight], parameters[bias] if bias else None))
                continue
            operand = values[stream.operand]
            if operand.dim() < 2:
                operand = operand.expand(len(x_NI), -1)
            if not stream.rows:
                streams.append(operand.contiguous())
                continue
            streams.append(linear(operand, *self.weights(stream, parameters)))
        return streams

    def weights(self, stream: Stream, parameters: Mapping[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        """(matrix, bias) that a stream multiplies by and adds."""
        matrix = _below(parameters, [row.matrix for row in stream.rows])
        return matrix, None if stream.rows[0].bias is None else _below(parameters, [_bias(row) for row in stream.rows])

    @property
    def reads_x_alone(self) -> bool:
        """Whether every stream is x itself or a product of x itself."""
        return all(is_x(self.hoisted.before[stream.operand]) for stream in self.hoisted.streams)


def is_x(node: Node) -> bool:
    """Whether a node is the layer's own input."""
    return node.op == "input" and node.name == "x"


def _read_by(nodes: Sequence[Node], wanted: set[int]) -> list[int]:
    """The nodes that these come from, and these, in order."""
    for index in range(len(nodes) - 1, -1, -1):
        if index in wanted:
            wanted = wanted | set(nodes[index].args)
    return sorted(wanted)


def _reads_whole_input(hoisted: Hoisted, stream: Stream) -> tuple[str, str | None] | None:
    """(matrix, bias): the stored tensors whose rows, in order and without gaps, a stream of x itself multiplies."""
    if not is_x(hoisted.before[stream.operand]) or not stream.rows:
        return None
    found: list[str | None] = []
    for nodes in ([row.matrix for row in stream.rows], [row.bias for row in stream.rows]):
        if nodes[0] is None:
            found.append(None)
            continue
        at = 0.0
        for node in nodes:
            if node is None or node.name != nodes[0].name or dict(node.attrs).get("row0", 0.0) != at:
                return None
            if dict(node.attrs).get("col0", 0.0):
                return None
            at += node.shape[0]
        found.append(nodes[0].name)
    matrix, bias = found
    whole = stream.rows[0].matrix.shape[1] == hoisted.before[stream.operand].shape[0]
    return (matrix, bias) if matrix is not None and whole else None


def _is_whole(stream: Stream, names: tuple[str, str | None], x_NI: Tensor, parameters: Mapping[str, Tensor]) -> bool:
    """Whether a stream's rows and columns are all of the stored tensors."""
    matrix, bias = names
    fits = parameters[matrix].shape == (stream.size, x_NI.shape[1])
    return fits and (bias is None or len(parameters[bias]) == stream.size)


def _bias(row: HoistedRow) -> Node:
    assert row.bias is not None
    return row.bias


def evaluate(
    nodes: Sequence[Node],
    streams: Sequence[Tensor],
    states: Sequence[Tensor],
    parameters: Mapping[str, Tensor],
    rows: int,
) -> list[Tensor]:
    """Every value of a step for many rows at once: (rows, n), (rows) for a scalar, without rows for parameters."""
    names = list(dict.fromkeys(node.name for node in nodes if node.op == "state"))
    like = next(iter((*states, *streams)))
    values: list[Tensor] = []
    for node in nodes:
        if node.op == "state":
            values.append(states[names.index(node.name)])
        elif node.op == "stream":
            column = int(dict(node.attrs)["column"])
            values.append(streams[int(node.name[1:])][:, column : column + node.shape[0]])
        else:
            values.append(_value(nodes, node, [values[arg] for arg in node.args], parameters, rows, like))
    return values


def _value(
    nodes: Sequence[Node], node: Node, args: list[Tensor], parameters: Mapping[str, Tensor], rows: int, like: Tensor
) -> Tensor:
    """One node's value."""
    if node.op == "parameter":
        return part_of(parameters, node)
    if node.op == "constant":
        return like.new_tensor(dict(node.attrs)["value"])
    attrs = {key: int(number) for key, number in node.attrs}
    depths = [len(nodes[a].shape) for a in node.args]
    batched = any(arg.dim() > depth for arg, depth in zip(args, depths, strict=True))
    if batched and node.op == "concat":
        args = [a if a.dim() > d else a.expand(rows, -1) for a, d in zip(args, depths, strict=True)]
    elif batched and node.op != "matmul" and any(depths):
        args = [a.unsqueeze(-1) if a.dim() > d == 0 else a for a, d in zip(args, depths, strict=True)]
    return TORCH_ROWS[node.op](*args, **attrs)


def _below(parameters: Mapping[str, Tensor], nodes: list[Node]) -> Tensor:
    """Parameters one below the other."""
    return joined([part_of(parameters, node) for node in nodes])


def joined(parts: list[Tensor]) -> Tensor:
    """Tensors one below the other: the stored tensor itself where they are all of it, in its order."""
    base = parts[0]._base
    if len(parts) == 1 or base is None or base.dim() != parts[0].dim() or not base.is_contiguous():
        return parts[0] if len(parts) == 1 else torch.cat(parts)
    at = base.data_ptr()
    for part in parts:
        if part._base is not base or part.data_ptr() != at or not part.is_contiguous():
            return torch.cat(parts)
        at += part.numel() * part.element_size()
    return base if at == base.data_ptr() + base.numel() * base.element_size() else torch.cat(parts)


def stacked(parts: list[Tensor], rows: Sequence[int], columns: int) -> Tensor:
    """Matrices below each other, each on its own number of rows, zeros where there is nothing."""
    if all(len(part) == row and part.shape[1] == columns for part, row in zip(parts, rows, strict=True)):
        return joined(parts).contiguous()
    dense = parts[0].new_zeros((sum(rows), columns))
    at = 0
    for part, row in zip(parts, rows, strict=True):
        dense[at : at + len(part), : part.shape[1]] = part
        at += row
    return dense


def part_of(parameters: Mapping[str, Tensor], node: Node) -> Tensor:
    """The rows and columns of a parameter that a node stands for."""
    tensor, attrs = parameters[node.name], dict(node.attrs)
    if "row0" in attrs and node.shape != tensor.shape:
        tensor = tensor[int(attrs["row0"]) : int(attrs["row1"])]
    if "col0" in attrs and node.shape != tensor.shape:
        tensor = tensor[:, int(attrs["col0"]) : int(attrs["col1"])]
    return tensor
