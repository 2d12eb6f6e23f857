"""Gradient by lag, influence and itemised gradients add up for any cell, and its steps are scanned for bad numbers both
ways: every library cell and drawn ones, two layers, both directions, with lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from cellwright.engine.differentiate import differentiate
from cellwright.microscope.back import all_steps_back, arriving
from cellwright.microscope.figure import Figure
from cellwright.microscope.first_bad import first_bad
from cellwright.microscope.gradients import gradient_by_lag
from cellwright.microscope.influence import influence, output_by_lag
from cellwright.microscope.itemised import itemised_gradient, itemised_norms
from cellwright.microscope.reading import Reading, read
from cellwright.microscope.record import inspect
from cellwright.microscope.runs import Record
from cellwright.microscope.steps import COTANGENT, node_values

torch.set_num_threads(1)
LENGTHS = [4, 3]


def adds_up(figure: Figure) -> None:
    check = figure.check
    assert check is not None
    scale = max(1.0, float(np.abs(next(iter(figure.arrays.values()))).max()))
    # sLSTM and drawn cells divide: terms of some 1e3 that cancel
    assert check.error <= 1e-10 * scale, f"{figure.name}: {check}"


def test_measures_of_the_gradient_add_up(every_cell: str, layer_of: Callable[..., Any]) -> None:
    layer = layer_of(every_cell, num_layers=2, bidirectional=True)
    x = torch.randn(4, 2, layer.input_size, dtype=torch.float64)
    record = inspect(layer, x, lengths=LENGTHS, target=lambda y: (y**2).sum())
    for run in record.runs:
        place = (run.layer, run.direction, (run.layer + run.direction) % 2)
        figure = gradient_by_lag(record, *place)
        adds_up(figure)
        assert figure.arrays["norm"].shape == (LENGTHS[place[2]],)
        backward_scan_is_the_gradient(read(record, *place))
    adds_up(influence(record, 0, 1, 1))
    adds_up(output_by_lag(record, 0, 0, 0))
    for weight in run.weights:
        adds_up(itemised_gradient(record, weight, 0, 0, 1))
    adds_up(itemised_norms(record, weight, 0, 1, 0))
    assert not [bad for bad in first_bad(layer, x, lengths=LENGTHS) if bad.kind != "denormal"]


def backward_scan_is_the_gradient(reading: Reading) -> None:
    """What is looked through for bad numbers on the way back."""
    gradient, here = differentiate(reading.run.graph), arriving(reading)
    leaves = reading.leaves() | {COTANGENT + "output.y": here.output_LO}
    leaves |= {COTANGENT + name: here.states_LN[:, place] for name, place in reading.places.items()}
    values = node_values(gradient, leaves)
    ours = torch.cat([values[at].expand(len(reading), -1) for _, at in gradient.states], 1)
    theirs = all_steps_back(reading, here)
    assert float((ours - theirs).abs().max()) <= 1e-10 * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("name", ["LSTM", "LayerNormGRU", "grammar-3"])
def test_of_one_sequence_the_engines_own_gradient_is_met(name: str, layer_of: Callable[..., Any]) -> None:
    layer = layer_of(name, bidirectional=True)
    record: Record = inspect(layer, torch.randn(4, 1, layer.input_size), target=lambda y: (y**2).sum())
    for weight in record.run().weights:
        adds_up(itemised_gradient(record, weight, 0, 1))
