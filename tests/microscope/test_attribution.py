"""Attribution: completeness, the order of its integral, oracles in torch.nn, and what is refused."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cellwright.nn as cwnn
from cellwright.cells import Cell
from cellwright.errors import ConfigError, DataError, ShapeError, TrainingError
from cellwright.microscope.attribution import deletion, gradient_times_input, integrated_gradients
from cellwright.nn import Recurrent

torch.set_num_threads(1)
T, I, H = 6, 3, 4


def inputs(steps: int = T, size: int = I) -> Tensor:
    return torch.randn(steps, size, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def last(y: Tensor) -> Tensor:
    """A number that is not linear in y."""
    return (y[-1].sin() + y[0] * y[-1]).sum()


def lstm_pair() -> tuple[cwnn.LSTM, nn.LSTM]:
    torch.manual_seed(0)
    ours = cwnn.LSTM(I, H, num_layers=2, bidirectional=True).double()
    theirs = nn.LSTM(I, H, num_layers=2, bidirectional=True).double()
    theirs.load_state_dict(ours.state_dict())
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.mul_(2)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


class Leaky(Cell):
    """h′ = a ⊙ h + W x: linear in x."""

    gates = "x"
    states = "h"
    params = {"a": "H"}  # noqa: RUF012

    def step(self, x, h, W, a):  # type: ignore[no-untyped-def]
        return a * h + W.x @ x


def test_integrated_gradients_are_those_of_torch_nn() -> None:
    ours, theirs = lstm_pair()
    x, m = inputs(), 12
    figure = integrated_gradients(ours, x, target=last, points=m, method="midpoint", baseline=np.full(I, 0.3))
    total = torch.zeros_like(x)
    for k in range(m):
        live = (0.3 + (k + 0.5) / m * (x - 0.3)).requires_grad_()
        total += torch.autograd.grad(last(theirs(live[:, None])[0]), live)[0] / m
    np.testing.assert_allclose(figure.arrays["by_feature"], ((x - 0.3) * total).numpy(), rtol=0, atol=1e-13)
    np.testing.assert_allclose(figure.arrays["score"], ((x - 0.3) * total).sum(1).numpy(), rtol=0, atol=1e-13)


def test_the_midpoint_rule_converges_with_order_two_and_gauss_at_once() -> None:
    ours, _ = lstm_pair()

    def missing(points: int, method: Any) -> float:
        figure = integrated_gradients(ours, 2 * inputs(), target=last, points=points, method=method)
        assert figure.check is not None
        assert figure.check.holds
        return abs(figure.arrays["left_out"][0])

    gaps = [missing(m, "midpoint") for m in (16, 32, 64, 128)]
    ratios = [a / b for a, b in itertools.pairwise(gaps)]
    assert all(3.8 < ratio < 4.2 for ratio in ratios), ratios
    assert missing(24, "gauss") < 1e-9 < gaps[-1]


@pytest.mark.parametrize("method", ["gauss", "midpoint"])
def test_one_point_is_exact_for_a_linear_model(method: Any) -> None:
    torch.manual_seed(1)
    layer = Recurrent(Leaky(), I, H, dtype=torch.float64)
    x, weight = inputs(), torch.randn(H, dtype=torch.float64)
    figure = integrated_gradients(layer, x, target=lambda y: y[-1, 0] @ weight, points=1, method=method)
    W, a = layer.views(0)["W.x"].detach(), layer.views(0)["a"].detach()
    expected = [float((a ** (T - 1 - t) * (W @ x[t])) @ weight) for t in range(T)]
    np.testing.assert_allclose(figure.arrays["score"], expected, rtol=0, atol=1e-14)
    assert abs(figure.arrays["left_out"][0]) < 1e-14
    slope = gradient_times_input(layer, x, target=lambda y: y[-1, 0] @ weight)
    np.testing.assert_allclose(slope.arrays["score"], expected, rtol=0, atol=1e-14)


def test_any_cell_adds_up(every_cell: str, layer_of: Callable[..., Any]) -> None:
    layer = layer_of(every_cell, 8, num_layers=2, bidirectional=True)  # both layers of one shape: one compilation
    x = inputs(4, layer.input_size)
    dropped = deletion(layer, x, target=last)
    slope = gradient_times_input(layer, x, target=last)
    assert dropped.check is not None
    assert dropped.check.holds, dropped.check
    if every_cell.startswith("grammar"):  # they may jump, as where(x > h, …) does: then no integral is complete
        return
    assert slope.check is not None
    assert slope.check.holds, slope.check
    # relu makes corners, a norm rises steeply beside an input of zero: something is left out, and the figure says so
    rough = every_cell in ("LiGRU", "IndRNN", "LayerNormLSTM", "LayerNormGRU")
    figure = integrated_gradients(layer, x, target=last, points=48 if rough else None)
    assert figure.check is not None
    assert figure.check.holds, figure.check
    assert abs(figure.arrays["left_out"][0]) < (5 if rough else 1e-9)
    assert ("Not reliable" in figure.verdict) <= rough


def test_the_way_is_cut_where_the_number_rises_steeply(layer_of: Callable[..., Any]) -> None:
    layer = layer_of("LayerNormGRU")
    figure = integrated_gradients(layer, inputs(3), target=last)
    coarse = integrated_gradients(layer, inputs(3), target=last, points=64)
    assert 20 * abs(figure.arrays["left_out"][0]) < abs(coarse.arrays["left_out"][0])
    assert "Not reliable" in coarse.verdict


@pytest.mark.parametrize("measure", [integrated_gradients, gradient_times_input, deletion])
def test_an_entry_off_by_a_millionth_turns_the_check_red(measure: Callable[..., Any]) -> None:
    ours, _ = lstm_pair()
    check = measure(ours, inputs(), target=last).check
    assert check.holds
    for entry in np.eye(np.size(check.left)):
        assert not replace(check, left=check.left + 1e-6 * entry.reshape(np.shape(check.left))).holds


def test_the_slope_is_the_gradient_of_torch_nn() -> None:
    ours, theirs = lstm_pair()
    live = inputs().requires_grad_()
    (gradient,) = torch.autograd.grad(last(theirs(live[:, None])[0]), live)
    figure = gradient_times_input(ours, inputs(), target=last)
    np.testing.assert_allclose(figure.arrays["by_feature"], (live * gradient).detach().numpy(), rtol=0, atol=1e-14)


def test_deleting_a_step_is_running_without_it() -> None:
    ours, theirs = lstm_pair()
    x = inputs()
    with torch.no_grad():
        whole = last(theirs(x[:, None])[0])
        rest = [last(theirs(torch.cat([x[:t], x[t + 1 :]])[:, None])[0]) for t in range(T)]
        zeroed = [last(theirs((x * (torch.arange(T) != t)[:, None])[:, None])[0]) for t in range(T)]
    removed, zero = deletion(ours, x, target=last), deletion(ours, x, target=last, how="zero")
    np.testing.assert_allclose(removed.arrays["drop"], [float(whole - v) for v in rest], rtol=0, atol=1e-14)
    np.testing.assert_allclose(zero.arrays["drop"], [float(whole - v) for v in zeroed], rtol=0, atol=1e-14)


def test_every_form_of_input_and_an_initial_state() -> None:
    ours, _ = lstm_pair()
    first = copy.deepcopy(ours)
    first.batch_first = True
    x = inputs()
    expected = integrated_gradients(ours, x).arrays["score"]
    np.testing.assert_allclose(integrated_gradients(ours, x[:, None]).arrays["score"], expected, atol=1e-15)
    np.testing.assert_allclose(integrated_gradients(first, x[None]).arrays["score"], expected, atol=1e-15)
    state = [torch.randn(4, 1, H, dtype=torch.float64) for _ in range(2)]
    assert abs(integrated_gradients(ours, x, state=state).arrays["score"] - expected).max() > 1e-3
    gru = cwnn.GRU(I, H)
    assert integrated_gradients(gru, x, state=torch.randn(1, 1, H)).check.holds  # type: ignore[union-attr]
    assert next(gru.parameters()).dtype == torch.float32  # the layer itself is left alone
    assert integrated_gradients(gru, x[:1]).verdict.startswith("Largest first: 0 ")


def test_a_module_is_asked_at_its_embedding() -> None:
    torch.manual_seed(3)

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(9, I)
            self.recurrent = cwnn.GRU(I, H, batch_first=True)
            self.head = nn.Linear(H, 2)

        def forward(self, ids: Tensor) -> Tensor:
            _, h = self.recurrent(self.embedding(ids))
            return self.head(h[0])

    network, ids = Reader(), torch.tensor([[1, 4, 2, 8]])
    figure = integrated_gradients(network, ids, target=lambda scores: scores[0, 1] - scores[0, 0])
    assert figure.check is not None
    assert figure.check.holds
    assert figure.arrays["by_feature"].shape == (4, I)
    assert deletion(network, ids, target=lambda scores: scores[0, 1], how="mean").check.holds  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match="Expected a target"):
        integrated_gradients(network, ids)
    with pytest.raises(ConfigError, match="Expected a text, found numbers"):
        deletion(network, ids, target=lambda scores: scores[0, 1])
    with pytest.raises(ShapeError, match="read 2 sequences"):
        integrated_gradients(network, ids.repeat(2, 1), target=lambda scores: scores[0, 1])


def test_what_is_refused() -> None:
    layer, x = cwnn.LSTM(I, H), inputs()
    with pytest.raises(ConfigError, match="Expected method gauss or midpoint, found 'simpson'"):
        integrated_gradients(layer, x, method="simpson")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="points=0"):
        integrated_gradients(layer, x, points=0)
    with pytest.raises(ConfigError, match="Expected a baseline zero, mean, pad"):
        integrated_gradients(layer, x, baseline="noise")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="there is no padding"):
        integrated_gradients(layer, x, baseline="pad")
    with pytest.raises(ConfigError, match="Expected a baseline of shape"):
        integrated_gradients(layer, x, baseline=np.zeros(7))
    with pytest.raises(ConfigError, match="Expected a scalar tensor as target"):
        integrated_gradients(layer, x, target=lambda y: y)
    with pytest.raises(ConfigError, match="Expected how = remove"):
        deletion(layer, x, how="blur")
    with pytest.raises(ConfigError, match="without it nothing is left"):
        deletion(layer, x[:1])
    with pytest.raises(ShapeError, match="of one sequence"):
        integrated_gradients(layer, torch.zeros(3, 2, I))
    with pytest.raises(DataError, match="nan or inf"):
        integrated_gradients(layer, x * torch.nan)
    with pytest.raises(DataError, match="one step or more"):
        integrated_gradients(layer, x[:0])
    with pytest.raises(ConfigError, match="Expected a model with recurrent layers, found none in Linear"):
        integrated_gradients(nn.Linear(3, 4), x, target=torch.sum)
    with torch.no_grad():
        layer.weight_hh_l0[0, 0] = torch.nan
    with pytest.raises(TrainingError, match="finite weights"):
        integrated_gradients(layer, x)
