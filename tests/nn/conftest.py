"""What the layer tests compare: outputs, final states and every gradient under random cotangents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from cellwright import cells
from cellwright.nn import Recurrent
from cellwright.ops import Operators

torch.set_num_threads(1)

Results = dict[str, Tensor]


def flat(value: Any) -> list[Tensor]:
    """The tensors of a layer's output: y or the packed data, then the states."""
    if isinstance(value, PackedSequence):
        return [value.data]
    return [value] if isinstance(value, Tensor) else [tensor for part in value for tensor in flat(part)]


def value_and_gradients(call: Callable[[], Any], leaves: Iterable[Tensor]) -> Results:
    """Outputs of `call` and the gradients of a random linear function of all of them."""
    outputs = flat(call())
    generator = torch.Generator().manual_seed(7)
    loss = sum((y * torch.randn(y.shape, generator=generator, dtype=y.dtype)).sum() for y in outputs)
    gradients = torch.autograd.grad(loss, list(leaves), allow_unused=True)
    named = {f"output {k}": y.detach() for k, y in enumerate(outputs)}
    return named | {f"gradient {k}": g for k, g in enumerate(gradients) if g is not None}


def assert_same(ours: Results, theirs: Results, tolerance: float) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert tensor.shape == theirs[name].shape, name
        assert bool(tensor.isfinite().all()), name
        worst = float((tensor - theirs[name]).abs().max()) if tensor.numel() else 0.0
        assert worst <= tolerance * max(1.0, float(theirs[name].abs().max()) if tensor.numel() else 1.0), (name, worst)


@pytest.fixture
def same() -> Callable[..., None]:
    """same(call, reference_call, leaves, reference_leaves=leaves, tolerance=1e-12): equal values and gradients."""

    def check(
        call: Callable[[], Any],
        reference: Callable[[], Any],
        leaves: list[Tensor],
        reference_leaves: list[Tensor] | None = None,
        tolerance: float = 1e-12,
    ) -> None:
        theirs = value_and_gradients(reference, leaves if reference_leaves is None else reference_leaves)
        assert_same(value_and_gradients(call, leaves), theirs, tolerance)

    return check


def make_cell(name: str) -> cells.Cell:
    """The library's cell of this name; where its output has a size of its own, 2 of them."""
    cls = cells.CELLS[name]
    return cls(2) if name in ("Jordan", "LSTMP") else cls()


@pytest.fixture
def cell_of() -> Callable[[str], cells.Cell]:
    return make_cell


OPS = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "matmul": torch.mv}
OPS |= {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}
OPS |= {"div": torch.div, "neg": torch.neg, "exp": torch.exp, "sqrt": torch.sqrt, "maximum": torch.maximum}
OPS |= {"softplus": torch.nn.functional.softplus, "softmax": lambda v: v.softmax(0), "cumsum": lambda v: v.cumsum(0)}
OPS |= {"mean": torch.mean, "concat": lambda *parts: torch.cat(parts), "slice": lambda v, start, stop: v[start:stop]}


class Vector(Operators):
    """One sequence's vector (n,) or matrix in torch, without a batch axis."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)

    def __cellwright_apply__(self, op: str, args: Any, attrs: dict[str, Any]) -> Vector:
        tensors = [a.tensor if isinstance(a, Vector) else torch.tensor(a, dtype=torch.float64) for a in args]
        return Vector(OPS[op](*tensors, **attrs))


def row_of(layer: Recurrent, place: tuple[int, bool]) -> int:
    return place[0] * layer.directions + place[1]


def stored_weights(layer: Recurrent, place: tuple[int, bool]) -> dict[str, Tensor]:
    """Per-gate weights of one layer and direction, cut from the state_dict's own names by hand."""
    end = f"_l{place[0]}" + ("_reverse" if place[1] else "")
    stored, gates, weights = dict(layer.named_parameters()), layer.cell.gates.split(), {}
    for letter, stem, rows in (
        ("W", "weight_ih", gates),
        ("R", "weight_hh", gates),
        ("b", "bias", gates),
        ("bR", "bR", layer.cell.recurrent_bias.split()),
    ):
        if stem + end in stored:
            weights.update(
                {f"{letter}.{g}": part for g, part in zip(rows, stored[stem + end].chunk(len(rows)), strict=True)}
            )
    return weights | {name: stored[name + end] for name in layer.cell.params}


