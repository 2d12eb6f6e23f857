"""Steps that threads share by hidden units: the same bits as by sequences, on any number of threads, and no waiting
without end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any
from weakref import WeakValueDictionary

import pytest
import torch
from torch import Tensor

from cellwright import Cell, cells
from cellwright.cells import GRU, LSTM, Elman, GRUResetBefore
from cellwright.engine import cache, units
from cellwright.engine.lower import program
from cellwright.engine.plan import Product, Rows
from cellwright.engine.run import prepared, registry
from cellwright.engine.run.registry import cell_key, compiled_for
from cellwright.engine.run.tables import tables_for
from cellwright.engine.run.team import run_jobs
from cellwright.engine.spots import Spot
from cellwright.engine.units import Schedule, waits_around
from cellwright.nn import Recurrent
from cellwright.ops import tanh

Patch = pytest.MonkeyPatch
T, I, H = 4, 5, 17
ALWAYS = 1000
SEVERAL_CORES = len(os.sched_getaffinity(0)) > 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) > 1


class Chain(Cell):
    """Two products, the second of the first one's result alone."""

    gates = "u n"

    def step(self, x, h, W, R, b):
        return tanh(W.n @ x + R.n @ (R.u @ h) + b.n) + 0.5 * h


def force(patch: Patch, rows: int) -> None:
    """Steps of at most so many sequences are shared by units, by all threads that there are."""
    patch.setattr(Schedule, "unit_rows", lambda own, threads: rows if threads > 1 else 0)
    patch.setattr(Schedule, "team_size", lambda own, batch, threads: threads)


@pytest.fixture
def threads() -> Iterator[Any]:
    yield torch.set_num_threads
    torch.set_num_threads(1)


def results(layer: Recurrent, x: Tensor, **given: Any) -> list[Tensor]:
    y, ends = layer(x, **given, backend="cpu")
    loss = y.sin().sum() + sum(end.cos().sum() for end in ends)
    found = torch.autograd.grad(loss, [x, *layer.parameters()], allow_unused=True, materialize_grads=True)
    with torch.no_grad():
        alone, _ = layer(x, **given, backend="cpu")
    return [y.detach(), *(end.detach() for end in ends), *found, alone]


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("name", ["LSTM", "GRUResetBefore", "LayerNormLSTM", "Elman", "ONLSTM", "Chain"])
def test_both_ways_have_the_same_bits(name: str, count: int, threads: Any, monkeypatch: Patch) -> None:
    """Odd sizes, few and no sequences, lengths, resets, two directions, more threads than cores or panels."""
    cell = Chain() if name == "Chain" else getattr(cells, name)()
    dtype = torch.float64 if count == 3 else torch.float32
    torch.manual_seed(count)
    layer = Recurrent(cell, I, H, dtype=dtype, bidirectional=count != 2)
    threads(count)
    for batch, given in ((1, {}), (3, {}), (5, {"lengths": [4, 0, 2, 4, 1], "resets": torch.rand(T, 5) < 0.4})):
        x = torch.randn(T, batch, I, dtype=dtype, requires_grad=True)
        found = []
        for rows in (0, 2, ALWAYS):
            force(monkeypatch, rows)
            found.append(results(layer, x, **given))
        for ours in found[1:]:
            assert all(torch.equal(a, b) for a, b in zip(found[0], ours, strict=True))


def test_products_of_bfloat16_are_shared_too(threads: Any, monkeypatch: Patch) -> None:
    """Their panels take half the bytes."""
    monkeypatch.setenv("CELLWRIGHT_PRODUCTS", "bfloat16")
    torch.manual_seed(0)
    layer = Recurrent(GRUResetBefore(), I, H, dtype=torch.bfloat16)
    x = torch.randn(T, 3, I, dtype=torch.bfloat16, requires_grad=True)
    threads(2)
    found = []
    for rows in (0, ALWAYS):
        force(monkeypatch, rows)
        found.append(results(layer, x))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_a_batch_of_one_has_the_bits_of_one_thread(threads: Any) -> None:
    """With the schedule as it is, which gives this layer two threads."""
    torch.manual_seed(0)
    layer, x = Recurrent(LSTM(), I, 200, deterministic="any-split"), torch.randn(6, 1, I)
    schedule = compiled_for(cell_key(LSTM(), I, 200, True), torch.float32).schedule
    assert schedule.team_size(1, 2) == 2
    alone = layer(x, backend="cpu")[0]
    threads(2)
    assert torch.equal(layer(x, backend="cpu")[0], alone)


