"""torch.jit.trace, which others build on: a trace computes, and holds no result of the run it was made of."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cellwright import nn as cwnn
from cellwright.cells import MGU
from cellwright.nn import Recurrent

I, H, T, B = 3, 4, 5, 2
LAYERS = {"LSTM": lambda: cwnn.LSTM(I, H), "GRU": lambda: cwnn.GRU(I, H), "MGU": lambda: Recurrent(MGU(), I, H)}
every_layer = pytest.mark.parametrize("name", LAYERS)


class Outputs(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x)[0]
        return y


@every_layer
def test_a_trace_computes_for_other_values(name: str) -> None:
    model: Any = Outputs(LAYERS[name]())
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of torch, which follows shapes; and that the plain loop runs
        traced = torch.jit.trace(model, torch.randn(T, B, I))
        x = torch.randn(T, B, I)
        torch.testing.assert_close(traced(x), model(x))
        if name != "MGU":  # torch's own kernels take any number of steps, the plain loop has as many as it was shown
            longer = torch.randn(2 * T, B, I)
            torch.testing.assert_close(traced(longer), model(longer))
    assert "compiled kernels" in model.layer.path
