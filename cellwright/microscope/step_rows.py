"""One step for many rows at once: rows · J_t and J_t · columns, with no J_t written down.

A row is a step of its own: the step's inputs and states are repeated for each, so that autograd of all rows together is
that of each. Plain autograd of a scalar alone: torch.func, and a gradient of many outputs, take torch seconds to load.
Axes: L steps in reading order, R rows, N all states side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cellwright.microscope.reading import Reading
from cellwright.microscope.steps import node_values

__all__ = ["ROWS", "joined_states", "new_states", "pulled", "pushed", "states_back"]

ROWS = 1024  # rows of a block: bounds the memory for what lies between


def joined_states(reading: Reading, steps: Sequence[int]) -> Tensor:
    """(R, N): the states before these steps, side by side."""
    return torch.cat([held[torch.as_tensor(steps)] for held in reading.before.values()], dim=1)


def new_states(reading: Reading, x_RI: Tensor, s_RN: Tensor) -> Tensor:
    """(R, N): the states after a step, side by side."""
    graph = reading.run.graph
    states = {name: s_RN[:, place] for name, place in reading.places.items()}
    found = node_values(graph, {"x": x_RI, **states, **reading.weights})
    return torch.cat([found[at].expand(len(x_RI), -1) for _, at in graph.states], dim=1)


def pulled(reading: Reading, steps: Sequence[int], rows_RN: Tensor) -> Tensor:
    """(R, N): row r times the Jacobian of step `steps[r]`."""
    s_RN = joined_states(reading, steps).requires_grad_()
    made = new_states(reading, reading.x_LI[torch.as_tensor(steps)], s_RN)
    if not made.requires_grad:
        return torch.zeros_like(rows_RN)
    return torch.autograd.grad((made * rows_RN).sum(), s_RN, materialize_grads=True)[0]


def pushed(reading: Reading, steps: Sequence[int], columns_RN: Tensor) -> Tensor:
    """(R, N): the Jacobian of step `steps[r]` times column r. v -> v J is linear, and its own transpose is J."""
    s_RN = joined_states(reading, steps).requires_grad_()
    made = new_states(reading, reading.x_LI[torch.as_tensor(steps)], s_RN)
    if not made.requires_grad:
        return torch.zeros_like(columns_RN)
    v_RN = torch.zeros_like(made).requires_grad_()
    back = torch.autograd.grad((made * v_RN).sum(), s_RN, create_graph=True, materialize_grads=True)[0]
    if not back.requires_grad:
        return torch.zeros_like(columns_RN)
    return torch.autograd.grad((back * columns_RN).sum(), v_RN, materialize_grads=True)[0]


def states_back(reading: Reading, rows_KN: Tensor) -> Tensor:
    """(L, K, N): rows · ds_L/ds_t for every t, by autograd through all steps from the first state to the last."""
    held = joined_states(reading, [0]).expand(len(rows_KN), -1)
    stops = []
    for x_I in reading.x_LI:
        held = new_states(reading, x_I.expand(len(rows_KN), -1), held)
        held = held if held.requires_grad else held.detach().clone().requires_grad_()
        stops.append(held)
    followed = (stops[-1] * rows_KN).sum()
    return torch.stack(torch.autograd.grad(followed, stops, allow_unused=True, materialize_grads=True))
