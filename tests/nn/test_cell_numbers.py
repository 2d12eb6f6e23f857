"""Numbers that a cell holds, and steps that say something else each time."""

from __future__ import annotations

import copy
import pickle
import random
from typing import Any

import pytest
import torch

from cellwright.cells import Cell
from cellwright.errors import BackendError, SlowPathWarning
from cellwright.nn import Recurrent
from cellwright.ops import tanh

I, H, T, B = 3, 4, 5, 2


class Leaky(Cell):
    """h′ = a h + (1 − a) tanh(W x + R h + b), a chosen by its owner."""

    gates = "u"

    def __init__(self, a: float = 0.5) -> None:
        self.a = a

    def step(self, x: Any, h: Any, W: Any, R: Any, b: Any) -> Any:
        return self.a * h + (1 - self.a) * tanh(W.u @ x + R.u @ h + b.u)


class Looked(Leaky):
    """Keeps the last value of a gate for its owner to look at."""

    last: Any = None

    def step(self, x: Any, h: Any, W: Any, R: Any, b: Any) -> Any:
        self.last = super().step(x, h, W, R, b)
        return self.last


class Noisy(Cell):
    gates = "u"

    def step(self, x: Any, h: Any, W: Any, R: Any, b: Any) -> Any:
        return tanh(W.u @ x + R.u @ h + b.u) * random.random()


def test_a_number_changed_between_calls_counts_from_then_on() -> None:
    """Annealing: kernels, traces, steppers and copies follow it as the plain loop does."""
    cell = Leaky()
    layer = Recurrent(cell, I, H, num_layers=2, dtype=torch.float64)
    x = torch.randn(T, B, I, dtype=torch.float64)
    seen = []
    for a in (0.5, 0.9, 0.5, 0.1):
        cell.a = a
        expected = layer(x, backend="reference")[0]
        stepper = layer.stepper(B)
        steps = torch.stack([stepper(x_t).clone() for x_t in x])
        for y in (layer(x, backend="cpu")[0], layer.trace(x)[0], steps, copy.deepcopy(layer)(x, backend="cpu")[0]):
            torch.testing.assert_close(y, expected)
        seen.append(expected)
    assert not torch.allclose(seen[0], seen[1])
    again = pickle.loads(pickle.dumps(layer))
    again.cell.a = 0.7
    torch.testing.assert_close(again(x, backend="cpu")[0], again(x, backend="reference")[0])


def test_what_a_step_keeps_for_its_owner_makes_no_call_trace_it_again() -> None:
    layer = Recurrent(Looked(), I, H)
    x = torch.randn(T, B, I)
    layer(x)
    held = layer.cell.last
    layer(x)
    assert layer.cell.last is held


def test_a_step_that_draws_runs_in_the_loop_and_says_so() -> None:
    layer = Recurrent(Noisy(), I, H)
    x = torch.randn(T, B, I)
    with pytest.warns(SlowPathWarning, match="other equations when it runs again"):
        one, other = layer(x)[0], layer(x)[0]
    assert not torch.equal(one, other)
    with pytest.raises(BackendError, match=r"other equations(.|\n)*test_cell_numbers(.|\n)*torch\.rand_like"):
        layer(x, backend="cpu")
