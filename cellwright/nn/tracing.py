"""Every named gate, candidate and state of every step of a layer, from the compiled run itself, and their gradients.

Axes: T time, B batch, R rows, I input, O output, n features of a named value, L layers, D directions.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from cellwright.cells import Cell
from cellwright.engine.masks import Masking
from cellwright.engine.run.registry import Traced, traced_for
from cellwright.nn.compiled import LayerRun, LayerSource, Rows, computed_in, into_rows, program_type, rows_of
from cellwright.nn.layout import States

__all__ = ["Trace", "trace_layer"]

Trace = dict[int, dict[int, dict[str, Tensor]]]


class Traceable(Protocol):
    """What a layer offers to be traced."""

    num_layers: int
    hidden_size: int
    bias: bool
    dropout: float
    training: bool
    stack: str

    @property
    def cell(self) -> Cell: ...

    @property
    def directions(self) -> int: ...

    @property
    def own_products(self) -> bool: ...

    @property
    def variant(self) -> str: ...

    def masking(self, variant: str) -> Masking | None: ...

    def draw_masks(
        self, steps: int, batch: int, state: Tensor, resets_TB: Tensor | None
    ) -> dict[tuple[int, int], dict[str, Tensor]] | None: ...

    def source(self, layer: int, reverse: bool) -> LayerSource: ...


def trace_layer(
    layer: Traceable, x_TBI: Tensor, states: States, lengths_B: Tensor | None, grads: bool, each_state: bool
) -> tuple[Tensor, States, Trace]:
    """y (T, B, D·O), final states, and {layer: {direction: {name: (T, B, n)}}}, 0 beyond each length."""
    rows = rows_of(x_TBI, lengths_B)
    dtype, program = computed_in(states[0].dtype), program_type(states[0].dtype)
    dropout = layer.dropout if layer.training else 0.0
    masks = layer.draw_masks(rows.steps, rows.batch, states[0], None)
    masking = layer.masking(layer.variant)
    found: Trace = {}
    finals: dict[int, Sequence[Tensor]] = {}
    inputs = [rows.data] * layer.directions
    for depth in range(layer.num_layers):
        outputs = []
        found[depth] = {}
        for direction in range(layer.directions):
            own = layer.source(depth, direction == 1)
            traced = traced_for(
                layer.cell,
                inputs[direction].shape[1],
                layer.hidden_size,
                layer.bias,
                program,
                grads,
                each_state,
                masking,
                text=own.key,
            )
            shown = LayerSource(traced.key, own.parameters)
            taps = new_taps(traced, len(rows.data), dtype)
            drawn = {} if masks is None else masks[depth, direction]
            beside = taps | {name: into_rows(mask, rows) for name, mask in drawn.items()}
            part = LayerRun(
                lambda *_, shown=shown: shown, depth, layer.directions, [direction], layer.own_products,
                {direction: beside},
            )  # fmt: skip
            wide, held = part.run(rows, inputs, states, ())
            finals.update(held)
            y = wide[:, : traced.output].contiguous()
            outputs.append(functional.dropout(y, dropout) if dropout > 0 and depth < layer.num_layers - 1 else y)
            found[depth][direction] = named_values(traced, wide, rows, taps)
        inputs = [torch.cat(outputs, dim=1)] * layer.directions if layer.stack == "joint" else outputs
    ordered = [finals[row] for row in range(layer.num_layers * layer.directions)]
    ends = tuple(torch.stack(column) for column in zip(*ordered, strict=True))
    return rows.back(torch.cat(outputs, dim=1)), ends, found


def new_taps(traced: Traced, rows: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """Zeros to add to each named value: (R, n) that take the memory of one number, as does their gradient."""
    sizes = {tap: traced.columns[name][1] - traced.columns[name][0] for name, tap in traced.taps.items()}
    return {
        tap: torch.zeros((), dtype=dtype, device="cpu", requires_grad=True).expand(rows, size)
        for tap, size in sizes.items()
    }


def named_values(traced: Traced, wide: Tensor, rows: Rows, taps: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each name's value, (T, B, n), to whose `grad` a backward pass writes what arrives at its tap."""
    values: dict[str, Tensor] = {}
    for name, (start, stop) in traced.columns.items():
        values[name] = value = rows.back(wide[:, start:stop].contiguous())
        if name in traced.taps and wide.requires_grad:
            taps[traced.taps[name]].register_hook(Arrival(value, rows))  # type: ignore[no-untyped-call]
        else:
            values[name] = value.detach()
    return values


class Arrival:
    """Writes a gradient that arrives at a tap to the value that the tap was added to."""

    def __init__(self, value: Tensor, rows: Rows) -> None:
        self.value = weakref.ref(value)  # the value's own history holds the tap, and so this
        self.rows = rows

    def __call__(self, gradient_Rn: Tensor) -> None:
        value = self.value()
        if value is not None:
            value.grad = self.rows.back(gradient_Rn).to(value.dtype)
