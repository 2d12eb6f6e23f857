"""What a row runs on: the layer, its data, and one forward and backward of it.

Axes: T time, B batch, I input, H hidden, N valid steps of all sequences, D directions, G flags of resets.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from suite import Row, cell_of
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import cellwright as cw

SEED = 0
RESET_EVERY = 25
DROP_INS = {"LSTM": "LSTM", "GRU": "GRU", "Elman": "RNN"}


@dataclass(slots=True)
class Case:
    """A row's layer and data.

    Attributes:
        x: (T, B, I), or the rows (N, I) of `packed`.
        dy: cotangent of y, of y's shape.
        lengths: (B), where sequences differ.
        resets: (T, B).
        units: valid steps.
        flop: floating-point operations of the matrices: 2 an element and valid step, three times that in training.
    """

    row: Row
    layer: nn.Module
    x: Tensor
    dy: Tensor
    lengths: Tensor | None
    packed: PackedSequence | None
    resets: Tensor | None
    units: float
    flop: float


def build(row: Row, steps: int | None = None, layer: nn.Module | None = None, resets: bool = False) -> Case:
    """The layer and data of a row, of the same seed every time; with `steps` in place of T."""
    torch.manual_seed(SEED)
    both = "bidirectional" in row.layout
    layer = new_layer(row, both) if layer is None else layer
    steps = row.T if steps is None else steps
    x_TBI = torch.randn(steps, row.B, row.I)
    lengths, packed, x = None, None, x_TBI
    units = steps * row.B
    if row.layout != "dense":
        draw = torch.Generator().manual_seed(SEED)
        lengths = torch.randint(1, steps + 1, (row.B,), generator=draw)
        units = int(lengths.sum())
    if lengths is not None and row.layout.startswith("packed"):
        packed = pack_padded_sequence(x_TBI, lengths, enforce_sorted=False)
        x = packed.data
    directions = 2 if both else 1
    dy = torch.randn(*x.shape[:-1], directions * row.H)
    flags = torch.rand(steps, row.B) < 1 / RESET_EVERY if resets else None
    shapes = cell_of(row.cell).parameter_shapes(row.I, row.H).values()
    flop = 2.0 * units * directions * sum(prod(shape) for shape in shapes if len(shape) == 2)
    return Case(row, layer, x, dy, lengths, packed, flags, units, flop * (3 if row.mode == "train" else 1))


def new_layer(row: Row, both: bool = False) -> nn.Module:
    """Our layer: the drop-in where torch.nn has the cell."""
    if row.cell in DROP_INS:
        return getattr(cw.nn, DROP_INS[row.cell])(row.I, row.H, bidirectional=both)
    return cw.nn.Recurrent(cell_of(row.cell), row.I, row.H, bidirectional=both)


def twin(case: Case) -> nn.Module:
    """torch.nn's layer with the same weights."""
    row = case.row
    other = getattr(nn, DROP_INS[row.cell])(row.I, row.H, bidirectional="bidirectional" in row.layout)
    other.load_state_dict(case.layer.state_dict())
    return other


def forward(case: Case, layer: nn.Module, x: Tensor, **options: Any) -> tuple[Tensor, Any]:
    """(y, final state) of our layer; of a packed sequence the rows of y."""
    if case.packed is not None:
        y, state = layer(case.packed._replace(data=x), **options)
        return y.data, state
    named = {"lengths": case.lengths, "resets": case.resets}
    return layer(x, **{key: value for key, value in named.items() if value is not None}, **options)


def autocasts(on: bool) -> Any:
    return torch.autocast("cpu", torch.bfloat16) if on else nullcontext()


def run_once(case: Case, layer: nn.Module, x: Tensor, dy: Tensor, *, backend: str, autocast: bool) -> dict[str, Tensor]:
    """y with and without gradients, final states, and the gradients of x and of every parameter, by name."""
    leaf = x.clone().requires_grad_()
    for parameter in layer.parameters():
        parameter.grad = None
    with torch.no_grad(), autocasts(autocast):
        alone, _ = forward(case, layer, leaf, backend=backend)
    with torch.enable_grad(), autocasts(autocast):
        y, state = forward(case, layer, leaf, backend=backend)
    y.backward(dy.to(y.dtype))
    assert leaf.grad is not None
    result = {"y": alone, "y in training": y.detach(), "dx": leaf.grad} | gradients(layer)
    states = state if isinstance(state, tuple) else (state,)
    result |= {f"state {k}": value.detach() for k, value in enumerate(states)}
    for parameter in layer.parameters():
        parameter.grad = None
    return result


def gradients(layer: nn.Module) -> dict[str, Tensor]:
    return {f"d {name}": p.grad for name, p in layer.named_parameters() if p.grad is not None}
