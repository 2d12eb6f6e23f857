"""What a network loses with one unit: a figure of merit with the unit held at 0, or at its mean, at every step.

    s_t ← keep ⊙ s_t + put        behind the cell's own step; keep = 1 but for the unit, whose put is the value

The step with this line is a cell like any other: it is compiled once, and a unit is held by setting two numbers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.engine.trace import returned_values
from cellwright.errors import ConfigError
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.runs import Record
from cellwright.microscope.tracer import layer_views
from cellwright.nn import Recurrent
from cellwright.nn.kernels import KernelLayer
from cellwright.nn.layers import DropIn

__all__ = ["ablation"]


class Held(Cell):
    """A cell whose states, and whose output where that is none of them, can be held unit by unit."""

    def __init__(self, cell: Cell, names: Sequence[str]) -> None:
        self.cell, self.held = cell, tuple(names)
        self.gates, self.states, self.sizes = cell.gates, cell.states, cell.sizes
        self.output, self.recurrent_bias = cell.output, cell.recurrent_bias
        letters = {name: cell.sizes.get(name, "H") for name in names}
        self.params = {**cell.params, **{f"{kind}_{name}": letters[name] for name in names for kind in ("keep", "put")}}

    @property
    def name(self) -> str:
        return self.cell.name

    def letter(self, letter: str) -> int | None:
        return self.cell.letter(letter)

    def takes(self) -> tuple[str, ...]:
        return (*self.cell.takes(), *(f"{kind}_{name}" for name in self.held for kind in ("keep", "put")))

    def step(self, x: Any, *states: Any, **given: Any) -> Any:
        own = {name: given[name] for name in self.cell.takes() if name in given}
        new, output = returned_values(self.cell, self.cell.step(x, *states, **own))
        made = dict(zip(self.state_names, new, strict=True)) | {self.output_name: output}
        for name in self.held:
            made[name] = given[f"keep_{name}"] * made[name] + given[f"put_{name}"]
        separate = [] if self.output_name in self.state_names else [made[self.output_name]]
        return (*(made[name] for name in self.state_names), *separate)


def ablation(
    model_or_layer: Any,
    metric: Callable[[Any], float],
    *,
    layer: int = 0,
    direction: int = 0,
    units: Sequence[int] | None = None,
    states: Sequence[str] | None = None,
    mean_of: Record | None = None,
    chance: float | None = None,
) -> Figure:
    """By how much a figure of merit drops when one unit is silenced, unit by unit.

    Args:
        model_or_layer: a layer of cellwright.nn, a torch module that holds such layers, or a trained model.
        metric: a model like the one given -> a number, the larger the better; for instance
            ``lambda net: float((net(x).argmax(1) == labels).double().mean())``.
        layer: counted from 0 over all recurrent layers of the model.
        direction: 0 forward, 1 backward.
        units: which ones; all if not given.
        states: states that are held; by default those as large as the output, and the output itself: of LSTM h and c.
        mean_of: a record whose mean over all steps and sequences each unit is held at; 0 if not given.
        chance: what the metric is by guessing. Units that cost at least half of what is above it are then named.

    Formula     D_j = metric − metric with unit j at 0, or its mean, after every step
    Unit        that of the metric    Range any; below 0: the network does better without
    Source      Lakretz et al. 2019, arXiv:1903.07435v2
    Adds up     D_j + the metric without j, both from the layer with the line above = the metric of the model as it was
                given. For weights in float32 within 5e-7 of it, in float64 within 1e-9: the two run other kernels.

    Raises:
        ConfigError: no such layer, direction, unit or state; a metric that is no number.
    """
    model = copy.copy(model_or_layer)
    network = copy.deepcopy(getattr(model, "network", model))
    if not isinstance(network, nn.Module):
        raise ConfigError(f"Expected a layer, a module or a trained model, found a {type(model_or_layer).__name__}.")
    if model is not network and hasattr(model, "network"):
        model.network = network
    else:
        model = network
    place, depth = _place(network, layer, direction)
    names = _names(place, states)
    held = _held_layer(place, names)
    size = held.views(depth, direction == 1)[f"keep_{names[0]}"].shape[0]
    chosen = range(size) if units is None else units
    if wrong := [unit for unit in chosen if not 0 <= unit < size]:
        raise ConfigError(f"Expected units of 0 to {size - 1}, found {wrong[0]}.")
    instead = {name: _mean(mean_of, layer, direction, name, size) for name in names}
    given = _measure(metric, model_or_layer)
    place.forward = partial(_through, held, place)  # type: ignore[attr-defined]
    whole = _measure(metric, model)
    left = np.array([_without(model, metric, held.views(depth, direction == 1), instead, unit) for unit in chosen])
    drop = whole - left
    exact = place.weight.dtype == torch.float64
    by = "0" if mean_of is None else "its mean"
    return Figure(
        name="ablation",
        title=f"What the metric loses with a unit of layer {layer}, {'backward' if direction else 'forward'}, at {by}",
        formula=f"D_j = metric − metric with {', '.join(names)} of unit j at {by} after every step",
        unit="of the metric",
        range="any; below 0: better without",
        source="Lakretz et al. 2019, arXiv:1903.07435v2",
        arrays={"drop": drop, "without": left},
        axes={"drop": ("unit",), "without": ("unit",)},
        labels={"unit": tuple(map(str, chosen))},
        check=Check(
            "D_j + metric without j = metric",
            drop + left,
            np.full(len(drop), given),
            (1e-9 if exact else 5e-7) * max(1.0, abs(given)),
        ),
        notes=(
            f"The metric of the whole model is {given:.6g}.",
            "Units that stand in for each other cost nothing alone.",
        ),
        verdict=_verdict(list(chosen), drop, left, given, chance),
    )


def _place(network: nn.Module, layer: int, direction: int) -> tuple[KernelLayer, int]:
    """The module that holds a layer, and the layer's number in it."""
    first = 0
    for module in network.modules():
        if isinstance(module, KernelLayer):
            if first <= layer < first + module.num_layers and 0 <= direction < module.directions:
                return module, layer - first
            first += module.num_layers
    raise ConfigError(f"Expected a layer of 0 to {first - 1} and a direction it has, found ({layer}, {direction}).")


