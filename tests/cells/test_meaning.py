"""Every cell: the plain loop gives the numbers of the NumPy meaning, and its gradient is that of its values."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cellwright import ops
from cellwright.cells import GRU, LSTM, LSTMP, Elman


def test_loop_equals_the_meaning(make, cases) -> None:
    cell = make()
    w, x, s = cases.weights(cell), cases.sequence(6, 3), cases.states(cell, 3)
    cases.same(cases.loop(cell, w, x, s), cases.meaning(cell, w, x, s))


def test_loop_equals_the_meaning_backwards_with_lengths(make, cases) -> None:
    cell = make()
    w, x, s = cases.weights(cell, seed=5), cases.sequence(5, 4), cases.states(cell, 4)
    for reverse in (False, True):
        ours = cases.loop(cell, w, x, s, [5, 0, 2, 4], reverse)
        cases.same(ours, cases.meaning(cell, w, x, s, [5, 0, 2, 4], reverse))


def test_loop_equals_the_meaning_without_bias(make, cases) -> None:
    cell = make()
    w, x, s = cases.weights(cell, bias=False), cases.sequence(4, 2), cases.states(cell, 2)
    cases.same(cases.loop(cell, w, x, s), cases.meaning(cell, w, x, s))


def test_gradient_equals_finite_differences(make, cases) -> None:
    cell = make()
    w, x, s = cases.weights(cell), cases.sequence(2, 2), cases.states(cell, 2)
    names, count = list(w), len(s)
    leaves = [t.clone().requires_grad_() for t in (x, *s, *w.values())]

    def run(x_TBI, *rest):
        y, finals = cases.loop(cell, dict(zip(names, rest[count:], strict=True)), x_TBI, rest[:count], [2, 1])
        return y, *finals

    generator = torch.Generator().manual_seed(3)
    sizes = [part.shape for part in run(*leaves)]
    cotangents = [torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]

    def scalar(*leaves):
        return sum((part * by).sum() for part, by in zip(run(*leaves), cotangents, strict=True))

    assert torch.autograd.gradcheck(scalar, leaves)


def packed(cell, w, letter: str):
    return torch.cat([w[f"{letter}.{gate}"] for gate in cell.gate_names])


@pytest.mark.parametrize(
    ("cell", "theirs"),
    [
        (Elman(), nn.RNNCell(2, 3)),
        (Elman(ops.relu), nn.RNNCell(2, 3, nonlinearity="relu")),
        (LSTM(), nn.LSTMCell(2, 3)),
        (GRU(), nn.GRUCell(2, 3)),
    ],
    ids=["tanh RNN", "relu RNN", "LSTM", "GRU"],
)
def test_one_step_equals_torchs_cell_with_the_same_weights(cell, theirs, cases) -> None:
    w, x, s = cases.weights(cell), cases.sequence(1, 5), cases.states(cell, 5)
    theirs = theirs.double()
    second = torch.cat([w.get(f"bR.{gate}", torch.zeros(3)) for gate in cell.gate_names])
    given = (packed(cell, w, "W"), packed(cell, w, "R"), packed(cell, w, "b"), second)
    with torch.no_grad():
        for parameter, value in zip(theirs.parameters(), given, strict=True):
            parameter.copy_(value)
        expected = theirs(x[0], s if len(s) > 1 else s[0])
    y, finals = cases.loop(cell, w, x, s)
    cases.same(finals, expected if isinstance(expected, tuple) else (expected,))
    cases.same(y[0], finals[0])


def test_a_projected_sequence_equals_torchs_with_the_same_weights(cases) -> None:
    cell = LSTMP(2)
    w, x, s = cases.weights(cell), cases.sequence(6, 3), cases.states(cell, 3)
    theirs = nn.LSTM(2, 3, proj_size=2, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(packed(cell, w, "W"))
        theirs.weight_hh_l0.copy_(packed(cell, w, "R"))
        theirs.bias_ih_l0.copy_(packed(cell, w, "b"))
        theirs.bias_hh_l0.zero_()
        theirs.weight_hr_l0.copy_(w["P_h"])
        y, finals = theirs(x, tuple(part[None] for part in s))
    cases.same(cases.loop(cell, w, x, s), (y, tuple(part[0] for part in finals)))
