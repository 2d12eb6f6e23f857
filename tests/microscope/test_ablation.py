"""Ablation: the number unit of a model set by hand, any cell against the plain equations, trained models, refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cellwright
import cellwright.nn as cwnn
from cellwright.cells import PeepholeLSTM
from cellwright.engine.interpret import interpret
from cellwright.engine.trace import trace
from cellwright.errors import ConfigError
from cellwright.microscope.ablation import ablation
from cellwright.microscope.handset import agreement
from cellwright.nn import Recurrent

torch.set_num_threads(1)
I, H, T, B = 3, 4, 5, 2


def test_the_number_unit_costs_half_and_the_gender_unit_nothing() -> None:
    hand = agreement()
    subjects = {"小明": -1.0, "同学们": 1.0, "小红": -1.0}
    sentences = [[who, *["昨天"] * gap, "在", "学校", "唱歌"] for who in ("小明", "同学们") for gap in range(4)]
    sentences += [["小明", "在", who, "学校", "唱歌"] for who in ("小红", "同学们")]  # a new subject replaces the old
    plural = torch.tensor([next(subjects[w] for w in reversed(s) if w in subjects) > 0 for s in sentences])
    assert plural.double().mean() == 0.5
    x, lengths = torch.from_numpy(hand.encode(*sentences)), [len(s) for s in sentences]

    def agrees(layer: Any) -> float:
        y, _ = layer(x, lengths=lengths)
        shown = y[torch.tensor(lengths) - 1, range(len(sentences)), 0]
        return float(((shown > 0) == plural).double().mean())

    figure = ablation(hand.layer, agrees, chance=0.5)
    assert figure.check is not None
    assert figure.check.error == 0.0
    assert dict(zip(hand.units, figure.arrays["drop"], strict=True)) == {"number": 0.5, "gender": 0.0}
    assert "hangs on: 0." in figure.verdict
    assert not replace(figure.check, left=figure.check.left + 1e-6).holds


def run_by_hand(layer: Any, x_TBI: Tensor, unit: int | None, mean: dict[str, Any]) -> Any:
    """(T, B, O) of one layer, one direction, in NumPy, one unit of every state and the output held."""
    weights = {name: view.detach().numpy() for name, view in layer.views(0).items()}
    graph = trace(layer.cell, layer.input_size, layer.hidden_size, layer.bias)
    sizes, out = layer.state_sizes, layer.cell.output_size(layer.hidden_size)
    y = np.zeros((len(x_TBI), x_TBI.shape[1], out))
    for b in range(x_TBI.shape[1]):
        held = {name: np.zeros(size) for name, size in sizes.items()}
        for t in range(len(x_TBI)):
            held, said = interpret(graph, {**weights, **held, "x": x_TBI[t, b].numpy()})
            held, said = {name: value.copy() for name, value in held.items()}, said.copy()
            if unit is not None:
                for name, value in held.items():
                    if len(value) == out:
                        value[unit] = mean.get(name, np.zeros(out))[unit]
                said[unit] = mean.get(layer.cell.output_name, np.zeros(out))[unit]
            y[t, b] = said
    return y


def test_any_cell_without_a_unit_is_its_equations_with_that_unit_held(
    every_cell: str, layer_of: Callable[..., Any]
) -> None:
    layer = layer_of(every_cell)
    x = torch.randn(T, B, layer.input_size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    size = layer.output_size
    weight = torch.randn(T, B, size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def metric(net: Any) -> float:
        return float((net(x)[0] * weight).sum().detach())

    cases: list[tuple[Any, dict[str, Any]]] = [(None, {})]
    if not every_cell.startswith("grammar"):
        record = cellwright.inspect(layer, x, gradients=False)
        values = record.run().values
        mean = {name: values[name].mean((0, 1)) for name in layer.state_sizes}
        mean.setdefault(layer.cell.output_name, record.run().y_TBO.mean((0, 1)))
        cases.append((record, mean))
    for given, held in cases:
        figure = ablation(layer, metric, mean_of=given, units=[size - 1])
        assert figure.check is not None
        assert figure.check.holds, figure.check
        expected = float((run_by_hand(layer, x, size - 1, held) * weight.numpy()).sum())
        np.testing.assert_allclose(figure.arrays["without"], [expected], rtol=0, atol=1e-10)
    assert metric(layer) == figure.check.right[0]  # the layer itself is left alone


def test_a_parameter_that_a_cell_leaves_out_stays_out() -> None:
    layer = Recurrent(PeepholeLSTM("f"), I, H)
    check = ablation(layer, lambda net: float(net(torch.ones(T, B, I))[0].sum())).check
    assert check is not None
    assert check.holds


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.below = cwnn.LSTM(I, H, bidirectional=True)
        self.above = cwnn.GRU(2 * H, H, num_layers=2, batch_first=False)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.below(x, lengths=[T, 3])
        _, h = self.above(y, torch.ones(2, B, H), lengths=[T, 3])
        return h[-1]


def test_layers_of_a_module_are_counted_through_and_only_one_direction_is_held() -> None:
    torch.manual_seed(0)
    network, x = Reader(), torch.randn(T, B, I)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}

    def metric(net: Any) -> float:
        return float(net(x).sum())

    drops = [
        ablation(network, metric, layer=layer, direction=direction, states=states).arrays["drop"]
        for layer, direction, states in ((0, 0, None), (0, 1, None), (1, 0, None), (2, 0, None), (0, 0, ["c"]))
    ]
    for one in drops:
        assert np.abs(one).min() > 1e-6
    assert len({round(float(one[0]), 6) for one in drops}) == len(drops)
    assert all(torch.equal(weight, before[name]) for name, weight in network.state_dict().items())
    check = ablation(network, metric, layer=2).check
    assert check is not None
    assert check.holds, check


def test_what_is_refused() -> None:
    layer, x = cwnn.LSTM(I, H), torch.randn(T, B, I)

    def metric(net: Any) -> float:
        return float(net(x)[0].sum())

    with pytest.raises(ConfigError, match="Expected a layer of 0 to 0"):
        ablation(layer, metric, layer=1)
    with pytest.raises(ConfigError, match="Expected a layer of 0 to 0"):
        ablation(layer, metric, direction=1)
    with pytest.raises(ConfigError, match="Expected units of 0 to 3, found 4"):
        ablation(layer, metric, units=[4])
    with pytest.raises(ConfigError, match="Expected states of one size of h, c"):
        ablation(layer, metric, states=["z"])
    with pytest.raises(ConfigError, match="Expected a number from the metric"):
        ablation(layer, lambda net: net(x)[0])
    with pytest.raises(ConfigError, match="Expected a layer, a module or a trained model, found a dict"):
        ablation({}, metric)
    with pytest.raises(ConfigError, match="Expected a layer of 0 to -1"):
        ablation(nn.Linear(2, 2), metric)
