"""The network by itself: padding, scale, pooling, stretching."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.series.example import Series
from cellwright.tasks.series_classify.batches import make_batch, stretched
from cellwright.tasks.series_classify.config import ClassifyModel
from cellwright.tasks.series_classify.model import SeriesNetwork

ROWS = {"a": 0, "b": 1, "c": 2}


def some(lengths: list[int], seed: int = 0) -> list[Series]:
    rng = np.random.default_rng(seed)
    return [
        Series(rng.normal(3.0, 2.0, size=(length, 4)).astype(np.float32), "abc"[k % 3])
        for k, length in enumerate(lengths)
    ]


def network(**settings: Any) -> SeriesNetwork:
    torch.manual_seed(0)
    config = ClassifyModel.model_validate({"hidden_size": 7, **settings})
    made = SeriesNetwork(config, choose_cell(config.cell), 4, 3)
    made.learn_scale(make_batch(some([9, 4, 6], 1), ROWS))
    return made.double().eval()


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "Elman", "MGU", "PerToken"])
@pytest.mark.parametrize("pooling", ["final", "mean"])
def test_company_and_padding_change_no_answer(cell: str, pooling: str) -> None:
    net = network(cell=cell, pooling=pooling, num_layers=2)
    examples = some([5, 1, 9, 3])
    batch = make_batch(examples, ROWS)
    together = net(type(batch)(batch.x_BTC.double(), batch.lengths_B, batch.labels_B))
    for k, series in enumerate(examples):
        own = make_batch([series], ROWS)
        alone = net(type(own)(own.x_BTC.double(), own.lengths_B, own.labels_B))[0]
        assert torch.allclose(alone, together[k], rtol=0, atol=1e-12)
    last, per_step = (
        net.baselines.answers(net.scaled(b.x_BTC.double()), b.lengths_B) for b in (batch, make_batch(examples, ROWS))
    )
    assert last == per_step


def test_the_order_of_steps_matters_to_a_recurrent_network_alone() -> None:
    series = some([6])[0]
    turned = Series(series.values[::-1].copy(), "a")
    for cell, same in (("PerToken", True), ("LSTM", False)):
        net = network(cell=cell).float()
        forth, back = net(make_batch([series, turned], ROWS))
        assert torch.allclose(forth, back, atol=1e-6) == same


def test_channels_are_scaled_by_the_valid_steps_of_training() -> None:
    net = network().float()
    examples = some([9, 4, 6], 1)
    steps = np.concatenate([series.values for series in examples])
    np.testing.assert_allclose(net.mean_C, steps.mean(0), rtol=1e-5)
    np.testing.assert_allclose(net.deviation_C, steps.std(0), rtol=1e-5)
    flat = [Series(np.full((3, 4), 5.0, dtype=np.float32), "a")]
    net.learn_scale(make_batch(flat, ROWS))
    assert torch.equal(net.deviation_C, torch.ones(4))


def test_stretching_keeps_the_ends_and_a_straight_line() -> None:
    line = Series(np.linspace(0, 1, 11, dtype=np.float32)[:, None] * np.array([1.0, -2.0], dtype=np.float32), "a")
    lengths = set()
    for seed in range(30):
        other = stretched(line, 0.3, np.random.default_rng(seed)).values
        lengths.add(len(other))
        np.testing.assert_allclose(other[[0, -1]], line.values[[0, -1]], atol=1e-6)
        np.testing.assert_allclose(
            np.diff(other, axis=0), np.diff(other, axis=0)[:1].repeat(len(other) - 1, 0), atol=1e-6
        )
    assert set(range(9, 14)) <= lengths <= set(range(8, 15))
    assert stretched(line, 0.0, np.random.default_rng(0)) is line
