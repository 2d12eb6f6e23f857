"""Recurrent: a layer of any cell, with layers, directions, dropout and sequences of uneven length.

Axes: T time, B batch, I input, O output, S size of one state, L layers, D directions.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from cellwright.cells import Cell
from cellwright.cells.stepping import checked_cell
from cellwright.engine.run.loop import run_loop
from cellwright.engine.run.registry import constant_for_compilers
from cellwright.engine.run.slow_path import warn_slow
from cellwright.errors import ConfigError
from cellwright.nn.compiled import LayerSource, directed_resets
from cellwright.nn.init import check_init, initialise, uniform
from cellwright.nn.kernels import KernelLayer
from cellwright.nn.layout import (
    States,
    batch_states,
    check_alike,
    check_call,
    check_input,
    check_resets,
    check_states,
    read_input,
)
from cellwright.nn.lengths import Lengths, mask_padding
from cellwright.nn.masking import Rates, state_masks
from cellwright.nn.segments import check_segments
from cellwright.nn.stack import STACKS, input_sizes, run_stack
from cellwright.nn.steady import check_held, steady_key
from cellwright.nn.weights import Block, gate_views, stored_blocks, suffix

__all__ = ["Recurrent"]


class Recurrent(KernelLayer, nn.Module):
    """A recurrent layer of any cell.

    Args:
        cell: the cell, for instance ``cellwright.cells.PeepholeLSTM()`` or one of your own.
        input_size: number of features of x.
        hidden_size: number of features of a state that the cell does not size otherwise.
        num_layers: layers stacked on each other.
        bias: if False, the cell's b (and bR) are left out.
        batch_first: if True, x and y are (B, T, ·) instead of (T, B, ·). States are not affected.
        dropout: probability of dropout on the outputs of each layer but the last, in training.
        bidirectional: if True, a second direction reads each sequence from its end.
        stack: "joint": both directions of a layer read the joined output of the layer below (torch, Keras).
            "separate": a stack of forward layers and one of backward layers, joined after the last layer.
        init: "torch": U(-1/√hidden_size, 1/√hidden_size); "orthogonal": recurrent matrices orthogonal, input
            matrices Xavier-uniform, biases 0; "chrono": torch's, and the bias of the gate that keeps the
            old state is ln u, u ~ U(1, max_lag - 1), that of a gate i its negative.
        forget_bias: bias at the start of the gate that keeps the old state (f of LSTM, z of GRU), found by a
            trial step of the cell; negated where a low gate keeps, as MGU's f.
        max_lag: longest lag in steps, for init="chrono".
        checkpoint_segments: in training, pieces of time between which only states are kept; the rest is computed
            again in the backward pass. √T pieces make memory grow with √T, at a third more time.
        zoneout: probability that a unit keeps its old value at a step, of all states or by state, as
            {"c": 0.5, "h": 0.05}; drawn for each step in training, in eval mode the mean p·s + (1 − p)·s̃. An output
            that is no state is the step's own (Krueger et al. 2016, https://arxiv.org/abs/1606.01305).
        recurrent_dropout: probability that products read 0 in place of a unit of the state, of all states that
            products read, or by state; one mask a sequence for all its steps, in training only
            (Gal & Ghahramani 2016, https://arxiv.org/abs/1512.05287).
        deterministic: "any-split": the bits of a step do not depend on the steps and sequences beside it, and equal
            those of `stepper`.
        device, dtype: of the weights.

    Inputs: x, state, lengths, resets, backend
        * **x**: (T, B, I), (B, T, I) if ``batch_first``, (T, I) for one sequence, or a PackedSequence.
        * **state**: tuple of initial states, one (L·D, B, S) per declared state in order ((L·D, S) for one
          sequence without batch axis). Zeros if not given.
        * **lengths**: number of valid steps of each sequence, int tensor or list of B, in any order, zeros
          allowed. What stands beyond a length is never read.
        * **resets**: flags in the order of x's axes, (T, B): True where a new sequence begins, so that the state
          before that step is the initial one. The backward direction begins anew at the step before it.
        * **backend**: "auto": compiled kernels, or the plain loop with a warning that says why; "cpu": compiled
          kernels or an error; "reference": the plain loop.

    Outputs: y, state
        * **y**: (T, B, D·O) in the form of x; 0 beyond a length. O is the size of the cell's output.
        * **state**: tuple of final states, as the initial ones: those of the last valid step.

    Attributes:
        weight_ih_l[k][_reverse]: W of layer k, rows gate after gate in the cell's order, (G·H, I) for k = 0,
            else (G·H, D·O), or (G·H, O) with ``stack="separate"``.
        weight_hh_l[k][_reverse]: R, (G·H, size of the first state).
        bias_l[k][_reverse]: b, (G·H).
        bR_l[k][_reverse]: recurrent biases of the gates that the cell keeps apart, such as GRU's n.
        <name>_l[k][_reverse]: each extra parameter of the cell.
        path: which code ran last or runs next, in words.

    Raises:
        ShapeError, DtypeError: x, a state or lengths do not fit; the message says what would.
        BackendError: unknown or unbuilt backend, or kernels that cannot run this cell.
        ConfigError: constructor arguments that contradict each other.
        CellError: `cell` is no cell, or its `step` is wrong; with file and line.

    Example:
        >>> layer = Recurrent(PeepholeLSTM(), 60, 100, bidirectional=True)
        >>> y, (h, c) = layer(torch.randn(12, 8, 60), lengths=[12, 3, 7, 12, 1, 9, 5, 2])
        >>> y.shape, h.shape
        (torch.Size([12, 8, 200]), torch.Size([2, 8, 100]))
    """

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        stack: str = "joint",
        init: str = "torch",
        forget_bias: float | None = None,
        max_lag: int | None = None,
        checkpoint_segments: int = 1,
        deterministic: str | None = None,
        zoneout: Rates = 0.0,
        recurrent_dropout: Rates = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        name = checked_cell(cell).name
        check_held(cell)
        if stack not in STACKS:
            raise ConfigError(f"{name} has no stack={stack!r}.", repair='Choose "joint" or "separate".')
        if not all(map(is_count, (input_size, hidden_size, num_layers))):
            raise ConfigError(
                f"{name}({input_size!r} → {hidden_size!r}) with num_layers={num_layers!r}: "
                "all must be whole numbers of at least 1."
            )
        input_size, hidden_size, num_layers = int(input_size), int(hidden_size), int(num_layers)  # NumPy's too
        if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout <= 1:
            raise ConfigError(f"dropout={dropout!r} of {name} is no probability.", repair="Choose 0 to 1.")
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                f"dropout={dropout} of {name} does nothing: it acts between layers, and num_layers=1",
                stacklevel=2,
            )
        check_init(name, init, forget_bias, max_lag)
        self._cell = cell
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, dropout
        self.bidirectional, self.stack = bidirectional, stack
        self.checkpoint_segments, self.deterministic = check_segments(checkpoint_segments), deterministic
        self.init, self.forget_bias, self.max_lag = init, forget_bias, max_lag
        self.zoneout, self.recurrent_dropout = zoneout, recurrent_dropout
        self.state_masks = state_masks(cell, input_size, hidden_size, bias, zoneout, recurrent_dropout)
        self.output_size = cell.output_size(hidden_size)
        self._state_sizes = dict(cell.state_sizes(hidden_size))
        self.path = f"compiled kernels of {name}"
        self.keys: dict[tuple[int, str], str] = {}
        self._held: dict[str, Any] = {}  # attributes of the cell when its keys were made
        self._widths = input_sizes(input_size, self.output_size, num_layers, self.directions, stack)
        self._blocks = [stored_blocks(cell, width, hidden_size, bias) for width in self._widths]
        for layer, reverse in self.places():
            for block in self.blocks(layer):
                empty = torch.empty(block.shape, device=device, dtype=dtype)
                self.register_parameter(block.name + suffix(layer, reverse), nn.Parameter(empty))
        if not self._parameters:  # a cell without weights has a dtype too, which `double()` changes
            self.register_buffer("no_weight", torch.empty(0, device=device, dtype=dtype), persistent=False)
        self.reset_parameters()

    @property
    def cell(self) -> Cell:
        """The cell of every layer and direction."""
        return self._cell

    @property
    def state_sizes(self) -> dict[str, int]:
        """Size of each state, by name."""
        return self._state_sizes

    @property
    def weight(self) -> Tensor:
        """A stored weight, whose dtype is the layer's."""
        return next(chain(self.parameters(), self.buffers()))  # parametrized weights are those of a module inside

    def places(self) -> list[tuple[int, bool]]:
        """(layer, reverse) of every run, in the order of the rows of a state."""
        return [(layer, reverse) for layer in range(self.num_layers) for reverse in (False, True)[: self.directions]]

    def blocks(self, layer: int) -> list[Block]:
        """The stored tensors of one direction of `layer`."""
        return self._blocks[layer]

    def views(self, layer: int, reverse: bool = False) -> dict[str, Tensor]:
        """The weights of one layer and direction per gate: "W.i", "R.i", "b.i", extras. Views, not copies."""
        return gate_views(self, self.blocks(layer), layer, reverse)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draws all weights anew, as `init`, `forget_bias` and `max_lag` say."""
        uniform(list(self.parameters()), self.hidden_size)
        for layer, reverse in self.places():
            views = self.views(layer, reverse)
            initialise(self.cell.name, self.cell, views, self.init, self.forget_bias, self.max_lag)

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """As torch's, which lists names that differ; and how weights of torch.nn come into a layer with one bias."""
        super()._load_from_state_dict(state_dict, prefix, *rest)
        _, strict, _, _, messages = rest
        if strict and f"{prefix}bias_hh_l0" in state_dict:
            messages.append(
                "The weights are those of a layer of torch.nn, which has two biases: load them there, then "
                "cellwright.nn.copy_from_torch(this layer, that layer), where both are of the same cell."
            )

    def forward(
        self,
        x: Tensor | PackedSequence,
        state: Sequence[Tensor] | None = None,
        lengths: Lengths | None = None,
        resets: Tensor | None = None,
        backend: str = "auto",
    ) -> tuple[Tensor | PackedSequence, States]:
        name, rows = self.cell.name, self.num_layers * self.directions
        label = f"{name}({self.input_size} → {self.hidden_size})"
        data = x.data if isinstance(x, PackedSequence) else x
        weight = self.weight
        check_call(name, backend)
        batch, batched = check_input(label, x, self.input_size, self.batch_first)
        check_alike(name, weight, data)
        given = check_states(label, state, self.state_sizes, rows=rows, batch=batch, batched=batched, like=weight)
        resets_TB = check_resets(label, x, resets, self.batch_first)
        reason = self.compiles(backend, data)
        if reason is None:
            return self.run_kernels(x, lengths, given, resets_TB, batch)
        if backend == "auto":
            warn_slow(name, reason)
        x_TBI, lengths_B, layout = read_input(label, x, lengths, batch_first=self.batch_first)
        states = batch_states(given, self.state_sizes, rows, batch, x_TBI)
        if lengths_B is not None:
            x_TBI = mask_padding(x_TBI, lengths_B)
        masks = self.draw_masks(x_TBI.shape[0], x_TBI.shape[1], states[0], resets_TB)
        run_one = partial(self.run_one, resets_TB=resets_TB, masks=masks)
        y_TBO, finals = run_stack(
            run_one,
            x_TBI,
            states,
            lengths_B,
            num_layers=self.num_layers,
            directions=self.directions,
            stack=self.stack,
            dropout=self.dropout if self.training else 0.0,
        )
        return layout.output(y_TBO, lengths_B), layout.states(finals)

    @constant_for_compilers
    def key(self, layer: int, variant: str = "") -> str:
        """The text by which the engine knows the cell of `layer`."""
        width, held = self._widths[layer], vars(self.cell)
        if len(held) != len(self._held) or any(held.get(name) is not value for name, value in self._held.items()):
            self.keys.clear()  # a number that the equations hold may be another one now
        if (width, variant) not in self.keys:
            self.keys[width, variant] = steady_key(self.cell, width, self.hidden_size, self.bias, self.masking(variant))
            self._held = dict(held)
        return self.keys[width, variant]

    def source(self, layer: int, reverse: bool, variant: str = "") -> LayerSource:
        """What the engine runs in one direction of `layer`."""
        tail = suffix(layer, reverse)
        return LayerSource(
            self.key(layer, variant), {block.head: getattr(self, block.name + tail) for block in self.blocks(layer)}
        )

    def run_one(
        self,
        layer: int,
        reverse: bool,
        x_TBI: Tensor,
        states: States,
        lengths_B: Tensor | None,
        resets_TB: Tensor | None = None,
        masks: Mapping[tuple[int, int], Mapping[str, Tensor]] | None = None,
    ) -> tuple[Tensor, States]:
        """One layer in one direction through the plain loop."""
        masking = self.masking(self.variant)
        own = masks[layer, int(reverse)] if masks is not None else None
        resets = None if resets_TB is None else directed_resets(resets_TB, reverse)
        views = self.views(layer, reverse)
        return run_loop(self.cell, views, x_TBI, states, lengths_B, reverse, resets, masking, own)

    def extra_repr(self) -> str:
        options: list[tuple[str, Any, Any]] = [
            ("num_layers", self.num_layers, 1),
            ("bias", self.bias, True),
            ("batch_first", self.batch_first, False),
            ("dropout", self.dropout, 0.0),
            ("bidirectional", self.bidirectional, False),
            ("stack", self.stack, "joint"),
            ("init", self.init, "torch"),
            ("forget_bias", self.forget_bias, None),
            ("max_lag", self.max_lag, None),
            ("checkpoint_segments", self.checkpoint_segments, 1),
            ("deterministic", self.deterministic, None),
            ("zoneout", self.zoneout, 0.0),
            ("recurrent_dropout", self.recurrent_dropout, 0.0),
        ]
        shown = [f"{name}={value!r}" for name, value, default in options if value != default]
        return ", ".join([self.cell.name, str(self.input_size), str(self.hidden_size), *shown])


def is_count(size: object) -> bool:
    """Whether it is a whole number of at least 1; NumPy's are."""
    return isinstance(size, Integral) and int(size) >= 1
