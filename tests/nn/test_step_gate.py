"""A gate that is a step learns nothing: the slope of a step is 0, in kernels and in the plain loop (mission B20)."""

from __future__ import annotations

import pytest
import torch

from cellwright.cells import Cell
from cellwright.nn import Recurrent
from cellwright.ops import sigmoid, tanh, where


class StepGate(Cell):
    gates = "u n"
    states = "h"

    def gate(self, value):
        return where(value > 0, 1.0, 0.0)

    def step(self, x, h, W, R, b):
        u = self.gate(W.u @ x + R.u @ h + b.u)
        n = tanh(W.n @ x + R.n @ h + b.n)
        return (u * h + (1 - u) * n,)


class SoftGate(StepGate):
    def gate(self, value):
        return sigmoid(value)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_the_weights_of_a_step_gate_have_no_gradient_at_all(backend: str) -> None:
    torch.manual_seed(0)
    layer, soft = (Recurrent(cell, 4, 6, dtype=torch.float64) for cell in (StepGate(), SoftGate()))
    soft.load_state_dict(layer.state_dict())
    x = torch.randn(7, 3, 4, dtype=torch.float64)
    _, _, named = layer.trace(x)
    assert set(named[0][0]["u"].unique().tolist()) == {0.0, 1.0}  # open here, shut there
    for made, learns in ((layer, False), (soft, True)):
        made(x, backend=backend)[0].square().sum().backward()
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_l0"):
            gradient = made.get_parameter(name).grad
            assert bool((gradient[:6] != 0).any()) is learns, name
            assert bool((gradient[6:] != 0).any())
