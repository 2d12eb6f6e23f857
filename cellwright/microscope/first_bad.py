"""The first bad number: the step, the value and its operands where inf, nan or denormals first appear.

Forward: every node of every step, in the layer's own dtype, from the states that the compiled run had before each step.
Backward: every node of every step's gradient, from what arrived there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cellwright.engine.differentiate import differentiate
from cellwright.engine.graph import Node
from cellwright.errors import ConfigError
from cellwright.microscope.expressions import Operand, expression, indexed, operands_of
from cellwright.microscope.record import watching
from cellwright.microscope.runs import Run
from cellwright.microscope.steps import COTANGENT, node_values, run_leaves
from cellwright.microscope.tracer import Tracer
from cellwright.nn.kernels import KernelLayer
from cellwright.nn.lengths import Lengths

__all__ = ["BadNumber", "first_bad", "first_bad_in"]

KINDS = ("inf", "nan", "denormal")
SHARE = 0.01  # of a value's entries at one step that may be denormal


@dataclass(frozen=True, slots=True)
class BadNumber:
    """Where one kind of bad number first appeared.

    Attributes:
        way: "forward" or "backward".
        kind: "inf", "nan", or "denormal": so small that digits are lost, more than 1 % of a value's entries.
        layer, direction: of the recurrent layers, in the order in which they ran.
        sequence, position: where in the batch and in the sequence; position is None of a sum over all steps.
        step: the same in the order of reading, from 1.
        value: what it is called, or its formula.
        unit: its entry.
        number: what stands there.
        operands: the numbers it was made of.
    """

    way: str
    kind: str
    layer: int
    direction: int
    sequence: int
    position: int | None
    step: int | None
    value: str
    unit: int
    number: float
    operands: tuple[Operand, ...]

    def __str__(self) -> str:
        at = "summed over all steps" if self.step is None else f"at step {self.step} of sequence {self.sequence}"
        where = f"{self.way}, layer {self.layer}{' backward direction' if self.direction else ''}, {at}"
        made = ", ".join(f"{name} = {number:.9g}" for name, number in self.operands)
        lost = ", denormal: digits are lost" if self.kind == "denormal" else ""
        found = f"{indexed(self.value, self.unit)} is {self.number:.9g}{lost}"
        return f"{where}: {found}" + (f"; made of {made}" if made else "")


def first_bad(
    layer_or_module: Any,
    inputs: Any,
    *,
    lengths: Lengths | None = None,
    state: Sequence[Tensor] | None = None,
    target: Callable[[Any], Tensor] | None = None,
) -> tuple[BadNumber, ...]:
    """The first inf, nan and denormal values of a run and of its gradient; empty if there is none.

    Args:
        layer_or_module: a layer of cellwright.nn, or a module that holds such layers and takes one tensor.
        inputs, lengths, state: as in a call, in the dtype of the layer.
        target: what the gradients are of; the sum of the output if not given.

    Returns:
        in the order in which they appear: forward, layer after layer and step after step, at most one of each kind;
        then backward, unless inf or nan came forward already.

    Example:
        >>> print(first_bad(layer, x)[0])
        forward, layer 0, at step 128 of sequence 0: h[0] is inf; made of …
    """
    given: dict[str, Any] = {} if lengths is None else {"lengths": lengths}
    if state is not None:
        given["state"] = state
    if not isinstance(layer_or_module, nn.Module):
        raise ConfigError(f"Expected a layer or module, found a {type(layer_or_module).__name__}.")

    def run() -> Tensor:
        called = layer_or_module.forward if isinstance(layer_or_module, KernelLayer) else layer_or_module
        outputs = called(torch.as_tensor(inputs), **given)
        y = outputs[0] if isinstance(layer_or_module, KernelLayer) else outputs
        return y.sum() if target is None else target(y)

    return first_bad_in(layer_or_module, run)


def first_bad_in(network: nn.Module, run: Callable[[], Tensor]) -> tuple[BadNumber, ...]:
    """The same for what `run` computes with `network`, a scalar; the network's own gradients are left as they were."""
    dtypes = {layer.weight.dtype for layer in network.modules() if isinstance(layer, KernelLayer)}
    tracer = Tracer(True, dtypes.pop() if len(dtypes) == 1 else torch.float32, checked=False)
    kept = {parameter: parameter.grad for parameter in network.parameters()}
    for parameter in kept:
        parameter.grad = None  # torch would add to it in place
    try:
        with watching(network, tracer), torch.enable_grad():
            outcome = run()
            if outcome.requires_grad:
                torch.autograd.backward(outcome)
    finally:
        for parameter, gradient in kept.items():
            parameter.grad = gradient
    runs = tracer.runs()
    forward = _firsts(bad for run_of in runs for bad in _forward(run_of))
    if any(bad.kind != "denormal" for bad in forward):
        return forward
    return (*forward, *_firsts(bad for run_of in reversed(runs) for bad in _backward(run_of)))


def _firsts(found: Iterator[BadNumber]) -> tuple[BadNumber, ...]:
    """The first of each kind."""
    firsts: dict[str, BadNumber] = {}
    for bad in found:
        firsts.setdefault(bad.kind, bad)
    return tuple(firsts.values())


