"""Every named gate, candidate and state of every step of a layer, from the compiled run itself.

Axes: T time, B batch, I input, O output, n features of a named value, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from cellwright.cells import Cell
from cellwright.engine.run.operators import Setting, run_layer
from cellwright.engine.run.registry import compiled_for, traced_for
from cellwright.nn.compiled import LayerSource, rows_of
from cellwright.nn.layout import States

__all__ = ["Trace", "trace_layer"]

Trace = dict[int, dict[int, dict[str, Tensor]]]


class Traceable(Protocol):
    """What a layer offers to be traced."""

    num_layers: int
    hidden_size: int
    bias: bool

    @property
    def cell(self) -> Cell: ...

    @property
    def directions(self) -> int: ...

    def source(self, layer: int, reverse: bool) -> LayerSource: ...


@torch.no_grad()
def trace_layer(
    layer: Traceable, x_TBI: Tensor, states: States, lengths_B: Tensor | None, stack: str
) -> tuple[Tensor, States, Trace]:
    """y (T, B, D·O), final states, and {layer: {direction: {name: (T, B, n)}}}, 0 beyond each length."""
    rows = rows_of(x_TBI, lengths_B)
    dtype = states[0].dtype
    found: Trace = {}
    finals: dict[int, Sequence[Tensor]] = {}
    inputs = [rows.data] * layer.directions
    for depth in range(layer.num_layers):
        outputs = []
        found[depth] = {}
        for direction in range(layer.directions):
            row, own = depth * layer.directions + direction, layer.source(depth, direction == 1)
            traced = traced_for(layer.cell, inputs[direction].shape[1], layer.hidden_size, layer.bias, dtype)
            compiled = compiled_for(traced.key, dtype)
            streams = compiled.streams.run(inputs[direction], own.parameters)
            inside = [own.parameters[name] for name in compiled.inside]
            setting = Setting(
                rows.steps, rows.batch, rows.data.shape[0], rows.form, traced.key, (direction == 1,), dtype
            )
            initial = [state[row] for state in states]
            # no gradient flows, so that the streams are never asked for again
            wide, *finals[row] = run_layer(streams, initial, inside, rows.lengths, rows.order, [], setting, list)
            outputs.append(wide[:, : traced.output].contiguous())
            found[depth][direction] = {
                name: rows.back(wide[:, start:stop].contiguous()) for name, (start, stop) in traced.columns.items()
            }
        inputs = [torch.cat(outputs, dim=1)] * layer.directions if stack == "joint" else outputs
    ordered = [finals[row] for row in range(layer.num_layers * layer.directions)]
    ends = tuple(torch.stack(column) for column in zip(*ordered, strict=True))
    return rows.back(torch.cat(outputs, dim=1)), ends, found
