"""The carry path is found on the graph alone: which states carry, what a and b are, and where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from cellwright import ops
from cellwright.cells import CELLS, Cell
from cellwright.engine.trace import trace
from cellwright.errors import CellError, ConfigError
from cellwright.microscope.carry import carry_gradient, carry_rows
from cellwright.microscope.carry_path import CarryPaths, carry_paths
from cellwright.microscope.record import inspect
from cellwright.nn import Recurrent

LSTM_LIKE = ("LSTM", "PeepholeLSTM", "LSTMP", "LayerNormLSTM", "MultiplicativeLSTM")
EQUATIONS = {name: ["c′ = f ⊙ c + i ⊙ g"] for name in LSTM_LIKE} | {
    "LSTM1997": ["c′ = c + i ⊙ g"],
    "CIFG": ["c′ = f ⊙ c + (1 − f) ⊙ g"],
    "GRU": ["h′ = z ⊙ h + (1 − z) ⊙ n"],
    "GRUResetBefore": ["h′ = z ⊙ h + (1 − z) ⊙ n"],
    "LayerNormGRU": ["h′ = z ⊙ h + (1 − z) ⊙ n"],
    "UGRNN": ["h′ = z ⊙ h + (1 − z) ⊙ n"],
    "LiGRU": ["h′ = z ⊙ h + (1 − z) ⊙ n"],
    "MGU": ["h′ = (1 − f) ⊙ h + f ⊙ n"],
    "MinGRU": ["h′ = (1 − z) ⊙ h + z ⊙ n"],
    "MinLSTM": ["h′ = f ⊙ h + (1 − f) ⊙ n"],
    "JANET": ["h′ = σ(s) ⊙ h + (1 − σ(s − 1)) ⊙ g"],
    "ONLSTM": ["c′ = (f ⊙ w + k − w) ⊙ c + (i ⊙ w + m − w) ⊙ g"],
    "SLSTM": ["c′ = k ⊙ c + e ⊙ z", "n′ = k ⊙ n + e"],
    "SRU": ["c′ = f ⊙ c + (1 − f) ⊙ q"],
    "LeakyRNN": ["h′ = 0.9 ⊙ h + 0.1 ⊙ tanh(W_h x + R_h h + b_h)"],
    "CoRNN": [
        "y′ = 0.995237 ⊙ y + (v + (a − 4.7 ⊙ v) ⊙ 0.042) ⊙ 0.042",
        "v′ = 0.8026 ⊙ v + (a − 2.7 ⊙ y) ⊙ 0.042",
    ],
    "LEM": [
        "y′ = (1 − d) ⊙ y + d ⊙ tanh(W_y x + R_y z′ + b_y)",
        "z′ = (1 − e) ⊙ z + e ⊙ tanh(W_z x + R_z y + b_z)",
    ],
    "Elman": [],
    "Jordan": [],
    "IndRNN": [],
}


def paths(cell: Cell, input_size: int = 2, hidden_size: int = 4) -> CarryPaths:
    names: dict[str, int] = {}
    return carry_paths(trace(cell, input_size, hidden_size, True, names), names)


@pytest.mark.parametrize("name", CELLS)
def test_what_the_library_cells_carry(name: str, cell_of: Callable[[str], Cell]) -> None:
    found = paths(cell_of(name))
    assert [carry.equation for carry in found.carries.values()] == EQUATIONS[name]


def test_a_cell_without_a_carry_path_says_so() -> None:
    assert paths(CELLS["Elman"]()).verdict.startswith("Elman has no carry path: h is read inside a function")
    assert paths(CELLS["LSTM"]()).verdict == "LSTM carries c′ = f ⊙ c + i ⊙ g. No carry path: h."
    record = inspect(Recurrent(CELLS["Elman"](), 2, 3), torch.zeros(4, 1, 2))
    with pytest.raises(CellError, match="Elman has no carry path"):
        carry_gradient(record)
    record = inspect(Recurrent(CELLS["LSTM"](), 2, 3), torch.zeros(4, 1, 2))
    with pytest.raises(CellError, match="LSTM does not carry h"):
        carry_gradient(record, state="h")
    with pytest.raises(ConfigError, match="Expected a state of LSTM, h or c, found 'q'"):
        carry_gradient(record, state="q")


def one_state(step: Callable[..., Any], **more: Any) -> Cell:
    """A cell of one state s of 4 units and a gate value f of the input."""

    class Made(Cell):
        gates = "f"
        states = "s"
        params: ClassVar = more

        def step(self, x, s, W, b, **params):  # type: ignore[no-untyped-def]
            return step(s, ops.sigmoid(W.f @ x + b.f), **params)

        def takes(self) -> tuple[str, ...]:
            return ("W", "b", *self.params)

    return Made()


SPLIT = {
    "a product, a quotient and a number": (lambda s, f: 0.5 * (s * f) / (1 + f) - f, 1),
    "s in two terms": (lambda s, f: s + f * s - (2 * s), 1),
    "taken away again": (lambda s, f: f + s - s, 0),
    "minus": (lambda s, f: -(f - s), 1),
    "s times s": (lambda s, f: s * s, 0),
    "over s": (lambda s, f: f / s, 0),
    "inside a function": (lambda s, f: ops.tanh(s) + ops.maximum(s, f) + abs(s), 0),
    "once inside, once outside": (lambda s, f: f * s + ops.tanh(s), 1),
    "chosen": (lambda s, f: ops.where(f > 0.5, s, f), 1),
    "chosen by s": (lambda s, f: ops.where(s > 0.5, s, 0.0), 1),
    "put together again": (lambda s, f: ops.concat(s[:1] * f[:1], s[1:]), 1),
    "half of it": (lambda s, f: ops.concat(f[:2], s[2:] * 0.3), 1),
    "in another's place": (lambda s, f: ops.concat(s[2:], s[:2]), 0),
    "one unit spread over all": (lambda s, f: f * s[:1], 0),
    "a sum": (lambda s, f: f * ops.sum(s) + ops.cumsum(s), 0),
    "handed on": (lambda s, f: s, 1),
    "parts that meet": (lambda s, f: ops.concat(s[:1], f[1:]) + ops.concat(f[:3], s[3:]), 1),
    "parts of a product of parts": (lambda s, f: ops.concat(s[:1], f[1:]) * ops.concat(s[:2], f[2:]), 1),
    "once in a square": (lambda s, f: ops.concat(s[:2], f[2:]) * ops.concat(s[:1], f[1:]) + s, 1),
}


@pytest.mark.parametrize("name", SPLIT)
def test_s_is_a_s_plus_b_whatever_the_step_looks_like(name: str) -> None:
    step, carries = SPLIT[name]
    cell = one_state(step)
    assert len(paths(cell).carries) == carries
    if not carries:
        return
    torch.manual_seed(0)
    layer = Recurrent(cell, 2, 4, dtype=torch.float64)
    record = inspect(layer, torch.randn(5, 1, 2), state=(torch.rand(1, 1, 4) + 0.5,), target=lambda y: y.sum())
    rows = carry_rows(record)
    np.testing.assert_allclose(rows.a_LS * rows.before_LS + rows.b_LS, rows.after_LS, rtol=0, atol=1e-13)
    assert carry_gradient(record).check.holds
    if "part" in name or name == "half of it":
        assert (rows.a_LS == 0).any()
        assert (rows.a_LS != 0).any()


def test_a_is_what_multiplies_the_state_itself() -> None:
    rng = np.random.default_rng(0)
    cell = one_state(lambda s, f: 0.5 * (s * f) / (1 + f) - f + ops.tanh(s))
    layer = Recurrent(cell, 2, 4, dtype=torch.float64)
    rows = carry_rows(inspect(layer, rng.normal(size=(5, 1, 2)), state=(torch.ones(1, 1, 4),)))
    weight, bias = layer.weight_ih_l0.detach().numpy(), layer.bias_l0.detach().numpy()
    f = 1 / (1 + np.exp(-(rows.reading.x_LI.numpy() @ weight.T + bias)))
    np.testing.assert_allclose(rows.a_LS, 0.5 * f / (1 + f), rtol=0, atol=1e-15)
    np.testing.assert_allclose(rows.b_LS, np.tanh(rows.before_LS) - f, rtol=0, atol=1e-15)


def test_names_change_nothing_but_the_print() -> None:
    renamed = trace(CELLS["GRU"](), 2, 4)
    assert next(iter(carry_paths(renamed).carries.values())).factor == "σ(W_z x + R_z h + b_z)"
