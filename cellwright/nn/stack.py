"""Layers times directions: how one-layer, one-direction runs are joined into a deep or bidirectional layer.

Axes: T time, B batch, I input, O output, S size of one state, L layers, D directions.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from cellwright.nn.layout import States

__all__ = ["STACKS", "RunOne", "input_sizes", "run_stack"]

STACKS = ("joint", "separate")


class RunOne(Protocol):
    def __call__(
        self, layer: int, reverse: bool, x_TBI: Tensor, states: States, lengths_B: Tensor | None
    ) -> tuple[Tensor, States]:
        """One layer in one direction: x (T, B, I), states (B, S) -> y (T, B, O), final states (B, S)."""


def input_sizes(input_size: int, output_size: int, num_layers: int, directions: int, stack: str) -> list[int]:
    """The width of each layer's input: joined directions feed the next layer together, separate ones apart."""
    width = output_size * (directions if stack == "joint" else 1)
    return [input_size, *[width] * (num_layers - 1)]


def run_stack(
    run_one: RunOne,
    x_TBI: Tensor,
    states: States,
    lengths_B: Tensor | None,
    *,
    num_layers: int,
    directions: int,
    stack: str = "joint",
    dropout: float = 0.0,
) -> tuple[Tensor, States]:
    """Runs all layers and directions.

    Args:
        run_one: runs layer l in one direction.
        states: one tensor (L·D, B, S) a declared state; row l·D + d is layer l, direction d.
        stack: "joint": both directions of layer l read the joined output of layer l - 1, as torch does.
            "separate": a stack of forward layers and a stack of backward layers, joined after the last.
        dropout: probability on the outputs of every layer but the last; 0 outside training.

    Returns:
        y (T, B, D·O) and the final states, each (L·D, B, S).
    """
    finals: dict[int, States] = {}

    def run(layer: int, direction: int, x_TBI: Tensor) -> Tensor:
        row = layer * directions + direction
        y_TBO, finals[row] = run_one(layer, direction == 1, x_TBI, tuple(state[row] for state in states), lengths_B)
        return y_TBO

    def drop(y_TBO: Tensor, layer: int) -> Tensor:
        return functional.dropout(y_TBO, dropout) if dropout > 0 and layer < num_layers - 1 else y_TBO

    if stack == "joint":
        y_TBO = x_TBI
        for layer in range(num_layers):
            outputs = [run(layer, direction, y_TBO) for direction in range(directions)]
            y_TBO = drop(torch.cat(outputs, dim=-1) if directions == 2 else outputs[0], layer)
    else:
        ends = []
        for direction in range(directions):
            end_TBO = x_TBI
            for layer in range(num_layers):
                end_TBO = drop(run(layer, direction, end_TBO), layer)
            ends.append(end_TBO)
        y_TBO = torch.cat(ends, dim=-1)
    rows = [finals[row] for row in range(num_layers * directions)]
    return y_TBO, tuple(torch.stack(column) for column in zip(*rows, strict=True))
