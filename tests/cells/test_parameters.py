"""Names, shapes and numbers of parameters, against torch.nn."""

from __future__ import annotations

import pytest
from torch import nn

from cellwright.cells import (
    CELLS,
    CIFG,
    GRU,
    LSTM,
    LSTM1997,
    LSTMP,
    MGU,
    Cell,
    Elman,
    GRUResetBefore,
    Jordan,
    PeepholeLSTM,
)
from cellwright.errors import CellError


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("sizes", [(60, 100), (1, 1), (7, 3)])
@pytest.mark.parametrize(
    ("cell", "theirs"),
    [
        (Elman(), nn.RNN),
        (LSTM(), nn.LSTM),
        (GRU(), nn.GRU),
        (PeepholeLSTM(""), nn.LSTM),
    ],
    ids=["Elman", "LSTM", "GRU", "no peephole"],
)
def test_counts_with_two_biases_equal_torch(cell: Cell, theirs: type[nn.Module], sizes: tuple[int, int]) -> None:
    assert cell.count_parameters(*sizes, biases=2) == count(theirs(*sizes))


def test_projected_counts_equal_torch() -> None:
    assert LSTMP(20).count_parameters(60, 100, biases=2) == count(nn.LSTM(60, 100, proj_size=20))


@pytest.mark.parametrize("cell", [Elman(), LSTM(), GRU(), LSTMP(2)], ids=repr)
def test_shapes_are_the_gate_blocks_of_torch(cell: Cell) -> None:
    projected = {"proj_size": 2} if isinstance(cell, LSTMP) else {}
    kind = {"Elman": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU, "LSTMP": nn.LSTM}[cell.name]
    theirs = dict(kind(5, 3, **projected).named_parameters())
    shapes = cell.parameter_shapes(5, 3)
    gates = len(cell.gate_names)
    for gate in cell.gate_names:
        assert (gates * shapes[f"W.{gate}"][0], shapes[f"W.{gate}"][1]) == tuple(theirs["weight_ih_l0"].shape)
        assert (gates * shapes[f"R.{gate}"][0], shapes[f"R.{gate}"][1]) == tuple(theirs["weight_hh_l0"].shape)
        assert (gates * shapes[f"b.{gate}"][0],) == tuple(theirs["bias_ih_l0"].shape)
    if projected:
        assert shapes["P_h"] == tuple(theirs["weight_hr_l0"].shape)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (Elman(), 16_100),
        (LSTM(), 64_400),
        (LSTM1997(), 48_300),
        (CIFG(), 48_300),
        (GRU(), 48_300 + 100),
        (GRUResetBefore(), 48_300),
        (MGU(), 32_200),
        (LSTMP(20), 400 * 60 + 400 * 20 + 400 + 20 * 100),
        (Elman(output_size=10), 16_100 + 10 * 100 + 10),
        (Jordan(10), 100 * 60 + 100 * 10 + 100 + 10 * 100 + 10),
        (PeepholeLSTM(), 64_700),
    ],
    ids=repr,
)
def test_counts_of_60_inputs_and_100_units(cell: Cell, expected: int) -> None:
    assert cell.count_parameters(60, 100) == expected


def test_the_lstm_of_the_lesson_has_64400_parameters() -> None:
    """C6: 64 400 one way, 128 800 both ways, read-outs of 10 take 1 010 and 2 010."""
    assert LSTM().count_parameters(60, 100) == 64_400
    assert 2 * LSTM().count_parameters(60, 100) == 128_800
    assert (count(nn.Linear(100, 10)), count(nn.Linear(200, 10))) == (1_010, 2_010)


def test_an_lstm_has_four_times_the_parameters_of_a_simple_rnn() -> None:
    """C7: 4 times; 3 times is the cell of 1997."""
    simple = Elman().count_parameters(60, 100)
    assert LSTM().count_parameters(60, 100) == 4 * simple
    assert LSTM1997().count_parameters(60, 100) == GRUResetBefore().count_parameters(60, 100) == 3 * simple


def test_only_60_inputs_give_64400_parameters() -> None:
    """C10: 400·D + 40 400 = 64 400."""
    assert [size for size in range(1, 300) if LSTM().count_parameters(size, 100) == 64_400] == [60]


def test_two_bias_vectors_give_torchs_64800() -> None:
    """C12: nn.LSTM(60, 100) has 64 800, bidirectional 129 600."""
    assert LSTM().count_parameters(60, 100, biases=2) == count(nn.LSTM(60, 100)) == 64_800
    assert count(nn.LSTM(60, 100, bidirectional=True)) == 2 * 64_800 == 129_600


@pytest.mark.parametrize("name", CELLS)
def test_without_bias_only_the_biases_are_left_out(name: str) -> None:
    cell = CELLS[name](2) if name in ("Jordan", "LSTMP") else CELLS[name]()
    full, bare = cell.parameter_shapes(4, 3), cell.parameter_shapes(4, 3, bias=False)
    assert set(full) - set(bare) == {key for key in full if key.startswith(("b.", "bR."))} != set()
    assert bare.items() <= full.items()


def test_parameters_come_in_the_order_of_the_stored_weights() -> None:
    gates = ("i", "f", "g", "o")
    rows = [f"{letter}.{gate}" for letter in "WRb" for gate in gates]
    assert list(PeepholeLSTM().parameter_shapes(2, 3)) == [*rows, "p_i", "p_f", "p_o"]
    assert list(GRU().parameter_shapes(2, 3))[-4:] == ["b.r", "b.z", "b.n", "bR.n"]


def test_the_first_state_decides_the_width_of_r() -> None:
    assert LSTMP(2).parameter_shapes(5, 3)["R.i"] == (3, 2)
    assert LSTMP(2).state_sizes(3) == {"h": 2, "c": 3}
    assert Jordan(4).parameter_shapes(5, 3)["R.h"] == (3, 4)
    assert Jordan(4).output_size(3) == 4
    assert Elman(output_size=7).output_size(3) == 7


@pytest.mark.parametrize("channels", ["g", "ii", "x", "ifog"])
def test_peephole_channels_are_letters_of_ifo(channels: str) -> None:
    with pytest.raises(CellError, match="channels"):
        PeepholeLSTM(channels)
