"""Recurrent runs any cell: deep, both ways, on uneven lengths, as if every sequence ran alone."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from cellwright import ops
from cellwright.cells import CELLS, Cell, Elman, Jordan, PeepholeLSTM
from cellwright.nn import Recurrent

I, H, T, B = 2, 3, 4, 4
LENGTHS = [2, 4, 0, 3]
# Layer norm divides by √(variance + 1e-5): a rounding grows by up to 316, in the gradient or over two norms by 316².
NORMED = 316**2 * torch.finfo(torch.float64).eps
# A relu unit at rest passes nothing on.
WAKEFUL = [name for name in CELLS if name not in ("IndRNN", "LiGRU")]
SHAPES = [
    {},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "stack": "separate"},
    {"num_layers": 3, "stack": "separate", "bias": False},
]
OTHER_CELLS = {
    "Elman with a read-out": Elman(ops.sigmoid, output_size=2),
    "Jordan, relu": Jordan(3, f=ops.relu),
    "peephole at o": PeepholeLSTM("o"),
}


def made(cell: Any, **options: Any) -> Recurrent:
    torch.manual_seed(1)
    return Recurrent(cell, I, H, dtype=torch.float64, **options)


def drawn() -> Tensor:
    torch.manual_seed(2)
    return torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("options", SHAPES)
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_a_batch_equals_each_sequence_alone_with_gradients(
    name: str, options: Any, lengths: Any, cell_of: Any, alone: Any, start_of: Any, same: Any
) -> None:
    layer, x = made(cell_of(name), **options), drawn()
    states = start_of(layer, B)
    same(
        lambda: layer(x, states, lengths=lengths),
        lambda: alone(layer, x, states, [T] * B if lengths is None else lengths),
        [x, *states, *layer.parameters()],
        tolerance=NORMED if "LayerNorm" in name else 1e-12,
    )


@pytest.mark.parametrize("name", OTHER_CELLS)
@pytest.mark.parametrize("options", SHAPES)
def test_cells_with_an_output_apart_run_deep_and_both_ways(
    name: str, options: Any, alone: Any, start_of: Any, same: Any
) -> None:
    layer, x = made(OTHER_CELLS[name], **options), drawn()
    states = start_of(layer, B)
    call = lambda: layer(x, states, lengths=LENGTHS)  # noqa: E731
    same(call, lambda: alone(layer, x, states, LENGTHS), [x, *states, *layer.parameters()])
    assert call()[0].shape == (T, B, layer.directions * layer.cell.output_size(H))


@given(
    name=st.sampled_from(sorted(CELLS)),
    sizes=st.tuples(*[st.integers(1, 4)] * 4),
    layers=st.integers(1, 2),
    bidirectional=st.booleans(),
    stack=st.sampled_from(["joint", "separate"]),
    data=st.data(),
)
@settings(max_examples=30, deadline=None)
def test_any_small_shape_equals_each_sequence_alone(
    name: str, sizes: Any, layers: int, bidirectional: bool, stack: str, data: Any
) -> None:
    steps, batch, inputs, hidden = sizes
    lengths = data.draw(st.lists(st.integers(0, steps), min_size=batch, max_size=batch))
    torch.manual_seed(sum(sizes))
    cell = CELLS[name](2) if name in ("Jordan", "LSTMP") else CELLS[name]()
    options = {"num_layers": layers, "bidirectional": bidirectional, "stack": stack}
    layer = Recurrent(cell, inputs, hidden, dtype=torch.float64, **options)
    x = torch.randn(steps, batch, inputs, dtype=torch.float64)
    y, ends = layer(x, lengths=torch.tensor(lengths))
    for b, n in enumerate(lengths):
        y_one, ends_one = layer(x[:n, b : b + 1])
        torch.testing.assert_close(y[:n, b : b + 1], y_one, rtol=1e-12, atol=1e-12)
        assert not y[n:, b].any()
        for end, end_one in zip(ends, ends_one, strict=True):
            torch.testing.assert_close(end[:, b : b + 1], end_one, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("filler", [float("nan"), float("inf")])
def test_what_stands_in_the_padding_changes_nothing(name: str, filler: float, cell_of: Any) -> None:
    layer = made(cell_of(name), num_layers=2, bidirectional=True)

    def run(x: Tensor) -> list[Tensor]:
        x.requires_grad_()
        y, ends = layer(x, lengths=LENGTHS)
        gradients = torch.autograd.grad(y.sin().sum() + sum(end.cos().sum() for end in ends), [x, *layer.parameters()])
        return [y, *ends, *gradients]

    clean, dirty = drawn().detach(), drawn().detach()
    for b, n in enumerate(LENGTHS):
        dirty[n:, b] = filler
    assert all(torch.equal(one, other) for one, other in zip(run(clean), run(dirty), strict=True))


@pytest.mark.parametrize("name", CELLS)
def test_a_sequence_of_length_zero_keeps_its_state_and_gives_zeros(name: str, cell_of: Any, start_of: Any) -> None:
    layer = made(cell_of(name), num_layers=2, bidirectional=True)
    states = start_of(layer, B)
    y, ends = layer(drawn(), states, lengths=LENGTHS)
    assert not y[:, 2].any()
    assert all(torch.equal(end[:, 2], start[:, 2]) for end, start in zip(ends, states, strict=True))
    assert not any(torch.equal(end[:, 0], start[:, 0]) for end, start in zip(ends, states, strict=True))


@pytest.mark.parametrize("name", CELLS)
def test_no_steps_or_no_sequences_give_an_empty_output(name: str, cell_of: Any, start_of: Any) -> None:
    layer = made(cell_of(name), num_layers=2, bidirectional=True)
    states = start_of(layer, B)
    y, ends = layer(torch.zeros(0, B, I, dtype=torch.float64), states)
    assert y.shape == (0, B, 2 * layer.output_size)
    assert all(torch.equal(end, start) for end, start in zip(ends, states, strict=True))
    y, ends = layer(torch.zeros(T, 0, I, dtype=torch.float64), lengths=[])
    assert y.shape == (T, 0, 2 * layer.output_size)
    assert [end.shape for end in ends] == [(4, 0, size) for size in layer.state_sizes.values()]


@pytest.mark.parametrize("name", CELLS)
def test_zeros_are_the_initial_state_where_none_is_given(name: str, cell_of: Any, start_of: Any, same: Any) -> None:
    layer, x = made(cell_of(name), bidirectional=True), drawn()
    zeros = [torch.zeros_like(state) for state in start_of(layer, B)]
    same(lambda: layer(x), lambda: layer(x, zeros), [x, *layer.parameters()], tolerance=0)


@pytest.mark.parametrize("name", CELLS)
def test_batch_first_and_one_sequence_change_the_axes_only(name: str, cell_of: Any, start_of: Any, same: Any) -> None:
    layer, x = made(cell_of(name), num_layers=2, bidirectional=True), drawn()
    swapped = made(cell_of(name), num_layers=2, bidirectional=True, batch_first=True)
    swapped.load_state_dict(layer.state_dict())
    states = start_of(layer, B)

    def turned() -> Any:
        y, ends = swapped(x.transpose(0, 1), states, lengths=LENGTHS)
        return y.transpose(0, 1), ends

    leaves = [x, *states]
    reference = lambda: layer(x, states, lengths=LENGTHS)  # noqa: E731
    same(turned, reference, [*leaves, *swapped.parameters()], [*leaves, *layer.parameters()], tolerance=0)

    def one() -> Any:
        y, ends = layer(x[:, 1:2], [state[:, 1:2] for state in states])
        return y[:, 0], [end[:, 0] for end in ends]

    for module in (layer, swapped):
        y, ends = module(x[:, 1], [state[:, 1] for state in states])
        assert y.shape == (T, 2 * layer.output_size)
        assert [end.shape for end in ends] == [(4, size) for size in layer.state_sizes.values()]
        same(lambda m=module: m(x[:, 1], [state[:, 1] for state in states]), one, leaves, tolerance=1e-12)


def test_one_length_is_enough_for_one_sequence() -> None:
    layer, x = made(CELLS["GRU"](), bidirectional=True), drawn()[:, 0].detach()
    expected = layer(x[:2])
    for lengths in (2, [2], torch.tensor(2), torch.tensor([2], dtype=torch.int32)):
        y, ends = layer(x, lengths=lengths)
        torch.testing.assert_close(y[:2], expected[0], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(ends[0], expected[1][0], rtol=1e-12, atol=1e-12)
        assert not y[2:].any()


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("in_order", [False, True])
def test_a_packed_sequence_equals_padded_input_with_lengths(
    name: str, in_order: bool, cell_of: Any, start_of: Any, same: Any
) -> None:
    layer, x = made(cell_of(name), num_layers=2, bidirectional=True, batch_first=True), drawn()
    lengths = torch.tensor([4, 3, 3, 1] if in_order else [2, 4, 1, 3])
    states = start_of(layer, B)

    def packed() -> Any:
        y, ends = layer(pack_padded_sequence(x, lengths, enforce_sorted=in_order), states)
        padded, found = pad_packed_sequence(y)
        assert torch.equal(found, lengths)
        assert (y.sorted_indices is None) == in_order
        return padded, ends

    def padded() -> Any:
        y, ends = layer(x.transpose(0, 1), states, lengths=lengths)
        return y.transpose(0, 1), ends

    same(packed, padded, [x, *states, *layer.parameters()])


@pytest.mark.parametrize("name", CELLS)
def test_two_separate_stacks_are_two_layers_of_one_direction_each(
    name: str, cell_of: Any, start_of: Any, same: Any
) -> None:
    layer, x = made(cell_of(name), num_layers=3, bidirectional=True, stack="separate"), drawn()
    states = start_of(layer, B)
    forward, backward = (made(cell_of(name), num_layers=3) for _ in range(2))
    stored = layer.state_dict()
    forward.load_state_dict({key: value for key, value in stored.items() if not key.endswith("_reverse")})
    backward.load_state_dict({k.removesuffix("_reverse"): v for k, v in stored.items() if k.endswith("_reverse")})

    def apart() -> Any:
        y_forward, ends_forward = forward(x, [state[0::2] for state in states])
        y_backward, ends_backward = backward(x.flip(0), [state[1::2] for state in states])
        ends = [torch.stack(pair, 1).flatten(0, 1) for pair in zip(ends_forward, ends_backward, strict=True)]
        return torch.cat([y_forward, y_backward.flip(0)], dim=-1), ends

    same(lambda: layer(x, states), apart, [x, *states])


@pytest.mark.parametrize("name", WAKEFUL)
def test_each_direction_of_separate_stacks_ignores_the_other(name: str, cell_of: Any) -> None:
    def jacobians(stack: str) -> list[Tensor]:
        layer, x = made(cell_of(name), num_layers=2, bidirectional=True, stack=stack), drawn()
        y, O = layer(x)[0], layer.output_size
        halves = y[0, :, :O], y[-1, :, O:]
        return [torch.autograd.grad(half.sum(), x, retain_graph=True)[0] for half in halves]

    forward, backward = jacobians("separate")
    assert not forward[1:].any()
    assert not backward[:-1].any()
    forward, backward = jacobians("joint")
    assert forward[1:].any()
    assert backward[:-1].any()


@pytest.mark.parametrize("name", CELLS)
def test_dropout_acts_between_layers_in_training_only(name: str, cell_of: Any) -> None:
    layer, x = made(cell_of(name), num_layers=2, dropout=0.5), drawn().detach()
    plain = made(cell_of(name), num_layers=2)
    assert torch.equal(layer.eval()(x)[0], plain(x)[0])
    layer.train()
    torch.manual_seed(3)
    first, (end, *_) = layer(x)
    torch.manual_seed(3)
    assert torch.equal(layer(x)[0], first)
    assert not torch.equal(layer(x)[0], first)
    lowest = next(iter(layer.state_sizes))
    assert torch.equal(end[0], plain(x)[1][list(layer.state_sizes).index(lowest)][0])


def test_dropout_of_one_hides_the_lower_layer_and_stays_off_the_last() -> None:
    layer, x = made(CELLS["LSTM"](), num_layers=2, bidirectional=True, dropout=1.0), drawn()
    y, _ = layer(x)
    assert torch.autograd.grad(y.sum(), x)[0].abs().max() == 0
    assert bool(y.all())
    separate = made(CELLS["LSTM"](), num_layers=2, bidirectional=True, dropout=1.0, stack="separate")
    assert torch.autograd.grad(separate(x)[0].sum(), x)[0].abs().max() == 0


def test_dropout_keeps_the_mean() -> None:
    layer = Recurrent(CELLS["Elman"](ops.identity), 1, 1, num_layers=2, dropout=0.25, bias=False)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.fill_(1.0 if parameter is layer.weight_ih_l0 or parameter is layer.weight_ih_l1 else 0.0)
    torch.manual_seed(0)
    y = layer(torch.ones(1, 4000, 1))[0].detach().flatten()
    assert sorted(set(y.tolist())) == pytest.approx([0.0, 4 / 3])
    assert abs(float(y.mean()) - 1) < 0.04  # 4 standard errors of the mean: 4 · sqrt(1/3 / 4000)


@pytest.mark.parametrize("name", WAKEFUL)
def test_evaluation_mode_gives_gradients(name: str, cell_of: Any) -> None:
    layer = made(cell_of(name), num_layers=2, bidirectional=True, dropout=0.5).eval()
    y, ends = layer(drawn(), lengths=LENGTHS)
    (y.sum() + sum(end.sum() for end in ends)).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in layer.parameters())
    with torch.no_grad():
        assert not layer(drawn())[0].requires_grad


@pytest.mark.parametrize("name", CELLS)
def test_gradients_equal_finite_differences(name: str, cell_of: Any, start_of: Any) -> None:
    torch.manual_seed(0)
    layer = Recurrent(cell_of(name), 2, 2, bidirectional=True, dtype=torch.float64)
    names, weights = zip(*layer.named_parameters(), strict=True)
    states = start_of(layer, 2)

    def run(x: Tensor, *rest: Tensor) -> Any:
        given = dict(zip(names, rest[len(states) :], strict=True))
        y, ends = torch.func.functional_call(layer, given, (x, rest[: len(states)]), {"lengths": [1, 2]})
        return y, *ends

    x = torch.randn(2, 2, 2, dtype=torch.float64, requires_grad=True)
    weights = [weight.detach().clone().requires_grad_() for weight in weights]
    assert torch.autograd.gradcheck(run, (x, *states, *weights))


def test_each_backend_of_recurrent_says_what_ran() -> None:
    layer, x = made(CELLS["MGU"]()), drawn().detach()
    for backend in ("auto", "cpu"):
        compiled = layer(x, backend=backend)[0]
        assert layer.path == "compiled kernels of MGU"
        torch.testing.assert_close(compiled, layer(x, backend="reference")[0], rtol=1e-13, atol=1e-13)
        assert layer.path == "plain loop of MGU, a step at a time in torch"


class InputFirst(Cell):
    """One matrix on concat(x, h): the input's columns stand first in it."""

    params: ClassVar = {"M": "H J", "q": "H"}

    def __init__(self, joined: int) -> None:
        self.J = joined

    def step(self, x, h, M, q):
        return ops.tanh(M @ ops.concat(x, h) + q)


def test_one_matrix_on_input_and_state_is_no_matrix_of_the_input_alone() -> None:
    layer, x = made(InputFirst(I + H), bidirectional=True), drawn()
    torch.testing.assert_close(layer(x, backend="cpu")[0], layer(x, backend="reference")[0], rtol=1e-13, atol=1e-13)
