"""layer.trace(x, grads=True): the gradient of every named value equals autograd's in the plain loop."""

from __future__ import annotations

import importlib.util
import sys
import weakref
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

import cellwright.nn as cwnn
from cellwright.cells import CELLS, Cell
from cellwright.engine.run.loop import LoopValue
from cellwright.errors import ConfigError
from cellwright.nn import Recurrent
from cellwright.ops import apply, maximum, sigmoid, tanh

I, H, T, B = 3, 4, 5, 3
LENGTHS = [3, 0, 5]
CLOSE = {"rtol": 1e-12, "atol": 1e-12}
Names = dict[str, Any]
_spec = importlib.util.spec_from_file_location(
    "cellwright_random_programs", Path(__file__).parents[1] / "engine" / "test_random_programs.py"
)
assert _spec is not None
assert _spec.loader is not None
programs = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = programs
_spec.loader.exec_module(programs)


@contextmanager
def watched(cell: Cell) -> Iterator[list[Names]]:
    """The named values of every run of `step` inside the block, one dict a run, their gradients kept."""
    runs: list[Names] = []
    code = cell.step.__code__

    def look(frame: FrameType, event: str, arg: Any) -> None:
        if event == "return" and frame.f_code is code:
            runs.append({name: value for name, value in frame.f_locals.items() if isinstance(value, LoopValue)})
            for value in runs[-1].values():
                if value.tensor.requires_grad and not value.tensor.is_leaf:
                    value.tensor.retain_grad()

    sys.setprofile(look)
    try:
        yield runs
    finally:
        sys.setprofile(None)


def gradient_of(tensor: Tensor) -> Tensor:
    return tensor.grad if tensor.requires_grad and tensor.grad is not None else torch.zeros_like(tensor)


