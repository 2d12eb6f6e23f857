"""A step written with torch's functions and methods means the same as one written with cellwright.ops."""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Callable
from typing import ClassVar

import pytest
import torch
from torch.nn import functional

from cellwright import ops
from cellwright.cells import LSTM, Cell
from cellwright.engine import trace
from cellwright.errors import CellError, SlowPathWarning, UnsupportedOp
from cellwright.nn import Recurrent


class TorchLSTM(Cell):
    gates = "i f g o"
    states = "h c"

    def step(self, x, h, c, W, R, b):
        i = torch.sigmoid(W.i @ x + R.i @ h + b.i)
        f = functional.sigmoid(torch.add(torch.matmul(W.f, x), torch.mv(R.f, h)) + b.f)
        g = torch.tanh(W.g.matmul(x) + R.g.mv(h) + b.g)
        o = (W.o @ x + R.o @ h + b.o).sigmoid()
        c = torch.mul(f, c).add(i * g)
        h = o * c.tanh()
        return h, c


# name: (with torch, with ops), of two vectors of 4
PAIRS: dict[str, tuple[Callable, Callable]] = {
    "sigmoid": (lambda a, b: torch.sigmoid(a), lambda a, b: ops.sigmoid(a)),
    "tanh": (lambda a, b: functional.tanh(a), lambda a, b: ops.tanh(a)),
    "relu": (lambda a, b: torch.relu(a) + functional.relu(b), lambda a, b: ops.relu(a) + ops.relu(b)),
    "relu method": (lambda a, b: b.relu(), lambda a, b: ops.relu(b)),
    "softplus": (lambda a, b: functional.softplus(a), lambda a, b: ops.softplus(a)),
    "softmax": (lambda a, b: torch.softmax(a, dim=-1) + b.softmax(0), lambda a, b: ops.softmax(a) + ops.softmax(b)),
    "functional softmax": (lambda a, b: functional.softmax(a, dim=-1), lambda a, b: ops.softmax(a)),
    "exp": (lambda a, b: torch.exp(-a * a) * b.exp(), lambda a, b: ops.exp(-a * a) * ops.exp(b)),
    "log": (lambda a, b: torch.log(torch.abs(a)), lambda a, b: ops.log(ops.abs(a))),
    "sqrt": (lambda a, b: torch.sqrt(abs(a)), lambda a, b: ops.sqrt(ops.abs(a))),
    "sqrt method": (lambda a, b: b.abs().sqrt(), lambda a, b: ops.sqrt(ops.abs(b))),
    "minimum": (lambda a, b: torch.minimum(a, b), lambda a, b: ops.minimum(a, b)),
    "maximum": (lambda a, b: a.maximum(b), lambda a, b: ops.maximum(a, b)),
    "where": (lambda a, b: torch.where(a > b, a, b * 2), lambda a, b: ops.where(a > b, a, b * 2)),
    "comparisons": (
        lambda a, b: torch.where(torch.lt(a, b), 1.5, 2.4) + torch.where(a.ge(0.1), a, b) + torch.where(a.le(b), b, 1),
        lambda a, b: ops.where(a < b, 1.5, 2.4) + ops.where(a >= 0.1, a, b) + ops.where(a <= b, b, 1),
    ),
    "greater": (lambda a, b: torch.where(torch.gt(a, b), a, 0.3), lambda a, b: ops.where(a > b, a, 0.3)),
    "cat": (lambda a, b: torch.cat([a, b])[2:6], lambda a, b: ops.concat(a, b)[2:6]),
    "concat": (lambda a, b: torch.concat((b, a), dim=-1)[1:5], lambda a, b: ops.concat([b, a])[1:5]),
    "chunk": (lambda a, b: torch.cat(torch.chunk(a, 2, dim=0)[::-1]), lambda a, b: ops.concat([a[:2], a[2:]][::-1])),
    "chunk method": (lambda a, b: torch.cat(a.chunk(2, -1)[::-1]), lambda a, b: ops.concat([a[:2], a[2:]][::-1])),
    "sum": (lambda a, b: a * torch.sum(b) + b.sum(-1), lambda a, b: a * ops.sum(b) + ops.sum(b)),
    "mean": (lambda a, b: a * torch.mean(b, dim=0) + a.mean(), lambda a, b: a * ops.mean(b) + ops.mean(a)),
    "amax": (lambda a, b: a * torch.amax(b, (0,)), lambda a, b: a * ops.amax(b)),
    "cumsum": (lambda a, b: torch.cumsum(a, 0), lambda a, b: ops.cumsum(a)),
    "powers": (
        lambda a, b: torch.pow(a, 2) + b.square() + torch.square(b) + (a * a).pow(0.5) + a.pow(3.0),
        lambda a, b: a**2 + b * b + b**2 + (a * a) ** 0.5 + a**3,
    ),
    "powers as products": (
        lambda a, b: a**1 + b**2 + a**3 + b**4 + (a * a) ** 0.5 + (b * b + 1) ** -2 - (b * b) ** -0.5,
        lambda a, b: a + b * b + a * (a * a) + (b * b) * (b * b) + ops.sqrt(a * a) + 1 / ((b * b + 1) * (b * b + 1))
        - 1 / ops.sqrt(b * b),
    ),
    "arithmetic": (
        lambda a, b: torch.sub(a, b) / torch.add(b.abs(), 1.0) - torch.neg(a).mul(b).div(2.0) + torch.multiply(3, a),
        lambda a, b: (a - b) / (ops.abs(b) + 1.0) - -a * b / 2.0 + 3 * a,
    ),
}  # fmt: skip


