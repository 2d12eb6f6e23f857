"""Gates are found by what the ops of a step keep them to; their statistics are NumPy's; events and kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from cellwright import ops
from cellwright.cells import CELLS, GRU, LSTM, LSTM1997, Cell
from cellwright.engine.trace import trace
from cellwright.errors import CellError
from cellwright.microscope.carry import carry_rows
from cellwright.microscope.events import KINDS, forgetting_events, gate_kinds
from cellwright.microscope.gates import gate_statistics, half_life
from cellwright.microscope.ranges import RULES, gates_of, ranges
from cellwright.microscope.record import inspect
from cellwright.nn import Recurrent
from cellwright.ops import OPS

GATES = {
    "Elman": "",
    "Jordan": "",
    "LSTM": "i f o",
    "LSTM1997": "i o",
    "PeepholeLSTM": "i f o",
    "CIFG": "f o",
    "LSTMP": "i f o",
    "GRU": "r z",
    "GRUResetBefore": "r z",
    "MGU": "f",
    "JANET": "",
    "UGRNN": "z",
    "LiGRU": "z",
    "LayerNormLSTM": "i f o",
    "LayerNormGRU": "r z",
    "MultiplicativeLSTM": "i f o",
    "ONLSTM": "i f o k m w",
    "SLSTM": "o k e",
    "IndRNN": "",
    "SRU": "f r",
    "MinGRU": "z",
    "MinLSTM": "f",
    "LeakyRNN": "",
    "CoRNN": "",
    "LEM": "d e",
}


@pytest.mark.parametrize("name", CELLS)
def test_which_values_are_gates(name: str, cell_of: Callable[[str], Cell]) -> None:
    names: dict[str, int] = {}
    graph = trace(cell_of(name), 3, 4, True, names)
    assert sorted(gates_of(graph, names)) == sorted(GATES[name].split())


def test_a_gate_by_any_other_name() -> None:
    """No list of gate names: a hard sigmoid under an odd name is one, a σ that multiplies nothing is none."""

    class Odd(Cell):
        gates = "a b"
        states = "s"

        def step(self, x, s, W, R, b):  # type: ignore[no-untyped-def]
            banana = ops.minimum(1.0, ops.maximum(0.0, 0.2 * (W.a @ x + R.a @ s) + 0.5))
            added = ops.sigmoid(W.b @ x)
            scaled = 0.3 * ops.sigmoid(R.b @ s)
            return (1 - banana) * s + added + 2 * scaled

    names: dict[str, int] = {}
    graph = trace(Odd(), 3, 4, True, names)
    assert gates_of(graph, names) == ("banana",)
    record = inspect(Recurrent(Odd(), 3, 4), torch.randn(5, 1, 3))
    assert gate_statistics(record).notes == ("Gates: banana.",)


def test_every_op_has_a_range() -> None:
    assert RULES.keys() == OPS.keys()


@pytest.mark.parametrize(("number", "expected"), [(5.0, (0.0, 5.0)), (-5.0, (-5.0, 0.0))])
def test_a_sigmoid_lets_through_from_nothing_to_all(number: float, expected: tuple[float, float]) -> None:
    class Filter(Cell):
        """A value behind a gate: y = C σ(x)."""

        gates = "a"
        states = "s"

        def step(self, x, s, W):  # type: ignore[no-untyped-def]
            y = number * ops.sigmoid(W.a @ x)
            return y

    names: dict[str, int] = {}
    assert ranges(trace(Filter(), 3, 4, True, names))[names["y"]] == expected


def record_of(cell: Cell, steps: int = 30) -> Any:
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, 4, dtype=torch.float64)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.mul_(6)
    return inspect(layer, torch.randn(steps, 2, 3), lengths=[steps, steps // 2])


def test_statistics_are_those_of_the_recorded_gates() -> None:
    record = record_of(LSTM())
    figure = gate_statistics(record, sequence=1)
    recorded = np.concatenate([record.run().values[gate][:15, 1] for gate in "ifo"], axis=1)
    np.testing.assert_array_equal(figure.arrays["mean"], recorded.mean(axis=0))
    np.testing.assert_array_equal(figure.arrays["sd"], recorded.std(axis=0))
    np.testing.assert_array_equal(figure.arrays["shut"], (recorded < 0.1).mean(axis=0))
    np.testing.assert_array_equal(figure.arrays["open"], (recorded > 0.9).mean(axis=0))
    assert figure.labels["unit"][:5] == ("i 0", "i 1", "i 2", "i 3", "f 0")
    check = figure.check
    assert check.holds
    assert not replace(check, left=check.left + 1e-6 * (check.left == check.left.max())).holds


def test_a_cell_without_gates_says_so() -> None:
    with pytest.raises(CellError, match="Elman names no gates"):
        gate_statistics(record_of(CELLS["Elman"]()))


def test_half_life_is_of_the_geometric_mean() -> None:
    record = record_of(LSTM())
    f = record.run().values["f"][:, 0]
    mean = np.exp(np.log(f).mean(axis=0))
    figure = half_life(record)
    np.testing.assert_allclose(figure.arrays["half_life"], np.log(0.5) / np.log(mean), rtol=1e-12)
    for k in range(3):
        left = figure.check.left.copy()
        left[k, 1] += 1e-6
        assert not replace(figure.check, left=left).holds


def test_what_never_forgets_has_no_half_life_and_what_forgets_at_once_has_none_left() -> None:
    never = half_life(record_of(LSTM1997()))
    assert np.isposinf(never.arrays["half_life"]).all()
    assert np.isposinf(never.arrays["time_scale"]).all()
    assert never.check.holds

    class Blink(Cell):
        """Keeps its state where x is positive, else forgets it wholly."""

        states = "s"
        params: ClassVar = {"p": "H"}

        def step(self, x, s, p):  # type: ignore[no-untyped-def]
            return ops.where(x > 0, s, p)

    record = inspect(Recurrent(Blink(), 2, 2), torch.tensor([[[1.0, 1.0]], [[1.0, -1.0]]]))
    figure = half_life(record)
    assert figure.arrays["half_life"].tolist() == [np.inf, 0.0]
    assert figure.check.holds


def test_kinds_are_the_gate_table() -> None:
    record = record_of(LSTM())
    v = {name: record.run().values[name][:, 0] for name in "if"}
    kinds = gate_kinds(record).arrays["kind"]
    assert set(np.unique(kinds)) == {0, 1, 2, 3}
    assert [KINDS[k] for k in range(4)] == ["keep", "blend", "clear", "replace"]
    np.testing.assert_array_equal(kinds, 2 * (v["f"] < 0.5) + (v["i"] >= 0.5))
    coupled = gate_kinds(record_of(GRU())).arrays["kind"]
    assert set(np.unique(coupled)) == {0, 3}  # what is not kept is replaced


def test_without_a_write_gate_the_size_of_what_is_written_decides() -> None:
    figure = gate_kinds(record_of(CELLS["ONLSTM"]()))
    assert "No factor of b" in figure.notes[0]


def test_events_are_where_the_path_shuts_on_something() -> None:
    record = record_of(LSTM())
    rows = carry_rows(record)
    figure = forgetting_events(record, below=0.2, part=0.5)
    expected = []
    for t in range(30):
        scale = np.abs(rows.before_LS[: t + 1]).mean(axis=0)
        for j in range(4):
            if rows.a_LS[t, j] < 0.2 and abs((1 - rows.a_LS[t, j]) * rows.before_LS[t, j]) > 0.5 * scale[j]:
                expected.append((t, j))
    assert expected
    assert list(zip(figure.arrays["step"].tolist(), figure.arrays["unit"].tolist(), strict=True)) == expected


def test_written_less_erased_is_the_change_of_the_state() -> None:
    record = record_of(LSTM())
    run = record.run()
    for measure in (gate_kinds, forgetting_events):
        figure = measure(record, sequence=1)
        change = (figure.arrays["written"] - figure.arrays["erased"]).sum(axis=0)
        np.testing.assert_allclose(change, run.final("c")[1] - run.initial["c"][1], rtol=0, atol=1e-14)
        assert not replace(figure.check, left=figure.check.left + 1e-6).holds
