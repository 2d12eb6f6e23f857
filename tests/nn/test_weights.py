"""Stored weights: names, shapes, round trips, copies from torch, and how many numbers there are."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch

import cellwright.nn as cwnn
from cellwright import ops
from cellwright.cells import CELLS, Elman, GRUResetBefore, Jordan, PeepholeLSTM
from cellwright.errors import ConfigError, ShapeError
from cellwright.nn import Recurrent, copy_from_torch, count_parameters

I, H, T, B = 3, 4, 5, 3
TORCH = {
    "LSTM": (CELLS["LSTM"](), torch.nn.LSTM, {}),
    "LSTMP": (CELLS["LSTMP"](2), torch.nn.LSTM, {"proj_size": 2}),
    "GRU": (CELLS["GRU"](), torch.nn.GRU, {}),
    "Elman, tanh": (Elman(), torch.nn.RNN, {}),
    "Elman, relu": (Elman(ops.relu), torch.nn.RNN, {"nonlinearity": "relu"}),
}
DEEP = [
    {},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True},
    {"num_layers": 3, "bias": False},
]


def stored_shapes(layer: Recurrent) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in layer.state_dict().items()}


def test_stored_names_and_shapes_of_a_deep_bidirectional_layer() -> None:
    joint = Recurrent(PeepholeLSTM("io"), I, H, num_layers=2, bidirectional=True)
    one = {"weight_ih": (16, I), "weight_hh": (16, H), "bias": (16,), "p_i": (H,), "p_o": (H,)}
    above = one | {"weight_ih": (16, 2 * H)}
    expected = {
        f"{name}_l{k}{end}": shape
        for k, shapes in enumerate([one, above])
        for end in ("", "_reverse")
        for name, shape in shapes.items()
    }
    assert stored_shapes(joint) == expected
    assert list(joint.state_dict()) == list(expected)
    separate = Recurrent(PeepholeLSTM("io"), I, H, num_layers=2, bidirectional=True, stack="separate")
    narrow = dict.fromkeys(("weight_ih_l1", "weight_ih_l1_reverse"), (16, H))
    assert stored_shapes(separate) == expected | narrow


def test_stored_shapes_where_sizes_differ_from_the_hidden_size() -> None:
    jordan = Recurrent(Jordan(2), I, H, num_layers=2, bidirectional=True)
    assert stored_shapes(jordan)["weight_hh_l0"] == (H, 2)
    assert stored_shapes(jordan)["V_l1_reverse"] == (2, H)
    assert stored_shapes(jordan)["weight_ih_l1"] == (H, 4)
    gru = stored_shapes(Recurrent(CELLS["GRU"](), I, H))
    assert gru == {"weight_ih_l0": (12, I), "weight_hh_l0": (12, H), "bias_l0": (12,), "bR_l0": (H,)}
    assert list(stored_shapes(Recurrent(CELLS["GRU"](), I, H, bias=False))) == ["weight_ih_l0", "weight_hh_l0"]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("stack", ["joint", "separate"])
def test_state_dicts_copies_and_pickles_give_the_same_numbers(name: str, stack: str, cell_of: Any) -> None:
    options = {"num_layers": 2, "bidirectional": True, "stack": stack}
    layer, other = (Recurrent(cell_of(name), I, H, **options) for _ in range(2))
    x = torch.randn(T, B, I)
    y = layer(x, lengths=[2, 5, 0])[0]
    assert not torch.equal(other(x, lengths=[2, 5, 0])[0], y)
    other.load_state_dict(layer.state_dict())
    for same in (other, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(same(x, lengths=[2, 5, 0])[0], y)
    apart = copy.deepcopy(layer)
    with torch.no_grad():
        apart.weight_ih_l0.zero_()
    assert torch.equal(layer(x, lengths=[2, 5, 0])[0], y)
    with pytest.raises(RuntimeError, match="size mismatch"):
        Recurrent(cell_of(name), I + 1, H, **options).load_state_dict(layer.state_dict())
    assert repr(layer) == repr(other) != repr(Recurrent(cell_of(name), I, H))


@pytest.mark.parametrize("name", CELLS)
def test_views_are_the_stored_weights_and_not_copies(name: str, cell_of: Any) -> None:
    layer = Recurrent(cell_of(name), I, H, bidirectional=True)
    views = layer.views(0, reverse=True)
    assert {k: tuple(v.shape) for k, v in views.items()} == layer.cell.parameter_shapes(I, H)
    with torch.no_grad():
        for view in views.values():
            view.fill_(7.0)
    for key, stored in layer.state_dict().items():
        assert bool((stored == 7).all()) == key.endswith("_reverse")


@pytest.mark.parametrize("kind", TORCH)
@pytest.mark.parametrize("options", DEEP)
def test_weights_copied_from_torch_give_its_numbers(kind: str, options: Any, same: Any) -> None:
    cell, theirs_class, extra = TORCH[kind]
    theirs = theirs_class(I, H, **extra, **options, dtype=torch.float64)
    layer = Recurrent(cell, I, H, **options, dtype=torch.float64)
    copy_from_torch(layer, theirs)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    same(lambda: layer(x), lambda: theirs(x), [x])
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in layer.parameters())


@pytest.mark.parametrize(
    ("cell", "theirs", "options"),
    [
        (CELLS["LSTM"](), torch.nn.LSTM(I, H, num_layers=2), {}),
        (CELLS["LSTM"](), torch.nn.LSTM(I, H + 1), {}),
        (CELLS["LSTM"](), torch.nn.LSTM(I, H, bias=False), {}),
        (CELLS["LSTM"](), torch.nn.LSTM(I, H), {"bidirectional": True}),
        (CELLS["LSTM"](), torch.nn.LSTM(I, H, proj_size=2), {}),
        (CELLS["LSTM"](), torch.nn.LSTM(I, H, 2, bidirectional=True), {"num_layers": 2, "bidirectional": True}),
        (CELLS["PeepholeLSTM"](), torch.nn.LSTM(I, H), {}),
        (CELLS["LSTMP"](3), torch.nn.LSTM(I, H, proj_size=2), {}),
        (CELLS["CIFG"](), torch.nn.GRU(I, H), {}),
        (CELLS["LSTM1997"](), torch.nn.GRU(I, H, bias=False), {"bias": False}),
        (GRUResetBefore(), torch.nn.GRU(I, H), {}),
        (GRUResetBefore(), torch.nn.GRU(I, H, bias=False), {"bias": False}),
        (Elman(), torch.nn.RNN(I, H, nonlinearity="relu"), {}),
        (Elman(ops.sigmoid), torch.nn.RNN(I, H), {}),
        (Elman(output_size=2), torch.nn.RNN(I, H), {}),
    ],
    ids=lambda value: str(value).replace("()", "") if not isinstance(value, dict) else "",
)
def test_a_torch_layer_that_does_not_fit_is_refused_and_nothing_is_copied(cell: Any, theirs: Any, options: Any) -> None:
    if len(options) == 2:
        options = options | {"stack": "separate"}
    layer = Recurrent(cell, I, H, **options)
    before = copy.deepcopy(layer.state_dict())
    with pytest.raises(ShapeError, match="do not fit"):
        copy_from_torch(layer, theirs)
    assert all(torch.equal(before[key], value) for key, value in layer.state_dict().items())


def test_weights_of_torch_in_the_wrong_place_are_answered_with_the_right_one() -> None:
    theirs = torch.nn.LSTM(I, H)
    layer = Recurrent(CELLS["LSTM"](), I, H)
    with pytest.raises(RuntimeError, match=r"cellwright\.nn\.copy_from_torch\(this layer, that layer\)"):
        torch.nn.Sequential(layer).load_state_dict(torch.nn.Sequential(theirs).state_dict())
    layer.load_state_dict(layer.state_dict())
    with pytest.raises(ConfigError, match=r"found LSTM and LSTM.\n.*layer\.load_state_dict"):
        copy_from_torch(cwnn.LSTM(I, H), theirs)
    with pytest.raises(ConfigError, match="found LSTM and Recurrent"):
        copy_from_torch(theirs, layer)  # type: ignore[arg-type]


def test_a_cell_of_ones_own_with_lstm_gates_takes_torch_weights() -> None:
    class Mine(CELLS["LSTM"]):
        pass

    theirs = torch.nn.LSTM(I, H)
    layer, x = Recurrent(Mine(), I, H), torch.randn(T, B, I)
    copy_from_torch(layer, theirs)
    torch.testing.assert_close(layer(x)[0], theirs(x)[0])


@pytest.mark.parametrize("kind", TORCH)
@pytest.mark.parametrize("options", DEEP)
def test_counts_agree_with_torch_under_both_bias_conventions(kind: str, options: Any) -> None:
    cell, theirs_class, extra = TORCH[kind]
    theirs = theirs_class(I, H, **extra, **options)
    ours, drop_in = Recurrent(cell, I, H, **options), cwnn.layer(cell, I, H, **options)
    numbers = sum(parameter.numel() for parameter in theirs.parameters())
    count = count_parameters(ours)
    assert count.two_biases == numbers
    assert count.stored == count.one_bias == sum(parameter.numel() for parameter in ours.parameters())
    for layer in (theirs, drop_in):
        assert count_parameters(layer) == cwnn.ParameterCount(numbers, count.one_bias, numbers)


@pytest.mark.parametrize("name", CELLS)
def test_the_cells_own_count_is_that_of_one_layer(name: str, cell_of: Any) -> None:
    cell = cell_of(name)
    count = count_parameters(Recurrent(cell, 7, 5))
    assert (count.one_bias, count.two_biases) == (cell.count_parameters(7, 5), cell.count_parameters(7, 5, biases=2))
    assert count_parameters(Recurrent(cell, 7, 5, bidirectional=True)).two_biases == 2 * count.two_biases


@pytest.mark.parametrize(
    ("cell", "one_bias", "two_biases"),
    [
        (Elman(), 16_100, 16_200),
        (CELLS["LSTM"](), 64_400, 64_800),
        (CELLS["LSTM1997"](), 48_300, 48_600),
        (CELLS["GRU"](), 48_400, 48_600),
        (CELLS["GRUResetBefore"](), 48_300, 48_600),
        (CELLS["CIFG"](), 48_300, 48_600),
        (CELLS["MGU"](), 32_200, 32_400),
        (PeepholeLSTM(""), 64_400, 64_800),
        (PeepholeLSTM("o"), 64_500, 64_900),
        (PeepholeLSTM("if"), 64_600, 65_000),
        (PeepholeLSTM("ifo"), 64_700, 65_100),
    ],
    ids=repr,
)
def test_numbers_of_parameters_from_60_features_to_100(cell: Any, one_bias: int, two_biases: int) -> None:
    count = count_parameters(Recurrent(cell, 60, 100))
    assert count == cwnn.ParameterCount(one_bias, one_bias, two_biases)


def test_an_lstm_has_four_times_the_parameters_of_an_rnn_and_the_1997_cell_three() -> None:
    rnn, lstm, first = (count_parameters(Recurrent(CELLS[k](), 60, 100)).stored for k in ("Elman", "LSTM", "LSTM1997"))
    assert (lstm, first) == (4 * rnn, 3 * rnn)


@pytest.mark.parametrize(("stack", "expected"), [("separate", 84_800), ("joint", 104_800)])
def test_numbers_of_parameters_of_two_stacked_bidirectional_layers(stack: str, expected: int) -> None:
    layer = Recurrent(CELLS["LSTM"](), 60, 50, num_layers=2, bidirectional=True, stack=stack)
    assert count_parameters(layer).one_bias == expected


def test_numbers_of_a_bidirectional_classifier_under_both_conventions() -> None:
    for recurrent in (cwnn.LSTM(60, 100, bidirectional=True), Recurrent(CELLS["LSTM"](), 60, 100, bidirectional=True)):
        count = count_parameters(torch.nn.ModuleList([recurrent, torch.nn.Linear(200, 10), torch.nn.Linear(10, 6)]))
        assert (count.one_bias, count.two_biases) == (128_800 + 2_010 + 66, 129_600 + 2_010 + 66)
        assert recurrent(torch.randn(T, B, 60))[0].shape == (T, B, 200)
    text = str(count_parameters(cwnn.LSTM(60, 100)))
    assert text == (
        "64,800 parameters stored; 64,400 with one bias vector per gate (Keras), 64,800 with two (torch, cuDNN)"
    )


@pytest.mark.parametrize("name", CELLS)
def test_the_number_of_parameters_does_not_depend_on_the_number_of_steps(name: str, cell_of: Any) -> None:
    layer = Recurrent(cell_of(name), I, H)
    before = count_parameters(layer)
    for steps in (5, 50):
        assert layer(torch.randn(steps, 1, I))[0].shape[0] == steps
        assert count_parameters(layer) == before
