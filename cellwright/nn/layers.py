"""RNN, LSTM and GRU: torch.nn's layers, weights and numbers, plus `lengths=`, `backend=` and, later, `resets=`.

Axes: T time, B batch, I input, H hidden, O size of the output h, S size of one state, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from cellwright import cells, ops
from cellwright.cells import Cell
from cellwright.engine.run.loop import run_loop
from cellwright.engine.run.operators import is_transformed
from cellwright.engine.run.registry import cell_key, constant_for_compilers
from cellwright.nn import padded
from cellwright.nn.compiled import LayerSource, directed_resets
from cellwright.nn.init import check_init, initialise
from cellwright.nn.kernels import KernelLayer
from cellwright.nn.layout import (
    Layout,
    States,
    batch_states,
    check_alike,
    check_call,
    check_input,
    check_resets,
    check_states,
    read_input,
)
from cellwright.nn.lengths import Lengths, mask_padding, pack
from cellwright.nn.recurrent import Recurrent
from cellwright.nn.stack import STACKS, run_stack
from cellwright.nn.weights import ELMAN_FUNCTIONS, cell_of_mode, merged_views, torch_blocks, torch_cell, torch_views

__all__ = ["GRU", "LSTM", "RNN", "layer"]


@lru_cache(maxsize=256)
def torch_key(mode: str, proj_size: int, input_size: int, hidden_size: int, bias: bool) -> str:
    """The engine's key of the cell of a torch.nn layer."""
    return cell_key(cell_of_mode(mode, proj_size), input_size, hidden_size, bias)