def test_shares_that_run_one_after_another_do_not_wait(monkeypatch: Patch) -> None:
    """Three shares where one thread is to be had: each computes its own sequences."""
    force(monkeypatch, ALWAYS)
    torch.manual_seed(0)
    compiled = compiled_for(cell_key(Elman(), I, H, True), torch.float32)
    stream, states = torch.randn(3 * T, H), [torch.zeros(3, H)]
    found = []
    for shares in (1, 3):
        y = torch.empty(3 * T, H)
        tables = tables_for("time", T, 3, None, None, False)
        call, _, _ = compiled.forward([stream], states, {"R": torch.eye(H)}, tables, y, save=False, threads=shares)
        run_jobs([call.job])  # torch has one thread here
        found.append(y)
    assert torch.equal(*found)


def test_an_empty_batch_waits_for_nobody(monkeypatch: Patch, threads: Any) -> None:
    """Two directions, a thread each: their barriers are not set up, and whatever lies there must not matter."""
    made = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *size, **given: made(*size, **given).fill_(3))
    layer = Recurrent(GRU(), I, H, bidirectional=True)
    threads(2)
    y, _ = layer(made(T, 0, I), backend="cpu")
    assert y.shape == (T, 0, 2 * H)


def test_a_call_may_run_again(threads: Any, monkeypatch: Patch) -> None:
    """The barrier's counters are as they were."""
    force(monkeypatch, ALWAYS)
    compiled = compiled_for(cell_key(Elman(), I, H, True), torch.float32)
    y, R = torch.empty(2 * T, H), torch.randn(H, H)
    tables = tables_for("time", T, 2, None, None, False)
    threads(2)
    call, _, _ = compiled.forward(
        [torch.randn(2 * T, H)], [torch.zeros(2, H)], {"R": R}, tables, y, save=False, threads=2
    )
    run_jobs([call.job])
    first = y.clone()
    for _ in range(50):
        y.zero_()
        run_jobs([call.job])
        assert torch.equal(y, first)


def test_several_python_threads_wait_for_their_own(threads: Any, monkeypatch: Patch) -> None:
    force(monkeypatch, ALWAYS)
    torch.manual_seed(0)
    layer, x = Recurrent(GRU(), I, H), torch.randn(T, 1, I, requires_grad=True)
    expected = results(layer, x)
    found: list[list[Tensor]] = []

    def call() -> None:
        torch.set_num_threads(2)
        for _ in range(10):
            found.append(results(layer, x))

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    threads(1)
    assert len(found) == 30
    assert all(torch.equal(a, b) for one in found for a, b in zip(one, expected, strict=True))


LIMITED = """
import torch
from cellwright.cells import LSTM
from cellwright.engine.units import Schedule
from cellwright.nn import Recurrent

Schedule.unit_rows = lambda own, threads: 1000
Schedule.team_size = lambda own, batch, threads: threads
torch.manual_seed(0)
layer, x = Recurrent(LSTM(), 5, 17, bidirectional=True), torch.randn(6, 3, 5)
torch.set_num_threads(4)
print(layer(x)[0].flatten().tolist())
"""


@pytest.mark.parametrize("limit", ["1", "3"])
def test_a_team_smaller_than_asked_does_not_wait_for_nobody(limit: str) -> None:
    """OpenMP may give fewer threads than it is asked for: then shares run one after another."""
    command = [sys.executable, "-W", "ignore", "-c", LIMITED]
    environment = os.environ | {"OMP_THREAD_LIMIT": limit}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    torch.manual_seed(0)
    layer, x = Recurrent(LSTM(), 5, 17, bidirectional=True), torch.randn(6, 3, 5)
    assert json.loads(done.stdout) == layer(x)[0].flatten().tolist()


