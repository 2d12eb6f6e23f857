"""A cell as data: written, read back and run again, without its source."""

from __future__ import annotations

import json
import math

import pytest
import torch

from cellwright import ops
from cellwright.cells import GRU, LSTM, Cell, Elman
from cellwright.engine import cell_from_data, cell_to_data, trace
from cellwright.errors import CellError


def through_json(cell: Cell, bias: bool = True) -> Cell:
    return cell_from_data(json.loads(json.dumps(cell_to_data(cell, 2, 3, bias))))


@pytest.mark.parametrize("bias", [True, False])
def test_a_cell_read_back_gives_the_same_numbers(make, bias: bool, cases) -> None:
    cell = make()
    again = through_json(cell, bias)
    w, x, s = cases.weights(cell, bias=bias), cases.sequence(5, 3), cases.states(cell, 3)
    cases.same(cases.loop(again, w, x, s, [5, 2, 4]), cases.loop(cell, w, x, s, [5, 2, 4]), 0.0)
    cases.same(cases.meaning(again, w, x, s), cases.meaning(cell, w, x, s), 0.0)


def test_a_cell_read_back_declares_what_the_cell_declares(make) -> None:
    cell = make()
    again = through_json(cell)
    assert again.name == cell.name
    assert again.gate_names == cell.gate_names
    assert again.state_sizes(3) == cell.state_sizes(3)
    assert again.output_name == cell.output_name
    assert again.output_size(3) == cell.output_size(3)
    for bias in (True, False):
        assert list(again.parameter_shapes(2, 3, bias)) == list(cell.parameter_shapes(2, 3, bias))
        assert again.parameter_shapes(2, 3, bias) == cell.parameter_shapes(2, 3, bias)
    assert again.count_parameters(2, 3, biases=2) == cell.count_parameters(2, 3, biases=2)


def test_a_cell_read_back_is_written_as_the_same_data(make) -> None:
    data = cell_to_data(make(), 2, 3)
    assert cell_to_data(cell_from_data(data), 2, 3) == data


def test_a_cell_read_back_has_the_same_gradient(make, cases) -> None:
    cell = make()
    names = list(cases.weights(cell))
    leaves = [weight.requires_grad_() for weight in cases.weights(cell).values()]
    gradients = []
    for which in (cell, through_json(cell)):
        y, finals = cases.loop(
            which, dict(zip(names, leaves, strict=True)), cases.sequence(4, 2), cases.states(cell, 2)
        )
        loss = sum(part.sin().sum() for part in (y, *finals))
        gradients.append(torch.autograd.grad(loss, leaves))
    cases.same(gradients[1], gradients[0], 0.0)


def test_a_cell_without_slices_serves_other_sizes_than_it_was_traced_at(cases) -> None:
    for cell in (LSTM(), GRU(), Elman()):
        w, x, s = cases.weights(cell, 4, 7), cases.sequence(3, 2, 4), cases.states(cell, 2, 7)
        cases.same(cases.loop(through_json(cell), w, x, s), cases.loop(cell, w, x, s), 0.0)


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e300, 5e-324, 0.1])
def test_every_number_survives_json(value: float) -> None:
    class Bounded(Cell):
        def step(self, x, h):
            return ops.minimum(h, value)

    text = json.dumps(cell_to_data(Bounded(), 1, 3), allow_nan=False)
    assert trace(cell_from_data(json.loads(text)), 1, 3) == trace(Bounded(), 1, 3)


def test_a_cell_outside_the_op_list_cannot_be_written() -> None:
    class Lgamma(Cell):
        def step(self, x, h):
            return torch.lgamma(h)

    with pytest.raises(CellError, match="lgamma"):
        cell_to_data(Lgamma(), 1, 3)
