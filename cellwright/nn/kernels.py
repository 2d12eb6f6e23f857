"""What every layer with compiled kernels has in common: choosing them, running them, stepping and tracing.

Axes: T time, B batch, R rows, I input, O output, S size of one state, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from cellwright.cells import Cell
from cellwright.engine.masks import Masking
from cellwright.engine.run.registry import multiplies_bfloat16
from cellwright.errors import BackendError, ConfigError
from cellwright.nn.compiled import LayerSource, computed_in, rows_of, rows_of_packed, run_compiled, why_not
from cellwright.nn.layout import Layout, States, batch_states, check_alike, check_input, check_states, read_input
from cellwright.nn.lengths import Lengths
from cellwright.nn.masking import StateMasks
from cellwright.nn.segments import check_segments, run_segments
from cellwright.nn.stepper import Stepper
from cellwright.nn.tracing import Trace, trace_layer

__all__ = ["KernelLayer"]


class KernelLayer:
    """Mixed into a layer, which says what runs (`source`) and how it is called.

    Attributes:
        checkpoint_segments: pieces of time into which a training run is cut; only the states between them are kept,
            the rest is computed again in the backward pass. 1 keeps everything, as do the plain loop and torch.compile.
        deterministic: None, or "any-split": a row's bits do not depend on which steps and sequences run beside it,
            and equal those of `stepper`; the input products are then made by our own product, not by torch's.
        state_masks: zoneout and recurrent dropout.
        path: which code ran last or runs next, in words.
    """

    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    training: bool
    stack: str = "joint"
    checkpoint_segments: int = 1
    deterministic: str | None = None
    path: str = ""
    state_masks: StateMasks | None = None
    slow_path: str = "plain loop of {cell}, a step at a time in torch"

    @property
    def cell(self) -> Cell:
        """The cell whose equations this layer computes."""
        raise NotImplementedError

    @property
    def state_sizes(self) -> dict[str, int]:
        """Size of each state, by name."""
        raise NotImplementedError

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    def source(self, layer: int, reverse: bool, variant: str = "") -> LayerSource:
        """What the engine runs in one direction of `layer`: the cell's own step, or the one that masks make of it in
        "training" or "evaluation"."""
        raise NotImplementedError

    def key(self, layer: int, variant: str = "") -> str:
        """The text by which the engine knows the cell of `layer`."""
        raise NotImplementedError

    def masking(self, variant: str) -> Masking | None:
        """What masks make of the cell's step."""
        return getattr(self.state_masks, variant) if variant else None

    @property
    def variant(self) -> str:
        """Which step the layer runs now."""
        if self.state_masks is None:
            return ""
        return "training" if self.training else self.still_variant

    @property
    def still_variant(self) -> str:
        """Which step the layer runs outside training."""
        return "" if self.state_masks is None or self.state_masks.evaluation is None else "evaluation"

    def draw_masks(
        self, steps: int, batch: int, state: Tensor, resets_TB: Tensor | None
    ) -> dict[tuple[int, int], dict[str, Tensor]] | None:
        """The masks of every layer and direction, (T, B, n) each, for states like `state`; None outside training."""
        if self.state_masks is None or not self.training:
            return None
        like = state.new_empty(0, dtype=computed_in(state.dtype))
        return {
            (layer, direction): self.state_masks.draw(steps, batch, like, resets_TB)
            for layer in range(self.num_layers)
            for direction in range(self.directions)
        }

    @property
    def weight(self) -> Tensor:
        """A stored weight, whose dtype is the layer's."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        """The layer in messages, as "LSTM(60 → 100)"."""
        return f"{self.cell.name}({self.input_size} → {self.hidden_size})"

    def compiles(self, backend: str, x: Tensor) -> str | None:
        """None if kernels run, else why not; `path` says which code does.

        Raises:
            BackendError: backend="cpu" and kernels cannot run this cell on this input.
        """
        if backend == "reference":
            self.path = f"plain loop of {self.cell.name}, a step at a time in torch"
            return "the plain loop was asked for"
        reason = why_not(x, lambda: self.key(0))
        if reason is None:
            self.path = f"compiled kernels of {self.cell.name}"
            return None
        if backend == "cpu":
            raise BackendError(f"no kernels for {self.cell.name}: {reason}", repair='Use backend="auto".')
        self.path = f"{self.slow_path.format(cell=self.cell.name)}: {reason}"
        return reason

    def run_kernels(
        self,
        x: Tensor | PackedSequence,
        lengths: Lengths | None,
        given: States | None,
        resets_TB: Tensor | None,
        batch: int,
    ) -> tuple[Tensor | PackedSequence, States]:
        """The whole layer through kernels; arguments are checked already."""
        rows = self.num_layers * self.directions
        states = batch_states(given, self.state_sizes, rows, batch, self.weight)
        options: dict[str, Any] = {
            "num_layers": self.num_layers,
            "directions": self.directions,
            "stack": self.stack,
            "dropout": self.dropout if self.training else 0.0,
            "own_products": self.own_products,
            "resets_TB": resets_TB,
        }
        segments = check_segments(self.checkpoint_segments)
        if segments > 1 and torch.is_grad_enabled() and not torch.compiler.is_compiling():
            options["run_part"] = partial(run_segments, segments=segments)
        if not torch.is_autocast_enabled("cpu"):
            return self.run_rows(x, lengths, states, options)
        lower = torch.get_autocast_dtype("cpu")
        with torch.autocast("cpu", enabled=multiplies_bfloat16(), dtype=lower):
            y, finals = self.run_rows(x, lengths, states, options)
        y = y._replace(data=y.data.to(lower)) if isinstance(y, PackedSequence) else y.to(lower)
        return y, tuple(state.to(lower) for state in finals)

    def run_rows(
        self, x: Tensor | PackedSequence, lengths: Lengths | None, states: States, options: dict[str, Any]
    ) -> tuple[Tensor | PackedSequence, States]:
        """x brought into rows, and y back into x's form."""
        if isinstance(x, PackedSequence) and lengths is None:
            del options["resets_TB"]
            packed = rows_of_packed(x)
            options["masks"] = self.draw_masks(packed.steps, packed.batch, states[0], None)
            y_RO, finals = run_compiled(partial(self.source, variant=self.variant), packed, states, **options)
            return x._replace(data=y_RO), finals
        x_TBI, lengths_B, layout = read_input(self.label, x, lengths, batch_first=self.batch_first)
        if "run_part" in options:  # pieces of time lie one after another
            x_TBI = x_TBI.contiguous()
        steps = rows_of(x_TBI, lengths_B)
        options["masks"] = self.draw_masks(steps.steps, steps.batch, states[0], options["resets_TB"])
        y_RO, finals = run_compiled(partial(self.source, variant=self.variant), steps, states, **options)
        return layout.output(steps.back(y_RO), lengths_B), layout.states(finals)

    def inward(self, state: Any) -> Sequence[Tensor] | None:
        """A state as it is given in a call, as one tensor a declared state."""
        given: Sequence[Tensor] | None = state
        return given

    def outward(self, layout: Layout, states: States) -> Any:
        """States as a call returns them."""
        return layout.states(states)

    @property
    def own_products(self) -> bool:
        if self.deterministic not in (None, "any-split"):
            raise ConfigError(f"deterministic={self.deterministic!r}", repair='Choose None or "any-split".')
        return self.deterministic == "any-split"

    def stepper(self, batch: int = 1, state: Sequence[Tensor] | None = None) -> Stepper:
        """This layer one step at a time, in place, for `batch` sequences (see cellwright.nn.Stepper), as in eval mode.

        Raises:
            ConfigError: the layer is bidirectional: a step knows no future.
        """
        if self.bidirectional:
            raise ConfigError(
                f"{self.cell.name} is bidirectional: a step knows no future.", repair="bidirectional=False"
            )
        source = partial(self.source, variant=self.still_variant)
        return Stepper(source, self.state_sizes, self.input_size, self.num_layers, batch, self.weight, state)

    def trace(
        self,
        x: Tensor,
        lengths: Lengths | None = None,
        state: Any = None,
        grads: bool = False,
        states: bool = False,
    ) -> tuple[Tensor, Any, Trace]:
        """Runs the layer and gives every value that the cell's `step` names, from the same run.

        Args:
            x, lengths, state: as in a call; x is no PackedSequence.
            grads: also give their gradients: after `loss.backward()`, for a loss of y, the final state and named
                values, `grad` of each named value is d loss / d value, through all later steps and layers.
                It is that of the last backward pass, 0 beyond a length.
            states: also give every state of each step under its declared name, whatever `step` calls it, and the
                state that the step begins with as "h.before"; the gradient of that counts this and later steps only.

        Returns:
            y, final state, and {layer: {direction: {name: (T, B, n)}}}: gates, candidates and new states of every
            step, time first, 0 beyond a length; n = 1 for one number. Without `grads`, no gradient flows through any
            of them. Comparisons have none in any case.

        Raises:
            BackendError: kernels cannot run this cell on this input.
            ConfigError: `grads` where torch computes no gradients (torch.no_grad).

        Example:
            >>> y, state, names = layer.trace(x, grads=True)
            >>> y[-1].sum().backward()
            >>> names[0][0]["f"].grad.norm(dim=-1)  # of the forget gate, at every step
        """
        if grads and not torch.is_grad_enabled():
            raise ConfigError(
                f"{self.cell.name}.trace(grads=True) under torch.no_grad(): no gradient would arrive.",
                repair="Call it outside, or inside torch.enable_grad().",
            )
        batch, batched = check_input(self.label, x, self.input_size, self.batch_first)
        check_alike(self.cell.name, self.weight, x)
        rows = self.num_layers * self.directions
        given = check_states(
            self.label, self.inward(state), self.state_sizes, rows=rows, batch=batch, batched=batched, like=self.weight
        )
        self.compiles("cpu", x)
        x_TBI, lengths_B, layout = read_input(self.label, x, lengths, batch_first=self.batch_first)
        initial = batch_states(given, self.state_sizes, rows, batch, self.weight)
        with torch.set_grad_enabled(grads):
            y_TBO, finals, found = trace_layer(self, x_TBI, initial, lengths_B, grads, states)
        y = layout.output(y_TBO, lengths_B)
        assert isinstance(y, Tensor)
        return y, self.outward(layout, finals), found
