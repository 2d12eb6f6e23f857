"""Recurrent layers run on values that are split into phrase, rest and neutral parts.

Axes: T steps, K = 3 parts, P phrases, I input, O output, S size of one state, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from cellwright.engine.masks import mask_step
from cellwright.engine.trace import trace
from cellwright.errors import ConfigError
from cellwright.microscope.splits import PARTS, settle, split_nodes
from cellwright.microscope.subject import Hook, Subject
from cellwright.microscope.tracer import layer_views
from cellwright.nn.kernels import KernelLayer
from cellwright.nn.layout import States, batch_states, read_input
from cellwright.nn.stack import run_stack

__all__ = ["SplitRun", "split_layer", "split_run"]

K = len(PARTS)


@dataclass(slots=True)
class _Call:
    """One call of a layer: what it said, whole and in parts."""

    y_TO: Tensor
    y_TKPO: Tensor
    finals: States  # each (L·D, K, P, S)


@dataclass(slots=True)
class SplitRun:
    """What every recurrent layer of a network said, in parts, call after call."""

    inside_TP: Tensor
    whole: Sequence[str]
    calls: list[_Call] = field(default_factory=list)
    x_TI: Tensor | None = None

    def hook(self) -> Hook:
        """Runs the layers as they are, and once more in parts."""

        def run(layer: KernelLayer, x: Any, state: Any, lengths: Any) -> tuple[Any, Any]:
            x_T1I, lengths_B, _ = read_input(layer.label, x, lengths, batch_first=layer.batch_first)
            before = layer.inward(state)
            given = batch_states(None if before is None else tuple(before), layer.state_sizes, _rows(layer), 1, x_T1I)
            y, finals = type(layer).forward(layer, x, state, lengths)  # type: ignore[attr-defined]
            length = len(x_T1I) if lengths_B is None else int(lengths_B[0])
            parts = self._parts(layer, x_T1I[:, 0])[:length]
            y_TKPO, split = split_layer(layer, parts, given, self.inside_TP[:length], self.whole)
            beyond = y_TKPO.new_zeros(len(x_T1I) - length, *y_TKPO.shape[1:])
            y_T1O, _, _ = read_input(layer.label, y, lengths, batch_first=layer.batch_first)
            self.calls.append(_Call(y_T1O[:, 0], torch.cat([y_TKPO, beyond]), split))
            return y, finals

        return run

    def _parts(self, layer: KernelLayer, x_TI: Tensor) -> Tensor:
        """(T, K, P, I): what a layer reads, in parts: words of the phrase and of the rest, or what a layer said."""
        for call in self.calls:
            if torch.equal(call.y_TO, x_TI):
                return call.y_TKPO
        if self.x_TI is not None and not torch.equal(self.x_TI, x_TI):
            raise ConfigError(
                f"Expected {layer.label} to read what another recurrent layer says, or what the first one reads; found"
                " something in between.",
                repair="Decompose the recurrent layers one by one: contextual_decomposition(layer, x).",
            )
        self.x_TI = x_TI
        inside_TP1 = self.inside_TP[:, :, None]
        wide, nothing = x_TI[:, None].expand(-1, self.inside_TP.shape[1], -1), x_TI.new_zeros(1)
        return torch.stack(
            [torch.where(inside_TP1, wide, nothing), torch.where(inside_TP1, nothing, wide), torch.zeros_like(wide)], 1
        )

    def only(self, phrase: int, parts: Sequence[int]) -> Hook:
        """Lets the layers say these parts of what they said, for one phrase, and nothing else."""
        calls = iter(self.calls)

        def say(layer: KernelLayer, x: Any, state: Any, lengths: Any) -> tuple[Any, Any]:
            call = next(calls)
            _, lengths_B, layout = read_input(layer.label, x, lengths, batch_first=layer.batch_first)
            chosen = list(parts)
            y_TO = call.y_TKPO[:, chosen, phrase].sum(1)
            finals = tuple(final[:, chosen, phrase].sum(1, keepdim=True) for final in call.finals)
            return layout.output(y_TO[:, None], lengths_B), layer.outward(layout, finals)

        return say


def split_run(subject: Subject, inside_TP: Tensor, whole: Sequence[str] = ()) -> SplitRun:
    """All recurrent layers of a network on its sequence, in parts.

    Args:
        inside_TP: whether each word belongs to each phrase.
        whole: names of values of `step` that are held, not split, as o in Murdoch et al. 2018.

    Raises:
        ConfigError: a layer that reads what is neither the first layer's input nor a layer's output; an unknown name.
    """
    run = SplitRun(inside_TP, whole)
    with torch.no_grad():
        subject.outputs(run.hook())
    return run


def split_layer(
    recurrent: KernelLayer, x_TKPI: Tensor, initial: States, inside_TP: Tensor, whole: Sequence[str] = ()
) -> tuple[Tensor, States]:
    """A recurrent layer on one sequence in parts.

    Args:
        initial: (L·D, 1, S) a state; what stands before the first step belongs to the rest.

    Returns:
        y (T, K, P, D·O), and final states, each (L·D, K, P, S).
    """
    phrases = inside_TP.shape[1]

    def run_one(
        layer: int, reverse: bool, x_TBI: Tensor, states: States, lengths_B: Tensor | None
    ) -> tuple[Tensor, States]:
        weights = layer_views(recurrent, layer, reverse)
        names: dict[str, int] = {}
        graph = trace(recurrent.cell, x_TBI.shape[-1], recurrent.hidden_size, recurrent.bias, names)
        masks = recurrent.state_masks
        if masks is not None and masks.evaluation is not None:  # outside training: the mean over zoneout's masks
            graph, moved = mask_step(graph, masks.evaluation)
            names = {name: moved[at] for name, at in names.items()}
        unknown = [name for name in whole if name not in names]
        if unknown:
            raise ConfigError(
                f"Expected names of values in {recurrent.cell.name}.step, found {unknown[0]!r}.",
                repair=f"It names {', '.join(names)}.",
            )
        held = {names[name] for name in whole}
        live = dict(zip(recurrent.cell.state_names, states, strict=True))
        said = x_TBI.new_empty(len(x_TBI), K, phrases, graph.nodes[graph.output].shape[0])
        for t in range(len(x_TBI) - 1, -1, -1) if reverse else range(len(x_TBI)):
            nodes = split_nodes(graph, {"x": x_TBI[t], **live, **weights}, inside_TP[t], held)
            live = {name: settle(nodes[index], inside_TP[t]) for name, index in graph.states}
            said[t] = settle(nodes[graph.output], inside_TP[t])
        return said, tuple(live.values())

    starts = []
    for state in initial:
        rest = state.expand(-1, phrases, -1)
        starts.append(torch.stack([torch.zeros_like(rest), rest, torch.zeros_like(rest)], 1))
    with torch.no_grad():
        return run_stack(
            run_one,
            x_TKPI,
            tuple(starts),
            None,
            num_layers=recurrent.num_layers,
            directions=recurrent.directions,
            stack=recurrent.stack,
        )


def _rows(layer: KernelLayer) -> int:
    return layer.num_layers * layer.directions
