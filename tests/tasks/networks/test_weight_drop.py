"""Dropout on recurrent weights and on words does what AWD-LSTM's paper says, and nothing in eval mode."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cellwright.cells import LSTM, PeepholeLSTM
from cellwright.errors import ConfigError
from cellwright.nn import layer
from cellwright.tasks.networks.weight_drop import embed, run_with_weight_drop


@pytest.mark.parametrize("cell", [LSTM(), PeepholeLSTM()])
def test_a_dropped_run_is_a_run_with_the_masked_matrix(cell):
    torch.manual_seed(0)
    made = layer(cell, 5, 7, batch_first=True).double()
    x = torch.randn(3, 4, 5, dtype=torch.float64)
    torch.manual_seed(1)
    y, _ = run_with_weight_drop(made, 0.4, x, None)
    torch.manual_seed(1)
    kept = torch.nn.functional.dropout(made.weight_hh_l0.detach(), 0.4)
    assert (kept == 0).any()
    plain, _ = made(x)
    with torch.no_grad():
        made.weight_hh_l0.copy_(kept)
    expected, _ = made(x)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)
    assert not torch.allclose(y, plain)


def test_the_gradient_reaches_only_the_weights_that_were_kept():
    torch.manual_seed(0)
    made = layer(LSTM(), 5, 7, batch_first=True)
    x = torch.randn(3, 4, 5)
    torch.manual_seed(1)
    run_with_weight_drop(made, 0.5, x, None)[0].sum().backward()
    torch.manual_seed(1)
    kept = torch.nn.functional.dropout(torch.ones_like(made.weight_hh_l0), 0.5) != 0
    assert (made.weight_hh_l0.grad[~kept] == 0).all()
    assert (made.weight_hh_l0.grad[kept] != 0).any()


def test_nothing_is_dropped_in_eval_mode():
    made = layer(LSTM(), 5, 7, batch_first=True).eval()
    x = torch.randn(3, 4, 5)
    assert torch.equal(run_with_weight_drop(made, 0.9, x, None)[0], made(x)[0])
    embedding = nn.Embedding(6, 3).eval()
    rows = torch.tensor([[1, 2]])
    assert torch.equal(embed(embedding, rows, 0.9), embedding(rows))


def test_a_layer_without_recurrent_matrices_is_refused():
    with pytest.raises(ConfigError, match="recurrent matrices"):
        run_with_weight_drop(nn.Linear(3, 3), 0.5, torch.zeros(1, 3))


def test_a_dropped_word_is_zero_wherever_it_stands_and_the_mean_stays():
    torch.manual_seed(0)
    embedding = nn.Embedding(2000, 4)
    rows = torch.arange(2000).repeat(2, 1)
    found = embed(embedding, rows, 0.25)
    zero = (found == 0).all(-1)
    assert torch.equal(zero[0], zero[1])
    assert zero[0].float().mean().item() == pytest.approx(0.25, abs=0.03)
    torch.testing.assert_close(found[~zero], embedding(rows)[~zero] / 0.75)
