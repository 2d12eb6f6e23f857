"""A layer's call by the meaning alone, in NumPy: one sequence and one step at a time, `interpret` forwards and the rows
of `differentiate` backwards. In any float type: with more digits than a kernel has, what differs is the kernel's error.

Axes: T time, B batch, I input, O output, S size of one state, L·D layers times directions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.engine import interpret, trace
from cellwright.engine.adjoint_ops import ALL_OPS
from cellwright.engine.differentiate import Gradient, differentiate
from cellwright.engine.graph import Graph, Node
from cellwright.nn import Recurrent
from cellwright.nn.weights import merged_views

Array = NDArray[Any]


def meaning_of(
    nodes: Sequence[Node], values: Mapping[str, Any], cotangents: Mapping[str, Any] | None = None
) -> list[Any]:
    """Every node's value by its op's NumPy meaning; leaves by their names, cotangents apart where they are given apart,
    as they are named after states."""
    results: list[Any] = []
    cotangents = values if cotangents is None else cotangents
    for node in nodes:
        attrs, args = dict(node.attrs), [results[arg] for arg in node.args]
        if node.op == "constant":
            results.append(np.float64(attrs["value"]))
        elif node.op == "cotangent":
            results.append(np.asarray(cotangents[node.name]))
        elif not node.args:
            value = np.asarray(values[node.name])
            for axis, name in enumerate(("row", "col")[: value.ndim]):
                if f"{name}0" in attrs:
                    value = value.take(range(int(attrs[f"{name}0"]), int(attrs[f"{name}1"])), axis)
            results.append(value)
        elif node.op == "matmul_t":  # of several blocks: their sum
            pairs = zip(args[0::2], args[1::2], strict=True)
            results.append(np.sum([matrix.T @ v for matrix, v in pairs], axis=0))
        else:
            result = np.asarray(ALL_OPS[node.op].numpy(*args, **{k: int(v) for k, v in node.attrs}))
            results.append(result.astype(np.float64) if result.dtype == bool else result)
    return results


@dataclass(frozen=True)
class Step:
    """One step of a cell and its gradient, in which x is one more state, handed on: so its gradient is told too."""

    graph: Graph
    gradient: Gradient

    @classmethod
    def of(cls, cell: Cell, input_size: int, hidden_size: int) -> Step:
        graph = trace(cell, input_size, hidden_size)
        nodes = tuple(Node("state", (), "x", (), n.shape) if n.op == "input" else n for n in graph.nodes)
        states = (*graph.states, ("x", [n.op for n in graph.nodes].index("input")))
        return cls(graph, differentiate(Graph(graph.cell, nodes, states, graph.output)))


class Direction:
    """One layer in one direction over one sequence; what each step read is kept for `back`."""

    def __init__(
        self, step: Step, weights: Mapping[str, Array], x_TI: Array, initial: Sequence[Array], anew_T: Array,
        reverse: bool,
    ) -> None:  # fmt: skip
        self.step, self.weights, self.x_TI, self.initial = step, weights, x_TI, initial
        self.names = [name for name, _ in step.graph.states]
        self.tape: list[tuple[int, bool, dict[str, Array]]] = []
        steps, held = len(x_TI), list(initial)
        outputs: list[Array] = []
        for t in range(steps - 1, -1, -1) if reverse else range(steps):
            anew = bool(anew_T[t + 1] if reverse and t + 1 < steps else not reverse and anew_T[t])
            held = list(initial) if anew else held
            values = {**weights, **dict(zip(self.names, held, strict=True)), "x": x_TI[t]}
            new, y = interpret(step.graph, values)
            self.tape.append((t, anew, values))
            held = [new[name] for name in self.names]
            outputs.append(y)
        size = step.graph.nodes[step.graph.output].shape[0]
        self.y_TO = np.array(outputs[::-1] if reverse else outputs, x_TI.dtype).reshape(steps, size)
        self.finals = held

    def back(self, dy_TO: Array, finals: Sequence[Array]) -> tuple[Array, list[Array], dict[str, Array]]:
        """Gradients of x, the initial states and the weights."""
        gradient, held = self.step.gradient, list(finals)
        dx_TI, first = np.zeros_like(self.x_TI), [np.zeros_like(part) for part in self.initial]
        weights = {name: np.zeros_like(weight) for name, weight in self.weights.items()}
        at = dict(gradient.states)
        for t, anew, values in reversed(self.tape):
            arriving = dict(zip(self.names, held, strict=True))
            cotangents = {**arriving, "x": np.zeros_like(dx_TI[t]), "output.y": dy_TO[t]}
            node = meaning_of(gradient.nodes, values, cotangents)
            dx_TI[t] = node[at["x"]]
            held = [node[at[name]] for name in self.names]
            for outer in gradient.outers:
                weights[gradient.nodes[outer.matrix].name] += np.outer(node[outer.cotangent], node[outer.operand])
            for leaf, index in gradient.leaves.items():
                name = gradient.nodes[leaf].name
                weights[name] += node[index].reshape(weights[name].shape)
            if anew:
                first = [a + b for a, b in zip(first, held, strict=True)]
                held = [np.zeros_like(part) for part in held]
        return dx_TI, [a + b for a, b in zip(first, held, strict=True)], weights


class Call:
    """A layer's call.

    Args:
        weights: of each layer and direction, (layer, reverse) → by the names of `cell.parameter_shapes`.
        x_TBI: (T, B, I), in the type to compute in.
        state: initial states, one (L·D, B, S) each.
        lengths: valid steps of each sequence.
        resets_TB: the state is the initial one before the step.
    """

    def __init__(
        self, cell: Cell, hidden_size: int, weights: Mapping[tuple[int, bool], Mapping[str, Array]], x_TBI: Array,
        state: Sequence[Array], lengths: Sequence[int], resets_TB: Array,
    ) -> None:  # fmt: skip
        self.weights, self.x_TBI, self.lengths = weights, x_TBI, lengths
        self.runs: dict[tuple[int, bool, int], Direction] = {}
        self.directions = len({reverse for _, reverse in weights})
        self.layers = len(weights) // self.directions
        steps, batch, _ = x_TBI.shape
        self.finals = [np.zeros_like(part) for part in state]
        read = x_TBI
        for layer in range(self.layers):
            step = Step.of(cell, read.shape[2], hidden_size)
            joined = []
            for reverse in (False, True)[: self.directions]:
                row = layer * self.directions + reverse
                y_TBO = np.zeros((steps, batch, cell.output_size(hidden_size)), x_TBI.dtype)
                for b, n in enumerate(lengths):
                    initial = [part[row, b] for part in state]
                    run = Direction(step, weights[layer, reverse], read[:n, b], initial, resets_TB[:n, b], reverse)
                    self.runs[layer, reverse, b] = run
                    y_TBO[:n, b] = run.y_TO
                    for part, final in zip(self.finals, run.finals, strict=True):
                        part[row, b] = final
                joined.append(y_TBO)
            read = np.concatenate(joined, 2)
        self.y_TBO = read

    def back(
        self, dy_TBO: Array, finals: Sequence[Array]
    ) -> tuple[Array, list[Array], dict[tuple[int, bool], dict[str, Array]]]:
        """Gradients of x, the initial states and the weights, from those of y and the final states."""
        states = [np.zeros_like(part) for part in finals]
        weights = {place: {name: np.zeros_like(w) for name, w in own.items()} for place, own in self.weights.items()}
        arriving = dy_TBO
        for layer in reversed(range(self.layers)):
            below = []
            for reverse, dy in zip((False, True), np.split(arriving, self.directions, 2), strict=False):
                row = layer * self.directions + reverse
                for b, n in enumerate(self.lengths):
                    run = self.runs[layer, reverse, b]
                    dx_TI, first, own = run.back(dy[:n, b], [part[row, b] for part in finals])
                    below.append((b, n, dx_TI))
                    for part, gradient in zip(states, first, strict=True):
                        part[row, b] = gradient
                    for name, gradient in own.items():
                        weights[layer, reverse][name] += gradient
            width = self.x_TBI.shape[2] if layer == 0 else dy_TBO.shape[2]
            arriving = np.zeros((*dy_TBO.shape[:2], width), dy_TBO.dtype)
            for b, n, dx_TI in below:
                arriving[:n, b] += dx_TI
        return arriving, states, weights


def views_of(layer: Any) -> dict[tuple[int, bool], dict[str, Tensor]]:
    """The weights of each layer and direction by their names in `step`, linked to the stored ones."""
    places = [(k, reverse) for k in range(layer.num_layers) for reverse in (False, True)[: 1 + layer.bidirectional]]
    if isinstance(layer, Recurrent):
        return {place: layer.views(*place) for place in places}
    return {place: merged_views(layer, layer.cell, *place) for place in places}


def numbers(given: Tensor) -> Array:
    return given.detach().double().numpy().astype(np.longdouble)


def tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float64))


def call_of(layer: Any, x_TBI: Tensor, state: Sequence[Tensor], lengths: Sequence[int], resets_TB: Tensor) -> Call:
    """The call of a layer of float64, in the longest type of NumPy."""
    held = {place: {name: numbers(view) for name, view in own.items()} for place, own in views_of(layer).items()}
    initial = [numbers(part) for part in state]
    return Call(layer.cell, layer.hidden_size, held, numbers(x_TBI), initial, lengths, resets_TB.numpy())


def stored_gradients(layer: nn.Module, weights: Mapping[tuple[int, bool], Mapping[str, Array]]) -> list[Tensor]:
    """Gradients of the weights of each layer and direction, as those of the stored parameters."""
    views = views_of(layer)
    pairs = [(view, tensor(weights[place][name])) for place, own in views.items() for name, view in own.items()]
    parameters = list(layer.parameters())
    if not parameters:
        return []
    seen, arriving = zip(*pairs, strict=True)
    return list(torch.autograd.grad(seen, parameters, arriving, allow_unused=True, materialize_grads=True))
