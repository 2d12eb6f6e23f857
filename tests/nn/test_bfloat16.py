"""bfloat16: as a layer's own type and under autocast; states and sums are float32."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from cellwright import nn as cwnn
from cellwright.cells import PeepholeLSTM
from cellwright.nn import Recurrent

I, H, T, B = 7, 9, 20, 5
EPS = torch.finfo(torch.bfloat16).eps
LAYERS = {
    "Recurrent": lambda: Recurrent(PeepholeLSTM(), I, H, bidirectional=True),
    "LSTM": lambda: cwnn.LSTM(I, H, num_layers=2),
    "GRU": lambda: cwnn.GRU(I, H),
}


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    return LAYERS[request.param]()


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(T, B, I)


def relative(ours: Tensor, exact: Tensor) -> float:
    ours, exact = ours.detach().double(), exact.detach().double()
    return float((ours - exact).norm() / exact.norm())


def test_autocast_gives_bfloat16_and_keeps_the_weights(layer: Any, x: Tensor) -> None:
    exact, _ = layer(x, backend="cpu")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, ends = layer(x, backend="cpu")
    assert "compiled kernels" in layer.path
    assert y.dtype == torch.bfloat16
    assert all(end.dtype == torch.bfloat16 for end in (ends if isinstance(ends, tuple) else (ends,)))
    assert relative(y, exact) <= 2 * EPS
    weights = list(layer.parameters())
    found = torch.autograd.grad(y.float().sin().sum(), weights)
    wanted = torch.autograd.grad(exact.sin().sum(), weights)
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.dtype == torch.float32
        assert relative(ours, theirs) <= 4 * EPS


def test_autocast_of_packed_sequences(layer: Any, x: Tensor) -> None:
    packed = pack_padded_sequence(x, [3, 20, 7, 1, 12], enforce_sorted=False)
    exact, _ = layer(packed, backend="cpu")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, _ = layer(packed, backend="cpu")
    assert isinstance(y, PackedSequence)
    assert y.data.dtype == torch.bfloat16
    assert relative(y.data, exact.data) <= 2 * EPS


def test_a_layer_of_bfloat16_rounds_its_results_and_nothing_between(layer: Any, x: Tensor) -> None:
    low, low_x = copy.deepcopy(layer).bfloat16(), x.bfloat16()
    wide = copy.deepcopy(low).float()  # the same rounded weights
    exact, _ = wide(low_x.float(), backend="cpu")
    y, _ = low(low_x, backend="cpu")
    assert y.dtype == torch.bfloat16
    # two layers: what stands between them is rounded too
    assert relative(y, exact) <= EPS
    loss = y.float().sin().sum()
    for gradient, weight in zip(torch.autograd.grad(loss, list(low.parameters())), low.parameters(), strict=True):
        assert gradient.dtype == weight.dtype == torch.bfloat16
        assert bool(gradient.isfinite().all())


def test_a_state_of_many_steps_is_not_rounded_on_its_way() -> None:
    """A sum of 2000 steps of 1/64: in bfloat16 it would stop at 4, as 4 + 1/64 is 4 there."""
    layer = cwnn.LSTM(1, 1)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        layer.bias_ih_l0[:] = torch.tensor([50.0, 50.0, float(torch.atanh(torch.tensor(1 / 64))), 50.0])
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        _, (_, c) = layer(torch.zeros(2000, 1, 1), backend="cpu")
    assert abs(float(c) - 2000 / 64) <= EPS * 2000 / 64
