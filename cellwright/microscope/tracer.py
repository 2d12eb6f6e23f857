"""Recording: each layer and direction run by itself through the engine, so that what passes between them, and every
gradient, can be read.

Axes: T time, B batch, I input, O output, S size of one state, L layers, D directions, n features of a named value.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from cellwright.cells import Cell
from cellwright.engine.graph import Graph
from cellwright.engine.masks import Masking, mask_step
from cellwright.engine.named import BEFORE
from cellwright.engine.trace import trace
from cellwright.errors import DataError, ShapeError, TrainingError
from cellwright.microscope.figure import Array
from cellwright.microscope.runs import Run
from cellwright.nn import Recurrent
from cellwright.nn.kernels import KernelLayer
from cellwright.nn.layers import DropIn
from cellwright.nn.layout import States, batch_states, check_input, check_states, read_input
from cellwright.nn.lengths import Lengths, mask_padding, reverse_valid
from cellwright.nn.stack import run_stack
from cellwright.nn.weights import merged_views

__all__ = ["Made", "Tracer", "as_double", "check_finite", "double_copy", "layer_views"]


def double_copy(layer: Any) -> Any:
    """A copy in float64 and eval mode: the original's weights, mode and device are left alone."""
    made = copy.deepcopy(layer).to(device="cpu", dtype=torch.float64).eval()
    made.requires_grad_(True)
    return made


def check_finite(what: str, named: Any) -> None:
    """Raises TrainingError unless every one of `named` ((name, tensor) pairs) is finite."""
    for name, tensor in named:
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            count = int((~torch.isfinite(tensor)).sum())
            raise TrainingError(
                f"Expected finite weights of {what}, found {count:,} of {tensor.numel():,} entries of {name} that are"
                " nan or inf.",
                repair="Take a checkpoint from before; `cellwright.microscope.first_bad` names where it began.",
            )


Made = dict[tuple[int, KernelLayer, int, bool], Recurrent]  # by number of the call, layer, depth and direction


@dataclass(slots=True)
class _Call:
    """One direction of one layer as it ran; gradients are on its tensors after a backward pass."""

    layer: int
    direction: int
    one: Recurrent
    lengths_B: Tensor
    x_TBI: Tensor
    y_TBO: Tensor
    initial: States
    finals: States
    values: dict[str, Tensor]


