"""The memory ledger adds up at every step for every cell that carries; the notebook says who wrote what, and when it
was erased."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from cellwright.cells import CELLS, GRU, LSTM, Cell
from cellwright.errors import ConfigError
from cellwright.microscope import handset
from cellwright.microscope.figure import Figure
from cellwright.microscope.ledger import ledger, notebook, ring
from cellwright.microscope.record import inspect
from cellwright.microscope.runs import Record
from cellwright.nn import Recurrent

T = 7


def record_of(cell: Cell, started: bool = False) -> Record:
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, 4, dtype=torch.float64)
    state = tuple(torch.randn(1, 1, 4) for _ in layer.state_sizes) if started else None
    return inspect(layer, torch.randn(T, 1, 3), state=state)


def red_when_touched(figure: Figure) -> bool:
    """Whether the line holds, and no longer once one entry of the figure is 1e-6 off."""
    check = figure.check
    assert check is not None
    left = np.array(check.left, float)
    left.flat[left.size // 2] += 1e-6
    return check.holds and not replace(check, left=left).holds


@pytest.mark.parametrize(("cell", "error"), [(LSTM, 5.6e-17), (GRU, 2.3e-16)])
def test_shares_add_up_at_every_step(cell: Any, error: float) -> None:
    record = record_of(cell(), started=True)
    state = "c" if cell is LSTM else "h"
    for at in range(T):
        figure = ledger(record, at=at)
        total = figure.arrays["held"].sum(axis=0)
        np.testing.assert_allclose(total, record.run().values[state][at, 0], rtol=0, atol=4 * error)
        assert figure.labels["entry"] == ("start", *map(str, range(at + 1)))
        assert red_when_touched(figure)


def test_the_lstm_ledger_is_i_g_times_the_later_forget_gates() -> None:
    record = record_of(LSTM())
    v = {name: record.run().values[name][:, 0] for name in "ifg"}
    held = ledger(record).arrays["held"]
    assert not held[0].any()  # the state began at 0
    for k in range(T):
        np.testing.assert_allclose(held[k + 1], v["i"][k] * v["g"][k] * v["f"][k + 1 :].prod(axis=0), rtol=1e-14)


def test_the_ring_has_one_colour_at_the_first_step_and_all_later() -> None:
    share = ring(record_of(LSTM())).arrays["share"]
    np.testing.assert_allclose(share.sum(axis=1), 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(share[0], np.eye(T + 1)[1], rtol=0, atol=4e-16)
    assert (share[0] != 0).sum() == 1
    assert not np.triu(share, 2).any()
    assert (share[-1, 1:] != 0).all()


def test_the_ring_is_the_ledger_of_every_step() -> None:
    record = record_of(GRU(), started=True)
    figure = ring(record)
    for at in range(T):
        np.testing.assert_allclose(
            figure.arrays["share"][at, : at + 2], ledger(record, at=at).arrays["share"], atol=1e-14
        )
    assert red_when_touched(figure)


def test_a_state_of_zero_has_nothing_to_share() -> None:
    record = inspect(handset.latch().layer, handset.latch().encode(["wait", "set", "wait"]))
    figure = ring(record)
    assert not figure.arrays["share"][0].any()
    assert figure.arrays["share"][2].tolist() == [0, 0, 1, 0]
    assert figure.check is not None
    assert figure.check.holds
    assert any("nothing to share" in note for note in figure.notes)


def test_the_notebook_says_who_wrote_and_when_it_was_erased() -> None:
    model = handset.agreement()
    figure = notebook(model.inspect())
    entries = figure.labels["entry"]
    number, gender = 0, 1
    first, second = entries.index("小明"), entries.index("同学们")
    assert figure.arrays["writer"].tolist() == [second, -1]
    assert figure.arrays["left"][second, number] == 1
    # the entries count the start, the steps do not
    assert figure.arrays["erased_at"][first, number] == second - 1
    assert figure.arrays["erased_at"][first, gender] == second - 1
    assert figure.arrays["erased_at"][second, number] == -1
    assert figure.arrays["written"][first].tolist() == [-1, 1]
    assert "同学们" in figure.verdict
    assert red_when_touched(figure)


def test_slow_fading_is_erased_where_a_tenth_is_left() -> None:
    model = handset.half_lives((0.0, 3.0))
    figure = notebook(model.inspect())
    f = 1 / (1 + np.exp(-np.array([0.0, 3.0])))
    first = int(np.ceil(np.log(0.1) / np.log(f[0])))  # ½⁴ is the first below a tenth
    assert figure.arrays["erased_at"][1].tolist() == [first, -1]
    np.testing.assert_allclose(figure.arrays["left"][1], f**20, rtol=1e-13)


def test_steps_that_are_not_there_are_named() -> None:
    record = record_of(LSTM())
    with pytest.raises(ConfigError, match="from 0 to 6, found at=7"):
        ledger(record, at=T)
    with pytest.raises(ConfigError, match="Expected a sequence of 0 to 0, found 3"):
        ledger(record, sequence=3)


def test_a_ring_of_a_very_long_sequence_is_refused() -> None:
    layer = Recurrent(CELLS["MinGRU"](), 1, 1, dtype=torch.float64)
    record = inspect(layer, torch.zeros(4_001, 1, 1), gradients=False)
    with pytest.raises(ConfigError, match="at most 4,000 steps"):
        ring(record)
    assert ledger(record).check.holds
