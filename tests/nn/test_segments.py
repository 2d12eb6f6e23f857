"""checkpoint_segments: training in pieces of time gives the numbers of one whole run."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

import cellwright.nn as cwnn
from cellwright.cells import CELLS
from cellwright.errors import BackendError, ConfigError
from cellwright.nn import Recurrent
from cellwright.nn.segments import run_segments

I, H, T, B = 3, 4, 11, 5
LENGTHS = [11, 0, 6, 9, 2]
KINDS = {"torch's LSTM": cwnn.LSTM, "torch's GRU": cwnn.GRU}


def flags() -> Tensor:
    """At the first step, at the first of a piece, several in one piece, in every step, behind a length."""
    found = torch.zeros(T, B, dtype=torch.bool)
    found[[0, 3, 4], 0] = True
    found[:, 2] = True
    found[[1, 2, 5, 9], 3] = True
    found[[1, 2, 7], 4] = True
    return found


def made(kind: str, **options: Any) -> Any:
    torch.manual_seed(0)
    if kind in KINDS:
        return KINDS[kind](I, H, dtype=torch.float64, **options)
    return Recurrent(CELLS[kind](), I, H, dtype=torch.float64, **options)


def both(kind: str, same: Any, start_of: Any, segments: int, given: dict[str, Any], **options: Any) -> None:
    """One layer whole and in pieces: values and all gradients."""
    layer = made(kind, **options)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    states = start_of(layer, B)
    leaves = [x, *states, *layer.parameters()]
    state = states[0] if kind == "torch's GRU" else states

    def run(pieces: int) -> Any:
        layer.checkpoint_segments = pieces
        return layer(x, state, **given, backend="cpu")

    same(lambda: run(segments), lambda: run(1), leaves)


@pytest.mark.parametrize("kind", ["torch's LSTM", "torch's GRU", "PeepholeLSTM", "ONLSTM", "IndRNN"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["dense", "lengths"])
@pytest.mark.parametrize("resets", [False, True], ids=["", "resets"])
@pytest.mark.parametrize("segments", [2, 4, 100])
def test_pieces_give_the_numbers_of_one_run(
    kind: str, lengths: Any, resets: bool, segments: int, same: Any, start_of: Any
) -> None:
    given = {"lengths": lengths} | ({"resets": flags()} if resets else {})
    both(kind, same, start_of, segments, given, num_layers=2, bidirectional=True)


@pytest.mark.parametrize("seed", range(12))
def test_random_lengths_resets_and_pieces(seed: int, same: Any, start_of: Any) -> None:
    torch.manual_seed(seed)
    lengths = torch.randint(0, T + 1, (B,)).tolist()
    given = {"lengths": lengths, "resets": torch.rand(T, B) < 0.3 * (seed % 3)}
    both("MGU", same, start_of, 1 + seed, given, bidirectional=seed % 2 == 1)


def test_no_flag_in_a_piece_costs_no_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = made("MGU", checkpoint_segments=3)
    seen = []
    original = torch.Tensor.index_copy
    monkeypatch.setattr(torch.Tensor, "index_copy", lambda *a: seen.append(1) or original(*a))
    x = torch.randn(T, B, I, dtype=torch.float64)
    layer(x, resets=torch.zeros(T, B, dtype=torch.bool))
    assert not seen


@pytest.mark.parametrize("form", ["packed", "batch first", "unbatched"])
def test_pieces_of_every_form_of_x(form: str) -> None:
    layer = made("LSTM" if form != "packed" else "torch's LSTM", batch_first=form == "batch first")
    x = torch.randn(B, T, I, dtype=torch.float64)
    if form == "packed":
        inputs: Any = pack_padded_sequence(x.transpose(0, 1), torch.tensor([11, 9, 9, 4, 1]))
    else:
        inputs = x if form == "batch first" else x[0]
    found = []
    for segments in (1, 3):
        layer.checkpoint_segments = segments
        layer.zero_grad()
        y, ends = layer(inputs)
        y = y.data if form == "packed" else y
        (y.sin().sum() + sum(end.cos().sum() for end in ends)).backward()
        found.append([y.detach(), *(end.detach() for end in ends), *(p.grad.clone() for p in layer.parameters())])
    for ours, whole in zip(*found[::-1], strict=True):
        torch.testing.assert_close(ours, whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("steps", [0, 1])
def test_fewer_steps_than_pieces(steps: int) -> None:
    layer = made("PeepholeLSTM", checkpoint_segments=3)
    x = torch.randn(steps, B, I, dtype=torch.float64, requires_grad=True)
    y, _ = layer(x, backend="cpu")
    assert y.shape == (steps, B, H)
    y.sum().backward()
    assert x.grad is not None


def test_a_run_without_gradients_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = made("MGU", checkpoint_segments=3)
    calls = []
    monkeypatch.setattr("cellwright.nn.kernels.run_segments", lambda *a, **k: calls.append(1) or run_segments(*a, **k))
    x = torch.randn(T, B, I, dtype=torch.float64)
    layer(x)
    assert len(calls) == 1
    with torch.no_grad():
        layer(x)
    assert len(calls) == 1


@pytest.mark.parametrize("square", [False, True])
def test_a_second_derivative_is_refused_not_lost(square: bool) -> None:
    layer = made("PeepholeLSTM", checkpoint_segments=3)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    y, _ = layer(x)
    (gradient,) = torch.autograd.grad((y * y if square else y).sum(), x, create_graph=True)
    with pytest.raises(BackendError, match="no second derivative"):
        (y.sum() + gradient.square().sum()).backward()


def test_first_derivatives_of_a_graph_that_is_kept_are_the_same() -> None:
    layer = made("PeepholeLSTM", checkpoint_segments=3)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    leaves = [x, *layer.parameters()]
    once, kept = (torch.autograd.grad(layer(x)[0].sum(), leaves, create_graph=create) for create in (False, True))
    for ours, theirs in zip(kept, once, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("segments", [0, -1, 1.5, "4", None, True])
def test_what_is_no_number_of_pieces_is_refused(segments: Any) -> None:
    said = f"checkpoint_segments={segments!r}: it must be a whole number of at least 1"
    with pytest.raises(ConfigError, match=said):
        made("MGU", checkpoint_segments=segments)
    layer = made("torch's GRU")
    layer.checkpoint_segments = segments
    with pytest.raises(ConfigError, match=said):
        layer(torch.randn(T, B, I, dtype=torch.float64))
