"""Compiled layers in use: NaN and Inf, nothing to do, strides, threads, processes, instruction sets, derivatives."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cellwright import ops
from cellwright.cells import CELLS, Cell, PeepholeLSTM
from cellwright.engine.interpret import interpret_sequence
from cellwright.engine.lower.compile import compile_module
from cellwright.engine.lower.product import product_module
from cellwright.engine.lower.program import program_module
from cellwright.engine.lower.target import ISAS, host_isas, target_of
from cellwright.engine.run.registry import cell_key, compiled_for, force_isa
from cellwright.engine.run.team import thread_count
from cellwright.errors import ConfigError
from cellwright.nn import Recurrent

I, H, T, B = 3, 5, 4, 3
EPS = torch.finfo(torch.float32).eps
# all but what all other tests run
RUN = [(isa, dtype) for isa in host_isas() for dtype in (torch.float64, torch.float32)][1:]
OTHERS = sorted(set(ISAS) - set(host_isas()))


def made(cell: Any, dtype: torch.dtype = torch.float64, **options: Any) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(cell, I, H, dtype=dtype, **options)


def value_and_gradients(layer: Any, x: Tensor, **given: Any) -> list[Tensor]:
    x = x.detach().requires_grad_()
    y, ends = layer(x, **given)
    ends = ends if isinstance(ends, tuple) else (ends,)
    loss = y.sin().sum() + sum(end.cos().sum() for end in ends)
    found = torch.autograd.grad(loss, [x, *layer.parameters()], allow_unused=True, materialize_grads=True)
    return [y.detach(), *(end.detach() for end in ends), *found]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
def test_nan_and_inf_go_where_they_go_in_the_plain_loop(name: str, odd: float, cell_of: Any) -> None:
    layer, x = made(cell_of(name)), torch.randn(T, B, I, dtype=torch.float64)
    x[1, 1, 0] = odd
    found = [value_and_gradients(layer, x, backend=backend) for backend in ("cpu", "reference")]
    for ours, loop in zip(*found, strict=True):
        assert torch.equal(ours.isnan(), loop.isnan())
        torch.testing.assert_close(ours, loop, rtol=1e-11, atol=1e-11, equal_nan=True)
    y = found[0][0]
    assert bool(y[:, [0, 2]].isfinite().all())  # other sequences never notice
    assert bool(y[0].isfinite().all())


class Largest(Cell):
    gates = "h"

    def step(self, x, h, W, R, b):
        v = W.h @ x + R.h @ h + b.h
        return ops.tanh(ops.maximum(v, 0.1) + ops.minimum(v, 0.2) + ops.relu(v) + ops.amax(v) + ops.where(v > 0, v, 1))


def clipping(clip: Any) -> type[Cell]:
    class Clipping(Cell):
        gates = "h"

        def step(self, x, h, W, R, b):
            return ops.tanh(clip(W.h @ x + R.h @ h + b.h, h))

    return Clipping


CLIPS = {
    "relu(v)": clipping(lambda v, h: ops.relu(v)),
    "maximum(v, 2 * h)": clipping(lambda v, h: ops.maximum(v, 2 * h)),
    "minimum(v, 2 * h)": clipping(lambda v, h: ops.minimum(v, 2 * h)),
}


def test_the_largest_of_nan_is_nan() -> None:
    layer, x = made(Largest()), torch.randn(T, B, I, dtype=torch.float64)
    x[2, 0] = float("nan")
    found = [value_and_gradients(layer, x, backend=backend) for backend in ("cpu", "reference")]
    for ours, loop in zip(*found, strict=True):
        torch.testing.assert_close(ours, loop, rtol=1e-12, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("op", CLIPS)
def test_the_gradient_of_nan_is_nan(op: str) -> None:
    layer, x = made(CLIPS[op]()), torch.randn(T, B, I, dtype=torch.float64)
    x[2, 0] = float("nan")
    found = [value_and_gradients(layer, x, backend=backend) for backend in ("cpu", "reference")]
    assert bool(found[0][2][2, 0].isnan().all())  # of x: a clip does not end it
    for ours, loop in zip(*found, strict=True):
        torch.testing.assert_close(ours, loop, rtol=1e-12, atol=1e-12, equal_nan=True)


# what each makes of v and h; torch and NumPy read bools as "or" or not at all
COMPARED: dict[str, Any] = {
    "a sum": lambda v, h: ((v > 0) + (h > 0)) * v,
    "a product with a number": lambda v, h: v + (v > 0) * 0.1,
    "a difference": lambda v, h: (1 - (v > 0)) * h - ((h >= v) - (v <= 0.1)) * v,
    "a count": lambda v, h: ops.mean(v > 0) * v + ops.sum(h < v) * h - ops.cumsum(v > 0),
    "a function": lambda v, h: v + ops.exp(-(v > 0)) + ops.softmax(h > 0) + ops.abs(v > h),
    "a condition": lambda v, h: ops.where((v > 0) + (h > 0), v, h) + ops.where(v, 1, 0.3) + ops.where(v > 0, h > 0, v),
}


@pytest.mark.parametrize("text", COMPARED)
def test_a_comparison_is_one_or_zero_everywhere(text: str) -> None:
    cell = clipping(COMPARED[text])()
    layer, x = made(cell), torch.randn(T, B, I, dtype=torch.float64)
    found = [value_and_gradients(layer, x, backend=backend) for backend in ("cpu", "reference")]
    for ours, loop in zip(*found, strict=True):
        torch.testing.assert_close(ours, loop, rtol=1e-12, atol=1e-12)
    weights = {f"{name}.h": getattr(layer, stored).detach().numpy() for name, stored in
               (("W", "weight_ih_l0"), ("R", "weight_hh_l0"), ("b", "bias_l0"))}  # fmt: skip
    meant, _ = interpret_sequence(cell, weights, x.numpy(), [np.zeros((B, H))])
    np.testing.assert_allclose(found[0][0].numpy(), meant, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("text", COMPARED)
def test_a_comparison_has_second_derivatives(text: str) -> None:
    layer, x = made(clipping(COMPARED[text])()), torch.randn(2, 1, I, dtype=torch.float64, requires_grad=True)
    found = []
    for backend in ("cpu", "reference"):
        (first,) = torch.autograd.grad(layer(x, backend=backend)[0].sum(), x, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), list(layer.parameters())))
    for ours, loop in zip(*found, strict=True):
        torch.testing.assert_close(ours, loop, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(("steps", "batch"), [(0, B), (T, 0), (0, 0), (1, 1), (1, B)])
def test_little_or_nothing_to_do_is_done(name: str, steps: int, batch: int, cell_of: Any) -> None:
    layer = made(cell_of(name), num_layers=2, bidirectional=True)
    x = torch.randn(steps, batch, I, dtype=torch.float64, requires_grad=True)
    states = [torch.rand(4, batch, n, dtype=torch.float64, requires_grad=True) for n in layer.state_sizes.values()]
    found = []
    for backend in ("cpu", "reference"):
        y, ends = layer(x, states, backend=backend)
        loss = y.sin().sum() + sum(end.cos().sum() for end in ends)
        gradients = torch.autograd.grad(
            loss, [x, *states, *layer.parameters()], allow_unused=True, materialize_grads=True
        )
        found.append([y, *ends, *gradients])
    for ours, loop in zip(*found, strict=True):
        torch.testing.assert_close(ours, loop, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", ["LSTM", "PeepholeLSTM", "ONLSTM"])
def test_x_may_lie_in_memory_in_any_order(name: str, cell_of: Any) -> None:
    layer = made(cell_of(name), bidirectional=True)
    straight = torch.randn(T, B, I, dtype=torch.float64)
    wide = torch.randn(T, B, 4 * I, dtype=torch.float64)
    wide[..., ::4] = straight
    forms = [
        straight.transpose(0, 1).contiguous().transpose(0, 1),
        straight.permute(2, 1, 0).contiguous().permute(2, 1, 0),
        wide[..., ::4],
        torch.cat([straight, straight])[T:],
    ]
    expected = value_and_gradients(layer, straight)
    for x in forms:
        for ours, theirs in zip(value_and_gradients(layer, x), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_gradients_may_arrive_in_any_order_in_memory(name: str, cell_of: Any) -> None:
    layer, x = made(cell_of(name)), torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    for given in ({}, {"lengths": [2, 4, 1]}):
        y, _ = layer(x, **given, backend="cpu")
        loop, _ = layer(x, **given, backend="reference")
        ones = torch.ones(1, 1, 1, dtype=torch.float64).expand(T, B, H)
        turned = torch.randn(H, B, T, dtype=torch.float64).permute(2, 1, 0)
        for g in (ones, turned):
            ours, theirs = (torch.autograd.grad(v, x, g, retain_graph=True)[0] for v in (y, loop))
            torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("threads", [1, 2])
def test_runs_have_the_same_bits_and_the_threads_that_torch_is_told(threads: int) -> None:
    layer, x = made(PeepholeLSTM(), torch.float32, bidirectional=True), torch.randn(9, 7, I)
    torch.set_num_threads(threads)
    try:
        assert thread_count() == threads
        first, again = (value_and_gradients(layer, x) for _ in range(2))
    finally:
        torch.set_num_threads(1)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    alone = value_and_gradients(layer, x)
    for k, (ours, one) in enumerate(zip(first, alone, strict=True)):
        # y and the states have the same bits; sums of gradients are cut by threads
        tolerance = 0.0 if k < 3 else 32 * EPS * float(one.abs().max())
        assert float((ours - one).abs().max()) <= tolerance


def test_several_python_threads_call_one_layer_at_once() -> None:
    layer, x = made(PeepholeLSTM(), torch.float32), torch.randn(9, 7, I)
    expected = value_and_gradients(layer, x)
    found: list[list[Tensor]] = []

    def call() -> None:
        for _ in range(20):
            found.append(value_and_gradients(layer, x))

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(found) == 80
    assert all(torch.equal(a, b) for one in found for a, b in zip(one, expected, strict=True))


class Ran(Dataset[Tensor]):
    """Items that a layer makes, in whatever process asks."""

    def __init__(self, layer: Recurrent, x: Tensor) -> None:
        self.layer, self.x = layer, x

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Tensor:
        with torch.no_grad():
            return self.layer(self.x * index)[0]


def test_a_layer_runs_in_forked_workers_of_a_loader() -> None:
    layer, x = made(PeepholeLSTM(), torch.float32), torch.randn(T, B, I)
    items = Ran(layer, x)
    expected = [items[k] for k in range(6)]  # this process has run kernels, on two threads too
    torch.set_num_threads(2)
    try:
        layer(x)
        loaded = [one[0] for one in DataLoader(items, num_workers=2, multiprocessing_context="fork")]
    finally:
        torch.set_num_threads(1)
    assert all(torch.equal(a, b) for a, b in zip(loaded, expected, strict=True))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(("isa", "dtype"), RUN)
def test_a_cell_runs_on_every_instruction_set_of_the_host(
    name: str, isa: str, dtype: torch.dtype, cell_of: Any
) -> None:
    layer, x = made(cell_of(name), dtype), torch.randn(T, B, I, dtype=dtype)
    with force_isa(isa):
        ours = value_and_gradients(layer, x, backend="cpu")
    loop = value_and_gradients(layer, x, backend="reference")
    for mine, theirs in zip(ours, loop, strict=True):
        # both have rounded; layer norm and SLSTM divide by what may be small
        bound = (4096 if name.startswith("LayerNorm") or name == "SLSTM" else 64) * torch.finfo(dtype).eps
        assert float((mine - theirs).abs().max()) <= bound * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("isa", OTHERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_instructions_that_the_host_has_not_are_refused(isa: str, dtype: torch.dtype) -> None:
    layer = made(PeepholeLSTM(), dtype)
    with force_isa(isa), pytest.raises(ConfigError, match=f"found {isa}.\n.*It runs .*{host_isas()[0]}"):
        layer(torch.randn(T, B, I, dtype=dtype))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("isa", OTHERS)
def test_a_cell_compiles_for_instruction_sets_that_the_host_has_not(name: str, isa: str, cell_of: Any) -> None:
    key = cell_key(cell_of(name), I, H, True)
    with force_isa(isa):
        compiled = compiled_for(key, torch.float32)
        for program in (compiled.plan.forward, compiled.plan.backward):
            assert compile_module(program_module(program, compiled.target), compiled.target.isa)
    if name == "LSTM":
        for dtype in ("float32", "float64"):
            assert compile_module(product_module(target_of(dtype, isa)), ISAS[isa])


@pytest.mark.parametrize("name", CELLS)
def test_first_and_second_derivatives_are_those_of_differences(name: str, cell_of: Any) -> None:
    # at weights of ±1/√2 no relu stands at its corner
    torch.manual_seed(3)
    layer = Recurrent(cell_of(name), 2, 2, dtype=torch.float64)
    weights = dict(layer.named_parameters())
    x = torch.randn(2, 2, 2, dtype=torch.float64, requires_grad=True)
    states = [torch.rand(1, 2, n, dtype=torch.float64, requires_grad=True) for n in layer.state_sizes.values()]

    def call(x: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
        held, values = leaves[: len(states)], leaves[len(states) :]
        named = dict(zip(weights, values, strict=True))
        y, ends = torch.func.functional_call(layer, named, (x, held), {"lengths": [2, 1], "backend": "cpu"})
        return (y, *ends)

    given = (x, *states, *weights.values())
    assert torch.autograd.gradcheck(call, given)
    assert torch.autograd.gradgradcheck(call, given)
