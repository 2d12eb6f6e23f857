"""`cellwright show`: only a cell that is right is printed; what it does not use is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cellwright.cells import CELLS, LSTMP, Jordan
from cellwright.cli.application import application
from cellwright.cli.show import show_cell
from cellwright.engine import trace
from cellwright.engine.explain import explain
from cellwright.engine.unused import unused_gates
from cellwright.errors import CellError, StorageError

CELLS_FILE = '''
import numpy as np
import torch
from cellwright import Cell
from cellwright.ops import sigmoid, tanh


class Good(Cell):
    """A cell."""

    gates = "u"

    def step(self, x, h, W, R, b):
        return tanh(W.u @ x + R.u @ h + b.u)


class Plain(Good):
    def step(self, x, h, W, R, b):
        return torch.erf(W.u @ x + R.u @ h)


class Bare(Cell):
    def step(self, x, h):
        return 0.5 * h


class Unused(Good):
    gates = "u v w"

    def step(self, x, h, W, R, b):
        w = sigmoid(W.w @ x)
        return tanh(W.u @ x + R.u @ h)


class UndeclaredGate(Good):
    def step(self, x, h, W, R, b):
        return tanh(W.z @ x)  # wrong


class WrongSize(Good):
    def step(self, x, h, W, R, b):
        return tanh(W.u @ h)  # wrong


class SumOfSizes(Good):
    def step(self, x, h, W, R, b):
        return tanh(W.u @ x + R.u @ h) + x  # wrong


class MatrixElementwise(Good):
    def step(self, x, h, W, R, b):
        return tanh(W.u * x)  # wrong


class NoSuchFunction(Good):
    def step(self, x, h, W, R, b):
        return foo(W.u @ x)  # wrong


class NumPy(Good):
    def step(self, x, h, W, R, b):
        return np.tanh(W.u @ x)  # wrong


class Branch(Good):
    def step(self, x, h, W, R, b):
        if h > 0:  # wrong
            return h
        return -h


class NoGates(Cell):
    def step(self, x, h, W, R, b):
        return tanh(W.u @ x)  # wrong


class OneOfTwo(Good):
    states = "h c"

    def step(self, x, h, c, W, R, b):  # wrong
        return (h,)


class NoStep(Cell):  # wrong
    gates = "u"
'''
WRONG = [
    name.split("(")[0]
    for name, text in (part.split("\n", 1) for part in CELLS_FILE.split("class ")[1:])
    if "# wrong" in name + text
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("show") / "cells_to_show.py"
    path.write_text(CELLS_FILE)
    return path


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_cell_is_not_printed_and_its_line_is_named(
    file: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CellError) as caught:
        show_cell(f"{file}:{name}", 3, 4)
    assert capsys.readouterr().out == ""
    assert caught.value.file == str(file)
    assert "# wrong" in CELLS_FILE.splitlines()[(caught.value.line or 0) - 1]
    assert name == "OneOfTwo" or "# wrong" in (caught.value.source or "")


def test_every_wrong_cell_of_the_file_is_tried() -> None:
    assert len(WRONG) == CELLS_FILE.count("# wrong")


def test_a_cell_of_the_plain_loop_and_one_without_numbers_are_printed(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_cell(f"{file}:Plain", 3, 4)
    plain = capsys.readouterr().out
    assert "h′ = erf(W_u x + R_u h)" in plain
    assert "Plain runs in the plain loop, a step at a time in torch: torch.erf is not in" in plain
    show_cell(f"{file}:Bare", 3, 4)
    assert capsys.readouterr().out == "h′ = 0.5 ⊙ h\n\n0 numbers at input_size=3, hidden_size=4\n"


def test_gates_that_step_never_uses_are_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_cell(f"{file}:Unused", 3, 4)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    assert len(said) == 2
    assert f"Unused declares the gate v, which step never uses ({file}:" in said[0]
    assert "use W.w, R.w or b.w" in said[1]  # computed, but nothing comes of it
    show_cell(f"{file}:Good", 3, 4)
    assert "warning" not in capsys.readouterr().out


def test_explain_says_so_too(file: Path) -> None:
    from cellwright.cells.named import cell_named

    found = explain(cell_named(f"{file}:Unused", CELLS), 3, 4, isa="avx2")
    assert str(found).splitlines()[1:3] == list(found.warnings)
    assert "declares the gate v" in found.warnings[0]
    assert explain(cell_named(f"{file}:Good", CELLS), 3, 4, isa="avx2").warnings == ()


@pytest.mark.parametrize("name", CELLS)
def test_the_library_uses_every_gate(name: str) -> None:
    kind = CELLS[name]
    cell = kind(2) if kind in (Jordan, LSTMP) else kind()
    assert unused_gates(cell, trace(cell, 4, 4)) == ()


@pytest.mark.parametrize("verb", ["show", "explain"])
@pytest.mark.parametrize("option", ["--input", "--hidden"])
@pytest.mark.parametrize("value", ["0", "-3"])
def test_sizes_below_one_are_wrong_usage(verb: str, option: str, value: str) -> None:
    assert CliRunner().invoke(application, [verb, "LSTM", option, value]).exit_code == 2


@pytest.mark.parametrize("arguments", [("show", "--unroll"), ("explain", "--batch"), ("explain", "--steps")])
def test_counts_below_one_are_wrong_usage(arguments: tuple[str, str]) -> None:
    assert CliRunner().invoke(application, [arguments[0], "LSTM", arguments[1], "0"]).exit_code == 2


@pytest.mark.parametrize("place", ["", ".", "/"])
def test_a_drawing_needs_the_name_of_a_file(place: str) -> None:
    done = CliRunner().invoke(application, ["show", "LSTM", "--svg", place])
    assert isinstance(done.exception, StorageError)
    assert "found a folder" in str(done.exception)


def test_the_list_is_in_columns() -> None:
    lines = CliRunner().invoke(application, ["show"]).stdout.splitlines()
    width = max(map(len, CELLS)) + 2
    assert [line[:width].rstrip() for line in lines] == list(CELLS)
    assert all(line[width - 1] == " " != line[width] for line in lines)


def test_options_of_a_cell_are_given_in_brackets() -> None:
    shown = CliRunner().invoke(application, ["show", 'PeepholeLSTM("if")']).stdout
    assert "p_f ⊙ c" in shown
    assert "p_o" not in shown
