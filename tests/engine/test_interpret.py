"""The NumPy meaning of a sequence: lengths, directions, states; and the loop's edges beside it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch

from cellwright import ops
from cellwright.cells import LSTM, Cell, Elman
from cellwright.engine import interpret, interpret_sequence, trace


def arrays(tensors):
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def test_one_step_gives_the_new_states_and_the_output(cases) -> None:
    cell = LSTM()
    w, x, (h, c) = arrays(cases.weights(cell)), cases.sequence(1, 1)[0, 0].numpy(), cases.states(cell, 1)
    new, output = interpret(trace(cell, 2, 3), {**w, "x": x, "h": h[0].numpy(), "c": c[0].numpy()})
    net = {k: w[f"W.{k}"] @ x + w[f"R.{k}"] @ h[0].numpy() + w[f"b.{k}"] for k in "ifgo"}
    expected = cases.sigma(net["f"]) * c[0].numpy() + cases.sigma(net["i"]) * np.tanh(net["g"])
    cases.same(new["c"], expected)
    cases.same(output, cases.sigma(net["o"]) * np.tanh(expected))
    assert output is new["h"]


@pytest.mark.parametrize("path", ["loop", "meaning"])
@pytest.mark.parametrize("reverse", [False, True])
def test_steps_beyond_a_length_count_for_nothing(make, path: str, reverse: bool, cases) -> None:
    cell, lengths = make(), [4, 1, 0, 6]
    run = getattr(cases, path)
    w, x, s = cases.weights(cell), cases.sequence(6, 4), cases.states(cell, 4)
    y, finals = run(cell, w, x, s, lengths, reverse)
    noise = x.clone()
    for b, length in enumerate(lengths):
        noise[length:, b] = 1e3
        assert (y[length:, b] == 0).all()
        alone, last = run(cell, w, x[:length, b : b + 1], [part[b : b + 1] for part in s], None, reverse)
        cases.same(y[:length, b : b + 1], alone)
        cases.same([part[b : b + 1] for part in finals], last)
    cases.same(run(cell, w, noise, s, lengths, reverse), (y, finals), 0.0)


@pytest.mark.parametrize("path", ["loop", "meaning"])
def test_reversed_direction_sees_only_the_valid_steps(path: str, cases) -> None:
    class Remember(Cell):
        """Keeps the first input it meets: h′ = h + (h is 0) x."""

        def step(self, x, h):
            return ops.where(ops.abs(h) > 0, h, x)

    x = torch.arange(1, 13, dtype=torch.float64).reshape(6, 2, 1)
    _, (first,) = getattr(cases, path)(Remember(), {}, x, (torch.zeros(2, 1).double(),), [4, 6], True)
    assert first[:, 0].tolist() == [7, 12]
    _, (first,) = getattr(cases, path)(Remember(), {}, x, (torch.zeros(2, 1).double(),), [4, 6], False)
    assert first[:, 0].tolist() == [1, 2]


def test_a_cut_sequence_goes_on_where_it_stopped(make, cases) -> None:
    cell = make()
    w, x, s = cases.weights(cell), cases.sequence(7, 2), cases.states(cell, 2)
    whole, last = cases.loop(cell, w, x, s)
    start, middle = cases.loop(cell, w, x[:3], s)
    rest, end = cases.loop(cell, w, x[3:], middle)
    cases.same(torch.cat([start, rest]), whole, 0.0)
    cases.same(end, last, 0.0)


def test_the_initial_states_are_not_written_over(make, cases) -> None:
    cell = make()
    w, x, s = cases.weights(cell), cases.sequence(3, 2), cases.states(cell, 2)
    before = [part.clone() for part in s]
    cases.meaning(cell, w, x, s)
    cases.loop(cell, w, x, s)
    cases.same(s, before, 0.0)


@pytest.mark.parametrize("path", ["loop", "meaning"])
def test_no_steps_or_no_sequences_leave_the_states_as_they_are(make, path: str, cases) -> None:
    cell = make()
    w, s = cases.weights(cell), cases.states(cell, 2)
    y, finals = getattr(cases, path)(cell, w, cases.sequence(0, 2), s)
    assert y.shape == (0, 2, cell.output_size(3))
    cases.same(finals, s, 0.0)
    y, _ = getattr(cases, path)(cell, w, cases.sequence(4, 0), cases.states(cell, 0))
    assert y.shape == (4, 0, cell.output_size(3))


def test_a_cell_without_gates_or_states_of_size_h_runs(cases) -> None:
    class Counter(Cell):
        """Nothing in it is of size H."""

        states = "n"
        sizes: ClassVar = {"n": "N"}
        N = 2

        def step(self, x, n):
            return n + ops.sum(x)

    x = cases.sequence(5, 3)
    s = (torch.zeros(3, 2, dtype=torch.float64),)
    ours, theirs = cases.loop(Counter(), {}, x, s), cases.meaning(Counter(), {}, x, s)
    cases.same(ours, theirs)
    cases.same(ours[1][0][:, 0], x.sum((0, 2)))


def test_the_meaning_is_in_float64_whatever_comes(cases) -> None:
    w = {name: weight.numpy().astype(np.float32) for name, weight in cases.weights(Elman()).items()}
    y, (h,) = interpret_sequence(Elman(), w, np.ones((2, 1, 2), np.float32), [np.zeros((1, 3), np.float32)])
    assert y.dtype == h.dtype == np.float64


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_loop_keeps_the_dtype_of_its_input(make, dtype: torch.dtype, cases) -> None:
    cell = make()
    w = {name: weight.to(dtype) for name, weight in cases.weights(cell).items()}
    y, finals = cases.loop(cell, w, cases.sequence(3, 2).to(dtype), [s.to(dtype) for s in cases.states(cell, 2)])
    assert {part.dtype for part in (y, *finals)} == {dtype}
