"""How weights begin: torch's draw, orthogonal, chrono and forget_bias, for any cell and for the drop-ins."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import cellwright.nn as cwnn
from cellwright.cells import CELLS, Cell
from cellwright.errors import ConfigError
from cellwright.nn import Recurrent
from cellwright.nn.init import keeping_gate
from cellwright.ops import sigmoid

I, H = 3, 32
KEEPING = {
    "LSTM": ("f", 1.0),
    "PeepholeLSTM": ("f", 1.0),
    "CIFG": ("f", 1.0),
    "LSTMP": ("f", 1.0),
    "GRU": ("z", 1.0),
    "GRUResetBefore": ("z", 1.0),
    "MGU": ("f", -1.0),
    "JANET": ("f", 1.0),
    "UGRNN": ("z", 1.0),
    "LiGRU": ("z", 1.0),
    "LayerNormLSTM": ("f", 1.0),
    "LayerNormGRU": ("z", 1.0),
    "MultiplicativeLSTM": ("f", 1.0),
    "SLSTM": ("f", 1.0),
    "SRU": ("f", 1.0),
    "MinGRU": ("z", -1.0),
    "MinLSTM": ("i", -1.0),
}
DROP_INS = {"LSTM": cwnn.LSTM, "GRU": cwnn.GRU}


class Leaky(Cell):
    """A cell of one's own: gate a of 0 keeps the state."""

    gates = "a n"

    def step(self, x, h, W, R, b):
        a = sigmoid(W.a @ x + R.a @ h + b.a)
        return h + a * (W.n @ x + b.n - h)


def both_biases(layer: Any, gate: str) -> list[Tensor]:
    """The effective bias of a gate in every layer and direction."""
    gates = layer.cell.gates.split()
    stored = dict(layer.named_parameters())
    if isinstance(layer, Recurrent):
        return [b.chunk(len(gates))[gates.index(gate)] for name, b in stored.items() if name.startswith("bias_l")]
    pairs = [(name, name.replace("bias_ih", "bias_hh")) for name in stored if name.startswith("bias_ih")]
    return [(stored[ih] + stored[hh]).chunk(len(gates))[gates.index(gate)] for ih, hh in pairs]


def deep_layers(name: str, cell: Cell, **options: Any) -> list[Any]:
    deep = {"num_layers": 2, "bidirectional": True, **options}
    return [Recurrent(cell, I, H, **deep), *([DROP_INS[name](I, H, **deep)] if name in DROP_INS else [])]


def test_the_keeping_gate_is_found_in_every_cell_that_has_one(cell_of: Any) -> None:
    assert {name: keeping_gate(cell_of(name)) for name in CELLS} == {name: KEEPING.get(name) for name in CELLS}
    assert keeping_gate(Leaky()) == ("a", -1.0)


@pytest.mark.parametrize("name", CELLS)
def test_torch_init_is_uniform_up_to_one_over_the_root_of_the_hidden_size(name: str, cell_of: Any) -> None:
    torch.manual_seed(0)
    values = torch.cat([p.flatten() for p in Recurrent(cell_of(name), I, H).parameters()]).detach() * math.sqrt(H)
    assert float(values.abs().max()) <= 1
    # 5 standard errors of the mean and of the variance of U(-1, 1).
    assert abs(float(values.mean())) < 5 * math.sqrt(1 / 3 / len(values))
    assert abs(float(values.square().mean()) - 1 / 3) < 5 * math.sqrt(4 / 45 / len(values))


@pytest.mark.parametrize("name", CELLS)
def test_the_seed_alone_decides_the_weights(name: str, cell_of: Any) -> None:
    def drawn(seed: int, again: bool = False) -> list[Tensor]:
        torch.manual_seed(seed + again)
        layer = Recurrent(cell_of(name), I, H, bidirectional=True)
        if again:
            torch.manual_seed(seed)
            layer.reset_parameters()
        return list(layer.parameters())

    first = drawn(1)
    assert all(torch.equal(a, b) for a, b in zip(first, drawn(1), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first, drawn(1, again=True), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, drawn(2), strict=True))


@pytest.mark.parametrize("name", CELLS)
def test_orthogonal_init_makes_recurrent_matrices_orthogonal_and_biases_zero(name: str, cell_of: Any) -> None:
    for layer in deep_layers(name, cell_of(name), init="orthogonal", dtype=torch.float64):
        gates = len(layer.cell.gates.split())
        for key, stored in layer.named_parameters():
            if key.startswith("weight_hh"):
                for matrix in stored.detach().chunk(gates):
                    identity = torch.eye(matrix.shape[1], dtype=torch.float64)
                    torch.testing.assert_close(matrix.T @ matrix, identity, rtol=0, atol=1e-12)
            elif key.startswith("weight_ih"):
                bound = math.sqrt(6 / (H + stored.shape[1]))
                assert 0.8 * bound < float(stored.detach().abs().max()) <= bound
            elif key.startswith(("bias", "bR")):
                assert not stored.any()