def _forward(run: Run) -> Iterator[BadNumber]:
    values = node_values(run.graph, run_leaves(run))
    yield from _Scan(run, "forward", run.graph.nodes, values, _names_of(run), first=0, back=False).found()


def _backward(run: Run) -> Iterator[BadNumber]:
    gradient = differentiate(run.graph)
    leaves = run_leaves(run)
    for name in run.state_names:
        leaves[COTANGENT + name] = torch.from_numpy(run.state_gradients[name]).flatten(0, 1)
    leaves[COTANGENT + "output.y"] = torch.from_numpy(run.dy_TBO).flatten(0, 1)
    values = node_values(gradient, leaves)
    names = _names_of(run)
    own = {at: f"gradient of {name} before" for name, at in gradient.states}
    own |= {o.cotangent: f"gradient of {expression(gradient.nodes, names, o.matrix)} …" for o in gradient.outers}
    named = {**own, **names}
    yield from _Scan(run, "backward", gradient.nodes, values, named, first=gradient.forward, back=True).found()
    for name, total in run.weight_gradients.items():  # each step's part is a number, their sum is none
        flat = total.reshape(-1)
        for kind in ("inf", "nan"):
            places = np.flatnonzero(_is(torch.from_numpy(flat), kind).numpy())
            if len(places):
                number = float(flat[places[0]])
                at = int(places[0])
                yield BadNumber(
                    "backward", kind, run.layer, run.direction, 0, None, None, f"gradient of {name}", at, number, ()
                )


def _names_of(run: Run) -> dict[int, str]:
    """Node -> its name; of two names, that of a state."""
    named = {at: name for name, at in run.names.items()}
    return named | {at: name for name, at in run.graph.states if run.graph.nodes[at].args}


@dataclass(slots=True)
class _Scan:
    """Values of all steps of a run, looked through in the order in which they were computed."""

    run: Run
    way: str
    nodes: Sequence[Node]
    values: Sequence[Tensor]
    names: Mapping[int, str]
    first: int
    back: bool

    def found(self) -> tuple[BadNumber, ...]:
        """The first of each kind, in order."""
        order = self.reading_order()
        valid = order < np.iinfo(np.int64).max
        best: dict[str, tuple[int, int, int]] = {}  # kind -> (step in order, node, row)
        for at in range(self.first, len(self.nodes)):
            value = self.values[at]
            if not value.is_floating_point() or self.nodes[at].op == "constant":
                continue
            for kind in KINDS:
                rows = self.bad_rows(at, kind, len(order)) & valid
                if rows.any():
                    row = int(np.flatnonzero(rows)[order[rows].argmin()])
                    best[kind] = min(best.get(kind, (int(order[row]), at, row)), (int(order[row]), at, row))
        ranked = sorted((place, kind) for kind, place in best.items())
        return tuple(self.bad_number(kind, at, row, int(step)) for (step, at, row), kind in ranked)

    def reading_order(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(T·B,): when each step of each sequence was computed; the largest number where there is none."""
        steps, batch = self.run.y_TBO.shape[:2]
        order = np.full((steps, batch), np.iinfo(np.int64).max)
        for b in range(batch):
            read = list(self.run.positions(b))
            order[read, b] = np.arange(len(read))[:: -1 if self.back else 1]
        return order.reshape(-1)

    def bad_rows(self, at: int, kind: str, rows: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(T·B,): the steps at which a node holds that kind."""
        value = self.values[at]
        per_step = value.dim() > len(self.nodes[at].shape)
        bad = _is(value, kind)
        if not per_step:
            whole = bool(bad.any()) if kind != "denormal" else float(bad.double().mean()) > SHARE
            return np.full(rows, whole)
        flat = bad.reshape(len(value), -1)
        if kind != "denormal":
            return flat.any(1).numpy()
        steps, batch = self.run.y_TBO.shape[:2]
        by_step = flat.reshape(steps, -1).double().mean(1) > SHARE
        return (flat.any(1) & by_step.repeat_interleave(batch)).numpy()

    def bad_number(self, kind: str, at: int, row: int, step: int) -> BadNumber:
        position, sequence = divmod(row, self.run.y_TBO.shape[1])
        node, value = self.nodes[at], self.values[at]
        entries = (value[row] if value.dim() > len(node.shape) else value).reshape(-1)
        unit = int(_is(entries, kind).int().argmax())
        operands = operands_of(self.nodes, self.names, self.values, at, row, unit) if node.args else ()
        read = list(self.run.positions(sequence)).index(position)
        return BadNumber(
            self.way,
            kind,
            self.run.layer,
            self.run.direction,
            sequence,
            position,
            read + 1,
            expression(self.nodes, self.names, at),
            unit,
            float(entries[unit]),
            operands,
        )


def _is(value: Tensor, kind: str) -> Tensor:
    if kind == "inf":
        return torch.isinf(value)
    if kind == "nan":
        return torch.isnan(value)
    return (value != 0) & (value.abs() < torch.finfo(value.dtype).tiny)
