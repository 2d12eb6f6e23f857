"""deterministic="any-split": the bits of a step depend neither on where time is cut, nor on what runs beside it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from cellwright.cells import GRUResetBefore, LayerNormLSTM, PeepholeLSTM
from cellwright.errors import ConfigError
from cellwright.nn import Recurrent

I, H, T, B = 7, 9, 12, 5
CELLS = {"PeepholeLSTM": PeepholeLSTM, "LayerNormLSTM": LayerNormLSTM, "GRUResetBefore": GRUResetBefore}


@pytest.fixture(params=CELLS)
def layer(request: pytest.FixtureRequest) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(CELLS[request.param](), I, H, num_layers=2, deterministic="any-split")


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(T, B, I)


@torch.no_grad()
def run(layer: Recurrent, x: Tensor, state: Any = None, **given: Any) -> tuple[Tensor, Any]:
    return layer(x, state, backend="cpu", **given)


@pytest.mark.parametrize("cut", [1, 5, 11])
def test_a_cut_of_time_changes_no_bit(layer: Recurrent, x: Tensor, cut: int) -> None:
    whole, ends = run(layer, x)
    first, state = run(layer, x[:cut])
    second, last = run(layer, x[cut:], state)
    assert torch.equal(torch.cat([first, second]), whole)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(last, ends, strict=True))


def test_sequences_beside_change_no_bit(layer: Recurrent, x: Tensor) -> None:
    whole, _ = run(layer, x)
    for chosen in ([2], [4, 0], [1, 1, 1, 3, 0, 2, 4]):
        assert torch.equal(run(layer, x[:, chosen])[0], whole[:, chosen])


def test_threads_lengths_and_the_order_in_memory_change_no_bit(layer: Recurrent, x: Tensor) -> None:
    whole, _ = run(layer, x)
    torch.set_num_threads(2)
    try:
        assert torch.equal(run(layer, x)[0], whole)
    finally:
        torch.set_num_threads(1)
    lengths = [12, 0, 3, 7, 1]
    ragged, _ = run(layer, x, lengths=lengths)
    for b, length in enumerate(lengths):
        assert torch.equal(ragged[:length, b], whole[:length, b])
    turned = x.permute(2, 1, 0).contiguous().permute(2, 1, 0)
    assert torch.equal(run(layer, turned)[0], whole)


def test_without_it_a_run_equals_its_repetition(layer: Recurrent, x: Tensor) -> None:
    layer.deterministic = None
    assert torch.equal(run(layer, x)[0], run(layer, x)[0])


def test_gradients_are_those_of_the_plain_loop(layer: Recurrent, x: Tensor) -> None:
    layer = layer.double()
    x = x.double().requires_grad_()
    found = [
        torch.autograd.grad(layer(x, backend=backend)[0].sin().sum(), [x, *layer.parameters()])
        for backend in ("cpu", "reference")
    ]
    for ours, loop in zip(*found, strict=True):
        torch.testing.assert_close(ours, loop, rtol=1e-9, atol=1e-10)


def test_another_word_is_refused(layer: Recurrent, x: Tensor) -> None:
    layer.deterministic = "always"
    with pytest.raises(ConfigError, match='Choose None or "any-split"'):
        layer(x)