@pytest.mark.parametrize("name", KEEPING)
@pytest.mark.parametrize("init", ["torch", "orthogonal"])
def test_forget_bias_sets_the_gate_that_keeps_and_no_other(name: str, init: str, cell_of: Any) -> None:
    gate, sign = KEEPING[name]
    for layer in deep_layers(name, cell_of(name), init=init, forget_bias=1.5):
        for bias in both_biases(layer, gate):
            assert torch.equal(bias, torch.full((H,), 1.5 * sign))
        bound = 2 / math.sqrt(H) if init == "torch" else 0.0
        for other in set(layer.cell.gates.split()) - {gate}:
            assert all(float(bias.detach().abs().max()) <= bound for bias in both_biases(layer, other))


@pytest.mark.parametrize("name", [n for n in KEEPING if n != "SLSTM"])  # whose last state is a maximum
def test_a_high_forget_bias_carries_the_old_state_through_a_step(name: str, cell_of: Any) -> None:
    for layer in deep_layers(name, cell_of(name), forget_bias=40.0, num_layers=1, dtype=torch.float64):
        sizes = list(layer.state_sizes.values())
        states = [torch.randn(2, 1, size, dtype=torch.float64, requires_grad=True) for size in sizes]
        x = torch.randn(1, 1, I, dtype=torch.float64)
        ends = layer(x, states if len(sizes) > 1 or isinstance(layer, Recurrent) else states[0])[1]
        end = ends[-1] if isinstance(ends, tuple) else ends
        slope = torch.autograd.grad(end.sum(), states[-1])[0]
        # A peephole adds p · σ′ · tanh to the slope of c: at most 1/√32 · 1/4.
        bound = 0.05 if name == "PeepholeLSTM" else 1e-12
        torch.testing.assert_close(slope, torch.ones_like(slope), rtol=0, atol=bound)


@pytest.mark.parametrize("name", KEEPING)
def test_chrono_init_spreads_the_memory_over_lags_up_to_the_longest(name: str, cell_of: Any) -> None:
    gate, sign = KEEPING[name]
    longest = 100
    for layer in deep_layers(name, cell_of(name), init="chrono", max_lag=longest):
        biases = both_biases(layer, gate)
        lags = (sign * torch.cat(biases).detach()).exp()
        assert float(lags.min()) >= 1 - 1e-5
        assert float(lags.max()) <= (longest - 1) * (1 + 1e-5)
        # 128 draws of U(1, 99): 5 standard errors of the mean.
        assert abs(float(lags.mean()) - longest / 2) < 5 * 98 / math.sqrt(12 * len(lags))
        if gate != "i" and "i" in layer.cell.gates.split():
            for keep, write in zip(biases, both_biases(layer, "i"), strict=True):
                assert torch.equal(keep, -write)


@pytest.mark.parametrize("name", sorted(set(CELLS) - set(KEEPING)))
@pytest.mark.parametrize("options", [{"forget_bias": 1.0}, {"init": "chrono", "max_lag": 10}])
def test_a_cell_without_a_keeping_gate_refuses_forget_bias_and_chrono(name: str, options: Any, cell_of: Any) -> None:
    with pytest.raises(ConfigError, match=rf"of {name} needs a gate with a bias that keeps the old state"):
        Recurrent(cell_of(name), I, H, **options)


@pytest.mark.parametrize("make", [lambda **o: Recurrent(CELLS["LSTM"](), I, H, **o), lambda **o: cwnn.LSTM(I, H, **o)])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"forget_bias": 1.0, "bias": False}, "forget_bias of LSTM needs a gate with a bias"),
        ({"init": "xavier"}, "LSTM has no init='xavier'.\n    Choose one of torch, chrono, orthogonal"),
        ({"init": "chrono"}, 'init="chrono" of LSTM needs max_lag above 2'),
        ({"init": "chrono", "max_lag": 2}, "it is 2"),
        ({"max_lag": 9}, 'max_lag=9 of LSTM belongs to init="chrono"'),
        ({"init": "chrono", "max_lag": 9, "forget_bias": 1.0}, "Leave one of the two out"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(make: Any, options: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make(**options)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", DROP_INS)
@pytest.mark.parametrize("options", [{"forget_bias": 1.0}, {"init": "chrono", "max_lag": 50}, {"init": "orthogonal"}])
def test_drop_ins_draw_the_same_again_when_reset(name: str, options: Any) -> None:
    layer = DROP_INS[name](I, H, **options)
    torch.manual_seed(4)
    layer.reset_parameters()
    first = {key: value.clone() for key, value in layer.state_dict().items()}
    torch.manual_seed(4)
    layer.reset_parameters()
    assert all(torch.equal(first[key], value) for key, value in layer.state_dict().items())


def test_an_rnn_begins_orthogonal_too() -> None:
    layer = cwnn.RNN(I, H, init="orthogonal", dtype=torch.float64)
    matrix = layer.weight_hh_l0.detach()
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(H, dtype=torch.float64), rtol=0, atol=1e-12)
    assert not layer.bias_ih_l0.any()
    assert not layer.bias_hh_l0.any()