class Tracer:
    """Runs layers and keeps every value; once a scalar made of what it returned has gone backward, every gradient too.

    Args:
        grads: whether a backward pass will follow.
        dtype: that everything runs in.
        checked: whether weights and inputs with nan or inf are refused.
        apart: whether each layer and direction stands by itself: no gradient passes from one to another.
        made: the single layers that the calls of an earlier run were made with, to be used again; new ones are added.
    """

    def __init__(
        self,
        grads: bool,
        dtype: torch.dtype = torch.float64,
        checked: bool = True,
        apart: bool = False,
        made: Made | None = None,
    ) -> None:
        self.grads, self.dtype, self.checked, self.apart = grads, dtype, checked, apart
        self.made: Made = {} if made is None else made
        self.calls: list[_Call] = []
        self.layers = 0

    def __call__(
        self,
        layer: KernelLayer,
        x: Tensor | PackedSequence,
        state: Sequence[Tensor] | None = None,
        lengths: Lengths | None = None,
    ) -> tuple[Any, Any]:
        """What `layer(x, state, lengths)` returns in eval mode. The layer's own dtype must be the tracer's, as that of
        `double_copy` is; its weights are read, no gradient reaches them."""
        batch, batched = check_input(layer.label, x, layer.input_size, layer.batch_first)
        rows, sizes = layer.num_layers * layer.directions, layer.state_sizes
        given = check_states(layer.label, state, sizes, rows=rows, batch=batch, batched=batched, like=layer.weight)
        x_TBI, lengths_B, layout = read_input(layer.label, x, lengths, batch_first=layer.batch_first)
        if not x_TBI.shape[0] or not batch:
            raise ShapeError(f"{layer.label} got x of {len(x_TBI)} steps and {batch} sequences: nothing to look at.")
        states = batch_states(given, sizes, rows, batch, x_TBI)
        if lengths_B is not None:
            x_TBI = mask_padding(x_TBI, lengths_B)
        if self.checked and not bool(torch.isfinite(x_TBI).all()):
            raise DataError(
                f"Expected finite x for {layer.label}, found nan or inf.",
                repair="`cellwright.microscope.first_bad` names the first step and value that such an input breaks.",
            )

        def run_one(
            layer: int, reverse: bool, x_TBI: Tensor, states: States, lengths_B: Tensor | None
        ) -> tuple[Tensor, States]:
            return self._direction(whole, layer, reverse, x_TBI, states, lengths_B)

        whole = layer
        with torch.set_grad_enabled(self.grads):
            y_TBO, finals = run_stack(
                run_one,
                x_TBI,
                states,
                lengths_B,
                num_layers=layer.num_layers,
                directions=layer.directions,
                stack=layer.stack,
            )
        self.layers += layer.num_layers
        outward = layout.states(finals)
        bare = isinstance(layer, DropIn) and layer.mode != "LSTM"
        return layout.output(y_TBO, lengths_B), outward[0] if bare else outward

    def _direction(
        self,
        layer: KernelLayer,
        depth: int,
        reverse: bool,
        x_TBI: Tensor,
        states: States,
        lengths_B: Tensor | None,
    ) -> tuple[Tensor, States]:
        steps, batch, width = x_TBI.shape
        place = (len(self.calls), layer, depth, reverse)
        if place not in self.made:
            kept = {} if layer.state_masks is None else layer.state_masks.zoneout
            with torch.random.fork_rng(devices=[]):  # weights are drawn only to be replaced
                one = Recurrent(layer.cell, width, layer.hidden_size, bias=layer.bias, zoneout=kept, dtype=self.dtype)
            self.made[place] = one.eval()
        one = self.made[place]
        one.zero_grad()
        with torch.no_grad():
            theirs = layer_views(layer, depth, reverse)
            for name, view in one.views(0).items():
                view.copy_(theirs[name])
        if self.checked:
            check_finite(layer.label, one.views(0).items())
        full_B = torch.full((batch,), steps) if lengths_B is None else lengths_B
        # a node of its own: its gradient is what arrives in this direction, not what the other one adds
        x_own = x_TBI.clone() if x_TBI.requires_grad else x_TBI.clone().requires_grad_(self.grads)
        states = tuple(state.detach() for state in states)
        read = reverse_valid(x_own, full_B) if reverse else x_own
        y_read, finals, names = one.trace(
            read, lengths=full_B, state=tuple(s[None] for s in states), grads=self.grads, states=True
        )
        y_TBO = reverse_valid(y_read, full_B) if reverse else y_read
        if self.grads:
            y_TBO = y_TBO.clone()
            finals = tuple(final[0].clone() for final in finals)
            for passed_on in (x_own, y_TBO, *finals):
                passed_on.retain_grad()
        else:
            finals = tuple(final[0] for final in finals)
        call = _Call(self.layers + depth, int(reverse), one, full_B, x_own, y_TBO, states, finals, names[0][0])
        self.calls.append(call)
        return (y_TBO.detach(), tuple(f.detach() for f in finals)) if self.apart else (y_TBO, finals)

    def last_outputs(self) -> Tensor:
        """A scalar: of each layer, direction and sequence, the mean direction of the output of the step read last."""
        parts = []
        for call in self.calls:
            last_B = torch.zeros_like(call.lengths_B) if call.direction else (call.lengths_B - 1).clamp(min=0)
            y_BO = call.y_TBO[last_B, torch.arange(len(last_B))]
            parts.append((y_BO * (call.lengths_B > 0)[:, None]).sum() / y_BO.shape[1] ** 0.5)
        return torch.stack(parts).sum()

    def runs(self) -> tuple[Run, ...]:
        """Everything recorded, layer after layer, forward before backward."""
        return tuple(self._run(call) for call in sorted(self.calls, key=lambda call: (call.layer, call.direction)))

    def _run(self, call: _Call) -> Run:
        cell, one = call.one.cell, call.one
        graph, names = _graph_of(cell, one.input_size, one.hidden_size, one.bias, one.masking(one.variant))

        def placed(tensor: Tensor) -> Array:
            """By position in the sequence."""
            turned = reverse_valid(tensor, call.lengths_B) if call.direction else tensor
            return turned.detach().numpy().copy()

        values = {name: placed(call.values[name]) for name in names if name in call.values}
        run = Run(
            layer=call.layer,
            direction=call.direction,
            cell=cell,
            graph=graph,
            names=names,
            weights={name: view.detach().numpy().copy() for name, view in one.views(0).items()},
            x_TBI=call.x_TBI.detach().numpy().copy(),
            y_TBO=call.y_TBO.detach().numpy().copy(),
            initial={name: s.numpy().copy() for name, s in zip(cell.state_names, call.initial, strict=True)},
            values=values,
            lengths_B=call.lengths_B.numpy().copy(),
        )
        if not self.grads:
            return run
        states = {
            name: _handed_on(run, placed(_grad(call.values[name + BEFORE])), _grad(final).numpy())
            for name, final in zip(cell.state_names, call.finals, strict=True)
        }
        return replace(
            run,
            gradients={name: placed(_grad(call.values[name])) for name in values},
            state_gradients=states,
            weight_gradients=_weight_gradients(one),
            dx_TBI=_grad(call.x_TBI).numpy(),
            dy_TBO=_grad(call.y_TBO).numpy(),
        )


