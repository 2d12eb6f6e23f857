"""The drop-ins' own additions: padding on every route, empty input, computed weights, and which layer a cell gets."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import cellwright.nn as cwnn
from cellwright import cells, ops
from cellwright.errors import ConfigError
from cellwright.nn import Recurrent

I, H, T, B = 3, 4, 6, 4
KINDS = {
    "LSTM": (cwnn.LSTM, {}),
    "LSTM-proj": (cwnn.LSTM, {"proj_size": 2}),
    "GRU": (cwnn.GRU, {}),
    "RNN-tanh": (cwnn.RNN, {}),
    "RNN-relu": (cwnn.RNN, {"nonlinearity": "relu"}),
}
# From mostly padding, run packed, to nearly none, run dense; and one order that is sorted already.
FILLS = {"packed": [1, 0, 3, 2], "dense": [6, 5, 6, 6], "dense with an empty one": [6, 6, 0, 6], "sorted": [6, 4, 2, 1]}


def made(kind: str, **options: Any) -> Any:
    cls, extra = KINDS[kind]
    torch.manual_seed(0)
    return cls(I, H, num_layers=2, bidirectional=True, **extra, **options, dtype=torch.float64)


def values(layer: Any, x: Tensor, lengths: Any, backend: str) -> list[Tensor]:
    """Output, final states and the gradients of x, the initial states and the weights, from random initial states."""
    x = x.clone().requires_grad_()
    torch.manual_seed(3)
    sizes = layer.state_sizes.values()
    states = tuple(torch.randn(4, B, size, dtype=torch.float64, requires_grad=True) for size in sizes)
    y, ends = layer(x, states if len(states) > 1 else states[0], lengths=lengths, backend=backend)
    ends = ends if isinstance(ends, tuple) else (ends,)
    for end, start in zip(ends, states, strict=True):
        assert all(torch.equal(end[:, b], start[:, b]) == (n == 0) for b, n in enumerate(lengths))
    loss = y.sin().sum() + sum(end.cos().sum() for end in ends)
    return [y, *ends, *torch.autograd.grad(loss, [x, *states, *layer.parameters()])]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("filler", [float("nan"), -1e300])
def test_what_stands_in_the_padding_changes_nothing(kind: str, fill: str, backend: str, filler: float) -> None:
    layer, lengths = made(kind), FILLS[fill]
    x = torch.randn(T, B, I, dtype=torch.float64)
    dirty = x.clone()
    for b, n in enumerate(lengths):
        dirty[n:, b] = filler
    clean = values(layer, x, lengths, backend)
    assert all(torch.equal(a, b) for a, b in zip(clean, values(layer, dirty, lengths, backend), strict=True))
    gradient = next(g for g in clean[2:] if g.shape == x.shape)
    for b, n in enumerate(lengths):
        assert not clean[0][n:, b].any()
        assert not gradient[n:, b].any()
        assert n == 0 or bool(gradient[:n, b].any())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fill", FILLS)
def test_the_reference_loop_equals_auto_with_gradients(kind: str, fill: str) -> None:
    layer, x = made(kind), torch.randn(T, B, I, dtype=torch.float64)
    auto, loop = (values(layer, x, FILLS[fill], backend) for backend in ("auto", "reference"))
    for one, other in zip(auto, loop, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_no_steps_and_no_sequences_are_allowed_with_lengths(kind: str, backend: str) -> None:
    layer = made(kind)
    O, rows = layer.proj_size or H, 4
    start = torch.randn(rows, B, O, dtype=torch.float64)
    states = (start, torch.randn(rows, B, H, dtype=torch.float64)) if layer.mode == "LSTM" else start
    y, ends = layer(torch.zeros(0, B, I, dtype=torch.float64), states, lengths=[0] * B, backend=backend)
    assert y.shape == (0, B, 2 * O)
    assert torch.equal(ends[0] if layer.mode == "LSTM" else ends, start)
    y, ends = layer(torch.zeros(T, 0, I, dtype=torch.float64), lengths=[], backend=backend)
    assert y.shape == (T, 0, 2 * O)
    assert (ends[0] if layer.mode == "LSTM" else ends).shape == (rows, 0, O)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fill", FILLS)
def test_states_and_input_need_not_lie_in_order_in_memory(kind: str, fill: str) -> None:
    layer = made(kind)
    x = torch.randn(I, B, T, dtype=torch.float64).permute(2, 1, 0)
    sizes = layer.state_sizes.values()
    states = tuple(torch.randn(B, s, 4, dtype=torch.float64).permute(2, 0, 1) for s in sizes)
    straight = tuple(state.contiguous() for state in states)
    (y, _), (expected, _) = (
        layer(a, s if len(s) > 1 else s[0], lengths=FILLS[fill]) for a, s in ((x, states), (x.contiguous(), straight))
    )
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_evaluation_mode_gives_gradients(kind: str, fill: str, backend: str) -> None:
    layer = made(kind, dropout=0.5).eval()
    x = torch.randn(T, B, I, dtype=torch.float64)
    first, again = (values(layer, x, FILLS[fill], backend) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(bool(gradient.any()) for gradient in first[-len(list(layer.parameters())) :])


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN-tanh"])
@pytest.mark.parametrize("fill", [None, *FILLS])
def test_dropout_in_training_hits_the_lower_layers_output_only(kind: str, fill: str | None) -> None:
    layer = made(kind, dropout=1.0)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    for backend in ("auto", "reference"):
        y, _ = layer(x, lengths=FILLS[fill] if fill else None, backend=backend)
        assert not torch.autograd.grad(y.sum(), x)[0].any()
        assert bool(y[0, 0].all())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_weights_may_be_passed_in_or_computed(kind: str, backend: str) -> None:
    layer, x = made(kind), torch.randn(T, B, I, dtype=torch.float64)
    others = {name: torch.randn_like(weight, requires_grad=True) for name, weight in layer.named_parameters()}
    loaded = copy.deepcopy(layer)
    loaded.load_state_dict({name: weight.detach() for name, weight in others.items()})
    for fill in FILLS.values():
        named = {"lengths": fill, "backend": backend}
        y = torch.func.functional_call(layer, others, (x,), named)[0]
        assert torch.equal(y, loaded(x, **named)[0])
        assert all(g.any() for g in torch.autograd.grad(y.sin().sum(), list(others.values())))
    normed = torch.nn.utils.parametrizations.weight_norm(copy.deepcopy(layer), "weight_ih_l0")
    expected = layer(x, backend=backend)[0]
    torch.testing.assert_close(normed(x, backend=backend)[0], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_copies_and_pickles_are_layers_of_their_own(kind: str) -> None:
    layer, x = made(kind), torch.randn(T, B, I, dtype=torch.float64)
    y = layer(x, lengths=FILLS["sorted"])[0]
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(copied(x, lengths=FILLS["sorted"])[0], y)
        with torch.no_grad():
            copied.weight_ih_l0.zero_()
        assert not torch.equal(copied(x, lengths=FILLS["sorted"])[0], y)
    assert torch.equal(layer(x, lengths=FILLS["sorted"])[0], y)


@pytest.mark.parametrize("kind", KINDS)
def test_a_packed_sequence_equals_padded_input_with_lengths(kind: str) -> None:
    layer, x = made(kind), torch.randn(T, B, I, dtype=torch.float64)
    for lengths in ([6, 4, 2, 1], [2, 6, 1, 5], [6, 6, 6, 6]):
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        for backend in ("auto", "reference"):
            y = pad_packed_sequence(layer(packed, backend=backend)[0])[0]
            torch.testing.assert_close(y, layer(x, lengths=lengths)[0], rtol=1e-12, atol=1e-12)


def test_a_cell_gets_torchs_kernels_where_they_compute_that_very_cell() -> None:
    exact = {
        cells.LSTM(): "LSTM(3, 4)",
        cells.LSTMP(2): "LSTM(3, 4, proj_size=2)",
        cells.GRU(): "GRU(3, 4)",
        cells.Elman(): "RNN(3, 4)",
        cells.Elman(ops.relu): "RNN(3, 4)",
    }
    for cell, text in exact.items():
        layer = cwnn.layer(cell, I, H)
        assert isinstance(layer, cwnn.LSTM | cwnn.GRU | cwnn.RNN)
        assert repr(layer) == text
        assert type(layer.cell) is type(cell)
        assert getattr(layer.cell, "f", None) is getattr(cell, "f", None)


def test_every_other_cell_gets_recurrent() -> None:
    class Mine(cells.LSTM):
        """A cell of one's own: what its step computes, torch's kernels need not."""

    others = [
        Mine(),
        cells.Elman(ops.sigmoid),
        cells.Elman(ops.identity),
        cells.Elman(output_size=2),
        cells.Jordan(2),
        *[cells.CELLS[name]() for name in ("LSTM1997", "PeepholeLSTM", "CIFG", "GRUResetBefore", "MGU")],
    ]
    for cell in others:
        layer = cwnn.layer(cell, I, H, bidirectional=True)
        assert type(layer) is Recurrent
        assert layer.cell is cell


@pytest.mark.parametrize("name", ["LSTM", "GRU", "Elman"])
def test_layer_takes_every_option_of_recurrent(name: str) -> None:
    cell = cells.CELLS[name]()
    options = {"bias": False, "batch_first": True, "dropout": 0.5, "bidirectional": True, "dtype": torch.float64}
    nothing = {"init": "torch", "forget_bias": None, "max_lag": None, "device": "cpu"}
    joint = cwnn.layer(cell, I, H, num_layers=2, stack="joint", **options, **nothing)
    assert not isinstance(joint, Recurrent)
    assert repr(joint).endswith("(3, 4, num_layers=2, bias=False, batch_first=True, dropout=0.5, bidirectional=True)")
    separate = cwnn.layer(cell, I, H, num_layers=2, stack="separate", **options, **nothing)
    assert isinstance(separate, Recurrent)
    assert separate.stack == "separate"
    for shallow in ({"num_layers": 1, "bidirectional": True}, {"num_layers": 2}, {}):  # the two stacks are the same
        assert not isinstance(cwnn.layer(cell, I, H, stack="separate", **shallow), Recurrent)
    with pytest.raises(ConfigError, match="has no stack='both'"):
        cwnn.layer(cell, I, H, stack="both")


@pytest.mark.parametrize("options", [{"forget_bias": 1.0}, {"init": "chrono", "max_lag": 10}])
def test_layer_passes_gate_settings_on_and_refuses_them_without_a_gate(options: Any) -> None:
    layer = cwnn.layer(cells.GRU(), I, H, **options)
    assert isinstance(layer, cwnn.GRU)
    assert (layer.forget_bias, layer.max_lag) == (options.get("forget_bias"), options.get("max_lag"))
    with pytest.raises(ConfigError, match="of Elman needs a gate with a bias that keeps the old state"):
        cwnn.layer(cells.Elman(), I, H, **options)


@pytest.mark.parametrize("name", cells.CELLS)
def test_the_two_kinds_of_layer_of_a_cell_compute_the_same(name: str, cell_of: Any) -> None:
    cell, options = cell_of(name), {"num_layers": 2, "bidirectional": True, "dtype": torch.float64}
    layer, loop = cwnn.layer(cell, I, H, **options), Recurrent(cell, I, H, **options)
    if isinstance(layer, Recurrent):
        loop.load_state_dict(layer.state_dict())
    else:
        cwnn.copy_from_torch(loop, layer)
    x = torch.randn(T, B, I, dtype=torch.float64)
    for fill in FILLS.values():
        torch.testing.assert_close(layer(x, lengths=fill)[0], loop(x, lengths=fill)[0], rtol=1e-12, atol=1e-12)


def test_torchs_dense_route_is_taken_where_it_pays() -> None:
    """Kernels take no float16: torch's routes do, on the CPU too."""
    layers = {"LSTM": made("LSTM"), "GRU": made("GRU"), "RNN-relu": made("RNN-relu")}
    x, ragged, full = torch.zeros(T, B, I, dtype=torch.float16), [6, 2, 4, 5], [6, 5, 6, 6]
    taken = {}
    for name, layer in layers.items():
        for lengths in (ragged, full):
            layer.half()(x, lengths=lengths)
            taken[name, lengths[1]] = "dense" in layer.path
    assert taken == {
        ("LSTM", 2): True,
        ("LSTM", 5): True,
        ("GRU", 2): False,
        ("GRU", 5): True,
        ("RNN-relu", 2): False,
        ("RNN-relu", 5): False,
    }
    with torch.no_grad():
        layers["LSTM"](x, lengths=ragged)
    assert "packed" in layers["LSTM"].path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fill", FILLS)
def test_torchs_routes_give_the_numbers_of_the_kernels_with_gradients(kind: str, fill: str) -> None:
    layer, lengths = made(kind), torch.tensor(FILLS[fill])
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    rows, sizes = layer.num_layers * layer.directions, layer.state_sizes.values()
    states = tuple(torch.randn(rows, B, size, dtype=torch.float64, requires_grad=True) for size in sizes)
    found = []
    for run in (
        lambda: layer.run_lengths(x, states, lengths),
        lambda: layer(x, states if len(states) > 1 else states[0], lengths=lengths, backend="cpu"),
    ):
        y, ends = run()
        ends = ends if isinstance(ends, tuple) else (ends,)
        loss = y.sin().sum() + sum(end.cos().sum() for end in ends)
        found.append([y, *ends, *torch.autograd.grad(loss, [x, *states, *layer.parameters()])])
    for torchs, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-12, atol=1e-12)
