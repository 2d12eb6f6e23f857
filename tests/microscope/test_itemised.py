"""The addends of a weight's gradient: the sums of the linear network, any weight of any cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from cellwright import nn as cwnn
from cellwright.cells import Elman
from cellwright.errors import ConfigError
from cellwright.microscope.itemised import itemised_gradient, itemised_norms
from cellwright.microscope.record import inspect
from cellwright.nn import Recurrent
from cellwright.ops import tanh

torch.set_num_threads(1)
T, W, WX, WO, B1 = 7, 0.9, 0.7, 1.3, 0.1


def states(x: np.ndarray) -> list[float]:
    """S_0 … S_T of the linear network."""
    found = [0.0]
    for value in x:
        found.append(WX * value + W * found[-1] + B1)
    return found


def test_the_addends_of_the_linear_network_are_those_of_its_formula(linear_numbers: Callable[..., Recurrent]) -> None:
    x = np.random.default_rng(0).normal(size=T)
    S = states(x)
    record = inspect(linear_numbers(), x[:, None], target=lambda y: 2 * y[-1].sum())
    expected = {
        "Wx": [2 * WO * W ** (T - k) * x[k - 1] for k in range(1, T + 1)],
        "Ws": [2 * WO * W ** (T - k) * S[k - 1] for k in range(1, T + 1)],
        "b1": [2 * WO * W ** (T - k) for k in range(1, T + 1)],
        "Wo": [0.0] * (T - 1) + [2 * S[T]],
        "b2": [0.0] * (T - 1) + [2.0],
    }
    for weight, addends in expected.items():
        figure = itemised_gradient(record, weight)
        np.testing.assert_allclose(figure.arrays["addend"][-1], addends, rtol=0, atol=2e-15)
        assert not figure.arrays["addend"][:-1].any()
        assert figure.check is not None
        assert figure.check.holds
        assert abs(figure.arrays["addend"].sum() - record.run().weight_gradients[weight]) <= 4e-15
    assert record.run().weight_gradients["Wo"] == 2 * S[T]


def test_a_loss_at_every_step_is_a_triangle(linear_numbers: Callable[..., Recurrent]) -> None:
    rng = np.random.default_rng(1)
    x, g = rng.normal(size=T), rng.normal(size=T)
    record = inspect(linear_numbers(), x[:, None], target=lambda y: (y[:, 0] * torch.from_numpy(g)).sum())
    found = itemised_gradient(record, "Wx")
    expected = [[g[t] * WO * W ** (t - k) * x[k] if k <= t else 0.0 for k in range(T)] for t in range(T)]
    np.testing.assert_allclose(found.arrays["addend"], expected, rtol=0, atol=2e-15)
    diagonals = [sum(expected[t][t - lag] for t in range(lag, T)) for lag in range(T)]
    np.testing.assert_allclose(found.arrays["by lag"], diagonals, rtol=0, atol=4e-15)


def test_far_lags_have_the_share_of_the_geometric_sum(linear_numbers: Callable[..., Recurrent]) -> None:
    steps = 200
    record = inspect(linear_numbers(), np.ones((steps, 1)), target=lambda y: y[-1].sum())
    by_lag = itemised_gradient(record, "Wx").arrays["by lag"]
    share = by_lag[50:].sum() / by_lag.sum()
    assert share == pytest.approx((W**50 - W**steps) / (1 - W**steps), rel=1e-12)
    assert round(100 * share, 2) == 0.52


def test_matrices_and_an_activation_follow_the_backward_recursion() -> None:
    torch.manual_seed(0)
    layer = Recurrent(Elman(tanh), 3, 4, dtype=torch.float64)
    x = torch.randn(T, 1, 3, dtype=torch.float64)
    e = np.random.default_rng(2).normal(size=4)
    record = inspect(layer, x, target=lambda y: (y[-1, 0] * torch.from_numpy(e)).sum())
    run = record.run()
    h, R = run.values["h"][:, 0], run.weights["R.h"]
    before = np.concatenate([np.zeros((1, 4)), h[:-1]])
    delta, expected = e * (1 - h[-1] ** 2), []
    for k in range(T - 1, -1, -1):
        expected.append(np.outer(delta, before[k]))
        delta = (R.T @ delta) * (1 - before[k] ** 2)
    total = sum(expected)
    np.testing.assert_allclose(run.weight_gradients["R.h"], total, rtol=0, atol=1e-15)
    figure, norms = itemised_gradient(record, "R.h"), itemised_norms(record, "R.h")
    along = [(part * total).sum() / np.linalg.norm(total) for part in expected[::-1]]
    np.testing.assert_allclose(figure.arrays["addend"][-1], along, rtol=0, atol=1e-15)
    sizes = [np.linalg.norm(part) for part in expected[::-1]]
    np.testing.assert_allclose(norms.arrays["norm"][-1], sizes, rtol=0, atol=1e-15)
    check = norms.check
    assert check is not None
    for at in range(T * T):
        moved = norms.arrays["norm"].copy()
        moved.flat[at] += 1e-6
        assert not replace(check, left=moved).holds
    assert figure.check is not None
    assert not replace(figure.check, left=figure.arrays["addend"].sum() + 1e-6).holds


def test_a_target_of_the_final_state_counts_too() -> None:
    class FinalState(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = cwnn.LSTM(2, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            _, (_, c) = self.layer(x)
            return c

    record = inspect(FinalState(), torch.randn(5, 1, 2))
    for weight in ("R.f", "W.g", "b.i"):
        figure = itemised_gradient(record, weight)
        assert figure.check is not None
        assert figure.check.holds
        assert figure.arrays["addend"][-1].any()


def test_long_sequences_are_followed_in_groups_and_say_so(linear_numbers: Callable[..., Recurrent]) -> None:
    record = inspect(linear_numbers(), np.ones((300, 1)))
    figure = itemised_gradient(record, "Ws")
    assert figure.arrays["addend"].shape == (256, 300)
    assert "300 outputs in 256 groups" in figure.notes[0]
    assert figure.check is not None
    assert figure.check.holds


def test_a_weight_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"Expected a weight of W\.i, .*, found 'R\.q'"):
        itemised_gradient(inspect(cwnn.LSTM(2, 3), torch.randn(3, 1, 2)), "R.q")