class Pair(Cell):
    params: ClassVar = {"q": "H"}

    def __init__(self, text: Callable) -> None:
        self.text = text

    def step(self, x, h, q):
        return self.text(h, q)


def test_an_lstm_in_torchs_words_is_the_lstm(cases) -> None:
    w, x, s = cases.weights(LSTM()), cases.sequence(5, 3), cases.states(LSTM(), 3)
    ours = cases.loop(TorchLSTM(), w, x, s)
    cases.same(ours, cases.loop(LSTM(), w, x, s))
    cases.same(ours, cases.meaning(TorchLSTM(), w, x, s))
    assert [node.op for node in trace(TorchLSTM(), 2, 3).nodes] == [node.op for node in trace(LSTM(), 2, 3).nodes]


@pytest.mark.parametrize("name", PAIRS)
def test_torch_words_trace_to_the_graph_of_the_ops(name: str) -> None:
    with_torch, with_ops = (trace(Pair(text), 1, 4) for text in PAIRS[name])
    assert with_torch == with_ops


@pytest.mark.parametrize("name", PAIRS)
def test_torch_words_give_the_numbers_of_the_ops_in_the_loop(name: str, cases) -> None:
    cell = Pair(PAIRS[name][0])
    w, x, s = cases.weights(cell, 1, 4), cases.sequence(3, 5, 1), cases.states(cell, 5, 4)
    ours = cases.loop(cell, w, x, s)
    cases.same(ours, cases.loop(Pair(PAIRS[name][1]), w, x, s), 0.0)
    cases.same(ours, cases.meaning(cell, w, x, s))


