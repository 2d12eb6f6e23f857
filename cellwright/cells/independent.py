"""A network whose units feed back to themselves only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cellwright.cells.cell import Cell
from cellwright.ops import relu


class IndRNN(Cell):
    """Independently recurrent network: each unit sees its own past only.

    Equations
        h′ = relu(W_h x + u ⊙ h + b_h)

    Shapes      x (I)   h, u (H)   W_h (H, I)   b_h (H)      I input_size, H hidden_size
    Packing     weight_ih (H, I), bias (H), u (H); no weight_hh
    Source      Li et al. 2018, "Independently Recurrent Neural Network (IndRNN)", arXiv:1803.04831v3
    Differs     The paper holds |u| within γ^(1/T), T the longest lag; here nothing does. torchrecurrent's f is tanh.
    Same as     Elman with R_h the diagonal matrix of u
    Note        f is any function of the op list. Units meet in the next layer only: stack two or more.
    """

    gates = "h"
    states = "h"
    params = {"u": "H"}

    def __init__(self, f: Callable[[Any], Any] = relu) -> None:
        self.f = f

    def step(self, x, h, W, b, u):
        h = self.f(W.h @ x + u * h + b.h)
        return h