@lru_cache(maxsize=64)
def _graph_of(
    cell: Cell, input_size: int, hidden_size: int, bias: bool, masking: Masking | None
) -> tuple[Graph, Mapping[str, int]]:
    """The step's graph, and which of its nodes each name is; a state's name is that of the new state."""
    names: dict[str, int] = {}
    graph = trace(cell, input_size, hidden_size, bias, names)
    if masking is not None:  # outside training: the mean over zoneout's masks
        graph, moved = mask_step(graph, masking)
        names = {name: moved[at] for name, at in names.items()}
    return graph, MappingProxyType(names | dict(graph.states))


def _handed_on(run: Run, before_TBS: Array, final_BS: Array) -> Array:
    """(T, B, S): the gradient of the state that each step hands on, from that of the state each step begins with."""
    found = np.zeros_like(before_TBS)
    for b in range(before_TBS.shape[1]):
        read = run.positions(b)
        for at, t in enumerate(read):
            found[t, b] = before_TBS[read[at + 1], b] if at + 1 < len(read) else final_BS[b]
    return found


def _weight_gradients(one: Recurrent) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for block in one.blocks(0):
        parameter = getattr(one, block.name + "_l0")
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        parts = [gradient] if len(block.keys) == 1 else list(gradient.split(block.rows))
        found |= {key: part.numpy().copy() for key, part in zip(block.keys, parts, strict=True)}
    return found


def layer_views(layer: KernelLayer, depth: int, reverse: bool) -> dict[str, Tensor]:
    """The weights of one layer and direction as a cell's step names them."""
    if isinstance(layer, Recurrent):
        return layer.views(depth, reverse)
    assert isinstance(layer, DropIn)
    return merged_views(layer, layer.cell, depth, reverse)


def _grad(value: Tensor) -> Tensor:
    with warnings.catch_warnings():  # torch warns of `grad` on what is no leaf; here a hook has put it there
        warnings.simplefilter("ignore", UserWarning)
        return torch.zeros_like(value) if value.grad is None else value.grad


def as_double(inputs: Any) -> Tensor:
    """An array, tensor or list of numbers as a float64 tensor without history."""
    if isinstance(inputs, Tensor):
        return inputs.detach().to(device="cpu", dtype=torch.float64)
    try:
        return torch.from_numpy(np.array(inputs, np.float64))
    except (ValueError, TypeError) as wrong:
        raise DataError(f"Expected numbers (T, B, I) for a layer, found {type(inputs).__name__}: {wrong}.") from None