def one_run(layer: Recurrent, place: tuple[int, bool], xs: list[Tensor], states: list[Tensor]) -> tuple[Any, Any]:
    """The cell's step on plain vectors, step after step: outputs in the order of time, final states."""
    cell = layer.cell
    arguments = cell.bind({name: Vector(weight) for name, weight in stored_weights(layer, place).items()})
    outputs = []
    separate = cell.output is not None and cell.output not in cell.state_names
    for x in reversed(xs) if place[1] else xs:
        returned = cell.step(Vector(x), *map(Vector, states), **arguments)
        values = [v.tensor for v in ([returned] if isinstance(returned, Vector) else returned)]
        outputs.append(values[-1] if separate else values[cell.state_names.index(cell.output_name)])
        states = values[: len(states)]
    return outputs[::-1] if place[1] else outputs, states


def by_hand(layer: Recurrent, x_TI: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """One sequence through all layers and directions; states and finals (L·D, S)."""
    finals: dict[int, list[Tensor]] = {}
    start = list(x_TI)

    def run(place: tuple[int, bool], xs: list[Tensor]) -> list[Tensor]:
        row = row_of(layer, place)
        ys, finals[row] = one_run(layer, place, xs, [state[row] for state in states])
        return ys

    both = (False, True)[: layer.directions]
    if layer.stack == "joint":
        xs = start
        for k in range(layer.num_layers):
            xs = [torch.cat(parts) for parts in zip(*[run((k, reverse), xs) for reverse in both], strict=True)]
    else:
        ends = []
        for reverse in both:
            xs = start
            for k in range(layer.num_layers):
                xs = run((k, reverse), xs)
            ends.append(xs)
        xs = [torch.cat(parts) for parts in zip(*ends, strict=True)]
    rows = [finals[row] for row in range(len(finals))]
    y_TO = torch.stack(xs) if xs else x_TI.new_zeros(0, layer.directions * layer.output_size)
    return y_TO, [torch.stack(column) for column in zip(*rows, strict=True)]


def each_alone(layer: Recurrent, x_TBI: Tensor, states: Iterable[Tensor], lengths: Iterable[int]) -> Any:
    """Every sequence cut to its length and run on its own; joined as a padded batch."""
    steps, states = len(x_TBI), list(states)
    runs = [by_hand(layer, x_TBI[:n, b], [state[:, b] for state in states]) for b, n in enumerate(lengths)]
    ys = [torch.cat([y, y.new_zeros(steps - len(y), y.shape[1])]) for y, _ in runs]
    finals = zip(*[ends for _, ends in runs], strict=True)
    return torch.stack(ys, dim=1), tuple(torch.stack(column, dim=1) for column in finals)


@pytest.fixture
def alone() -> Callable[..., Any]:
    """alone(layer, x_TBI, states, lengths): the cell's own step on each sequence's vectors, no batch, no padding."""
    return each_alone


@pytest.fixture
def start_of() -> Callable[..., tuple[Tensor, ...]]:
    """start_of(layer, batch): random initial states of a layer, one a declared state, (L·D, batch, S)."""

    def draw(layer: Any, batch: int) -> tuple[Tensor, ...]:
        rows = layer.num_layers * layer.directions
        sizes = layer.state_sizes.values()
        return tuple(torch.randn(rows, batch, size, dtype=torch.float64, requires_grad=True) for size in sizes)

    return draw
