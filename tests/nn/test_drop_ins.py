"""RNN, LSTM and GRU are torch.nn's: constructor, state_dict, values and gradients, on every route."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import cellwright.nn as cwnn

PAIRS = {
    "LSTM": (cwnn.LSTM, torch.nn.LSTM, {}),
    "LSTM-proj": (cwnn.LSTM, torch.nn.LSTM, {"proj_size": 2}),
    "GRU": (cwnn.GRU, torch.nn.GRU, {}),
    "RNN-tanh": (cwnn.RNN, torch.nn.RNN, {"nonlinearity": "tanh"}),
    "RNN-relu": (cwnn.RNN, torch.nn.RNN, {"nonlinearity": "relu"}),
}
I, H, T, B = 3, 4, 5, 3
LENGTHS = torch.tensor([2, 5, 3])


def pair(kind: str, **options: Any) -> tuple[Any, Any]:
    ours_class, theirs_class, extra = PAIRS[kind]
    torch.manual_seed(0)
    ours = ours_class(I, H, **extra, **options, dtype=torch.float64)
    theirs = theirs_class(I, H, **extra, **options, dtype=torch.float64)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def initial(layer: Any, batch: int = B) -> list[Tensor]:
    rows = layer.num_layers * layer.directions
    return [
        torch.randn(rows, batch, size, dtype=torch.float64, requires_grad=True) for size in layer.state_sizes.values()
    ]


def hx(states: list[Tensor]) -> Any:
    return tuple(states) if len(states) > 1 else states[0]


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
def test_values_and_gradients_equal_torch(
    kind: str, num_layers: int, bidirectional: bool, bias: bool, batch_first: bool, same: Any
) -> None:
    ours, theirs = pair(kind, num_layers=num_layers, bidirectional=bidirectional, bias=bias, batch_first=batch_first)
    shape = (B, T, I) if batch_first else (T, B, I)
    x, states = torch.randn(shape, dtype=torch.float64, requires_grad=True), initial(ours)
    leaves, reference = [x, *states, *ours.parameters()], [x, *states, *theirs.parameters()]
    for backend in ("auto", "reference"):
        same(lambda b=backend: ours(x, hx(states), backend=b), lambda: theirs(x, hx(states)), leaves, reference)

    def torch_packed() -> Any:
        y, end = theirs(pack_padded_sequence(x, LENGTHS, batch_first, enforce_sorted=False), hx(states))
        return pad_packed_sequence(y, batch_first)[0], end

    for backend in ("auto", "reference"):
        same(lambda b=backend: ours(x, hx(states), lengths=LENGTHS, backend=b), torch_packed, leaves, reference)


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("given_states", [False, True])
@pytest.mark.parametrize("in_order", [False, True])
def test_packed_sequences_go_in_and_come_out(
    kind: str, backend: str, given_states: bool, in_order: bool, same: Any
) -> None:
    ours, theirs = pair(kind, num_layers=2, bidirectional=True)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    lengths = LENGTHS.sort(descending=True).values if in_order else LENGTHS
    states = initial(ours)
    arguments = (hx(states),) if given_states else ()

    def packed() -> Any:
        return pack_padded_sequence(x, lengths, enforce_sorted=in_order)

    leaves = [x, *(states if given_states else [])]
    same(
        lambda: ours(packed(), *arguments, backend=backend),
        lambda: theirs(packed(), *arguments),
        [*leaves, *ours.parameters()],
        [*leaves, *theirs.parameters()],
    )
    y, expected = ours(packed(), backend=backend)[0], theirs(packed())[0]
    assert torch.equal(y.batch_sizes, expected.batch_sizes)
    assert (y.sorted_indices is None) == (expected.sorted_indices is None)
    if not in_order:
        assert torch.equal(y.unsorted_indices, expected.unsorted_indices)


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_one_sequence_without_a_batch_axis(kind: str, backend: str, batch_first: bool, same: Any) -> None:
    ours, theirs = pair(kind, num_layers=2, bidirectional=True, batch_first=batch_first)
    x = torch.randn(T, I, dtype=torch.float64, requires_grad=True)
    states = [state.detach()[:, 0].requires_grad_() for state in initial(ours)]
    same(
        lambda: ours(x, hx(states), backend=backend),
        lambda: theirs(x, hx(states)),
        [x, *states, *ours.parameters()],
        [x, *states, *theirs.parameters()],
    )


@given(
    kind=st.sampled_from(sorted(PAIRS)),
    sizes=st.tuples(*[st.integers(1, 4)] * 4),
    layers=st.integers(1, 2),
    bidirectional=st.booleans(),
    backend=st.sampled_from(["auto", "reference"]),
    seed=st.integers(0, 999),
    data=st.data(),
)
@settings(max_examples=40, deadline=None)
def test_any_small_shape_equals_torch_one_sequence_at_a_time(
    kind: str, sizes: Any, layers: int, bidirectional: bool, backend: str, seed: int, data: Any
) -> None:
    steps, batch, inputs, hidden = sizes
    lengths = data.draw(st.lists(st.integers(0, steps), min_size=batch, max_size=batch))
    ours_class, theirs_class, extra = PAIRS[kind]
    if "proj_size" in extra:
        hidden += extra["proj_size"]
    torch.manual_seed(seed)
    options = {"num_layers": layers, "bidirectional": bidirectional, "dtype": torch.float64, **extra}
    ours, theirs = ours_class(inputs, hidden, **options), theirs_class(inputs, hidden, **options)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(steps, batch, inputs, dtype=torch.float64)
    states = [state.detach() for state in initial(ours, batch)]
    y, end = ours(x, hx(states), lengths=lengths, backend=backend)
    end = end if isinstance(end, tuple) else (end,)
    for b, n in enumerate(lengths):
        assert not y[n:, b].any()
        one = [state[:, b : b + 1].contiguous() for state in states]
        y_one, end_one = theirs(x[:n, b : b + 1], hx(one)) if n else (y[:0, b : b + 1], hx(one))
        end_one = end_one if isinstance(end_one, tuple) else (end_one,)
        torch.testing.assert_close(y[:n, b : b + 1], y_one, rtol=1e-12, atol=1e-12)
        for ours_end, theirs_end in zip(end, end_one, strict=True):
            torch.testing.assert_close(ours_end[:, b : b + 1], theirs_end, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", PAIRS)
def test_state_dicts_are_bit_identical_both_ways_and_begin_equal(kind: str) -> None:
    ours_class, theirs_class, extra = PAIRS[kind]
    torch.manual_seed(5)
    ours = ours_class(I, H, num_layers=2, bidirectional=True, **extra)
    torch.manual_seed(5)
    theirs = theirs_class(I, H, num_layers=2, bidirectional=True, **extra)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    fresh = ours_class(I, H, num_layers=2, bidirectional=True, **extra)
    fresh.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    assert all(torch.equal(fresh.state_dict()[k], v) for k, v in theirs.state_dict().items())
    assert isinstance(ours, theirs_class)
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize(("ours", "theirs"), [(cwnn.RNN, torch.nn.RNN), (cwnn.LSTM, torch.nn.LSTM)])
def test_positional_arguments_mean_the_same(ours: Any, theirs: Any) -> None:
    arguments = (3, 4, 2, "relu", False, True, 0.5, True) if ours is cwnn.RNN else (3, 4, 2, False, True, 0.5, True)
    assert repr(ours(*arguments)) == repr(theirs(*arguments))
    assert list(inspect.signature(ours.forward).parameters)[:3] == ["self", "input", "hx"]


# torch.nn.LSTM itself says so, once a process: oneDNN has no projected LSTM.
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")
@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("lengths", [None, LENGTHS, torch.tensor([4, 5, 5])])
def test_float32_train_eval_and_copies(kind: str, lengths: Tensor | None) -> None:
    ours = pair(kind, num_layers=2, bidirectional=True, dropout=0.5)[0].float()
    x = torch.randn(T, B, I)
    torch.manual_seed(0)
    dropped = ours.train()(x, lengths=lengths)[0]
    assert dropped.dtype == torch.float32
    y = ours.eval()(x, lengths=lengths)[0]
    assert not torch.equal(y, dropped)
    assert torch.equal(copy.deepcopy(ours)(x, lengths=lengths)[0], y)
    loop = ours(x, lengths=lengths, backend="reference")[0]
    torch.testing.assert_close(loop, y, rtol=0, atol=2e-6)  # 8 eps · sqrt(T·layers) of values below 1, relu included
    y.sum().backward()
    assert all(parameter.grad is not None for parameter in ours.parameters())


def test_the_path_says_which_code_ran() -> None:
    layer, x = cwnn.LSTM(I, H), torch.randn(T, B, I)
    for lengths in (None, [1, 2, 1], [5, 4, 5]):
        layer(x, lengths=lengths)
        assert layer.path == "compiled kernels of LSTM"
    layer(x, backend="reference")
    assert layer.path == "plain loop of LSTM, a step at a time in torch"
    layer(x, backend="cpu")
    assert layer.path == "compiled kernels of LSTM"
    half = cwnn.LSTM(I, H).half()
    for lengths, path in (
        (None, "torch.nn.LSTM kernels: kernels compute in float32, float64 and bfloat16, x is float16"),
        ([1, 2, 1], "torch.nn.LSTM packed kernels"),
        ([5, 4, 5], "torch.nn.LSTM dense kernels on padded sequences"),
    ):
        half(x.half(), lengths=lengths)
        assert half.path == path
