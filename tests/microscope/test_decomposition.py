"""Contextual decomposition: Murdoch's LSTM, exact zeros, completeness for any cell, the ledger where it is linear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import cellwright.nn as cwnn
from cellwright.cells import LSTM, SLSTM, Cell
from cellwright.errors import ConfigError, DataError
from cellwright.microscope.decomposition import contextual_decomposition, find_phrase
from cellwright.microscope.split_layers import split_run
from cellwright.microscope.splits import share
from cellwright.microscope.subject import subject
from cellwright.nn import Recurrent
from cellwright.ops import sigmoid, sqrt

torch.set_num_threads(1)
T, I, H = 5, 3, 4
Array = NDArray[Any]


def inputs(steps: int = T, size: int = I) -> Tensor:
    return torch.randn(steps, size, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def last(y: Tensor) -> Tensor:
    return (y[-1].sin() + y[0] * y[-1]).sum()


def parts_of_h(layer: Any, x: Tensor, spans: list[tuple[int, int]], **given: Any) -> Array:
    """(T, 3, P, O) of a layer's output."""
    inside_TP = torch.zeros(len(x), len(spans), dtype=torch.bool)
    for column, (start, stop) in enumerate(spans):
        inside_TP[start:stop, column] = True
    return split_run(subject(layer, x), inside_TP, **given).calls[0].y_TKPO.numpy()


def linearised(f: Callable[[Array], Array], a: Array, b: Array, c: Array | None) -> list[Array]:
    """Murdoch et al. 2018, equations 14 to 16 for three terms of which the last is the bias; two terms without."""
    if c is None:
        return [(f(a) + f(a + b) - f(b)) / 2, (f(b) + f(a + b) - f(a)) / 2]
    whole = f(a + b + c)
    return [
        (f(a + c) - f(c) + whole - f(b + c)) / 2,
        (f(b + c) - f(c) + whole - f(a + c)) / 2,
        f(c),
    ]


def murdoch(layer: cwnn.LSTM, x: Array, start: int, stop: int) -> tuple[Array, Array]:
    """β and γ of h after the last step, written from the paper's section 3.2; o is not split."""

    def sigma(v: Array) -> Array:
        return 1 / (1 + np.exp(-v))

    W, V = layer.weight_ih_l0.detach().numpy(), layer.weight_hh_l0.detach().numpy()  # rows i f g o
    bias = (layer.bias_ih_l0 + layer.bias_hh_l0).detach().numpy()
    rows = {gate: slice(k * H, (k + 1) * H) for k, gate in enumerate("ifgo")}
    beta_h, gamma_h, beta_c, gamma_c = (np.zeros(H) for _ in range(4))
    for t in range(len(x)):
        inside = start <= t < stop
        split = {}
        for gate, row in rows.items():
            beta, gamma = V[row] @ beta_h, V[row] @ gamma_h
            if inside:
                beta = beta + W[row] @ x[t]
            else:
                gamma = gamma + W[row] @ x[t]
            split[gate] = (beta, gamma, bias[row])
        o = sigma(sum(split["o"]))
        beta_i, gamma_i, bias_i = linearised(sigma, *split["i"])
        beta_f, gamma_f, bias_f = linearised(sigma, *split["f"])
        beta_g, gamma_g, bias_g = linearised(np.tanh, *split["g"])
        new_beta = beta_i * (beta_g + bias_g) + bias_i * beta_g + (beta_f + bias_f) * beta_c
        new_gamma = gamma_i * (beta_g + gamma_g + bias_g) + (beta_i + bias_i) * gamma_g
        new_gamma += (beta_f + gamma_f + bias_f) * gamma_c + gamma_f * beta_c
        if inside:
            new_beta = new_beta + bias_i * bias_g
        else:
            new_gamma = new_gamma + bias_i * bias_g
        beta_c, gamma_c = new_beta, new_gamma
        beta_tanh, gamma_tanh = linearised(np.tanh, beta_c, gamma_c, None)
        beta_h, gamma_h = o * beta_tanh, o * gamma_tanh
    return beta_h, gamma_h


