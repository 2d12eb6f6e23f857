"""One step back in time: what arrives at a step's new states and output, handed to its old states, input and weights.

All steps at once where the gradients at the new states are known; else step by step, for many rows at a time.
Axes: L steps in reading order, R rows that are followed, N all states side by side, O output, I input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cellwright.errors import ConfigError
from cellwright.microscope.figure import Array
from cellwright.microscope.reading import Reading
from cellwright.microscope.runs import Run
from cellwright.microscope.steps import node_values, run_leaves, step_function
from cellwright.nearest import nearest

__all__ = [
    "Arriving",
    "Uses",
    "all_steps_back",
    "arriving",
    "from_output",
    "run_from_output",
    "step_back",
    "step_matrix",
    "uses_of",
]


@dataclass(frozen=True, slots=True)
class Arriving:
    """What the record's target sends to one sequence of a layer and direction.

    Attributes:
        states_LN: d target / d (state that each step hands on), from the engine, through later steps.
        output_LO: d target / d y.
    """

    states_LN: Tensor
    output_LO: Tensor


def arriving(reading: Reading) -> Arriving:
    """Raises ConfigError for a record without gradients."""
    run = reading.run
    if not run.state_gradients:
        raise ConfigError(
            "Expected a record with gradients, found one without.", repair="cellwright.inspect(…, gradients=True)"
        )
    order = list(run.positions(reading.sequence))[: len(reading)]
    states = [run.state_gradients[name][order, reading.sequence] for name in run.state_names]
    return Arriving(
        torch.from_numpy(np.concatenate(states, axis=1)), torch.from_numpy(run.dy_TBO[order, reading.sequence].copy())
    )


def from_output(reading: Reading, output_LO: Tensor) -> Tensor:
    """(L, N): what a step's output hands to its own new states, each new state taken as a number of its own: the way
    from c through h is h's, not c's."""
    return _handed(reading.run, reading.leaves(), output_LO)


def run_from_output(run: Run) -> Array:
    """(T, B, N): the same for all sequences of a run, of what the record's target sends to its output."""
    steps, batch, size = run.dy_TBO.shape
    output_NO = torch.from_numpy(run.dy_TBO).reshape(-1, size)
    entered = output_NO.any(1)  # where nothing arrives nothing is handed on
    leaves = {
        name: value if name in run.weights else value[entered] for name, value in run_leaves(run).items()
    }  # fmt: skip
    found_NS = output_NO.new_zeros(len(output_NO), sum(held.shape[1] for held in run.initial.values()))
    found_NS[entered] = _handed(run, leaves, output_NO[entered])
    return found_NS.reshape(steps, batch, -1).numpy()


def _handed(run: Run, leaves: Mapping[str, Tensor], output_LO: Tensor) -> Tensor:
    graph, cut, rows = run.graph, dict[int, Tensor](), len(output_LO)
    # an old state that is handed on as it was is no new value of this step: nothing reads it as one
    made = {at for _, at in graph.states if graph.nodes[at].args}

    def leave(index: int, value: Tensor) -> Tensor:
        if index not in made:
            return value
        cut[index] = value.expand(rows, -1).detach().clone().requires_grad_()
        return cut[index]

    with torch.enable_grad():
        y_LO = node_values(graph, leaves, leave)[graph.output].expand(rows, -1)
        read: tuple[Tensor | None, ...] = tuple(None for _ in cut)
        if y_LO.requires_grad:
            read = torch.autograd.grad((y_LO * output_LO).sum(), list(cut.values()), allow_unused=True)
    parts = dict(zip(cut, read, strict=True))
    whole = []
    for name, at in graph.states:
        part = parts.pop(at, None)  # of two states that are one value, the first is counted
        whole.append(torch.zeros(rows, run.initial[name].shape[1], dtype=output_LO.dtype) if part is None else part)
    return torch.cat(whole, dim=1)


def all_steps_back(reading: Reading, here: Arriving) -> Tensor:
    """(L, N): d target / d (state before each step), each step by itself: autograd through its equations from what
    arrives at its new states and its output. No loop over time."""
    before = {name: held.clone().requires_grad_() for name, held in reading.before.items()}
    with torch.enable_grad():
        found = node_values(reading.run.graph, {**reading.leaves(), **before})
        new_LN = torch.cat([found[at].expand(len(reading), -1) for _, at in reading.run.graph.states], dim=1)
        y_LO = found[reading.run.graph.output].expand(len(reading), -1)
        total = (new_LN * here.states_LN).sum() + (y_LO * here.output_LO).sum()
        parts = torch.autograd.grad(total, list(before.values()), allow_unused=True)
    return torch.cat(
        [torch.zeros_like(b) if part is None else part for b, part in zip(before.values(), parts, strict=True)], dim=1
    )


