"""Horizons: closed forms of geometric curves, of the linear network, and of recall at known gaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from cellwright import nn as cwnn
from cellwright.errors import ConfigError, DataError
from cellwright.microscope.horizon import horizons, memory_horizon, task_horizon
from cellwright.microscope.record import inspect
from cellwright.nn import Recurrent

torch.set_num_threads(1)


@pytest.mark.parametrize("w", [0.3, 0.5, 0.9, 0.99])
def test_geometric_curves_have_the_closed_forms(w: float) -> None:
    found = horizons(w ** np.arange(6000.0), eps=1.1e-3)
    assert found.eps == np.floor(np.log(1.1e-3) / np.log(w))
    assert found.half == max(0, np.ceil(np.log(0.5) / np.log(w) - 1))
    assert found.mean == pytest.approx(w / (1 - w), rel=1e-12)
    assert found.tau == pytest.approx(-1 / np.log(w), rel=1e-12)


def test_the_linear_network_has_the_four_numbers_of_its_weight(linear_numbers: Callable[..., Recurrent]) -> None:
    record = inspect(linear_numbers(Ws=0.9), torch.randn(400, 1), target=lambda y: y[-1].sum())
    figure = memory_horizon(record)
    eps, half, mean, tau = figure.arrays["horizon"]
    assert (eps, half, round(mean, 10), round(tau, 4)) == (65, 6, 9.0, 9.4912)
    check = figure.check
    assert check is not None
    assert check.holds
    for at in range(4):
        moved = figure.arrays["horizon"].copy()
        moved[at] += 1e-6
        assert not replace(check, left=moved).holds


@pytest.mark.parametrize("w", [1.0, 1.1, -1.0])
def test_curves_that_stay_or_grow_say_so(w: float, linear_numbers: Callable[..., Recurrent]) -> None:
    figure = memory_horizon(inspect(linear_numbers(Ws=w), torch.randn(30, 1), target=lambda y: y[-1].sum()))
    tau = figure.arrays["horizon"][3]
    assert tau == (np.inf if abs(w) == 1 else pytest.approx(-1 / np.log(w)))
    assert any("at least so far" in note for note in figure.notes)
    assert figure.check is not None
    assert figure.check.holds


def test_one_step_and_no_recurrence_have_a_horizon_of_0(linear_numbers: Callable[..., Recurrent]) -> None:
    for layer, steps in ((linear_numbers(), 1), (linear_numbers(Ws=0.0), 9)):
        figure = memory_horizon(inspect(layer, torch.randn(steps, 1), target=lambda y: y[-1].sum()))
        assert figure.arrays["horizon"][:3].tolist() == [0, 0, 0]
        assert figure.check is not None
        assert figure.check.holds


def test_the_numbers_of_any_cell_hold_in_both_directions() -> None:
    record = inspect(cwnn.LSTM(3, 5, 2, bidirectional=True), torch.randn(25, 2, 3), lengths=[25, 11])
    for run in record.runs:
        for sequence in (0, 1):
            figure = memory_horizon(record, run.layer, run.direction, sequence)
            assert figure.check is not None
            assert figure.check.holds, str(figure.check)


def test_a_curve_that_is_none_is_named() -> None:
    with pytest.raises(DataError, match="finite numbers"):
        horizons(np.array([1.0, np.nan]))
    with pytest.raises(DataError, match="finite numbers"):
        horizons(np.array([1.0, -0.1]))
    with pytest.raises(DataError, match="depends on no state"):
        horizons(np.zeros(3))
    with pytest.raises(ConfigError, match="eps above 0"):
        horizons(np.ones(3), eps=0)


def test_recall_that_breaks_at_a_gap_has_that_horizon() -> None:
    results = [(gap, 990 if gap <= 40 else 240, 1000) for gap in (10, 20, 40, 80, 160)]
    figure = task_horizon(results, chance=0.25)
    assert figure.arrays["horizon"].tolist() == [40, 40, 40]
    assert figure.verdict == "Remembers over 40 steps (95 %: 40 to 40)."
    assert figure.check is not None
    assert figure.check.holds
    moved = figure.arrays["bounds"].copy()
    moved[2, 1] += 1e-6
    assert not replace(figure.check, left=moved).holds


def test_few_trials_widen_the_interval_and_all_or_nothing_is_said() -> None:
    wide = task_horizon([(10, 10, 10), (20, 7, 10), (40, 5, 10)], chance=0.2)
    assert wide.arrays["horizon"].tolist() == [20, 10, 40]
    assert task_horizon([(10, 1, 10)], chance=0.1).verdict.startswith("Remembers no gap")
    assert "at least so far" in task_horizon([(10, 10, 10)], chance=0.1).notes[0]
    assert task_horizon([(5, 0, 9), (5, 9, 9)], chance=0.0).arrays["accuracy"].tolist() == [0.5]
    assert any("does not fall" in note for note in task_horizon([(1, 1, 9), (2, 8, 9)], chance=0.1).notes)


def test_wilsons_bounds_are_the_published_ones() -> None:
    bounds = task_horizon([(1, 81, 263)], chance=0.0).arrays["bounds"][0]
    assert bounds == pytest.approx([0.2553, 0.3662], abs=5e-5)  # Newcombe 1998, table I, method 3


def test_results_that_are_none_are_named() -> None:
    with pytest.raises(DataError, match="found none"):
        task_horizon([], chance=0.5)
    with pytest.raises(DataError, match=r"found \(3, 5, 4\)"):
        task_horizon([(3, 5, 4)], chance=0.5)
    with pytest.raises(ConfigError, match="chance from 0 to 1"):
        task_horizon([(3, 1, 4)], chance=1.0)


def test_a_target_that_the_last_step_read_does_not_move_says_so() -> None:
    """A backward direction reads position 0 last, and the target is at the other end."""
    layer = cwnn.LSTM(2, 3, bidirectional=True)
    figure = memory_horizon(inspect(layer, torch.randn(5, 1, 2), target=lambda y: y[-1].sum()), 0, 1)
    assert "with G(0) = 0, so that any lag has more" in figure.notes[-1]
    assert figure.check is not None
    assert figure.check.holds
