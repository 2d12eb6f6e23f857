"""The mean loss over a vocabulary in pieces, beside torch's in one: value, gradients, precisions, memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from cellwright.tasks.networks import mean_loss as module
from cellwright.tasks.networks.mean_loss import mean_loss

N, F, V = 200, 12, 50


def case(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    y, weight, bias = torch.randn(N, F, dtype=dtype), torch.randn(V, F, dtype=dtype), torch.randn(V, dtype=dtype)
    return y.requires_grad_(), torch.randint(V, (N,)), weight.requires_grad_(), bias.requires_grad_()


def plain(y: Tensor, target: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return functional.cross_entropy(functional.linear(y, weight, bias).to(torch.float64), target)


@pytest.fixture(params=[1, 50 * 64, 50 * 77, 1 << 20], ids=["least", "64", "77", "all"])
def at_a_time(request, monkeypatch):
    monkeypatch.setattr(module, "AT_A_TIME", request.param)


@pytest.mark.usefixtures("at_a_time")
def test_value_and_gradients_are_torchs():
    y, target, weight, bias = case()
    found, expected = mean_loss(y, target, weight, bias), plain(y, target, weight, bias)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=0)
    wanted = torch.autograd.grad(7 * expected, (y, weight, bias))
    for own, other in zip(torch.autograd.grad(7 * found, (y, weight, bias)), wanted, strict=True):
        torch.testing.assert_close(own, other, rtol=0, atol=1e-14)


def test_embeddings_that_are_the_softmax_get_both_gradients():
    _, target, weight, bias = case()
    y = functional.embedding(target.roll(1), weight)
    found = torch.autograd.grad(mean_loss(y, target, weight, bias), weight, retain_graph=True)[0]
    torch.testing.assert_close(found, torch.autograd.grad(plain(y, target, weight, bias), weight)[0])


def test_weights_that_need_no_gradient_get_none():
    y, target, weight, bias = case()
    mean_loss(y, target, weight.detach(), bias).backward()
    assert y.grad is not None
    assert weight.grad is None
    with torch.no_grad():
        assert not mean_loss(y, target, weight, bias).requires_grad


@pytest.mark.usefixtures("at_a_time")
@pytest.mark.parametrize("mode", ["float32", "bfloat16 weights", "autocast"])
def test_lower_precisions_stay_near(mode):
    y, target, weight, bias = (t.detach() for t in case(torch.float32))
    if mode == "bfloat16 weights":
        y, weight, bias = y.bfloat16(), weight.bfloat16(), bias.bfloat16()
    given = [y.requires_grad_(), target, weight.requires_grad_(), bias.requires_grad_()]
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode == "autocast"):
        found = mean_loss(*given)
    assert found.dtype == torch.float32
    exact = [t.detach().double().requires_grad_() if t.is_floating_point() else t for t in given]
    expected = plain(*exact)
    digits = 1e-6 if mode == "float32" else 2e-2
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=digits)
    found.backward()
    expected.backward()
    for own, other in zip(given, exact, strict=True):
        if own is not target:
            assert own.grad.dtype == own.dtype
            assert float((own.grad - other.grad).abs().max()) <= digits * float(other.grad.abs().max())


def test_a_gradient_of_the_gradient_is_refused():
    y, target, weight, bias = case()
    (grad,) = torch.autograd.grad(mean_loss(y, target, weight, bias), y, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        grad.sum().backward()
