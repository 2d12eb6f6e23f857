"""A whole layer (layers times directions) through the engine's compiled kernels.

x is brought into rows once, one row a step of a sequence; all layers work on rows; y is brought back at the end.

Axes: T time, B batch, R rows, N valid steps of all sequences, I input, O output, L layers, D directions.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from cellwright.engine.run.linear import own_linear
from cellwright.engine.run.loop import is_traced
from cellwright.engine.run.operators import UNTRANSFORMED, Setting, is_eager, is_transformed, run_layer
from cellwright.engine.run.registry import compiled_for, multiplies_bfloat16, runs_here
from cellwright.engine.run.tables import valid_rows
from cellwright.errors import UnsupportedOp
from cellwright.nn.layout import States
from cellwright.nn.lengths import dtype_name, mask_padding

__all__ = [
    "LayerRun",
    "LayerSource",
    "Rows",
    "computed_in",
    "directed_resets",
    "into_rows",
    "program_type",
    "rows_of",
    "rows_of_packed",
    "run_compiled",
    "why_not",
]

# a panel of a wider matrix leaves the second cache, and torch's blocked product is faster
WIDEST = 2048
FEWEST = 8  # rows that pay for packing the matrix
COMPUTED_IN = {torch.float64: torch.float64}


def computed_in(dtype: torch.dtype) -> torch.dtype:
    """The type of the kernels of a layer whose states are of `dtype`."""
    return COMPUTED_IN.get(dtype, torch.float32)


def program_type(dtype: torch.dtype) -> torch.dtype:
    """The type of the program of a layer whose states are of `dtype`: bfloat16, with states and sums of float32, where
    the weights are, or where autocast makes them so and the host multiplies it."""
    if dtype == torch.float32 and torch.is_autocast_enabled("cpu") and multiplies_bfloat16():
        dtype = torch.get_autocast_dtype("cpu")
    return torch.bfloat16 if dtype == torch.bfloat16 else computed_in(dtype)


@dataclass(frozen=True, slots=True)
class LayerSource:
    """What a layer runs: the key of its cell at its input size, and its stored tensors by the heads W, R, b …"""

    key: str
    parameters: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Rows:
    """x as rows.

    Attributes:
        data: (R, I).
        form: how rows are ordered, one of engine.run.tables.FORMS.
        lengths, order: (B) each, where sequences are of uneven length.
        index: (R) row t·B + b of each row, in the compact form.
    """

    data: Tensor
    steps: int
    batch: int
    form: str
    lengths: Tensor | None = None
    order: Tensor | None = None
    index: Tensor | None = None

    def back(self, y_RO: Tensor) -> Tensor:
        """Rows of y as (T, B, O), 0 beyond each length."""
        size = y_RO.shape[1]
        if self.form == "batch":
            return y_RO.view(self.batch, self.steps, size).transpose(0, 1)
        if self.index is not None:
            padded = y_RO.new_zeros((self.steps * self.batch, size))
            y_RO = padded.index_copy(0, self.index, y_RO)
        return y_RO.view(self.steps, self.batch, size)


def into_rows(values_TBn: Tensor, rows: Rows) -> Tensor:
    """What belongs to each step of each sequence, (R, n), in the order of the rows of x."""
    size = values_TBn.shape[-1]
    if rows.form == "batch":
        values_TBn = values_TBn.transpose(0, 1)
    flat = values_TBn.reshape(rows.steps * rows.batch, size)
    if rows.form != "compact":
        return flat.contiguous()
    index = rows.index
    if index is None:
        assert rows.lengths is not None
        assert rows.order is not None
        index = valid_rows(rows.lengths, rows.order, rows.batch)
    return flat[index]


def rows_of(x_TBI: Tensor, lengths_B: Tensor | None) -> Rows:
    """x as rows, without a copy where it is dense: time first or batch first."""
    steps, batch, size = x_TBI.shape
    if lengths_B is None:
        batch_first = not x_TBI.is_contiguous() and x_TBI.transpose(0, 1).is_contiguous()
        if batch_first:
            return Rows(x_TBI.transpose(0, 1).reshape(batch * steps, size), steps, batch, "batch")
        return Rows(x_TBI.reshape(steps * batch, size), steps, batch, "time")
    order = torch.argsort(lengths_B, descending=True, stable=True)
    if torch.compiler.is_compiling():
        whole = mask_padding(x_TBI, lengths_B).reshape(steps * batch, size)
        return Rows(whole, steps, batch, "padded", lengths_B, order)
    index = valid_rows(lengths_B, order, batch)
    return Rows(
        x_TBI.reshape(steps * batch, size).index_select(0, index), steps, batch, "compact", lengths_B, order, index
    )


def rows_of_packed(packed: PackedSequence) -> Rows:
    """A PackedSequence is in compact rows already."""
    sizes = packed.batch_sizes
    batch = int(sizes[0])
    places_B = torch.arange(batch, device=sizes.device)
    order = packed.sorted_indices if packed.sorted_indices is not None else places_B
    sorted_B = (sizes[:, None] > places_B).sum(0)
    lengths = torch.empty_like(sorted_B).index_copy_(0, order, sorted_B)
    return Rows(packed.data, len(sizes), batch, "compact", lengths, order)


def reset_rows(resets_TB: Tensor, rows: Rows, reverse: bool) -> Tensor:
    """A byte for each row: 1 where the state begins anew."""
    return into_rows(directed_resets(resets_TB, reverse).to(torch.uint8)[..., None], rows)[:, 0].contiguous()


def directed_resets(resets_TB: Tensor, reverse: bool) -> Tensor:
    """Where a direction begins anew. A reset at t begins a new sequence there; read backwards, the sequence before it
    begins at its own last step, t − 1."""
    if not reverse:
        return resets_TB
    return torch.cat([resets_TB[1:], torch.zeros_like(resets_TB[:1])])


def why_not(x: Tensor, key: Callable[[], str]) -> str | None:
    """Why kernels cannot run this cell on this input; None if they can."""
    if x.device.type != "cpu":
        return f"kernels run on the CPU, x is on {x.device}"
    if x.dtype not in (torch.float32, torch.float64, torch.bfloat16):
        return f"kernels compute in float32, float64 and bfloat16, x is {dtype_name(x.dtype)}"
    if is_transformed():
        return UNTRANSFORMED
    if is_traced():
        return "torch.jit.trace sees torch's operators only: what a kernel writes would be a constant of the trace"
    if not runs_here():
        return f"no kernels are written for {platform.machine()}"
    try:
        key()
    except UnsupportedOp as unsupported:
        return str(unsupported)
    return None


RunPart = Callable[
    ["LayerRun", Rows, Sequence[Tensor], States, Sequence[Tensor]], tuple[Tensor, dict[int, list[Tensor]]]
]


def run_compiled(
    source: Callable[[int, bool], LayerSource],
    rows: Rows,
    states: States,
    *,
    num_layers: int,
    directions: int,
    stack: str = "joint",
    dropout: float = 0.0,
    resets_TB: Tensor | None = None,
    own_products: bool = False,
    run_part: RunPart | None = None,
    masks: Mapping[tuple[int, int], Mapping[str, Tensor]] | None = None,
) -> tuple[Tensor, States]:
    """All layers and directions.

    Args:
        source: (layer, reverse) -> what runs there.
        states: one (L·D, B, S) a declared state.
        dropout: on the outputs of every layer but the last; 0 outside training.
        own_products: input products by the kernels' own tile.
        run_part: how the directions of one layer run; at once and whole if not given.
        masks: (layer, direction) -> the masks of its steps by the names of their leaves, (T, B, n).

    Returns:
        y as rows (R, D·O), and final states, each (L·D, B, S).
    """
    run_part = run_part or LayerRun.run
    flags = [] if resets_TB is None else [reset_rows(resets_TB, rows, back) for back in (False, True)]
    finals: dict[int, list[Tensor]] = {}
    inputs = [rows.data] * directions
    for layer in range(num_layers):
        groups = [list(range(directions))] if stack == "joint" else [[d] for d in range(directions)]
        outputs: list[Tensor] = []
        for group in groups:
            beside = {
                d: {name: into_rows(mask, rows) for name, mask in masks[layer, d].items()} for d in group if masks
            }
            part = LayerRun(source, layer, directions, group, own_products, beside)
            y, ends = run_part(part, rows, inputs, states, flags)
            finals.update(ends)
            outputs.append(functional.dropout(y, dropout) if dropout > 0 and layer < num_layers - 1 else y)
        inputs = outputs * directions if stack == "joint" else outputs
    y = torch.cat(outputs, dim=1) if len(outputs) > 1 else outputs[0]
    ordered = [finals[row] for row in range(num_layers * directions)]
    if len(ordered) == 1:
        return y, tuple(state[None] for state in ordered[0])
    return y, tuple(torch.stack(column) for column in zip(*ordered, strict=True))


def takes_own(x: Tensor, stored: Mapping[str, Tensor], dtype: torch.dtype) -> bool:
    """Whether our own product serves for the input: eager, in the kernels' type, rows enough and not too wide."""
    tensors = (x, *stored.values())
    if not is_eager(tensors) or torch.is_autocast_enabled("cpu"):  # first: a traced size must not be compared
        return False
    fits = len(x) >= FEWEST and x.shape[-1] <= WIDEST
    return fits and all(tensor.dtype == dtype for tensor in tensors)


