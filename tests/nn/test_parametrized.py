"""Weights that torch computes anew at every use: parametrizations, pruning, buffers in their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from cellwright import nn as cwnn
from cellwright.cells import MGU
from cellwright.nn import Recurrent

I, H, T, B = 3, 4, 5, 2
LAYERS = {
    "LSTM": lambda: cwnn.LSTM(I, H, dtype=torch.float64),
    "MGU": lambda: Recurrent(MGU(), I, H, dtype=torch.float64),
}


def all_weight_norm(layer: nn.Module) -> None:
    """No parameter is left in the layer itself."""
    for name in [name for name, _ in layer.named_parameters(recurse=False)]:
        parametrizations.weight_norm(layer, name)


def fixed(layer: nn.Module) -> None:
    for name, weight in list(layer.named_parameters(recurse=False)):
        delattr(layer, name)
        layer.register_buffer(name, weight.detach())


CHANGES: dict[str, Callable[[Any], object]] = {
    "weight norm of all": all_weight_norm,
    "orthogonal": lambda layer: parametrizations.orthogonal(layer, "weight_hh_l0"),
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight_hh_l0", 0.5),
    "buffers": fixed,
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_way_to_run_reads_the_computed_weights(make: Any, change: Any, same: Any) -> None:
    layer = make()
    change(layer)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    before = layer(x)[0].detach()
    leaves = [x, *layer.parameters()]
    same(lambda: layer(x, backend="cpu"), lambda: layer(x, backend="reference"), leaves)
    optimizer = torch.optim.SGD([x, *layer.parameters()], 1.0)
    layer(x)[0].square().sum().backward()
    optimizer.step()
    y = layer(x)[0].detach()
    assert not torch.allclose(y, before)
    torch.testing.assert_close(layer(x, backend="reference")[0], y)
    torch.testing.assert_close(layer.trace(x)[0], y)
    stepper = layer.stepper(B)
    torch.testing.assert_close(torch.stack([stepper(x_t).clone() for x_t in x]), y)
