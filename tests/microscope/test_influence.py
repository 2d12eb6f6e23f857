"""What an output owes to each input: closed forms, the engine's own gradient, and nothing from the future."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit as logistic

from cellwright import nn as cwnn
from cellwright.errors import ConfigError
from cellwright.microscope.influence import influence, output_by_lag
from cellwright.microscope.record import inspect

torch.set_num_threads(1)


def test_no_output_owes_anything_to_a_later_input() -> None:
    layer = cwnn.LSTM(2, 1, dtype=torch.float64)
    x = torch.randn(7, 1, 2, dtype=torch.float64)
    triangle = influence(inspect(layer, x))
    for t in range(7):
        by_engine = np.linalg.norm(inspect(layer, x, target=lambda y, t=t: y[t].sum()).run().dx_TBI[:, 0], axis=1)
        assert (by_engine[t + 1 :] == 0).all()
        assert (by_engine[: t + 1] > 0).all()
        np.testing.assert_allclose(triangle.arrays["norm"][t], by_engine, rtol=1e-12)
    assert np.count_nonzero(triangle.arrays["norm"][1]) == 2
    check = triangle.check
    assert check is not None
    assert check.holds
    for at in range(49):
        moved = triangle.arrays["norm"].copy()
        moved.flat[at] += 1e-6
        assert not replace(check, left=moved).holds


def test_with_both_directions_every_output_owes_something_to_every_input() -> None:
    record = inspect(cwnn.LSTM(2, 3, bidirectional=True), torch.randn(6, 1, 2))
    forward, backward = (influence(record, 0, direction).arrays["norm"] for direction in (0, 1))
    both = forward + backward[::-1, ::-1]  # the backward one in its own reading order
    assert (both > 0).all()


def test_constant_gates_give_the_closed_form() -> None:
    layer = cwnn.LSTM(2, 3, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_hh_l0.zero_()
        for gate in (0, 1, 3):
            layer.weight_ih_l0[3 * gate : 3 * gate + 3] = 0
    x = torch.randn(12, 1, 2, dtype=torch.float64)
    record = inspect(layer, x)
    figure = output_by_lag(record)
    b = (layer.bias_ih_l0 + layer.bias_hh_l0).detach().numpy().reshape(4, 3)
    i, f, o = (logistic(b[k]) for k in (0, 1, 3))
    W_g = layer.weight_ih_l0.detach().numpy()[6:9]
    g = np.tanh(x[:, 0].numpy() @ W_g.T + b[2])
    c = np.zeros(3)
    for row in g:
        c = f * c + i * row
    for lag in range(12):
        factor = o * (1 - np.tanh(c) ** 2) * f**lag * i * (1 - g[11 - lag] ** 2)
        expected = np.abs(factor) * np.linalg.norm(W_g, axis=1)
        np.testing.assert_allclose(figure.arrays["by unit"][lag], expected, rtol=0, atol=5e-17)


def test_a_tanh_network_forgets_where_an_lstm_with_a_high_forget_bias_does_not() -> None:
    torch.manual_seed(0)
    far = output_by_lag(inspect(cwnn.RNN(4, 32), torch.randn(60, 1, 4))).arrays["norm"]
    assert (far[50:] < 1e-3 * far[0]).all()
    keeps = cwnn.LSTM(4, 8, forget_bias=5.0, dtype=torch.float64)
    with torch.no_grad():
        keeps.weight_hh_l0.zero_()
        for gate in (0, 1, 3):
            keeps.weight_ih_l0[8 * gate : 8 * gate + 8] = 0
        for bias in (keeps.bias_ih_l0, keeps.bias_hh_l0):
            bias[:8] = bias[16:] = 0
    near = output_by_lag(inspect(keeps, 0.01 * torch.randn(104, 1, 4)), outputs=[0]).arrays["norm"]
    assert near[100] >= 0.5 * near[0]
    assert near[103] / near[0] == pytest.approx(0.5, abs=0.01)


def test_long_sequences_are_followed_in_part_and_say_so() -> None:
    record = inspect(cwnn.RNN(1, 64), torch.randn(70, 1, 1))
    figure = influence(record)
    assert figure.arrays["norm"].shape == (62, 70)
    assert "62 of 70 steps" in figure.notes[0]
    assert influence(record, times=[3, 69]).arrays["norm"].shape == (2, 70)
    few = output_by_lag(record, most=10)
    assert few.arrays["norm"].shape == (10,)
    assert "first 60 inputs" in few.notes[0]


def test_steps_and_units_that_do_not_exist_are_named() -> None:
    record = inspect(cwnn.RNN(1, 2), torch.randn(3, 1, 1))
    with pytest.raises(ConfigError, match="from 0 to 2, found at=3"):
        output_by_lag(record, at=3)
    with pytest.raises(ConfigError, match="units from 0 to 1, found 2"):
        output_by_lag(record, outputs=[2])
    with pytest.raises(ConfigError, match="steps from 0 to 2, found 9"):
        influence(record, times=[9])