def in_type(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """`tensor.to(dtype)`, without a call where nothing changes."""
    return tensor if tensor.dtype == dtype else tensor.to(dtype)


@dataclass(frozen=True, slots=True)
class LayerRun:
    """The directions `group` of one layer, run at once.

    Attributes:
        beside: direction -> the inputs of its cell other than x, by name, (R, n).
    """

    source: Callable[[int, bool], LayerSource]
    layer: int
    directions: int
    group: Sequence[int]
    own_products: bool
    beside: Mapping[int, Mapping[str, Tensor]] = field(default_factory=dict)

    def run(
        self, rows: Rows, inputs: Sequence[Tensor], states: States, flags: Sequence[Tensor]
    ) -> tuple[Tensor, dict[int, list[Tensor]]]:
        """y (R, len(group)·O) and final states by row of a state.

        Args:
            inputs: (R, I) of each direction of the layer.
            flags: reset flags of both directions, or none.
        """
        initial: list[Tensor] = []
        inside: list[Tensor] = []
        outer, kept = inputs[0].dtype, states[0].dtype
        dtype, program = computed_in(kept), program_type(kept)
        sources = [self.source(self.layer, direction == 1) for direction in self.group]
        compiled = compiled_for(sources[0].key, program)

        # products in a type that the host does not multiply would be slow, and less close
        raised = dtype != outer and not multiplies_bfloat16()

        def streams() -> list[Tensor]:
            found: list[Tensor] = []
            for direction, own in zip(self.group, sources, strict=True):
                x, stored, beside = inputs[direction], own.parameters, self.beside.get(direction, {})
                if raised:
                    x, stored = x.to(dtype), {name: tensor.to(dtype) for name, tensor in stored.items()}
                linear = functional.linear
                if (self.own_products and x.dtype == dtype) or takes_own(x, stored, dtype):
                    linear = partial(own_linear, compiled.target)
                found += [in_type(stream, dtype) for stream in compiled.streams.run(x, stored, linear, beside)]
            return found

        for direction, own in zip(self.group, sources, strict=True):
            initial += [in_type(state[self.row(direction)], dtype) for state in states]
            inside += [in_type(own.parameters[name], dtype) for name in compiled.inside]
        backwards = tuple(d == 1 for d in self.group)
        setting = Setting(rows.steps, rows.batch, rows.data.shape[0], rows.form, sources[0].key, backwards, program)
        resets = [flags[d] for d in self.group] if flags else []
        y, *rest = run_layer(streams(), initial, inside, rows.lengths, rows.order, resets, setting, streams)
        count = len(states)
        ends = {
            self.row(direction): [in_type(t, kept) for t in rest[k * count : (k + 1) * count]]
            for k, direction in enumerate(self.group)
        }
        return in_type(y, outer if outer == torch.bfloat16 else kept), ends

    def output_size(self, key: str, dtype: torch.dtype) -> int:
        """O of one direction."""
        return compiled_for(key, program_type(dtype)).plan.output

    def row(self, direction: int) -> int:
        """The row of a state that belongs to a direction of this layer."""
        return self.layer * self.directions + direction
