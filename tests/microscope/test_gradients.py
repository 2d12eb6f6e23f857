"""Gradient by lag: closed forms, the engine beside single steps, slopes and what they say."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from cellwright import nn as cwnn
from cellwright.cells import Elman
from cellwright.errors import ConfigError
from cellwright.microscope.figure import Check, Figure
from cellwright.microscope.gradients import gradient_by_lag, operator_by_lag
from cellwright.microscope.record import inspect
from cellwright.microscope.slope import slope_of
from cellwright.nn import Recurrent
from cellwright.ops import identity, tanh

torch.set_num_threads(1)


def last_sum(y: Tensor) -> Tensor:
    return y[-1].sum()


def elman(R: np.ndarray, f: Any = identity) -> Recurrent:
    layer = Recurrent(Elman(f), 2, len(R), dtype=torch.float64)
    with torch.no_grad():
        layer.views(0)["R.h"].copy_(torch.from_numpy(R))
    return layer


def red_when_perturbed(figure: Figure, name: str) -> None:
    """The first array of the figure is a side of its check: each entry moved by 1e-6 must show."""
    check = figure.check
    assert check is not None
    assert check.holds, str(check)
    for at in range(figure.arrays[name].size):
        moved = figure.arrays[name].copy()
        moved.flat[at] += 1e-6
        assert not replace(check, left=moved).holds


@pytest.mark.parametrize(("w", "slope", "kind"), [(0.9, -0.0458, "vanishing"), (1.1, 0.0414, "exploding")])
def test_a_linear_network_of_one_number_decays_by_its_weight(
    w: float, slope: float, kind: str, linear_numbers: Callable[..., Recurrent]
) -> None:
    layer = linear_numbers(Ws=w)
    figure = gradient_by_lag(inspect(layer, torch.randn(80, 1), target=lambda y: 2 * y[-1].sum()))
    expected = 2 * 1.3 * w ** np.arange(80)
    np.testing.assert_allclose(figure.arrays["norm"], expected, rtol=80 * 2.3e-16)
    np.testing.assert_allclose(figure.arrays["share"], expected / expected.sum(), rtol=1e-13)
    found = slope_of(figure.arrays["norm"])
    assert found.per_lag == pytest.approx(np.log10(w), abs=1e-14)
    assert round(found.per_lag, 4) == slope
    assert figure.verdict.startswith(kind)
    red_when_perturbed(figure, "norm")


@pytest.mark.parametrize(("w", "kind"), [(0.95, "vanishing"), (0.96, "steady"), (1.04, "steady"), (1.05, "exploding")])
def test_what_is_called_steady_ends_at_two_hundredths_of_a_decade_a_lag(w: float, kind: str) -> None:
    assert slope_of(w ** np.arange(200.0)).kind == kind  # 10^±0.02 is 0.955 and 1.047


def test_the_nearest_word_has_the_strongest_effect_in_a_contraction(linear_numbers: Callable[..., Recurrent]) -> None:
    figure = gradient_by_lag(inspect(linear_numbers(Ws=-0.8), torch.randn(20, 1), target=last_sum))
    assert (np.diff(figure.arrays["norm"]) < 0).all()
    assert "largest at lag 0" in figure.verdict


def test_vectors_are_powers_of_the_transposed_matrix() -> None:
    rng = np.random.default_rng(0)
    R, e = rng.normal(size=(4, 4)) / 2, rng.normal(size=4)
    record = inspect(elman(R), torch.randn(30, 1, 2), target=lambda y: (y[-1, 0] * torch.from_numpy(e)).sum())
    figure = gradient_by_lag(record)
    expected = [np.linalg.norm(np.linalg.matrix_power(R.T, k) @ e) for k in range(30)]
    np.testing.assert_allclose(figure.arrays["norm"], expected, rtol=1e-12)
    worst = operator_by_lag(record)
    largest = [np.linalg.norm(np.linalg.matrix_power(R, k), 2) for k in range(30)]
    np.testing.assert_allclose(worst.arrays["norm"], largest, rtol=1e-12)
    red_when_perturbed(worst, "norm")


def test_an_orthogonal_matrix_keeps_the_gradient_as_it_is() -> None:
    Q = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    figure = gradient_by_lag(inspect(elman(Q), torch.randn(200, 1, 2), target=last_sum))
    np.testing.assert_allclose(figure.arrays["norm"], np.sqrt(5), rtol=1e-13)
    assert figure.verdict.startswith("steady")


def test_without_recurrence_all_lags_behind_the_first_are_at_the_floor() -> None:
    figure = gradient_by_lag(inspect(elman(np.zeros((3, 3)), tanh), torch.randn(9, 1, 2), target=last_sum))
    assert (figure.arrays["norm"][1:] == 0).all()
    assert (figure.arrays["log10"][1:] == -np.inf).all()
    assert figure.verdict.startswith("vanishing: -inf")
    assert any("8 values are exactly 0" in note for note in figure.notes)


def test_a_target_of_many_steps_gets_no_verdict_of_decay() -> None:
    figure = gradient_by_lag(inspect(cwnn.LSTM(2, 3), torch.randn(6, 1, 2)))
    assert figure.verdict.startswith("Enters at 6 steps")
    assert "no decay by lag" in figure.notes[0]


def test_one_step_has_one_lag() -> None:
    figure = gradient_by_lag(inspect(cwnn.LSTM(2, 3), torch.randn(1, 1, 2)))
    assert figure.arrays["norm"].shape == (1,)
    assert figure.verdict.startswith("one lag")


def test_lags_count_back_from_any_step() -> None:
    record = inspect(cwnn.GRU(2, 3), torch.randn(6, 1, 2), target=last_sum)
    whole, part = gradient_by_lag(record), gradient_by_lag(record, at=2)
    assert part.arrays["norm"].tolist() == whole.arrays["norm"][3:].tolist()
    assert part.labels["lag"] == ("2", "1", "0")
    with pytest.raises(ConfigError, match="from 0 to 5, found at=6"):
        gradient_by_lag(record, at=6)


def test_a_record_without_gradients_is_refused() -> None:
    with pytest.raises(ConfigError, match="Expected a record with gradients"):
        gradient_by_lag(inspect(cwnn.GRU(2, 3), torch.randn(6, 1, 2), gradients=False))


def test_overflow_underflow_and_digits_lost_are_told_apart() -> None:
    small = np.float32(0.9) ** np.arange(1200, dtype=np.float32)
    for k in range(1, 1200):  # as a loop computes it: it sticks at 5.6e-45
        small[k] = small[k - 1] * np.float32(0.9)
    found = slope_of(small)
    assert small[-1] == np.float32(5.6e-45)
    assert found.zeros == 0
    assert found.denormals > 300
    assert found.per_lag == pytest.approx(np.log10(np.float32(0.9)), rel=1e-4)
    assert slope_of(np.array([1.0, np.inf, np.nan])).kind == "exploding"
    assert slope_of(np.array([1.0, 0.0])).kind == "vanishing"
    assert slope_of(np.array([1.0])).kind == "one lag"


def test_a_thousand_steps_of_256_units_take_two_seconds_on_two_cores() -> None:
    layer = cwnn.LSTM(64, 256)
    inspect(layer, torch.randn(2, 1, 64))  # builds its kernels
    began = time.process_time()
    figure = gradient_by_lag(inspect(layer, torch.randn(1000, 1, 64), target=last_sum))
    assert time.process_time() - began < 4.0  # of both cores
    assert isinstance(figure.check, Check)
    assert figure.check.holds
