"""What each direction sees, and in what order the output joins them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import cellwright.nn as cwnn
from cellwright.cells import CELLS
from cellwright.nn import Recurrent

I, H, T = 2, 3, 5
EPS = torch.finfo(torch.float64).eps
# A relu unit at rest passes nothing on.
WAKEFUL = [name for name in CELLS if name not in ("IndRNN", "LiGRU")]


def made(cell: Any, **options: Any) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(cell, I, H, dtype=torch.float64, **options)


def influence(layer: Any, part: slice, x_TI: Tensor, **named: Any) -> Tensor:
    """(T, T): how strongly y_t depends on x_k, the sum of |dy_t / dx_k|."""

    def outputs(x_TI: Tensor) -> Tensor:
        return layer(x_TI[:, None], **named)[0][:, 0, part]

    return torch.autograd.functional.jacobian(outputs, x_TI).abs().sum((1, 3))


@pytest.mark.parametrize("name", WAKEFUL)
def test_a_forward_layer_sees_the_past_only_and_all_of_it(name: str, cell_of: Any) -> None:
    layer = made(cell_of(name), num_layers=2)
    seen = influence(layer, slice(None), torch.randn(T, I, dtype=torch.float64))
    assert torch.equal(seen != 0, torch.ones(T, T).tril().bool())


@pytest.mark.parametrize("name", WAKEFUL)
def test_each_half_of_a_bidirectional_layer_sees_its_own_side(name: str, cell_of: Any) -> None:
    layer, x = made(cell_of(name), bidirectional=True), torch.randn(T, I, dtype=torch.float64)
    O = layer.output_size
    assert torch.equal(influence(layer, slice(O), x) != 0, torch.ones(T, T).tril().bool())
    assert torch.equal(influence(layer, slice(O, None), x) != 0, torch.ones(T, T).triu().bool())
    assert bool((influence(layer, slice(None), x) != 0).all())


@pytest.mark.parametrize("name", [*WAKEFUL, "torch's LSTM", "torch's GRU"])
@pytest.mark.parametrize("length", [0, 1, 3, T])
def test_both_directions_see_the_valid_steps_only(name: str, length: int, cell_of: Any) -> None:
    options = {"num_layers": 2, "bidirectional": True, "dtype": torch.float64}
    drop_ins = {"torch's LSTM": cwnn.LSTM, "torch's GRU": cwnn.GRU}
    layer = drop_ins[name](I, H, **options) if name in drop_ins else Recurrent(cell_of(name), I, H, **options)
    seen = influence(layer, slice(None), torch.randn(T, I, dtype=torch.float64), lengths=[length])
    valid = (torch.arange(T) < length).double()
    assert torch.equal(seen != 0, torch.outer(valid, valid).bool())


@pytest.mark.parametrize("name", CELLS)
def test_turning_time_and_both_directions_round_changes_no_bit(name: str, cell_of: Any) -> None:
    layer, turned = made(cell_of(name), bidirectional=True), made(cell_of(name), bidirectional=True)
    stored = layer.state_dict()
    swapped = {key.removesuffix("_reverse") if "_reverse" in key else key + "_reverse": v for key, v in stored.items()}
    turned.load_state_dict(swapped)
    x, O = torch.randn(T, 4, I, dtype=torch.float64), layer.output_size
    (y, ends), (y_turned, ends_turned) = layer(x), turned(x.flip(0))
    assert torch.equal(y, torch.cat([y_turned[..., O:], y_turned[..., :O]], dim=-1).flip(0))
    assert all(torch.equal(end, other.flip(0)) for end, other in zip(ends, ends_turned, strict=True))
    assert not torch.equal(y, y_turned)


@pytest.mark.parametrize("name", ["Elman", "LSTM", "GRU", "MGU", "PeepholeLSTM", "LSTMP"])
def test_a_sentence_is_the_last_forward_and_the_first_backward_output(name: str, cell_of: Any) -> None:
    lengths = [5, 2, 4]
    layer, x = made(cell_of(name), num_layers=2, bidirectional=True), torch.randn(T, 3, I, dtype=torch.float64)
    O = layer.output_size
    y, ends = layer(x, lengths=lengths)
    sentence = torch.cat([ends[0][-2], ends[0][-1]], dim=-1)
    assert sentence.shape == (3, 2 * O)
    for b, n in enumerate(lengths):
        assert torch.equal(sentence[b], torch.cat([y[n - 1, b, :O], y[0, b, O:]]))
        assert not torch.equal(sentence[b], y[n - 1, b])


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_running_on_from_the_final_state_equals_one_run(name: str, backend: str, cell_of: Any) -> None:
    layer, x = made(cell_of(name), num_layers=2).requires_grad_(False), torch.randn(T, 3, I, dtype=torch.float64)
    y, ends = layer(x, backend=backend)
    first, state = layer(x[:2], backend=backend)
    second, last = layer(x[2:], state, backend=backend)
    for ours, whole in ((torch.cat([first, second]), y), *zip(last, ends, strict=True)):
        if backend == "reference":
            assert torch.equal(ours, whole)
        else:  # products of the input are made for all steps at once: their order of summing depends on T
            assert float((ours - whole).abs().max()) <= 8 * EPS * max(1.0, float(whole.abs().max()))
