"""Another function in a gate's place is legal, runs the same, and is told of (row B20)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cellwright.cells import CELLS, LSTM, LSTMP, Cell, Jordan
from cellwright.cli.show import show_cell
from cellwright.engine.trace import trace
from cellwright.microscope.keeping import keeping_warnings
from cellwright.nn import Recurrent
from cellwright.ops import relu, sigmoid, tanh


class Swapped(Cell):
    """An LSTM with relu in place of the forget gate's σ."""

    gates = "i f g o"
    states = "h c"

    def step(self, x, h, c, W, R, b):
        i = sigmoid(W.i @ x + R.i @ h + b.i)
        f = relu(W.f @ x + R.f @ h + b.f)
        g = tanh(W.g @ x + R.g @ h + b.g)
        o = sigmoid(W.o @ x + R.o @ h + b.o)
        c = f * c + i * g
        return o * tanh(c), c


def warnings_of(cell: Cell) -> tuple[str, ...]:
    names: dict[str, int] = {}
    return keeping_warnings(cell, trace(cell, 4, 4, True, names), names)


def test_a_relu_that_keeps_the_state_is_named_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    (said,) = warnings_of(Swapped())
    assert "Swapped multiplies the state c by f, which can be 0 to inf" in said
    assert f"{Path(__file__).name}:" in said
    show_cell(f"{__file__}:Swapped", 3, 4)
    assert "by f, which can be 0 to inf" in capsys.readouterr().out


def test_it_runs_all_the_same() -> None:
    layer = Recurrent(Swapped(), 3, 4, dtype=torch.float64)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    torch.testing.assert_close(layer(x, backend="cpu"), layer(x, backend="reference"), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_nothing_is_said_of_the_library(name: str) -> None:
    kind = CELLS[name]
    assert warnings_of(kind(2) if kind in (Jordan, LSTMP) else kind()) == ()


def test_an_lstm_with_tanh_in_its_place_can_change_the_sign() -> None:
    class Signed(LSTM):
        def step(self, x, h, c, W, R, b):
            f = tanh(W.f @ x + R.f @ h + b.f)
            c = f * c + sigmoid(W.i @ x + R.i @ h + b.i) * tanh(W.g @ x + R.g @ h + b.g)
            return sigmoid(W.o @ x + R.o @ h + b.o) * tanh(c), c

    (said,) = warnings_of(Signed())
    assert "by f, which can be -1 to 1" in said
