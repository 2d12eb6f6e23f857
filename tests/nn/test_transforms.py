"""torch.func's transforms and forward-mode derivatives: the plain loop, or a typed refusal of kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from cellwright import nn as cwnn
from cellwright.cells import MGU
from cellwright.engine.run import slow_path
from cellwright.errors import BackendError, SlowPathWarning
from cellwright.nn import Recurrent

# torch scripts parts of its own forward mode
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
T, B, I, H, N = 4, 2, 3, 5, 6
LAYERS: dict[str, Callable[[], Any]] = {
    "Recurrent": lambda: Recurrent(MGU(), I, H, dtype=torch.float64),
    "LSTM": lambda: cwnn.LSTM(I, H, dtype=torch.float64),
    "GRU": lambda: cwnn.GRU(I, H, dtype=torch.float64),
}


def dual(run: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> Tensor:
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(run(forward_ad.make_dual(x, v))).tangent


TRANSFORMS: dict[str, Callable[[Callable[[Tensor], Tensor], Tensor, Tensor], Tensor]] = {
    "vmap": lambda run, x, v: torch.func.vmap(run)(torch.stack([x, v] * (N // 2))),
    "grad": lambda run, x, v: torch.func.grad(lambda x: run(x).sin().sum())(x),
    "jacrev": lambda run, x, v: torch.func.jacrev(lambda x: run(x)[-1])(x),
    "jvp": lambda run, x, v: torch.func.jvp(run, (x,), (v,))[1],
    "jacfwd": lambda run, x, v: torch.func.jacfwd(lambda x: run(x)[-1])(x),
    "dual numbers": dual,
}


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    return LAYERS[request.param]()


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(T, B, I, dtype=torch.float64), torch.randn(T, B, I, dtype=torch.float64)


@pytest.mark.filterwarnings("ignore::cellwright.errors.SlowPathWarning")
@pytest.mark.parametrize("name", TRANSFORMS)
def test_auto_runs_the_plain_loop_and_gives_its_numbers(name: str, layer: Any, pair: tuple[Tensor, Tensor]) -> None:
    transform = TRANSFORMS[name]
    ours = transform(lambda x: layer(x)[0], *pair)
    assert layer.path.startswith("plain loop")
    loop = transform(lambda x: layer(x, backend="reference")[0], *pair)
    assert torch.equal(ours, loop)
    assert bool(loop.any())


def test_a_directional_derivative_is_that_of_differences(layer: Any, pair: tuple[Tensor, Tensor]) -> None:
    x, v = pair
    found = TRANSFORMS["jvp"](lambda x: layer(x, backend="reference")[0], x, v)
    step = 1e-6
    with torch.no_grad():
        ahead, behind = (layer(x + sign * step * v, backend="cpu")[0] for sign in (1, -1))
    torch.testing.assert_close(found, (ahead - behind) / (2 * step), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_kernels_refuse_and_say_why(name: str, layer: Any, pair: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(BackendError, match=r"torch\.func's transforms, batched gradients and forward-mode"):
        TRANSFORMS[name](lambda x: layer(x, backend="cpu")[0], *pair)


def test_the_reason_is_said(pair: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_path, "_told", set())
    layer = LAYERS["Recurrent"]()
    with pytest.warns(SlowPathWarning, match=r"kernels have no rule for torch\.func's transforms"):
        TRANSFORMS["vmap"](lambda x: layer(x)[0], *pair)


def test_gradients_of_every_sequence_alone(layer: Any) -> None:
    """The gradients of weights for each of several inputs, as differential privacy asks for."""
    x = torch.randn(N, T, B, I, dtype=torch.float64)
    weights = {name: weight.detach() for name, weight in layer.named_parameters()}

    def loss(values: dict[str, Tensor], x: Tensor) -> Tensor:
        return torch.func.functional_call(layer, values, (x,), {"backend": "reference"})[0].sin().sum()

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(weights, x)
    for k in range(N):
        one = torch.autograd.grad(layer(x[k], backend="cpu")[0].sin().sum(), list(layer.parameters()))
        for gradient, name in zip(one, weights, strict=True):
            torch.testing.assert_close(each[name][k], gradient, rtol=1e-10, atol=1e-11)


def test_batched_gradients_of_kernels_are_refused(layer: Any, pair: tuple[Tensor, Tensor]) -> None:
    x = pair[0].requires_grad_()
    y = layer(x, backend="cpu")[0]
    with pytest.raises(BackendError, match="batched gradients"):
        torch.autograd.grad(y, x, torch.randn(N, *y.shape, dtype=torch.float64), is_grads_batched=True)