# what is waited for


def some(level: int) -> Product:
    return Product(level, (), False, Spot("state", 0), (4,), Spot("scratch", 0), (4,))


def test_threads_meet_around_products() -> None:
    rows = Rows(0, ())
    both, only_behind, none = (True, True), (False, True), (False, False)
    assert waits_around([rows, some(1), rows]) == [none, both, none]
    assert waits_around([some(1), rows, some(2)]) == [both, none, both]
    assert waits_around([some(1), some(2), rows]) == [both, only_behind, none]  # the second reads the first
    assert waits_around([some(1), some(1), rows]) == [(True, False), only_behind, none]  # it does not


@pytest.fixture
def fresh(monkeypatch: Patch) -> Iterator[None]:
    """No code of another test, and none of this one for another test."""
    monkeypatch.setenv("CELLWRIGHT_CACHE", "off")
    monkeypatch.setattr(cache, "_loaded", WeakValueDictionary())
    registry._compiled.cache_clear()
    prepared.product_code.cache_clear()
    yield
    registry._compiled.cache_clear()
    prepared.product_code.cache_clear()


@pytest.mark.skipif(not SEVERAL_CORES, reason="two threads of one core hardly ever run at once")
@pytest.mark.parametrize("left_out", ["before", "behind"])
def test_a_wait_that_is_left_out_is_seen(left_out: str, fresh: None, threads: Any, monkeypatch: Patch) -> None:
    def fewer(phases: Any) -> list[tuple[bool, bool]]:
        return [(b and left_out != "before", a and left_out != "behind") for b, a in waits_around(phases)]

    torch.manual_seed(0)
    layer, x = Recurrent(LSTM(), I, 64), torch.randn(400, 1, I)
    with torch.no_grad():
        expected = layer(x, backend="reference")[0]
        monkeypatch.setattr(program, "waits_around", fewer)
        force(monkeypatch, ALWAYS)
        threads(2)
        runs = (layer(x, backend="cpu")[0] for _ in range(100))
        assert any(not torch.allclose(y, expected, atol=1e-4) for y in runs)


# when


def test_units_pay_where_few_sequences_meet_large_matrices() -> None:
    large, small = Schedule(1 << 20, 4, 2), Schedule(1 << 14, 4, 2)
    assert large.unit_rows(1) == small.unit_rows(2) == Schedule(0, 4, 0).unit_rows(2) == 0
    assert 3 <= large.unit_rows(2) < 8
    assert Schedule(1 << 23, 4, 2).unit_rows(2) > large.unit_rows(2)  # from memory, not from a cache
    assert Schedule(1 << 18, 4, 2).unit_rows(2) >= Schedule(1 << 18, 4, 4).unit_rows(2) > 0
    assert large.unit_rows(64) == 0  # so many would wait for longer than they compute


def test_a_job_has_a_thread_a_sequence_and_more_where_units_pay() -> None:
    large, small, none = Schedule(1 << 20, 4, 2), Schedule(1 << 14, 4, 2), Schedule(0, 4, 0)
    for batch, threads, most in ((1, 2, 2), (1, 1, 1), (32, 2, 2), (2, 2, 2), (0, 4, 1)):
        assert large.team_size(batch, threads) == most
    assert small.team_size(1, 2) == none.team_size(1, 2) == 1
    assert small.team_size(3, 8) == 3
    assert 1 < large.team_size(1, 64) < 64
    for threads in range(1, 33):
        team = large.team_size(1, threads)
        assert team <= threads
        assert team == 1 or large.unit_rows(team) >= 1


def test_the_schedule_counts_what_the_products_multiply() -> None:
    lstm = units.schedule_of(compiled_for(cell_key(LSTM(), 8, 64, True), torch.float32).plan.forward, 4)
    assert (lstm.work, lstm.waits) == (4 * 64 * 64, 2)
    gru = units.schedule_of(compiled_for(cell_key(GRUResetBefore(), 8, 64, True), torch.float32).plan.forward, 4)
    assert (gru.work, gru.waits) == (3 * 64 * 64, 4)