class DropIn(KernelLayer, nn.RNNBase):
    """What the three drop-ins add to torch.nn's layers, whose constructors, weights and kernels they inherit."""

    init: str = "torch"
    forget_bias: float | None = None
    max_lag: int | None = None

    def set_init(self, init: str, forget_bias: float | None, max_lag: int | None) -> None:
        """Stores how weights begin; draws them again unless torch's constructor has done just that."""
        check_init(self.name, init, forget_bias, max_lag)
        self.path = f"torch.nn.{self.name} kernels"
        self.init, self.forget_bias, self.max_lag = init, forget_bias, max_lag
        if init != "torch" or forget_bias is not None:
            self.reset_parameters()

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def cell(self) -> Cell:
        """The cell whose equations this layer computes."""
        return torch_cell(self)

    @property
    def state_sizes(self) -> dict[str, int]:
        sizes = {"h": self.proj_size or self.hidden_size}
        return sizes | ({"c": self.hidden_size} if self.mode == "LSTM" else {})

    @property
    def weight(self) -> Tensor:
        """A stored weight, whose dtype is the layer's."""
        weight: Any = self.weight_ih_l0
        return weight  # type: ignore[no-any-return]

    @property
    def label(self) -> str:
        """The layer in messages, as "LSTM(60 → 100)"."""
        return f"{self.name}({self.input_size} → {self.hidden_size})"

    @property
    def slow_path(self) -> str:  # type: ignore[override]
        return f"torch.nn.{self.name} kernels"

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draws all weights anew, as torch does, then as `init`, `forget_bias` and `max_lag` say."""
        super().reset_parameters()
        if self.init == "torch" and self.forget_bias is None:
            return
        for row in range(self.num_layers * self.directions):
            views = torch_views(self, self.cell, row // self.directions, row % self.directions == 1)
            initialise(self.name, self.cell, views, self.init, self.forget_bias, self.max_lag)

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        lengths: Lengths | None = None,
        resets: Tensor | None = None,
        backend: str = "auto",
    ) -> tuple[Tensor | PackedSequence, Any]:
        """Runs the layer; arguments and results are in the class docstring."""
        label = f"{self.name}({self.input_size} → {self.hidden_size})"
        weight: Any = self.weight_ih_l0  # may be computed: a parametrization, functional_call
        check_call(self.name, backend)
        data = input.data if isinstance(input, PackedSequence) else input
        batch, batched = check_input(label, input, self.input_size, self.batch_first)
        check_alike(self.name, weight, data)
        rows, sizes = self.num_layers * self.directions, self.state_sizes
        initial = check_states(label, self.inward(hx), sizes, rows=rows, batch=batch, batched=batched, like=weight)
        resets_TB = check_resets(label, input, resets, self.batch_first)
        if self.compiles(backend, data) is None:
            y, finals = self.run_kernels(input, lengths, initial, resets_TB, batch)
            return y, finals if self.mode == "LSTM" else finals[0]
        looped = backend == "reference" or is_transformed()
        if not looped and lengths is None and resets_TB is None:
            return self.kernels(input, initial)
        x_TBI, lengths_B, layout = read_input(label, input, lengths, batch_first=self.batch_first)
        states = batch_states(initial, sizes, rows, batch, x_TBI)
        # torch's kernels refuse no steps and no sequences, and know no resets
        if looped or not x_TBI.numel() or resets_TB is not None:
            self.path = f"plain loop of {self.cell.name}, a step at a time in torch"
            y_TBO, finals = self.run_layers(False, x_TBI, states, lengths_B, resets_TB)
        else:
            assert lengths_B is not None
            y_TBO, finals = self.run_lengths(x_TBI, states, lengths_B)
        return layout.output(y_TBO, lengths_B), self.outward(layout, finals)

    @constant_for_compilers
    def key(self, layer: int, variant: str = "") -> str:
        """The text by which the engine knows the cell of `layer`."""
        width = self.input_size if layer == 0 else self.directions * (self.proj_size or self.hidden_size)
        return torch_key(self.mode, self.proj_size, width, self.hidden_size, self.bias)

    def source(self, layer: int, reverse: bool, variant: str = "") -> LayerSource:
        """What the engine runs in one direction of `layer`."""
        return LayerSource(self.key(layer), torch_blocks(self, self.cell, layer, reverse))

    def inward(self, state: Any) -> Sequence[Tensor] | None:
        """A state as it is given in a call, as a tuple."""
        return (state,) if isinstance(state, Tensor) and self.mode != "LSTM" else state

    def outward(self, layout: Layout, states: States) -> Any:
        """States as torch.nn returns them: a tuple of LSTM, a bare tensor of RNN and GRU."""
        states = layout.states(states)
        return states if self.mode == "LSTM" else states[0]

    def kernels(self, x: Tensor | PackedSequence, states: States | None) -> tuple[Any, Any]:
        """torch.nn's own forward."""
        return super().forward(x, states if states is None or self.mode == "LSTM" else states[0])  # type: ignore[no-any-return]

    def run_lengths(self, x_TBI: Tensor, states: States, lengths_B: Tensor) -> tuple[Tensor, States]:
        """Padded x with lengths through torch's kernels, dense or packed, whichever is faster here."""
        steps = x_TBI.shape[0]
        if padded.pays(self, x_TBI, lengths_B):
            self.path = f"torch.nn.{self.name} dense kernels on padded sequences"
            return self.run_layers(True, x_TBI, states, lengths_B)
        self.path = f"torch.nn.{self.name} packed kernels"
        y_packed, finals = self.kernels(pack(x_TBI, lengths_B), states)
        y_TBO = pad_packed_sequence(y_packed, total_length=steps)[0]
        finals = finals if self.mode == "LSTM" else (finals,)
        empty_B1 = (lengths_B == 0)[:, None]
        if bool(empty_B1.any()):
            y_TBO = mask_padding(y_TBO, lengths_B)
            finals = tuple(
                torch.where(empty_B1, start.to(end.dtype), end) for start, end in zip(states, finals, strict=True)
            )
        return y_TBO, finals

    def run_layers(
        self,
        dense: bool,
        x_TBI: Tensor,
        states: States,
        lengths_B: Tensor | None,
        resets_TB: Tensor | None = None,
    ) -> tuple[Tensor, States]:
        """Layer by layer and direction by direction, through torch's dense kernels or the plain loop."""
        cell = self.cell

        def run_one(
            layer: int, reverse: bool, x_TBI: Tensor, states: States, lengths_B: Tensor | None
        ) -> tuple[Tensor, States]:
            if dense:
                assert lengths_B is not None
                return padded.run_padded(self, layer, reverse, x_TBI, states, lengths_B)
            weights = merged_views(self, cell, layer, reverse)
            resets = None if resets_TB is None else directed_resets(resets_TB, reverse)
            return run_loop(cell, weights, x_TBI, states, lengths_B, reverse=reverse, resets_TB=resets)

        return run_stack(
            run_one,
            x_TBI if lengths_B is None else mask_padding(x_TBI, lengths_B),
            states,
            lengths_B,
            num_layers=self.num_layers,
            directions=self.directions,
            dropout=self.dropout if self.training else 0.0,
        )