@dataclass(frozen=True, slots=True)
class Uses:
    """Where a step uses one weight: the products of a matrix, or the weight itself where it is a vector or number.

    Attributes:
        matrix: whether it is one.
        products: positions of the matmul nodes whose matrix it is; empty for a vector or number.
        operands: the vector that each product multiplies, (L, n).
    """

    weight: str
    matrix: bool
    products: tuple[int, ...]
    operands: tuple[Tensor, ...]


def uses_of(reading: Reading, weight: str) -> Uses:
    """Raises ConfigError for a weight that the cell does not have."""
    graph, weights = reading.run.graph, reading.run.weights
    if weight not in weights:
        near = nearest(weight, weights)
        raise ConfigError(
            f"Expected a weight of {', '.join(weights)}, found {weight!r}.",
            repair=f"Did you mean {near}?" if near else None,
        )
    if weights[weight].ndim < 2:
        return Uses(weight, False, (), ())
    leaf = next((k for k, node in enumerate(graph.nodes) if node.op == "parameter" and node.name == weight), None)
    products = tuple(k for k, node in enumerate(graph.nodes) if node.op == "matmul" and node.args[0] == leaf)
    values = reading.values(graph)
    read = [graph.nodes[k].args[1] for k in products]
    return Uses(weight, True, products, tuple(reading.rows(values[at], graph.nodes[at]) for at in read))


Back = Callable[[int, Tensor, Tensor], tuple[Tensor, Tensor, tuple[Tensor, ...]]]


def step_back(reading: Reading, uses: Uses | None = None) -> Back:
    """(step, new states' gradient (R, N), output's (R, O)) -> gradients of the old states (R, N), of x (R, I), and of
    each use of a weight: (R, m) of each product, or (R, n) of a vector or number (as one entry)."""
    graph, places, weights = reading.run.graph, reading.places, reading.weights

    def back(j: int, new_RN: Tensor, y_RO: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        rows = len(new_RN)

        def leaf(one: Tensor) -> Tensor:  # the step once more for each row: plain products, no batching rules
            return one.expand(rows, *one.shape).clone().requires_grad_()

        states = {name: leaf(held[j]) for name, held in reading.before.items()}
        x_RI, taps, own = leaf(reading.x_LI[j]), dict[int, Tensor](), dict[str, Tensor]()
        if uses is not None and not uses.matrix:
            own[uses.weight] = leaf(weights[uses.weight])
        elif uses is not None:
            taps = {k: leaf(torch.zeros(graph.nodes[k].shape, dtype=torch.float64)) for k in uses.products}
        with torch.enable_grad():
            found = node_values(
                graph, {**weights, **own, **states, "x": x_RI}, lambda k, value: value + taps[k] if k in taps else value
            )
            new = torch.cat([found[dict(graph.states)[name]].expand(rows, -1) for name in places], dim=1)
            total = (new * new_RN).sum() + (found[graph.output] * y_RO).sum()
            asked = [*states.values(), x_RI, *own.values(), *taps.values()]
            parts = torch.autograd.grad(total, asked, allow_unused=True)
        whole = [torch.zeros_like(a) if part is None else part for a, part in zip(asked, parts, strict=True)]
        return (
            torch.cat(whole[: len(states)], dim=1),
            whole[len(states)],
            tuple(tap.reshape(rows, -1) for tap in whole[len(states) + 1 :]),
        )

    return back


def step_matrix(reading: Reading, t: int) -> Tensor:
    """(N + O, N + I): d (new states, output) / d (old states, x) of one step, column by column: the derivative, by what
    arrives, of what is handed on."""
    step, places, size = step_function(reading.run), reading.places, reading.width
    old_I = torch.cat([*(held[t] for held in reading.before.values()), reading.x_LI[t]])
    columns = len(old_I)
    with torch.enable_grad():
        old = old_I.expand(columns, -1).clone().requires_grad_()
        new, y = step(old[:, size:], {name: old[:, place] for name, place in places.items()})
        whole = torch.cat([*new.values(), y], dim=1)
        arrives = torch.zeros_like(whole, requires_grad=True)
        if not whole.requires_grad:
            return torch.zeros(whole.shape[1], columns, dtype=torch.float64)
        handed = torch.autograd.grad(whole, old, arrives, create_graph=True)[0]
        if not handed.requires_grad:
            return torch.zeros(whole.shape[1], columns, dtype=torch.float64)
        return torch.autograd.grad(handed.diagonal().sum(), arrives)[0].T
