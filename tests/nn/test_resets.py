"""resets=: a state begins anew where a flag says so, as if the sequence were cut there."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

import cellwright.nn as cwnn
from cellwright.cells import CELLS
from cellwright.nn import Recurrent

I, H, T, B = 3, 4, 7, 4
LENGTHS = [7, 0, 5, 6]
# at the first step, twice in a row, behind a sequence's end, never
FLAGS = torch.zeros(T, B, dtype=torch.bool)
FLAGS[0, 0] = FLAGS[3, 0] = FLAGS[4, 0] = FLAGS[6, 2] = FLAGS[2, 3] = FLAGS[1, 1] = True


def made(kind: str, **options: Any) -> Any:
    torch.manual_seed(0)
    drop_in = {"torch's LSTM": cwnn.LSTM, "torch's GRU": cwnn.GRU, "torch's RNN": cwnn.RNN}
    if kind in drop_in:
        return drop_in[kind](I, H, dtype=torch.float64, **options)
    return Recurrent(CELLS[kind](), I, H, dtype=torch.float64, **options)


def start(layer: Any) -> tuple[Tensor, ...]:
    rows = layer.num_layers * layer.directions
    sizes = layer.state_sizes.values()
    return tuple(torch.randn(rows, B, size, dtype=torch.float64, requires_grad=True) for size in sizes)


def as_given(layer: Any, states: tuple[Tensor, ...]) -> Any:
    return states[0] if isinstance(layer, cwnn.GRU | cwnn.RNN) else states


def cut_apart(layer: Any, x_TBI: Tensor, states: tuple[Tensor, ...], lengths: list[int]) -> tuple[Tensor, Any]:
    """One layer: each sequence cut before every flag, each piece from the initial states; the last piece's ends."""
    ys, finals = [], []
    for b, length in enumerate(lengths):
        begins = [0, *[t for t in range(1, length) if FLAGS[t, b]], length]
        own = tuple(state[:, b : b + 1] for state in states)
        rows, ends = [], [own]
        for first, stop in itertools.pairwise(begins):
            if stop > first:
                y, end = layer(x_TBI[first:stop, b : b + 1], as_given(layer, own), backend="reference")
                rows.append(y)
                ends.append(end if isinstance(end, tuple) else (end,))
        pieces = ends[1:] or ends
        # forward ends in the last piece, backward in the first
        finals.append([torch.cat([pieces[-1 if d == 0 else 0][k][d : d + 1] for d in range(layer.directions)])
                       for k in range(len(states))])  # fmt: skip
        filled = torch.cat(rows) if rows else x_TBI.new_zeros(0, 1, layer.directions * H)
        ys.append(torch.cat([filled, filled.new_zeros(T - len(filled), 1, filled.shape[2])]))
    return torch.cat(ys, 1), tuple(torch.cat(column, 1) for column in zip(*finals, strict=True))


@pytest.mark.parametrize("kind", ["torch's LSTM", "torch's GRU", "torch's RNN", "PeepholeLSTM", "ONLSTM", "IndRNN"])
@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_a_reset_begins_a_new_sequence_with_gradients(
    kind: str, backend: str, bidirectional: bool, lengths: Any
) -> None:
    layer = made(kind, bidirectional=bidirectional)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    states = start(layer)
    found = []
    for run in (
        lambda: layer(x, as_given(layer, states), lengths=lengths, resets=FLAGS, backend=backend),
        lambda: cut_apart(layer, x, states, [T] * B if lengths is None else lengths),
    ):
        y, ends = run()
        ends = ends if isinstance(ends, tuple) else (ends,)
        loss = y.sin().sum() + sum(end.cos().sum() for end in ends)
        found.append([y, *ends, *torch.autograd.grad(loss, [x, *states, *layer.parameters()])])
    for ours, cut in zip(*found, strict=True):
        torch.testing.assert_close(ours, cut, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["torch's LSTM", "torch's GRU", "MGU"])
@pytest.mark.parametrize("form", ["batch first", "unbatched"])
def test_resets_follow_the_axes_of_x(kind: str, form: str) -> None:
    layer = made(kind, num_layers=2, bidirectional=True, batch_first=form == "batch first")
    plain = made(kind, num_layers=2, bidirectional=True)
    x = torch.randn(T, B, I, dtype=torch.float64)
    if form == "batch first":
        y = layer(x.transpose(0, 1), resets=FLAGS.t())[0].transpose(0, 1)
        torch.testing.assert_close(y, plain(x, resets=FLAGS)[0], rtol=1e-13, atol=1e-13)
    else:
        for b in range(B):
            y = layer(x[:, b], resets=FLAGS[:, b])[0]
            torch.testing.assert_close(y, plain(x, resets=FLAGS)[0][:, b], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("kind", ["torch's LSTM", "PeepholeLSTM"])
def test_no_flag_and_numbers_as_flags_change_no_bit(kind: str) -> None:
    layer, x = made(kind), torch.randn(T, B, I, dtype=torch.float64)
    assert torch.equal(layer(x, resets=torch.zeros_like(FLAGS))[0], layer(x)[0])
    assert torch.equal(layer(x, resets=FLAGS.long() * 5)[0], layer(x, resets=FLAGS)[0])
