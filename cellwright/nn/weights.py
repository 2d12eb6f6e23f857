"""Between stored tensors, whose rows are packed gate after gate, and the per-gate weights W.i, R.i, b.i of a cell.

Axes: G gates, H hidden, I input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from cellwright import cells, ops
from cellwright.cells import Cell
from cellwright.errors import ConfigError, ShapeError

__all__ = [
    "ELMAN_FUNCTIONS",
    "Block",
    "ParameterCount",
    "cell_of_mode",
    "copy_from_torch",
    "count_parameters",
    "gate_views",
    "merged_views",
    "stored_blocks",
    "torch_blocks",
    "torch_cell",
    "torch_views",
]

ELMAN_FUNCTIONS = {"RNN_TANH": ops.tanh, "RNN_RELU": ops.relu}
STORED_NAMES = {"W": "weight_ih", "R": "weight_hh", "b": "bias"}


@dataclass(frozen=True, slots=True)
class Block:
    """One stored tensor of a layer: its name without layer and direction, what a step calls it (W, R, b, bR or an
    extra's name), and whose rows it holds."""

    name: str
    head: str
    keys: tuple[str, ...]
    rows: tuple[int, ...]
    shape: tuple[int, ...]


def stored_blocks(cell: Cell, input_size: int, hidden_size: int, bias: bool) -> list[Block]:
    """weight_ih (G·H, I), weight_hh (G·H, H), bias (G·H), bR and the cell's extras under their own names."""
    groups: dict[str, dict[str, tuple[int, ...]]] = {}
    for key, shape in cell.parameter_shapes(input_size, hidden_size, bias=bias).items():
        groups.setdefault(key.split(".")[0], {})[key] = tuple(shape)
    blocks = []
    for head, shapes in groups.items():
        first = next(iter(shapes.values()))
        rows = tuple(shape[0] if shape else 1 for shape in shapes.values())
        shape = (sum(rows), *first[1:]) if first else ()
        blocks.append(Block(STORED_NAMES.get(head, head), head, tuple(shapes), rows, shape))
    return blocks


def suffix(layer: int, reverse: bool) -> str:
    return f"_l{layer}{'_reverse' if reverse else ''}"


def gate_views(module: nn.Module, blocks: list[Block], layer: int, reverse: bool) -> dict[str, Tensor]:
    """The weights of one layer and direction as a cell's step names them; views of the stored tensors."""
    views: dict[str, Tensor] = {}
    for block in blocks:
        tensor = getattr(module, block.name + suffix(layer, reverse))
        parts = [tensor] if len(block.keys) == 1 else tensor.split(block.rows)
        views.update(zip(block.keys, parts, strict=True))
    return views


def torch_cell(module: nn.RNNBase) -> Cell:
    """The cell whose equations a torch.nn layer computes."""
    return cell_of_mode(module.mode, module.proj_size)


@lru_cache(maxsize=64)
def cell_of_mode(mode: str, proj_size: int) -> Cell:
    """The cell of a torch.nn layer by its mode: LSTM, GRU, RNN_TANH or RNN_RELU. The same object each time: code that
    is compiled for a cell is found by it."""
    if mode == "LSTM":
        return cells.LSTMP(proj_size) if proj_size else cells.LSTM()
    return cells.GRU() if mode == "GRU" else cells.Elman(ELMAN_FUNCTIONS[mode])


def same_cell(cell: Cell, other: Cell) -> bool:
    """Whether the two declare the same gates, states and parameters and, of Elman networks, use the same function."""
    declared = [(c.gates.split(), c.states.split(), c.recurrent_bias.split(), c.params) for c in (cell, other)]
    return declared[0] == declared[1] and getattr(cell, "f", None) == getattr(other, "f", None)


def torch_views(module: nn.RNNBase, cell: Cell, layer: int, reverse: bool) -> dict[str, Tensor]:
    """As gate_views, for a torch.nn layer with its two biases: bias_ih is b, bias_hh is bR, for every gate."""
    shapes = cell.parameter_shapes(module.input_size, module.hidden_size, bias=False)
    gates = [key[2:] for key in shapes if key.startswith("W.")]
    stored = {"W": "weight_ih", "R": "weight_hh"} | ({"b": "bias_ih", "bR": "bias_hh"} if module.bias else {})
    views: dict[str, Tensor] = {}
    for head, name in stored.items():
        parts = getattr(module, name + suffix(layer, reverse)).chunk(len(gates))
        views.update(zip((f"{head}.{gate}" for gate in gates), parts, strict=True))
    if module.proj_size:
        (projection,) = (key for key in shapes if "." not in key)
        views[projection] = getattr(module, "weight_hr" + suffix(layer, reverse))
    return views


def merged_views(module: nn.RNNBase, cell: Cell, layer: int, reverse: bool) -> dict[str, Tensor]:
    """torch_views with the two biases added, except where the cell keeps a recurrent bias apart (GRU's n)."""
    views = torch_views(module, cell, layer, reverse)
    kept = cell.parameter_shapes(module.input_size, module.hidden_size, bias=module.bias)
    for key in [key for key in views if key.startswith("bR.") and key not in kept]:
        gate = key[3:]
        views[f"b.{gate}"] = views[f"b.{gate}"] + views.pop(key)
    return views


def torch_blocks(module: nn.RNNBase, cell: Cell, layer: int, reverse: bool) -> dict[str, Tensor]:
    """The stored tensors of a torch.nn layer as W, R, b, bR and extras, its two biases added where the cell has one."""
    tail = suffix(layer, reverse)
    blocks = {"W": getattr(module, "weight_ih" + tail), "R": getattr(module, "weight_hh" + tail)}
    if module.bias:
        inner, outer = getattr(module, "bias_ih" + tail), getattr(module, "bias_hh" + tail)
        apart = len(cell.recurrent_bias.split()) * module.hidden_size
        if apart:
            merged = len(outer) - apart
            outer, blocks["bR"] = nn.functional.pad(outer[:merged], (0, apart)), outer[merged:]
        blocks["b"] = inner + outer
    if module.proj_size:
        (projection,) = cell.params
        blocks[projection] = getattr(module, "weight_hr" + tail)
    return blocks


@torch.no_grad()
def copy_from_torch(layer: nn.Module, module: nn.RNNBase) -> None:
    """Copies torch.nn.RNN, LSTM or GRU weights into a Recurrent of the same cell; two biases become one.

    Raises:
        ConfigError: not these two, in this order.
        ShapeError: the two layers differ in cell, size, layers, directions or bias.
    """
    from cellwright.nn.recurrent import Recurrent

    if not isinstance(layer, Recurrent) or not isinstance(module, nn.RNNBase):
        drop_in = isinstance(layer, nn.RNNBase)
        raise ConfigError(
            f"Expected a Recurrent and a layer of torch.nn, found {type(layer).__name__} and {type(module).__name__}.",
            repair="RNN, LSTM and GRU take torch's weights as they are: layer.load_state_dict(module.state_dict())."
            if drop_in
            else "copy_from_torch(cellwright.nn.Recurrent(…), torch.nn.LSTM(…))",
        )
    directions = 2 if module.bidirectional else 1
    same = (layer.num_layers, layer.directions, layer.bias) == (module.num_layers, directions, module.bias)
    pairs = []
    if same and same_cell(layer.cell, torch_cell(module)):
        pairs = [(layer.views(*place), merged_views(module, layer.cell, *place)) for place in layer.places()]
    shapes = [[{key: part.shape for key, part in views.items()} for views in pair] for pair in pairs]
    if not pairs or any(ours != theirs for ours, theirs in shapes):
        raise ShapeError(
            f"weights of {module} do not fit {layer}.",
            repair='Both need the same cell, sizes, num_layers, bidirectional and bias, and stack="joint".',
        )
    for ours, theirs in pairs:
        for key, view in ours.items():
            view.copy_(theirs[key])


@dataclass(frozen=True, slots=True)
class ParameterCount:
    """Numbers of parameters: as stored, and under the two conventions for biases."""

    stored: int
    one_bias: int
    two_biases: int

    def __str__(self) -> str:
        return (
            f"{self.stored:,} parameters stored; {self.one_bias:,} with one bias vector per gate (Keras), "
            f"{self.two_biases:,} with two (torch, cuDNN)"
        )


def count_parameters(module: nn.Module) -> ParameterCount:
    """Counts a layer's or a whole model's parameters under both bias conventions.

    The recurrent bias of GRU's n cannot be merged into the other and is counted in both. Keras counts
    GRU(reset_after=True) with two biases.
    """
    stored = sum(parameter.numel() for parameter in module.parameters())
    changes = [change for part in module.modules() for change in bias_changes(part)]
    return ParameterCount(stored, stored + sum(one for one, _ in changes), stored + sum(two for _, two in changes))


def bias_changes(part: nn.Module) -> Iterator[tuple[int, int]]:
    """(one bias, two biases) minus what is stored, for each layer and direction of a recurrent layer."""
    from cellwright.nn.recurrent import Recurrent

    if isinstance(part, nn.RNNBase) and part.bias:
        kept = part.hidden_size if part.mode == "GRU" else 0
        for name, parameter in part.named_parameters(recurse=False):
            if name.startswith("bias_hh"):
                yield kept - parameter.numel(), 0
    elif isinstance(part, Recurrent) and part.bias:
        sizes = {name: parameter.numel() for name, parameter in part.named_parameters(recurse=False)}
        for name, size in sizes.items():
            if name.startswith("bias_l"):
                yield 0, size - sizes.get("bR" + name.removeprefix("bias"), 0)