# what torch reads differently from an op of the same name, or does not have as an op
FOREIGN: dict[str, tuple[Callable, Callable]] = {
    "lgamma": (lambda a, q: torch.lgamma(a) * q, lambda a, q: torch.lgamma(a) * q),
    "erf": (lambda a, q: a.erf() + q, lambda a, q: a.erf() + q),
    "softplus with beta": (lambda a, q: functional.softplus(a, 2.0), lambda a, q: functional.softplus(a, 2.0)),
    "softplus with beta by name": (
        lambda a, q: functional.softplus(a, beta=2.0),
        lambda a, q: functional.softplus(a, beta=2.0),
    ),
    "add with alpha": (lambda a, q: torch.add(a, q, alpha=3), lambda a, q: torch.add(a, q, alpha=3)),
    "pow": (lambda a, q: torch.pow(a * a, 1.5) + q, lambda a, q: (a * a).pow(1.5) + q),
    "power of a number": (lambda a, q: torch.pow(2.0, a) + q, lambda a, q: 2.0**a + q),
    "mean with keepdim": (lambda a, q: a - a.mean(-1, keepdim=True), lambda a, q: a - a.mean(-1, keepdim=True)),
    "clamp": (lambda a, q: torch.clamp(a, -0.3, 0.3), lambda a, q: a.clamp(-0.3, 0.3)),
    "masked_fill": (lambda a, q: a.masked_fill(a > q, 0.5), lambda a, q: a.masked_fill(a > q, 0.5)),
    "flip": (lambda a, q: torch.flip(a, [0]) * q, lambda a, q: a.flip(-1) * q),
    "div rounding down": (
        lambda a, q: torch.div(a, q, rounding_mode="floor"),
        lambda a, q: torch.div(a, q, rounding_mode="floor"),
    ),
    "layer_norm": (lambda a, q: functional.layer_norm(a, (4,)), lambda a, q: functional.layer_norm(a, (4,))),
    "a matrix on the way": (
        lambda a, q: (torch.outer(a, a) * q + 1 - a) @ a + torch.stack([a, a * q]).amax(0),
        lambda a, q: a * (a * a * q).sum(1, True) + ((1 - a) * a).sum(1, True) + torch.maximum(a, a * q),
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_torch_function_outside_the_list_runs_in_the_loop_and_says_so(name: str, cases) -> None:
    inside, plain = FOREIGN[name]
    cell = type(f"Foreign{next(_numbers)}", (Pair,), {})(inside)
    w, x, (h,) = cases.weights(cell, 1, 4), cases.sequence(3, 5, 1), cases.states(cell, 5, 4)
    with pytest.warns(SlowPathWarning, match=rf"(?s){cell.name} runs in the plain loop: torch\..*{__file__}:\d+"):
        y, _ = cases.loop(cell, w, x, (h,))
    for t in range(3):
        h = plain(h, w["q"].expand(5, 4))
        cases.same(y[t], h)
    with pytest.raises(UnsupportedOp):
        trace(cell, 1, 4)


_numbers = itertools.count()


def test_the_slow_path_is_said_once(cases) -> None:
    cell = type(f"Foreign{next(_numbers)}", (Pair,), {})(lambda a, q: torch.sinh(a))
    arguments = cell, cases.weights(cell), cases.sequence(4, 1), cases.states(cell, 1)
    with pytest.warns(SlowPathWarning) as said:
        cases.loop(*arguments)
    assert len(said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cases.loop(*arguments)


@pytest.mark.parametrize("text", [lambda a, q: torch.sinh(a), lambda a, q: a.sinh(), lambda a, q: a + torch.cos(q)])
def test_a_layer_says_it_once_for_one_place(text: Callable) -> None:
    cell = type(f"Foreign{next(_numbers)}", (Pair,), {})(text)
    layer, x_TBI = Recurrent(cell, 3, 4), torch.randn(2, 5, 3)
    with pytest.warns(SlowPathWarning, match=re.escape(__file__)) as said:
        layer(x_TBI)
    assert len(said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(x_TBI, backend="reference")


def test_a_foreign_function_has_a_gradient(cases) -> None:
    cell = type(f"Foreign{next(_numbers)}", (Pair,), {})(lambda a, q: torch.sin(a) * q)
    w, x, s = cases.weights(cell), cases.sequence(3, 2), cases.states(cell, 2)
    with pytest.warns(SlowPathWarning):
        cases.loop(cell, w, x, s)
    leaf = s[0].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda h: cases.loop(cell, w, x, (h,))[0], (leaf,))


def test_a_foreign_function_that_cannot_run_is_a_cell_error_with_the_line(cases) -> None:
    cell = type(f"Foreign{next(_numbers)}", (Pair,), {})(lambda a, q: torch.linalg.inv(a))
    with pytest.warns(SlowPathWarning), pytest.raises(CellError, match="cannot run on one sequence") as caught:
        cases.loop(cell, cases.weights(cell), cases.sequence(1, 2), cases.states(cell, 2))
    assert caught.value.file == __file__


def test_other_dimensions_than_the_features_do_not_exist() -> None:
    for dim in (1, -2):
        for text in (lambda a, q, dim=dim: torch.softmax(a, dim), lambda a, q, dim=dim: torch.cat([a, q], dim)):
            with pytest.raises(CellError, match="only dim 0 or -1"):
                trace(Pair(text), 1, 4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (lambda a, q: a**1.5, "to the power of 1.5: known are ½, whole numbers to 64 and their negatives"),
        (lambda a, q: a**q, "to the power of a "),
        (lambda a, q: a**0, "to the power of 0"),
        (lambda a, q: a ** float("inf"), "to the power of inf"),
        (lambda a, q: 2.0**a, "2.0 to the power of a value"),
    ],
)
def test_other_powers_are_refused_with_the_line(text: Callable, said: str) -> None:
    for backend in ("auto", "reference"):
        with pytest.raises(CellError, match=said) as caught:
            Recurrent(Pair(text), 3, 4)(torch.randn(2, 5, 3), backend=backend)
        assert caught.value.file == __file__
        assert "Write exp(" in str(caught.value)


def test_arguments_that_no_op_has_are_named() -> None:
    with pytest.raises(UnsupportedOp, match=r"torch.mean with keepdim is not .*list\n(.*\n)* *Leave keepdim out"):
        trace(Pair(lambda a, q: a - a.mean(-1, keepdim=True)), 1, 4)
    with pytest.raises(UnsupportedOp, match=r"torch.softplus with these arguments is not"):
        trace(Pair(lambda a, q: functional.softplus(a, 2.0)), 1, 4)
