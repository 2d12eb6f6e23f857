"""Lyapunov spectra with known answers: linear maps, the Hénon and logistic maps typed as cells, constant gates."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from cellwright import ops
from cellwright.cells import LSTM, Cell, Elman
from cellwright.errors import ConfigError
from cellwright.microscope.figure import Figure
from cellwright.microscope.lyapunov import kaplan_yorke, lyapunov_spectrum
from cellwright.microscope.record import inspect
from cellwright.microscope.runs import Record
from cellwright.nn import Recurrent


def linear(matrix: Any, steps: int = 400) -> Record:
    """A linear RNN with this matrix, from state 0: J is the matrix itself."""
    matrix = torch.as_tensor(matrix, dtype=torch.float64)
    layer = Recurrent(Elman(ops.identity), 1, len(matrix), bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_hh_l0.copy_(matrix)
    return inspect(layer, torch.zeros(steps, 1, 1), gradients=False)


def orthogonal(n: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


def turns_red(figure: Figure) -> bool:
    check = figure.check
    assert check is not None
    return check.holds and not replace(check, left=np.asarray(check.left) + 1e-6).holds


def test_a_scaled_rotation_shrinks_alike_in_all_directions() -> None:
    figure = lyapunov_spectrum(linear(0.9 * orthogonal(5)))
    np.testing.assert_allclose(figure.arrays["exponent"], math.log(0.9), rtol=0, atol=2e-15)
    np.testing.assert_allclose(figure.arrays["time_scale"], -1 / math.log(0.9), rtol=1e-13)
    assert figure.arrays["dimension"] == 0
    assert turns_red(figure)


def test_a_normal_matrix_has_its_eigenvalues() -> None:
    q = orthogonal(4)
    figure = lyapunov_spectrum(linear(q @ np.diag([1.2, 0.8, 0.5, 0.1]) @ q.T))
    np.testing.assert_allclose(figure.arrays["exponent"], np.log([1.2, 0.8, 0.5, 0.1]), rtol=0, atol=1e-14)
    # ln 1.2 + ln 0.8 < 0: a whole dimension and a part
    assert figure.arrays["dimension"] == pytest.approx(1 + math.log(1.2) / -math.log(0.8), rel=1e-12)


def test_any_matrix_changes_volumes_by_its_determinant() -> None:
    w = np.random.default_rng(3).standard_normal((6, 6))
    figure = lyapunov_spectrum(linear(w))
    assert figure.arrays["exponent"].sum() == pytest.approx(np.linalg.slogdet(w)[1], rel=0, abs=5e-14)
    assert turns_red(figure)


def test_a_matrix_that_is_not_normal_only_in_the_limit() -> None:
    w = np.array([[0.9, 5.0, 0.0], [0.0, 0.5, 5.0], [0.0, 0.0, 0.2]])
    figure = lyapunov_spectrum(linear(w, 2_000), warm_up=100)
    np.testing.assert_allclose(figure.arrays["exponent"], np.log([0.9, 0.5, 0.2]), rtol=0, atol=1e-3)


def test_a_tanh_network_at_its_fixed_point_0() -> None:
    q = orthogonal(3)
    layer = Recurrent(Elman(), 1, 3, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_hh_l0.copy_(torch.from_numpy(q @ np.diag([0.9, -0.6, 0.3]) @ q.T))
    found = lyapunov_spectrum(inspect(layer, torch.zeros(300, 1, 1))).arrays["exponent"]
    np.testing.assert_allclose(found, np.log([0.9, 0.6, 0.3]), rtol=0, atol=1e-14)


class Henon(Cell):
    """The Hénon map as a recurrent cell: u′ = 1 − a u² + v, v′ = b u."""

    states = "u v"
    params: ClassVar = {"a": "", "b": ""}

    def step(self, x, u, v, a, b):  # type: ignore[no-untyped-def]
        return 1 - a * u * u + v, b * u


class Logistic(Cell):
    """The logistic map as a recurrent cell: s′ = r s (1 − s)."""

    states = "s"
    params: ClassVar = {"r": ""}

    def step(self, x, s, r):  # type: ignore[no-untyped-def]
        return r * s * (1 - s)


def orbit(cell: Cell, steps: int, state: float, **weights: float) -> Record:
    layer = Recurrent(cell, 1, 1, dtype=torch.float64)
    with torch.no_grad():
        for name, value in weights.items():
            layer.views(0)[name].fill_(value)
    start = tuple(torch.full((1, 1, 1), state) for _ in layer.state_sizes)
    return inspect(layer, torch.zeros(steps, 1, 1), state=start, gradients=False)


def test_the_henon_map() -> None:
    figure = lyapunov_spectrum(orbit(Henon(), 4_000, 0.1, a=1.4, b=0.3), warm_up=100)
    first, second = figure.arrays["exponent"]
    assert first + second == pytest.approx(math.log(0.3), rel=0, abs=1e-13)
    assert first == pytest.approx(0.419, abs=0.01)
    assert figure.arrays["dimension"] == pytest.approx(1.258, abs=0.01)
    assert turns_red(figure)


@pytest.mark.long
def test_the_henon_map_for_longer() -> None:
    first, second = lyapunov_spectrum(orbit(Henon(), 100_000, 0.1, a=1.4, b=0.3)).arrays["exponent"]
    assert first + second == pytest.approx(math.log(0.3), rel=0, abs=1e-13)
    assert first == pytest.approx(0.4205, abs=0.002)


def test_the_logistic_map_doubles() -> None:
    (found,) = lyapunov_spectrum(orbit(Logistic(), 4_000, 0.2, r=4.0)).arrays["exponent"]
    assert found == pytest.approx(math.log(2), abs=5e-3)


def constant_gates(forget: list[float], steps: int = 200) -> Record:
    """An LSTM that reads x alone: f is σ of its bias."""
    layer = Recurrent(LSTM(), 2, len(forget), dtype=torch.float64)
    with torch.no_grad():
        views = layer.views(0)
        for name, view in views.items():
            if name.startswith("R.") or name == "W.f":
                view.zero_()
        views["b.f"].copy_(torch.logit(torch.tensor(forget, dtype=torch.float64)))
    torch.manual_seed(0)
    return inspect(layer, torch.randn(steps, 1, 2), gradients=False)


def test_constant_gates_are_the_exponents_and_h_is_forgotten_at_once() -> None:
    figure = lyapunov_spectrum(constant_gates([0.9, 0.9, 0.9]), warm_up=1)
    found = figure.arrays["exponent"]
    # J turns (h, c) into (q f c, f c): what is left of h after a step is nothing; c shrinks by f, and the vector's
    # length also changes with q, which a mean over N steps keeps to O(1/N)
    np.testing.assert_allclose(found[:3], math.log(0.9), rtol=0, atol=0.05)
    assert np.isneginf(found[3:]).all()
    assert not np.isnan(found).any()
    assert (figure.arrays["time_scale"][3:] == 0).all()
    assert figure.arrays["dimension"] == 0
    assert "3 directions are forgotten within a step: exponent −∞." in figure.notes
    assert figure.check is not None
    assert figure.check.holds
    assert "nan" not in figure.verdict


def test_the_block_of_c_alone_is_ln_f_exactly() -> None:
    class Carousel(Cell):
        """c alone, with a constant forget gate: c′ = σ(b_f) c + x."""

        gates = "f"
        states = "c"

        def step(self, x, c, W, b):  # type: ignore[no-untyped-def]
            return ops.sigmoid(b.f) * c + W.f @ x

    forget = torch.tensor([0.95, 0.7, 0.2], dtype=torch.float64)
    layer = Recurrent(Carousel(), 1, 3, dtype=torch.float64)
    with torch.no_grad():
        layer.bias_l0.copy_(torch.logit(forget))
    figure = lyapunov_spectrum(inspect(layer, torch.randn(600, 1, 1)), warm_up=200)
    np.testing.assert_allclose(figure.arrays["exponent"], torch.log(forget).numpy(), rtol=0, atol=1e-13)


def test_a_direction_that_dies_on_the_way_is_minus_infinity() -> None:
    class Fuse(Cell):
        """s′ = s until x is 1: then unit 0 is burnt."""

        states = "s"
        params: ClassVar = {"p": "H"}

        def step(self, x, s, p):  # type: ignore[no-untyped-def]
            return ops.where(x * p > 0.5, 0.0, 0.5) * s + x

    layer = Recurrent(Fuse(), 2, 2, dtype=torch.float64)
    with torch.no_grad():
        layer.views(0)["p"].copy_(torch.tensor([1.0, 0.0]))
    x = torch.zeros(30, 1, 2)
    x[20] = 1
    figure = lyapunov_spectrum(inspect(layer, x), warm_up=5)
    np.testing.assert_allclose(figure.arrays["exponent"], [math.log(0.5), -np.inf], rtol=0, atol=0.1)
    assert figure.check is not None
    assert figure.check.holds


def test_nothing_is_left_of_a_state_that_is_not_read() -> None:
    figure = lyapunov_spectrum(linear(np.zeros((3, 3)), 5))
    assert np.isneginf(figure.arrays["exponent"]).all()
    assert figure.check is not None
    assert figure.check.holds


def test_the_leading_exponents_alone() -> None:
    w = np.random.default_rng(1).standard_normal((8, 8)) / 2
    record = linear(w @ w.T, 500)
    whole = lyapunov_spectrum(record, warm_up=300).arrays["exponent"]
    few = lyapunov_spectrum(record, exponents=3, warm_up=300)
    np.testing.assert_allclose(few.arrays["exponent"], whole[:3], rtol=0, atol=1e-10)
    assert turns_red(few)


def test_more_would_be_needed_is_said() -> None:
    figure = lyapunov_spectrum(linear(np.diag([1.5, 1.2, 0.1])), exponents=2)
    assert figure.verdict.endswith("Kaplan–Yorke dimension at least 2.")
    assert any("More exponents would be needed" in note for note in figure.notes)


@pytest.mark.parametrize(
    ("exponents", "dimension"),
    [([-0.1, -2], 0), ([0.0, -1], 1), ([0.5, -1], 1.5), ([0.5, 0.5, -4], 2.25), ([1.0, 0.5], 2), ([0.5, -np.inf], 1)],
)
def test_the_kaplan_yorke_dimension(exponents: list[float], dimension: float) -> None:
    assert kaplan_yorke(np.array(exponents)) == pytest.approx(dimension)


def test_what_cannot_be_asked_is_named() -> None:
    record = linear(np.eye(3), 5)
    with pytest.raises(ConfigError, match="Expected 1 to 3 exponents"):
        lyapunov_spectrum(record, exponents=4)
    with pytest.raises(ConfigError, match="a warm-up below 5"):
        lyapunov_spectrum(record, warm_up=5)