class LSTM(DropIn, nn.LSTM):  # type: ignore[misc]
    """torch.nn.LSTM with the same arguments, state_dict and numbers, and `lengths=` on padded input.

    Equations
        i = σ(W_i x + R_i h + b_i)    f = σ(W_f x + R_f h + b_f)
        g = tanh(W_g x + R_g h + b_g)    o = σ(W_o x + R_o h + b_o)
        c′ = f ⊙ c + i ⊙ g    h′ = o ⊙ tanh(c′), or P (o ⊙ tanh(c′)) with proj_size

    Args:
        input_size: number of features of x.
        hidden_size: number of features of c, and of h unless proj_size is given.
        num_layers: layers stacked on each other. Default: 1.
        bias: if False, the layer has no biases. Default: True.
        batch_first: if True, x and y are (B, T, ·) instead of (T, B, ·). States are not affected. Default: False.
        dropout: probability of dropout on the outputs of each layer but the last, in training. Default: 0.
        bidirectional: if True, a second direction reads each sequence from its end. Default: False.
        proj_size: if above 0, h is projected to this size. Default: 0.
        device, dtype: of the weights.
        init: "torch", "orthogonal" or "chrono" (see cellwright.nn.Recurrent). Default: "torch".
        forget_bias: what b_f begins at; set in bias_ih, with bias_hh 0 there, since the two are added.
        max_lag: longest lag in steps, for init="chrono".

    Inputs: input, (h_0, c_0), lengths, resets, backend
        * **input**: (T, I) for one sequence, (T, B, I), (B, T, I) if ``batch_first``, or a PackedSequence.
        * **h_0**: (L·D, B, O) or (L·D, O) for one sequence; O = proj_size if above 0, else H. Default: zeros.
        * **c_0**: (L·D, B, H) or (L·D, H) for one sequence. Default: zeros.
        * **lengths**: number of valid steps of each sequence, int tensor or list of B on any device, in any
          order, zeros allowed. What stands beyond a length is never read. Default: all of T.
        * **resets**: flags in the order of x's axes, (T, B): True where a new sequence begins, so that the state
          before that step is the initial one. The backward direction begins anew at the step before it.
        * **backend**: "auto": compiled kernels on the CPU, torch's elsewhere; "cpu": compiled kernels or an error;
          "reference": the plain loop over the cell's equations with the same weights.

    Outputs: output, (h_n, c_n)
        * **output**: (T, D·O), (T, B, D·O), (B, T, D·O) or a PackedSequence, as the input; 0 beyond a length.
        * **h_n**, **c_n**: as h_0 and c_0: the states after the last valid step.

    Attributes:
        weight_ih_l[k][_reverse]: (W_i|W_f|W_g|W_o), (4H, I) for k = 0, else (4H, D·O).
        weight_hh_l[k][_reverse]: (R_i|R_f|R_g|R_o), (4H, O).
        bias_ih_l[k][_reverse], bias_hh_l[k][_reverse]: two biases in the same order, (4H); b is their sum.
        weight_hr_l[k][_reverse]: P, (O, H), only with proj_size.
        path: which code ran last or runs next, in words.

    Raises:
        ShapeError, DtypeError: the input, a state or lengths do not fit; the message says what would.
        BackendError: unknown or unbuilt backend, or kernels that cannot run on this input.
        ConfigError: init, forget_bias and max_lag contradict each other.

    Example:
        >>> layer = LSTM(60, 100, bidirectional=True)
        >>> y, (h, c) = layer(torch.randn(12, 2, 60), lengths=[5, 12])
        >>> y.shape, bool((y[5:, 0] == 0).all())
        (torch.Size([12, 2, 200]), True)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        init: str = "torch",
        forget_bias: float | None = None,
        max_lag: int | None = None,
    ) -> None:
        nn.LSTM.__init__(
            self,
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device=device,
            dtype=dtype,
        )
        self.set_init(init, forget_bias, max_lag)


class GRU(DropIn, nn.GRU):  # type: ignore[misc]
    """torch.nn.GRU with the same arguments, state_dict and numbers, and `lengths=` on padded input.

    Equations (the reset gate acts after the product; z keeps the old state)
        r = σ(W_r x + R_r h + b_r)    z = σ(W_z x + R_z h + b_z)
        n = tanh(W_n x + b_n + r ⊙ (R_n h + bR_n))
        h′ = (1 − z) ⊙ n + z ⊙ h

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype: as in
            torch.nn.GRU and cellwright.nn.LSTM.
        init: "torch", "orthogonal" or "chrono" (see cellwright.nn.Recurrent). Default: "torch".
        forget_bias: what b_z begins at; set in bias_ih, with bias_hh 0 there, since the two are added.
        max_lag: longest lag in steps, for init="chrono".

    Inputs: input, h_0, lengths, resets, backend
        * **input**: (T, I) for one sequence, (T, B, I), (B, T, I) if ``batch_first``, or a PackedSequence.
        * **h_0**: (L·D, B, H) or (L·D, H) for one sequence. Default: zeros.
        * **lengths**, **resets**, **backend**: as in cellwright.nn.LSTM.

    Outputs: output, h_n
        * **output**: (T, D·H), (T, B, D·H), (B, T, D·H) or a PackedSequence, as the input; 0 beyond a length.
        * **h_n**: as h_0: the state after the last valid step.

    Attributes:
        weight_ih_l[k][_reverse]: (W_r|W_z|W_n), (3H, I) for k = 0, else (3H, D·H).
        weight_hh_l[k][_reverse]: (R_r|R_z|R_n), (3H, H).
        bias_ih_l[k][_reverse]: (b_r|b_z|b_n), (3H).
        bias_hh_l[k][_reverse]: the second biases of r and z, which are added, and bR_n, (3H).
        path: which code ran last or runs next, in words.

    Raises:
        ShapeError, DtypeError, BackendError, ConfigError: as cellwright.nn.LSTM.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        init: str = "torch",
        forget_bias: float | None = None,
        max_lag: int | None = None,
    ) -> None:
        nn.GRU.__init__(
            self,
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self.set_init(init, forget_bias, max_lag)


class RNN(DropIn, nn.RNN):  # type: ignore[misc]
    """torch.nn.RNN with the same arguments, state_dict and numbers, and `lengths=` on padded input.

    Equation
        h′ = tanh(W x + R h + b), or relu in place of tanh

    Args:
        nonlinearity: "tanh" or "relu", the fourth argument as in torch.nn.RNN. Default: "tanh".
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype: as in
            torch.nn.RNN and cellwright.nn.LSTM.
        init: "torch" or "orthogonal" (see cellwright.nn.Recurrent). Default: "torch".

    Inputs: input, h_0, lengths, resets, backend
        * **input**: (T, I) for one sequence, (T, B, I), (B, T, I) if ``batch_first``, or a PackedSequence.
        * **h_0**: (L·D, B, H) or (L·D, H) for one sequence. Default: zeros.
        * **lengths**, **resets**, **backend**: as in cellwright.nn.LSTM.

    Outputs: output, h_n
        * **output**: (T, D·H), (T, B, D·H), (B, T, D·H) or a PackedSequence, as the input; 0 beyond a length.
        * **h_n**: as h_0: the state after the last valid step.

    Attributes:
        weight_ih_l[k][_reverse]: W, (H, I) for k = 0, else (H, D·H).
        weight_hh_l[k][_reverse]: R, (H, H).
        bias_ih_l[k][_reverse], bias_hh_l[k][_reverse]: two biases, (H); b is their sum.
        path: which code ran last or runs next, in words.

    Raises:
        ShapeError, DtypeError, BackendError, ConfigError: as cellwright.nn.LSTM.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        init: str = "torch",
    ) -> None:
        nn.RNN.__init__(
            self,
            input_size,
            hidden_size,
            num_layers,
            nonlinearity,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self.set_init(init, None, None)


def layer(cell: Cell, input_size: int, hidden_size: int, **options: Any) -> RNN | LSTM | GRU | Recurrent:
    """The layer of a cell: torch's fast kernels where they compute this very cell, else Recurrent.

    RNN, LSTM or GRU for the library's Elman (tanh or relu, no read-out), LSTM, LSTMP and GRU, with their two
    biases and, of RNN and GRU, a bare state tensor; Recurrent for every other cell.

    Args:
        options: keyword arguments of Recurrent.
    """
    stack = options.get("stack", "joint")
    deep = options.get("num_layers", 1) > 1 and options.get("bidirectional", False)
    masked = bool(options.get("zoneout")) or bool(options.get("recurrent_dropout"))
    if stack not in STACKS or (stack == "separate" and deep) or masked:
        return Recurrent(cell, input_size, hidden_size, **options)
    drop_in = {key: value for key, value in options.items() if key not in ("stack", "zoneout", "recurrent_dropout")}
    if type(cell) is cells.LSTM:
        return LSTM(input_size, hidden_size, **drop_in)
    if type(cell) is cells.LSTMP:
        return LSTM(input_size, hidden_size, proj_size=cell.P, **drop_in)
    if type(cell) is cells.GRU:
        return GRU(input_size, hidden_size, **drop_in)
    gated = [drop_in.pop(key, None) for key in ("forget_bias", "max_lag")] != [None, None]  # Recurrent refuses these
    if type(cell) is cells.Elman and cell.O is None and cell.f in ELMAN_FUNCTIONS.values() and not gated:
        nonlinearity = "tanh" if cell.f is ops.tanh else "relu"
        return RNN(input_size, hidden_size, nonlinearity=nonlinearity, **drop_in)
    return Recurrent(cell, input_size, hidden_size, **options)