@pytest.mark.parametrize("span", [(0, 1), (1, 3), (4, 5), (0, 5), (2, 2)])
def test_an_lstm_whose_output_gate_is_whole_is_murdochs(span: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer = cwnn.LSTM(I, H).double()
    with torch.no_grad():
        for weight in layer.parameters():
            weight.mul_(2)
    x = 2 * inputs()
    found = parts_of_h(layer, x, [span], whole=("o",))[-1, :, 0]
    beta, gamma = murdoch(layer, x.numpy(), *span)
    np.testing.assert_allclose(found, [beta, gamma, np.zeros(H)], rtol=0, atol=1e-15)
    y, _ = layer(x[:, None])
    np.testing.assert_allclose(found.sum(0), y[-1, 0].detach(), rtol=0, atol=3e-16)
    apart = parts_of_h(layer, x, [span])[-1, 0, 0] - beta
    assert np.abs(apart).max() > 1e-4 or span in ((2, 2), (0, 5))  # with o split: others


def test_any_cell_adds_up_and_its_ends_are_exact(every_cell: str, layer_of: Callable[..., Any]) -> None:
    layer = layer_of(every_cell, 8, num_layers=2, bidirectional=True)
    x = inputs(4, layer.input_size)
    y = parts_of_h(layer, x, [(0, 4), (0, 0), (1, 3)])
    said, _ = layer(x[:, None], backend="reference")
    np.testing.assert_allclose(y.sum(1), np.repeat(said.detach().numpy(), 3, axis=1), rtol=0, atol=1e-12)
    assert not y[:, 1, 0].any()  # of everything nothing is left to the rest
    assert not y[:, 0, 1].any()  # and a phrase of nothing gave nothing
    assert not y[:, 2].any()
    figure = contextual_decomposition(layer, x, [(0, 4), (1, 3)], target=last)
    assert figure.check is not None
    assert figure.check.holds, figure.check
    assert figure.arrays["phrase_rest"][0] == 0.0


def test_what_stood_before_the_first_step_belongs_to_the_rest() -> None:
    torch.manual_seed(0)
    layer = Recurrent(LSTM(), I, H, dtype=torch.float64)
    state = [torch.randn(1, 1, H, dtype=torch.float64) for _ in range(2)]
    figure = contextual_decomposition(layer, inputs(), [(0, T)], target=last, state=state)
    assert figure.check is not None
    assert figure.check.holds
    assert abs(figure.arrays["phrase_rest"][0]) > 1e-3


class Keeper(Cell):
    """c′ = σ(b_f) ⊙ c + W x + b: linear, its gate fixed."""

    gates = "f n"
    states = "c"

    def step(self, x, c, W, b):  # type: ignore[no-untyped-def]
        return sigmoid(b.f) * c + W.n @ x + b.n


def ledger(kept: Array, written_TH: Array) -> Array:
    """Σ over later steps of what is kept of each step's writing: ρ_{T,k} ⊙ b_k."""
    return np.stack([kept ** (len(written_TH) - 1 - t) * row for t, row in enumerate(written_TH)])


def test_words_of_a_linear_cell_with_fixed_gates_add_up_to_the_ledger() -> None:
    torch.manual_seed(0)
    layer = Recurrent(Keeper(), I, H, dtype=torch.float64)
    x, views = inputs(), {name: view.detach().numpy() for name, view in layer.views(0).items()}
    expected = ledger(1 / (1 + np.exp(-views["b.f"])), x.numpy() @ views["W.n"].T + views["b.n"])
    words = parts_of_h(layer, x, [(t, t + 1) for t in range(T)])[-1, 0]
    np.testing.assert_allclose(words, expected, rtol=0, atol=3e-16)
    np.testing.assert_allclose(words.sum(0), layer(x[:, None])[0][-1, 0].detach(), rtol=0, atol=5e-16)
    weight = torch.randn(H, dtype=torch.float64)
    figure = contextual_decomposition(layer, x, [(1, 4)], target=lambda y: y[-1, 0] @ weight)
    np.testing.assert_allclose(figure.arrays["word"], expected @ weight.numpy(), rtol=0, atol=2e-15)
    np.testing.assert_allclose(figure.arrays["interaction"], 0, atol=2e-15)


def test_words_of_an_lstm_with_constant_gates_are_its_ledger_of_c() -> None:
    torch.manual_seed(0)
    layer = Recurrent(LSTM(), I, H, dtype=torch.float64)
    with torch.no_grad():
        for name, view in layer.views(0).items():
            if name.startswith("R.") or name in ("W.i", "W.f", "W.o"):
                view.zero_()
    x, views = inputs(), {name: view.detach().numpy() for name, view in layer.views(0).items()}
    i, f = (1 / (1 + np.exp(-views[f"b.{gate}"])) for gate in "if")
    expected = ledger(f, i * np.tanh(x.numpy() @ views["W.g"].T + views["b.g"]))
    inside_TP = torch.eye(T, dtype=torch.bool)
    c_KPH = split_run(subject(layer, x), inside_TP).calls[0].finals[1][0]
    np.testing.assert_allclose(c_KPH[0], expected, rtol=0, atol=1e-16)


def test_two_parts_change_places_with_their_shares() -> None:
    a, b, c = (torch.randn(50, dtype=torch.float64) for _ in range(3))

    def split(one: Tensor, other: Tensor) -> Tensor:
        return share((one + other + c).tanh(), (one + c).tanh(), (other + c).tanh(), c.tanh())

    assert torch.equal(split(a, b)[[1, 0, 2]], split(b, a))
    np.testing.assert_allclose(split(a, b).sum(0), (a + b + c).tanh(), atol=1e-15)


class Normed(Cell):
    """h′ = v / √(1 + v²) with v = W x + R h: a norm, so that √ and the denominator are held."""

    gates = "v"
    states = "h"

    def step(self, x, h, W, R):  # type: ignore[no-untyped-def]
        v = W.v @ x + R.v @ h
        return v / sqrt(1 + v * v)


def test_a_norm_scales_both_parts_alike() -> None:
    torch.manual_seed(0)
    layer = Recurrent(Normed(), I, H, dtype=torch.float64)
    x = inputs(2)
    found = parts_of_h(layer, x, [(1, 2)])
    W, R = (layer.views(0)[name].detach().numpy() for name in ("W.v", "R.v"))
    first = W @ x[0].numpy()
    first = first / np.sqrt(1 + first**2)
    beta, gamma = W @ x[1].numpy(), R @ first
    norm = np.sqrt(1 + (beta + gamma) ** 2)
    np.testing.assert_allclose(found[1, :2, 0], [beta / norm, gamma / norm], rtol=0, atol=1e-15)


def test_an_entry_off_by_a_millionth_turns_the_check_red() -> None:
    torch.manual_seed(0)
    figure = contextual_decomposition(cwnn.GRU(I, H), inputs(), [(1, 3)], target=last)
    check = figure.check
    assert check is not None
    assert check.holds
    for entry in np.eye(len(check.left)):
        assert not replace(check, left=check.left + 1e-6 * entry).holds


def test_layers_of_a_network_are_followed_and_its_head_is_shared_out() -> None:
    torch.manual_seed(3)

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(9, I)
            self.below = cwnn.LSTM(I, H, batch_first=True, bidirectional=True)
            self.above = Recurrent(SLSTM(), 2 * H, H, batch_first=True)
            self.head = nn.Sequential(nn.Linear(H, 6), nn.ReLU(), nn.Linear(6, 2))
            self.between = False

        def forward(self, ids: Tensor) -> Tensor:
            y, _ = self.below(self.embedding(ids))
            y, (h, *_) = self.above(y.tanh() if self.between else y)
            return self.head(h[0])

    network, ids = Reader(), torch.tensor([[1, 4, 2, 8]])
    figure = contextual_decomposition(network, ids, [(0, 4), (1, 3)], target=lambda scores: scores[0, 1])
    assert figure.check is not None
    assert figure.check.holds
    assert figure.arrays["phrase_rest"][0] == 0.0
    with torch.no_grad():
        F = float(network.double()(ids)[0, 1])
        none = float(network.head(torch.zeros(1, H, dtype=torch.float64))[0, 1])
    assert abs(figure.arrays["phrase"][0] - (F - none)) < 1e-12
    network.between = True
    with pytest.raises(ConfigError, match="what another recurrent layer says"):
        contextual_decomposition(network, ids, target=lambda scores: scores[0, 1])


def test_phrases_are_found_in_the_words() -> None:
    words = ("没", "有", "味", "道", ",", "good", "paper")
    assert find_phrase(words, "味道") == (2, 4)
    assert find_phrase(words, "good paper") == (5, 7)
    assert find_phrase(words, (1, 3)) == (1, 3)
    assert find_phrase(tuple("on May 3"), "May 3") == (3, 8)  # a space is a token of its own
    with pytest.raises(ConfigError, match="Expected a phrase of the text, found '难闻'"):
        find_phrase(words, "难闻")
    with pytest.raises(DataError, match="no word in it"):
        find_phrase(words, " ")
    with pytest.raises(ConfigError, match="within 7 steps"):
        find_phrase(words, (3, 3))
    with pytest.raises(ConfigError, match=r"Expected names of values in LSTM.step, found 'z'"):
        contextual_decomposition(cwnn.LSTM(I, H), inputs(), whole=("z",))
