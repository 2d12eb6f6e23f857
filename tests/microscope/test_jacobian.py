"""State Jacobians, their singular values and the bounds on products of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from cellwright import ops
from cellwright.cells import GRU, LSTM, CoRNN, Elman, IndRNN, LeakyRNN, MinGRU
from cellwright.engine.adjoint_ops import ALL_OPS
from cellwright.engine.differentiate import differentiate
from cellwright.errors import ConfigError
from cellwright.microscope.bounds import step_bound
from cellwright.microscope.jacobian import jacobians, singular_values, state_jacobian, transition_norms
from cellwright.microscope.reading import read
from cellwright.microscope.record import inspect
from cellwright.microscope.runs import Record, Run
from cellwright.nn import Recurrent

I, H, T = 3, 4, 6


def record_of(cell: Any, steps: int = T, scale: float = 1.0, bias: bool = True) -> Record:
    torch.manual_seed(0)
    layer = Recurrent(cell, I, H, bias=bias, dtype=torch.float64)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.normal_(0, scale)
    state = tuple(torch.randn(1, 1, size) for size in layer.state_sizes.values())
    return inspect(layer, torch.randn(steps, 1, I), state=state)


def test_the_lstm_in_blocks() -> None:
    record = record_of(LSTM())
    run = record.run()
    found = state_jacobian(record)
    v = {name: run.values[name][:, 0] for name in "ifgoc"}
    r, before = run.weights, run.before("c")[:, 0]
    for t in range(T):
        i, f, g, o, c = (v[name][t] for name in "ifgoc")
        k = np.diag(before[t] * f * (1 - f)) @ r["R.f"] + np.diag(g * i * (1 - i)) @ r["R.i"]
        k += np.diag(i * (1 - g**2)) @ r["R.g"]
        q = o * (1 - np.tanh(c) ** 2)
        from_h = np.diag(q) @ k + np.diag(np.tanh(c) * o * (1 - o)) @ r["R.o"]
        expected = np.block([[from_h, np.diag(q * f)], [k, np.diag(f)]])  # over (h, c), the cell's order
        np.testing.assert_allclose(found.arrays["jacobian"][t], expected, rtol=0, atol=1e-15)
    assert found.labels["after"][:5] == ("h 0", "h 1", "h 2", "h 3", "c 0")


def by_the_engines_table(run: Run, t: int, row: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Gradients of the old states of step t by the rows of `VJP`, in NumPy, for a gradient of the new states."""
    gradient = differentiate(run.graph)
    found: list[Any] = []
    for node in gradient.nodes:
        if node.op == "constant":
            found.append(np.float64(dict(node.attrs)["value"]))
        elif node.op == "cotangent":
            found.append(row.get(node.name, np.zeros(node.shape)))
        elif node.op == "state":
            found.append(run.before(node.name)[t, 0])
        elif not node.args:
            found.append(run.x_TBI[t, 0] if node.op == "input" else run.weights[node.name])
        else:
            attrs = {key: int(value) for key, value in node.attrs}
            found.append(np.asarray(ALL_OPS[node.op].numpy(*(found[a] for a in node.args), **attrs)))
    return {name: found[at] for name, at in gradient.states}


@pytest.mark.parametrize("cell", [LSTM, GRU, CoRNN])
def test_the_jacobian_is_that_of_the_engines_own_gradient_table(cell: Any) -> None:
    record = record_of(cell())
    reading = read(record)
    found = jacobians(reading)
    for unit in range(reading.width):
        row = np.eye(reading.width)[unit]
        for t in range(T):
            old = by_the_engines_table(record.run(), t, {name: row[place] for name, place in reading.places.items()})
            np.testing.assert_allclose(found[t, unit], np.concatenate(list(old.values())), rtol=0, atol=1e-14)


def test_singular_values_of_a_known_matrix() -> None:
    torch.manual_seed(1)
    rotation = torch.linalg.qr(torch.randn(H, H, dtype=torch.float64))[0]
    layer = Recurrent(Elman(ops.identity), I, H, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_hh_l0.copy_(torch.diag(torch.tensor([2.0, 1, 0.5, 0.25], dtype=torch.float64)) @ rotation)
    record = inspect(layer, torch.randn(3, 1, I))
    figure = singular_values(record)
    np.testing.assert_allclose(figure.arrays["sigma"], [[2, 1, 0.5, 0.25]] * 3, rtol=1e-14)
    np.testing.assert_allclose(figure.arrays["condition"], 8, rtol=1e-13)
    with torch.no_grad():
        layer.weight_hh_l0[0] = 0
    figure = singular_values(inspect(layer, torch.randn(3, 1, I)))
    assert np.isposinf(figure.arrays["condition"]).all()
    assert "3 of 3 steps forget" in figure.notes[0]


@pytest.mark.parametrize(("f", "gamma"), [(ops.tanh, 1.0), (ops.sigmoid, 0.25), (ops.relu, 1.0), (ops.identity, 1.0)])
def test_the_bound_of_a_simple_recurrent_network_is_gamma_sigma1(f: Any, gamma: float) -> None:
    record = record_of(Elman(f), steps=60, scale=0.4)
    sigma = np.linalg.norm(record.run().weights["R.h"], 2)
    figure = transition_norms(record)
    lags = np.arange(60)[::-1]
    np.testing.assert_allclose(figure.arrays["bound"], (gamma * sigma) ** lags, rtol=1e-12)
    assert (figure.arrays["norm"] <= figure.arrays["bound"] * (1 + 1e-12)).all()
    assert "holds at all steps" in figure.notes[0]


BOUNDS: dict[str, tuple[Any, Callable[[Any], float]]] = {
    "leaky": (LeakyRNN(0.3), lambda run: 0.7 + 0.3 * np.linalg.norm(run.weights["R.h"], 2)),
    "one by one": (IndRNN(), lambda run: np.abs(run.weights["u"]).max()),
    "gates that see x alone": (MinGRU(), lambda run: (1 - run.values["z"]).max()),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_of_other_cells_whose_equations_allow_one(name: str) -> None:
    cell, expected = BOUNDS[name]
    record = record_of(cell)
    bound = step_bound(read(record))
    assert bound.value == pytest.approx(expected(record.run()), rel=1e-12)
    assert bound.value is not None
    assert np.linalg.norm(jacobians(read(record)), 2, axis=(1, 2)).max() <= bound.value


def test_gates_that_read_the_state_allow_no_bound_and_this_is_said() -> None:
    figure = transition_norms(record_of(LSTM()))
    assert np.isposinf(figure.arrays["bound"]).all()
    assert figure.notes == ("No bound (γ σ1)^k for this cell: how steep f ⊙ c is depends on the state itself.",)


def test_norms_until_a_step_are_those_of_the_sequence_cut_there() -> None:
    record = record_of(GRU())
    figure = transition_norms(record, until=3)
    found = jacobians(read(record))
    expected = [np.linalg.norm(found[3] @ found[2] @ found[1], 2), np.linalg.norm(found[3] @ found[2], 2)]
    np.testing.assert_allclose(figure.arrays["norm"][:2], expected, rtol=1e-13)
    assert figure.arrays["norm"].shape == (4,)
    with pytest.raises(ConfigError, match="from 0 to 5, found until=6"):
        transition_norms(record, until=6)


def test_a_jacobian_of_more_rows_than_a_block_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    record = record_of(GRU())
    whole = jacobians(read(record))
    monkeypatch.setattr("cellwright.microscope.jacobian.ROWS", 2 * H)
    np.testing.assert_array_equal(jacobians(read(record)), whole)
