"""A record holds what the layer computed and what autograd says of it, for any cell; bad input is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cellwright
from cellwright import nn as cwnn
from cellwright.cells import GRU, Cell
from cellwright.engine.interpret import interpret
from cellwright.engine.run.loop import run_loop
from cellwright.errors import ConfigError, DataError, ShapeError, TrainingError
from cellwright.microscope.first_bad import first_bad
from cellwright.microscope.record import Record, inspect
from cellwright.microscope.report import look
from cellwright.microscope.runs import Run
from cellwright.microscope.steps import node_values, run_leaves
from cellwright.nn import Recurrent

torch.set_num_threads(1)
LENGTHS = [5, 0, 3]


def random_sum(y: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return (y * torch.randn(y.shape, generator=generator, dtype=y.dtype)).sum()


def record_of(layer: Any, **given: Any) -> Record:
    torch.manual_seed(1)
    return inspect(layer, torch.randn(5, 3, layer.input_size), lengths=LENGTHS, target=random_sum, **given)


def test_a_record_of_any_cell_holds_its_run(every_cell: str, layer_of: Callable[..., Any]) -> None:
    layer = layer_of(every_cell, num_layers=2, bidirectional=True)
    record = record_of(layer)
    torch.manual_seed(1)
    y, _ = layer(torch.randn(5, 3, layer.input_size).double(), lengths=LENGTHS, backend="reference")
    np.testing.assert_allclose(record.y_TBO, y.detach().numpy(), rtol=0, atol=1e-10)
    assert len(record.runs) == layer.num_layers * 2
    for run in record.runs:
        check_values(run)
        check_arrivals(run)
    check_weights(layer, record)


def check_values(run: Run) -> None:
    """Every step from the state before it: new states and output; zeros beyond a length; one step by the meaning."""
    found = node_values(run.graph, run_leaves(run))
    steps, batch = run.y_TBO.shape[:2]
    again = {name: found[run.names[name]].expand(steps * batch, -1) for name in run.state_names}
    y = found[run.graph.output].expand(steps * batch, -1)
    for b in range(batch):
        assert len(run.positions(b)) == LENGTHS[b]
        rows = [t * batch + b for t in run.positions(b)]
        read = list(run.positions(b))
        np.testing.assert_allclose(run.y_TBO[read, b], y[rows], rtol=0, atol=1e-10)
        for name, state in again.items():
            np.testing.assert_allclose(run.values[name][read, b], state[rows], rtol=0, atol=1e-10)
        beyond = slice(LENGTHS[b], None)
        assert not any(value[beyond, b].any() for value in (*run.values.values(), run.y_TBO))
    t, b = 1, 2
    given = {**run.weights, **{name: run.before(name)[t, b] for name in run.state_names}, "x": run.x_TBI[t, b]}
    new, y_O = interpret(run.graph, given)
    np.testing.assert_allclose(run.y_TBO[t, b], y_O, rtol=0, atol=1e-10)
    for name, state in new.items():
        np.testing.assert_allclose(run.values[name][t, b], state, rtol=0, atol=1e-10)


def check_arrivals(run: Run) -> None:
    """The gradient of the state that each step hands on: autograd in the plain loop over the steps that follow."""
    weights = {name: torch.from_numpy(weight) for name, weight in run.weights.items()}
    for b, at in ((0, 0), (0, 4), (2, 1)):
        following = list(run.positions(b))[at + 1 :]
        t = run.positions(b)[at]
        held = [torch.from_numpy(run.values[name][t, b][None]).requires_grad_() for name in run.state_names]
        if not following:
            assert not any(run.state_gradients[name][t, b].any() for name in run.state_names)
            continue
        y, _ = run_loop(run.cell, weights, torch.from_numpy(run.x_TBI[following, b][:, None]), held)
        arrives = torch.from_numpy(run.dy_TBO[following, b][:, None])
        total = (y * arrives).sum() + sum((s * 0).sum() for s in held)
        for name, found in zip(run.state_names, torch.autograd.grad(total, held), strict=True):
            close(run.state_gradients[name][t, b], found[0].numpy())


def close(ours: np.ndarray, theirs: np.ndarray) -> None:
    # drawn cells divide: sums of terms of some 1e3 that cancel
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10 * max(1.0, float(np.abs(theirs).max(initial=0))))


def check_weights(layer: Any, record: Record) -> None:
    torch.manual_seed(1)
    x = torch.randn(5, 3, layer.input_size).double().requires_grad_()
    y, _ = layer(x, lengths=LENGTHS, backend="reference")
    total = random_sum(y) + 0 * x.sum() + sum((0 * weight).sum() for weight in layer.parameters())
    total.backward()
    for run in record.runs:
        blocks = layer.blocks(run.layer)
        end = f"_l{run.layer}" + "_reverse" * run.direction
        for block in blocks:
            theirs = getattr(layer, block.name + end).grad
            ours = [run.weight_gradients[key].reshape(-1) for key in block.keys]
            close(np.concatenate(ours), theirs.numpy().reshape(-1))
    both = sum(run.dx_TBI for run in record.runs if run.layer == 0)
    close(np.asarray(both), x.grad.numpy())


@pytest.mark.parametrize("kind", [cwnn.LSTM, cwnn.GRU, cwnn.RNN])
@pytest.mark.parametrize("options", [{}, {"batch_first": True, "bidirectional": True, "num_layers": 2}])
def test_drop_ins_are_recorded_as_they_run(kind: Any, options: Any) -> None:
    torch.manual_seed(0)
    layer = kind(3, 4, **options)
    x = torch.randn(2, 5, 3)
    state = layer(x)[1]
    record = inspect(layer, x, state=state)
    y, _ = layer.double()(x.double(), tuple(s.double() for s in state) if kind is cwnn.LSTM else state.double())
    ours = record.y_TBO.swapaxes(0, 1) if options else record.y_TBO
    np.testing.assert_allclose(ours, y.detach().numpy(), rtol=0, atol=1e-14)
    assert record.target == "the sum of y"
    assert record.run(0, 0).gradients.keys() == record.run(0, 0).values.keys()


def test_the_layer_itself_is_left_alone() -> None:
    layer = cwnn.LSTM(3, 4, dropout=0.5, num_layers=2).train()
    before = {name: p.clone() for name, p in layer.named_parameters()}
    inspect(layer, torch.randn(4, 1, 3))
    assert layer.training
    for name, parameter in layer.named_parameters():
        assert parameter.grad is None
        assert parameter.dtype == torch.float32
        assert torch.equal(parameter, before[name])


def test_zoneout_is_recorded_as_its_mean_as_the_layer_runs_outside_training() -> None:
    torch.manual_seed(0)
    layer = Recurrent(GRU(), 3, 4, zoneout=0.2, recurrent_dropout=0.3, dtype=torch.float64).eval()
    x = torch.randn(5, 3, 3, dtype=torch.float64)
    record = inspect(layer.train(), x, lengths=LENGTHS, target=random_sum)
    np.testing.assert_allclose(record.y_TBO, layer.eval()(x, lengths=LENGTHS)[0].detach().numpy(), rtol=0, atol=1e-14)
    run = record.run()
    n, z, h = run.values["n"], run.values["z"], run.before("h")
    kept = 0.2 * h + 0.8 * ((1 - z) * n + z * h)
    assert np.abs(run.values["h"] - kept)[:, 0].max() <= 1e-15
    check_values(run)


def test_one_sequence_without_a_batch_axis_and_one_step() -> None:
    record = inspect(cwnn.GRU(3, 4), np.random.default_rng(0).normal(size=(1, 3)))
    assert record.y_TBO.shape == (1, 1, 4)
    assert record.run().before("h").tolist() == [[[0.0] * 4]]


def test_without_gradients_there_are_none() -> None:
    run = inspect(cwnn.LSTM(3, 4), torch.randn(4, 1, 3), gradients=False).run()
    assert run.gradients == {} == run.state_gradients
    assert run.values["f"].shape == (4, 1, 4)


class Tagger(nn.Module):
    def __init__(self, recurrent: nn.Module) -> None:
        super().__init__()
        self.embed, self.recurrent, self.head = nn.Embedding(9, 3), recurrent, nn.Linear(4, 2)

    def forward(self, ids_TB: torch.Tensor) -> torch.Tensor:
        y, _ = self.recurrent(self.embed(ids_TB))
        return self.head(y)


def test_a_module_of_ones_own_is_recorded_through_its_layers() -> None:
    torch.manual_seed(0)
    model = Tagger(cwnn.LSTM(3, 4))
    ids = torch.tensor([[1], [2], [3]])
    record = inspect(model, ids, target=lambda scores: scores[-1, 0].log_softmax(-1)[1])
    y, _ = model.recurrent(model.embed(ids))
    np.testing.assert_allclose(record.y_TBO, y.detach().numpy(), rtol=0, atol=1e-6)
    assert record.run().gradients["c"].any()


def test_what_cannot_be_inspected_is_named() -> None:
    layer = cwnn.LSTM(3, 4)
    with pytest.raises(ShapeError, match="nothing to look at"):
        inspect(layer, torch.zeros(0, 1, 3))
    with pytest.raises(DataError, match="finite x"):
        inspect(layer, torch.full((2, 1, 3), torch.nan))
    with pytest.raises(DataError, match="Expected numbers"):
        inspect(layer, "leave Taipei")
    with pytest.raises(ConfigError, match="scalar"):
        inspect(layer, torch.zeros(2, 1, 3), target=lambda y: y)
    with pytest.raises(ConfigError, match="scalar"):
        inspect(layer, torch.zeros(2, 1, 3), target=lambda y: 3.0)
    with pytest.raises(ConfigError, match="found none in Linear"):
        inspect(nn.Linear(3, 4), torch.zeros(2, 3))
    with pytest.raises(ConfigError, match=r"(?s)found none in Tagger.*cellwright.nn.LSTM in place of torch.nn.LSTM"):
        inspect(Tagger(nn.LSTM(3, 4)), torch.tensor([[1]]))
    with pytest.raises(ConfigError, match="found a dict"):
        inspect({}, torch.zeros(2, 3))
    with pytest.raises(ConfigError, match=r"Expected a \(layer, direction\)"):
        inspect(layer, torch.zeros(2, 1, 3)).run(1)
    with torch.no_grad():
        layer.weight_hh_l0[0, 0] = torch.inf
    with pytest.raises(TrainingError, match=r"1 of 16 entries of R\.i"):
        inspect(layer, torch.zeros(2, 1, 3))


def test_inspect_is_found_at_the_face_of_the_package() -> None:
    assert cellwright.inspect is inspect


class Leaky(Cell):
    """h′ = h / 2 + x, without any weight."""

    states = "h"

    def step(self, x: Any, h: Any) -> Any:
        return (0.5 * h + x,)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_cell_without_weights_is_looked_at_like_any_other(dtype: torch.dtype) -> None:
    layer = Recurrent(Leaky(), 3, 3, bidirectional=True, dtype=dtype)
    assert list(layer.state_dict()) == []
    assert layer.weight.dtype == dtype
    record = inspect(layer, torch.randn(4, 2, 3), lengths=[4, 2], target=lambda y: y.sum())
    x_TBI, run = record.run(0, 0).x_TBI, record.run(0, 1)
    np.testing.assert_allclose(record.run(0, 0).values["h"][1], 0.5 * x_TBI[0] + x_TBI[1], rtol=1e-15)
    np.testing.assert_allclose(run.gradients["h"][0, 0], np.ones(3))  # the step that this direction reads last
    np.testing.assert_allclose(run.gradients["h"][3, 0], np.full(3, 1 + 0.5 + 0.25 + 0.125))
    seen = look(layer, torch.randn(4, 1, 3))
    assert {absent.name for absent in seen.absent} == {"gate_statistics"}
    assert all(placed.figure.check is None or placed.figure.check.holds for placed in seen.figures)
    assert not first_bad(layer, torch.randn(4, 2, 3, dtype=dtype))