def _names(layer: KernelLayer, states: Sequence[str] | None) -> tuple[str, ...]:
    cell = layer.cell
    sizes = cell.state_sizes(layer.hidden_size) | {cell.output_name: cell.output_size(layer.hidden_size)}
    if states is None:
        return tuple(name for name, size in sizes.items() if size == sizes[cell.output_name])
    if not states or not set(states) <= set(sizes) or len({sizes[name] for name in states}) > 1:
        raise ConfigError(f"Expected states of one size of {', '.join(sizes)}, found {', '.join(states) or 'none'}.")
    return tuple(states)


@torch.no_grad()
def _held_layer(layer: KernelLayer, names: Sequence[str]) -> Recurrent:
    """A layer of the same weights, whose units can be held."""
    made = Recurrent(
        Held(layer.cell, names),
        layer.input_size,
        layer.hidden_size,
        num_layers=layer.num_layers,
        bias=layer.bias,
        batch_first=layer.batch_first,
        bidirectional=layer.bidirectional,
        stack=layer.stack,
        zoneout={} if layer.state_masks is None else layer.state_masks.zoneout,
        dtype=layer.weight.dtype,
    )
    for depth, reverse in made.places():
        theirs = layer_views(layer, depth, reverse)
        for name, view in made.views(depth, reverse).items():
            view.copy_(theirs[name] if name in theirs else torch.full_like(view, float(name.startswith("keep_"))))
    return made.requires_grad_(False).eval()


def _through(
    held: Recurrent, layer: KernelLayer, x: Any, state: Any = None, lengths: Any = None, resets: Any = None,
    backend: str = "auto",
) -> tuple[Any, Any]:  # fmt: skip
    """The forward of the layer that `held` stands for."""
    y, finals = held(x, layer.inward(state), lengths, resets, backend)
    return y, finals[0] if isinstance(layer, DropIn) and layer.mode != "LSTM" else finals


def _mean(record: Record | None, layer: int, direction: int, name: str, size: int) -> Array:
    if record is None:
        return np.zeros(size)
    run = record.run(layer, direction)
    values = run.values.get(name, run.y_TBO)
    seen = [values[list(run.positions(b)), b] for b in range(len(run.lengths_B))]
    mean: Array = np.concatenate(seen).mean(0)
    if mean.shape != (size,):
        raise ConfigError(f"Expected a record of this layer with {size} units of {name}, found {mean.shape[0]}.")
    return mean


def _without(
    model: Any, metric: Callable[[Any], float], views: dict[str, Tensor], instead: dict[str, Array], unit: int
) -> float:
    with torch.no_grad():
        for name, values in instead.items():
            views[f"keep_{name}"][unit], views[f"put_{name}"][unit] = 0.0, float(values[unit])
        try:
            return _measure(metric, model)
        finally:
            for name in instead:
                views[f"keep_{name}"][unit], views[f"put_{name}"][unit] = 1.0, 0.0


def _measure(metric: Callable[[Any], float], model: Any) -> float:
    with torch.no_grad():
        found: Any = metric(model)
    try:
        return float(found)
    except (TypeError, ValueError, RuntimeError):
        raise ConfigError(f"Expected a number from the metric, found a {type(found).__name__}.") from None


def _verdict(units: list[int], drop: Array, left: Array, given: float, chance: float | None) -> str:
    if not len(drop):
        return ""
    order = np.argsort(-drop, kind="stable")
    best = int(order[0])
    others = f"; without any other at most {drop[order[1]]:.3g} less" if len(order) > 1 else ""
    text = f"Unit {units[best]} is missed most: {given:.3g} → {left[best]:.3g}{others}."
    if chance is None:
        return text
    found = [str(units[k]) for k in order if drop[k] >= (given - chance) / 2 > 0]
    return (
        f"{text} At least half of what is above chance ({chance:.3g}) hangs on: {', '.join(found) or 'no single unit'}."
    )
