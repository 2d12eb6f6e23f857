"""One step at a time: the numbers of a call, the same bits however a stream is cut, torch's and NumPy's arrays."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from cellwright import nn as cwnn
from cellwright.cells import CELLS, LSTM, IndRNN, PeepholeLSTM
from cellwright.engine.run.registry import force_products
from cellwright.errors import ConfigError, DtypeError, ShapeError
from cellwright.nn import Recurrent, Stepper

I, H, T, B = 3, 5, 6, 4


def stepped(stepper: Stepper, x: Tensor) -> Tensor:
    return torch.stack([stepper(x_t).clone() for x_t in x])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", CELLS)
def test_steps_give_the_bits_of_a_call_with_own_products(name: str, dtype: torch.dtype, cell_of: Any) -> None:
    torch.manual_seed(0)
    layer = Recurrent(cell_of(name), I, H, num_layers=2, dtype=dtype, deterministic="any-split")
    x = torch.randn(T, B, I, dtype=dtype)
    stepper = layer.stepper(B)
    with torch.no_grad():
        y, ends = layer(x, backend="cpu")
        layer.deterministic = None
        free, _ = layer(x, backend="cpu")
    ours = stepped(stepper, x)
    assert torch.equal(ours, y)
    assert all(torch.equal(mine, end) for mine, end in zip(stepper.state, ends, strict=True))
    assert float((ours - free).abs().max()) <= 8 * torch.finfo(dtype).eps * max(1.0, float(free.abs().max()))


@pytest.mark.parametrize("make", [cwnn.LSTM, cwnn.GRU, cwnn.RNN])
def test_steps_of_a_drop_in_layer(make: Any) -> None:
    layer = make(I, H, num_layers=2)
    x = torch.randn(T, B, I)
    with torch.no_grad():
        y = layer(x)[0]
    torch.testing.assert_close(stepped(layer.stepper(B), x), y, rtol=1e-6, atol=1e-6)


def test_sequences_beside_and_the_cut_of_a_stream_change_no_bit() -> None:
    layer = Recurrent(LSTM(), I, H, num_layers=2)
    x = torch.randn(T, B, I)
    whole = stepped(layer.stepper(B), x)
    for b in range(B):
        assert torch.equal(stepped(layer.stepper(1), x[:, b : b + 1]), whole[:, b : b + 1])
    first = layer.stepper(B)
    begin = stepped(first, x[:2])
    second = layer.stepper(B, first.state)
    assert torch.equal(torch.cat([begin, stepped(second, x[2:])]), whole)


@pytest.mark.parametrize("products", ["float32", "bfloat16"])
def test_steps_of_weights_of_bfloat16_carry_float32(products: str) -> None:
    """y is a rounding (2⁻⁸ of itself at most) of the numbers in float64; so is each operand of a bfloat16 product."""
    layer = Recurrent(LSTM(), I, H, num_layers=2).bfloat16()
    x = torch.randn(T, B, I).bfloat16()
    with torch.no_grad():
        exact = copy.deepcopy(layer).double()(x.double(), backend="reference")[0]
    with force_products(products):
        whole = stepped(layer.stepper(B), x)
        first = layer.stepper(B)
        begin = stepped(first, x[:2])
        rest = stepped(layer.stepper(B, first.state), x[2:])
        in_numpy = layer.stepper(B)(x[0].float().numpy())
    assert whole.dtype == torch.bfloat16
    assert all(part.dtype == torch.float32 for part in first.state)
    assert torch.equal(torch.cat([begin, rest]), whole)
    assert torch.equal(torch.from_numpy(in_numpy).bfloat16(), whole[0])
    eps = torch.finfo(torch.bfloat16).eps
    assert float((whole.double() - exact).norm() / exact.norm()) <= eps


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_numpy_arrays_have_the_bits_of_tensors(dtype: torch.dtype) -> None:
    layer = Recurrent(LSTM(), I, H, num_layers=2, dtype=dtype)
    x = torch.randn(T, B, I, dtype=dtype)
    expected = stepped(layer.stepper(B), x)
    stepper = layer.stepper(B)
    wide = np.zeros((T, B, 2 * I), dtype=np.float64)  # strided and of another type
    wide[..., ::2] = x.numpy()
    for t in range(T):
        y = stepper(wide[t, :, ::2])
        assert isinstance(y, np.ndarray)
        assert y.dtype == expected.numpy().dtype
        np.testing.assert_array_equal(y, expected[t].numpy())


def test_one_sequence_needs_no_batch_axis() -> None:
    layer = Recurrent(LSTM(), I, H)
    x = torch.randn(T, I)
    plain, bare, array = (layer.stepper() for _ in range(3))
    for x_t in x:
        y = plain(x_t[None])
        assert bare(x_t).shape == array(x_t.numpy()).shape == (H,)
        assert torch.equal(bare._y, y)
        np.testing.assert_array_equal(array._y.numpy(), y.numpy())


def test_x_may_lie_in_memory_in_any_order_and_need_a_gradient() -> None:
    layer = Recurrent(LSTM(), I, H)
    x = torch.randn(T, B, I)
    turned = x.permute(2, 1, 0).contiguous().permute(2, 1, 0).requires_grad_()
    assert torch.equal(stepped(layer.stepper(B), turned), stepped(layer.stepper(B), x))


def test_a_step_works_in_place() -> None:
    layer = Recurrent(LSTM(), I, H)
    stepper = layer.stepper(B)
    first = stepper(torch.randn(B, I))
    assert stepper(torch.randn(B, I)) is first
    held = stepper.state
    stepper(torch.randn(B, I))
    assert not torch.equal(held[0], stepper.state[0])  # what was read is a copy


@pytest.mark.parametrize("given", [lambda w: w, lambda w: w.int(), lambda w: w.tolist(), lambda w: w.numpy()])
def test_a_new_beginning_for_all_or_for_some(given: Any) -> None:
    layer = Recurrent(LSTM(), I, H, num_layers=2)
    x = torch.randn(T, B, I)
    stepper = layer.stepper(B)
    fresh = stepped(stepper, x)
    stepper.reset()
    assert torch.equal(stepped(stepper, x), fresh)
    which = torch.tensor([True, False, True, False])
    before = stepper.state
    stepper.reset(given(which))
    for held, old in zip(stepper.state, before, strict=True):
        assert not held[:, which].any()
        assert torch.equal(held[:, ~which], old[:, ~which])


@pytest.mark.parametrize("hidden", [H, 64])  # 64: whole panels, which need no padding
@pytest.mark.parametrize("cell", [LSTM, PeepholeLSTM, IndRNN])
def test_weights_are_those_of_the_moment_it_was_made(cell: Any, hidden: int) -> None:
    layer = Recurrent(cell(), I, hidden)
    x = torch.randn(T, B, I)
    stepper = layer.stepper(B)
    expected = stepped(layer.stepper(B), x)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.mul_(2)
    assert torch.equal(stepped(stepper, x), expected)
    assert not torch.equal(stepped(layer.stepper(B), x), expected)


def test_what_does_not_fit_is_refused() -> None:
    layer = Recurrent(LSTM(), I, H)
    stepper = layer.stepper(B)
    for x in (torch.zeros(B, I + 1), torch.zeros(B + 1, I), torch.zeros(I), np.zeros((1, B, I))):
        with pytest.raises(ShapeError, match=r"this stepper takes \(4, 3\)"):
            stepper(x)
    for x in ([1.0, 2.0], None, "x"):
        with pytest.raises(DtypeError, match=f"a stepper got {type(x).__name__}: it takes torch tensors and NumPy"):
            stepper(x)
    with pytest.raises(ShapeError, match="a stepper's state of shapes"):
        stepper.state = (torch.zeros(1, B, H), torch.zeros(1, B, H + 1))
    with pytest.raises(ShapeError, match=r"which has shape \(1,\): one flag a sequence is \(4,\)"):
        stepper.reset(torch.tensor([True]))
    with pytest.raises(DtypeError, match="it holds flags"):
        stepper.reset(torch.tensor([0.0, 1.0, 0.0, 0.0]))
    for copied in (copy.deepcopy, pickle.dumps):
        with pytest.raises(ConfigError, match="neither copied nor pickled"):
            copied(stepper)
    with pytest.raises(ConfigError, match="at least one sequence"):
        layer.stepper(0)
    with pytest.raises(ConfigError, match="a step knows no future"):
        Recurrent(LSTM(), I, H, bidirectional=True).stepper()
    with pytest.raises(DtypeError, match=r"these are torch\.float16"):
        layer.half().stepper()