def compare(
    layer: Any,
    x: Tensor,
    loss_of: Callable[[Tensor, Any], Tensor],
    tolerance: float,
    skip: Container[str] = (),
    **given: Any,
) -> int:
    """Values and gradients of all names but `skip` beside those of the plain loop; how many were compared."""
    x = x.requires_grad_()  # so that the loop has a gradient for every value
    rows = layer.num_layers * layer.directions
    states = [torch.randn(rows, B, n, dtype=x.dtype, requires_grad=True) for n in layer.state_sizes.values()]
    given["state"] = states[0] if isinstance(layer, cwnn.RNN | cwnn.GRU) else tuple(states)
    with watched(layer.cell) as runs:
        y_loop, ends_loop = call(layer, x, "reference", **given)
    loss_of(y_loop, ends_loop).backward()
    y, ends, names = layer.trace(x, **given, grads=True)
    torch.testing.assert_close(y, y_loop, **CLOSE)
    loss_of(y, ends).backward()
    lengths = torch.tensor(given.get("lengths", [T] * B))
    assert len(runs) == T * layer.num_layers * layer.directions
    compared = 0
    for place, start in enumerate(range(0, len(runs), T)):
        direction = place % layer.directions
        found = names[place // layer.directions][direction]
        # the loop makes a parameter's values anew at every step: their gradients are compared step by step, too
        for t, run in zip(range(T)[:: -1 if direction else 1], runs[start : start + T], strict=True):
            for name, value in ((name, value) for name, value in found.items() if name not in skip):
                assert value.shape[:2] == (T, B)
                loop = run[name].tensor
                if loop.dtype == torch.bool:
                    assert not value.requires_grad
                    continue
                ours, expected = gradient_of(value)[t], gradient_of(loop)
                if not run[name].batched:  # made of parameters alone: one value, for all steps and sequences
                    ours = ours.sum(0)
                else:
                    shown = value[t].detach()[t < lengths]
                    torch.testing.assert_close(shown, loop.detach().reshape(B, -1)[t < lengths], **CLOSE)
                ours = ours.reshape(loop.shape)
                worst = float((ours - expected).abs().max())
                assert worst <= tolerance * max(1.0, float(expected.abs().max())), (place, t, name, worst)
                compared += 1
    return compared


def call(layer: Any, x: Tensor, backend: str, state: Any, **given: Any) -> tuple[Tensor, Any]:
    y, ends = layer(x, state, **given, backend=backend)
    return y, ends


def of_everything(y: Tensor, ends: Any) -> Tensor:
    ends = ends if isinstance(ends, tuple) else (ends,)
    return y.sin().sum() + sum(end.cos().sum() for end in ends)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("given", [{}, {"lengths": LENGTHS}], ids=["dense", "lengths"])
def test_gradients_of_named_values_are_those_of_the_plain_loop(name: str, given: Any, cell_of: Any) -> None:
    torch.manual_seed(0)
    layer = Recurrent(cell_of(name), I, H, num_layers=2, bidirectional=True, dtype=torch.float64)
    x = torch.randn(T, B, I, dtype=torch.float64)
    # sLSTM divides by a normaliser that random initial states bring near 0: gradients of 1 from terms of 1e3
    assert compare(layer, x, of_everything, 1e-11, **given) >= T * 4


@pytest.mark.parametrize("layer_type", [cwnn.LSTM, cwnn.GRU, cwnn.RNN])
def test_gradients_of_the_drop_in_layers(layer_type: Any) -> None:
    torch.manual_seed(0)
    layer = layer_type(I, H, num_layers=2, bidirectional=True, dtype=torch.float64)
    assert compare(layer, torch.randn(T, B, I, dtype=torch.float64), of_everything, 1e-12, lengths=LENGTHS) >= T * 4


class Tricky(Cell):
    """Equal lines, two names of one value, a number, a comparison, a value of parameters alone, one nobody reads."""

    gates = "a"
    params: ClassVar = {"p": "H"}

    def step(self, x: Any, h: Any, W: Any, R: Any, b: Any, p: Any) -> Any:
        scale = sigmoid(p)
        one = tanh(W.a @ x + R.a @ h + b.a)
        other = tanh(W.a @ x + R.a @ h + b.a)
        alias = other
        unread = alias * h  # noqa: F841
        high = one > 0.1
        most = (one * other).sum()
        h = maximum(one * other, scale * alias) * most + high * h * 0.5
        return h


class Parts(Cell):
    """Gates cut from one product, and a product of a named value."""

    params: ClassVar = {"M": "G H", "V": "H H"}
    sizes: ClassVar = {"g": "G"}
    states = "h g"
    G = 3

    def step(self, x: Any, h: Any, g: Any, M: Any, V: Any) -> Any:
        first = sigmoid(h[:2])
        whole = M @ h
        low, high = whole[:2], whole[1:3]
        mixed = V @ tanh(x.sum() * h)
        g = tanh(whole + g)
        h = mixed * low.sum() + apply("concat", high, first)
        return h, g


@pytest.mark.parametrize("cell", [Tricky(), Parts()])
@pytest.mark.parametrize("given", [{}, {"lengths": LENGTHS}], ids=["dense", "lengths"])
def test_equal_lines_parts_and_numbers_have_gradients_of_their_own(cell: Cell, given: Any) -> None:
    torch.manual_seed(1)
    layer = Recurrent(cell, I, H, num_layers=2, bidirectional=True, dtype=torch.float64)
    compare(layer, torch.randn(T, B, I, dtype=torch.float64), of_everything, 1e-12, **given)


def with_names(program: Any) -> Cell:
    """A random program as a cell whose `step` has a line and a name for each statement."""
    arguments = ", ".join([*program.states, *(f"{name}=None" for name in program.params)])
    lines = [f"def step(self, x, {arguments}):"]
    for name, op, args, attrs in program.statements:
        lines.append(
            f"    {name} = apply({', '.join([repr(op), *map(str, args), *(f'{k}={v}' for k, v in attrs.items())])})"
        )
    lines.append(f"    return ({', '.join([*program.new, program.output])},)")
    space: dict[str, Any] = {"apply": apply}
    exec("\n".join(lines), space)
    return type("Written", (programs.Drawn,), {"step": space["step"]})(program)


@pytest.mark.parametrize("seed", range(20))
def test_gradients_of_the_names_of_a_random_cell(seed: int) -> None:
    program = programs.Writer(seed).draw()
    torch.manual_seed(seed)
    layer = Recurrent(with_names(program), program.input_size, 3, bidirectional=seed % 2 == 0, dtype=torch.float64)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.uniform_(-1, 1).div_(max(1, weight.shape[-1] if weight.dim() > 1 else 1) ** 0.5)
    x = torch.randn(T, B, program.input_size, dtype=torch.float64)
    # gradients over 5 steps of at most 20 ops grow roundings by some 1e4 at worst (test_random_programs)
    # identity(v) is v itself in the loop: its gradient there is that of all uses of v
    same = {name for name, op, _, _ in program.statements if op == "identity"}
    compare(layer, x, of_everything, 3e-11, same, **({"lengths": LENGTHS} if seed % 3 else {}))


def test_a_loss_of_a_named_value_counts_where_it_stands_and_earlier() -> None:
    torch.manual_seed(0)
    layer = Recurrent(CELLS["LSTM"](), I, H, num_layers=2, dtype=torch.float64)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    with watched(layer.cell) as runs:
        layer(x, backend="reference")
    (2 * runs[3]["f"].tensor).sum().backward()
    at_x, x.grad = x.grad, None
    _, _, names = layer.trace(x, grads=True)
    (2 * names[0][0]["f"][3]).sum().backward()
    for name, value in names[0][0].items():
        for t in range(T):
            torch.testing.assert_close(value.grad[t], gradient_of(runs[t][name].tensor), **CLOSE)
    assert bool((names[0][0]["f"].grad[3] == 2).all())
    torch.testing.assert_close(x.grad, at_x, **CLOSE)


def test_inputs_states_and_weights_get_the_gradients_of_a_call(same: Any, start_of: Any) -> None:
    torch.manual_seed(0)
    layer = Recurrent(CELLS["GRU"](), I, H, num_layers=2, bidirectional=True, batch_first=True, dtype=torch.float64)
    x, states = torch.randn(B, T, I, dtype=torch.float64, requires_grad=True), start_of(layer, B)
    given = {"lengths": LENGTHS, "state": states}
    leaves = [x, *states, *layer.parameters()]
    same(lambda: layer.trace(x, **given, grads=True)[:2], lambda: layer(x, **given), leaves)


def test_grad_is_that_of_the_last_backward_pass() -> None:
    layer = Recurrent(CELLS["MGU"](), I, H, dtype=torch.float64)
    y, _, names = layer.trace(torch.randn(T, B, I, dtype=torch.float64), grads=True)
    y.sum().backward(retain_graph=True)
    first = names[0][0]["f"].grad
    (3 * y.sum()).backward()
    torch.testing.assert_close(names[0][0]["f"].grad, 3 * first, **CLOSE)


def test_without_grads_nothing_is_kept_for_a_backward_pass() -> None:
    layer = Recurrent(CELLS["MGU"](), I, H, dtype=torch.float64)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    y, (h,), names = layer.trace(x)
    assert not any(value.requires_grad for value in (y, h, *names[0][0].values()))
    with torch.no_grad(), pytest.raises(ConfigError, match=r"MGU\.trace\(grads=True\) under torch\.no_grad"):
        layer.trace(x, grads=True)


def test_one_sequence_and_no_steps() -> None:
    layer = Recurrent(CELLS["LSTM"](), I, H, dtype=torch.float64)
    y, _, names = layer.trace(torch.randn(T, I, dtype=torch.float64), grads=True)
    y.sum().backward()
    assert y.shape == (T, H)
    assert names[0][0]["c"].grad.shape == (T, 1, H)
    y, (h, _), names = layer.trace(torch.zeros(0, B, I, dtype=torch.float64), grads=True)
    (y.sum() + h.sum()).backward()
    assert names[0][0]["c"].grad.shape == (0, B, H)


def test_what_is_let_go_is_freed() -> None:
    layer = Recurrent(CELLS["LSTM"](), I, H, dtype=torch.float64)
    y, state, names = layer.trace(torch.randn(T, B, I, dtype=torch.float64), grads=True)
    kept = weakref.ref(names[0][0]["f"])
    del y, state, names
    assert kept() is None
