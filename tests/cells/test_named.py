"""A cell by its name, with options, from a file; and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellwright.cells import CELLS, LSTMP, SLSTM, Cell, PeepholeLSTM
from cellwright.cells.named import cell_named
from cellwright.errors import CellError, CellwrightError, ConfigError

ONE = """
from cellwright.cells import LSTM, Cell

class Blend(Cell):
    def __init__(self, rate=0.5, name=None):
        self.rate = 1 / rate

    def step(self, x, h):
        return self.rate * h
"""
TWO = f"""{ONE}
class Needs(Blend):
    def __init__(self, size):
        self.P = size

made = Blend(0.25)
"""


@pytest.fixture
def one(tmp_path: Path) -> str:
    (tmp_path / "one_of_named.py").write_text(ONE)
    return str(tmp_path / "one_of_named.py")


@pytest.fixture
def two(tmp_path: Path) -> str:
    (tmp_path / "two_of_named.py").write_text(TWO)
    return str(tmp_path / "two_of_named.py")


def named(name: str) -> Cell:
    return cell_named(name, CELLS, ["PerToken"])


def refusal(name: str, kind: type[CellwrightError] = ConfigError) -> CellwrightError:
    with pytest.raises(kind) as caught:
        named(name)
    return caught.value


def test_options_stand_behind_a_cell_of_the_library() -> None:
    peephole, exponential, projected = named('PeepholeLSTM("if")'), named("SLSTM(exp_forget=True)"), named("LSTMP(3)")
    assert isinstance(peephole, PeepholeLSTM)
    assert isinstance(exponential, SLSTM)
    assert isinstance(projected, LSTMP)
    assert (peephole.channels, exponential.exp_forget, projected.P) == ("if", True, 3)
    assert type(named("LSTM()")) is CELLS["LSTM"]


def test_options_stand_behind_a_cell_of_a_file(two: str) -> None:
    assert getattr(named(f"{two}:Blend(rate=-2)"), "rate", None) == -0.5
    assert getattr(named(f"{two}:Blend(4, name='a:b(c)')"), "rate", None) == 0.25
    assert getattr(named(f"{two}:Needs(7)"), "P", None) == 7


def test_a_file_with_one_cell_needs_no_name(one: str) -> None:
    assert named(one).name == "Blend"  # LSTM and Cell are imported there, not written


def test_a_file_with_more_cells_lists_them(two: str) -> None:
    error = refusal(two)
    assert "holds 3 cells" in error.message
    assert error.repair == f"Choose one: {two}:Blend, {two}:Needs, {two}:made."
    assert refusal(f"{two}:").message == error.message
    assert refusal(f"{two}:Blent").repair == f"Did you mean {two}:Blend?"
    assert "found Blend, Needs, made." in refusal(f"{two}:Quite").message


@pytest.mark.parametrize(
    ("name", "message", "repair"),
    [
        ("LSTMP", "LSTMP needs arguments of its own.", "Write 'LSTMP(proj_size)' with values"),
        ("LSTMP(1, 2)", "LSTMP(1, 2) does not fit LSTMP(proj_size): too many positional arguments.", "FILE.py:my_cell"),
        ("SLSTM(forget=1)", "SLSTM(exp_forget=False): got an unexpected keyword argument 'forget'", "exp_forget=False"),
        ("Elman(relu)", "Expected Elman(…) with literals as options, found Elman(relu).", "Numbers, texts in quotes"),
        ("LSTMP(**{})", "with literals", "Numbers"),
        ("LSTMP(3", "with literals", "Numbers"),
        ("LSTMP(open('x'))", "with literals", "Numbers"),
        ("LSTN(3)", "found 'LSTN(3)'", "Did you mean LSTM?"),
        ("in.txt:A", "Expected FILE.py:NAME, found 'in.txt:A'.", "must end in .py"),
        ("none.py", "Expected a Python file with a cell, found none.", "Check the path."),
        ("none.py:Mine", "Expected a Python file with the cell Mine, found none.", "before the colon"),
    ],
)
def test_a_wrong_name_is_answered_with_what_to_write(name: str, message: str, repair: str) -> None:
    error = refusal(name)
    assert message in error.message
    assert repair in (error.repair or "")


def test_the_check_of_a_cell_itself_speaks() -> None:
    assert "letters of 'ifo'" in refusal("PeepholeLSTM('q')", CellError).message


def test_a_class_in_a_file_that_cannot_be_made_says_why(two: str) -> None:
    needs = refusal(f"{two}:Needs")
    assert needs.message == "Needs needs arguments of its own."
    assert f"'{two}:Needs(size)'" in (needs.repair or "")
    zero = refusal(f"{two}:Blend(0)")
    assert zero.message == "Blend(0) cannot be made: ZeroDivisionError: division by zero"
    assert (zero.file, zero.source) == (two, "self.rate = 1 / rate")
    made = refusal(f"{two}:made(3)")
    assert "is a cell already" in made.message
    assert made.repair == f"Write {two}:made."


@pytest.mark.parametrize(
    ("text", "message", "source"),
    [
        ("x = 1\nclass (\n", "is not Python", "class ("),
        ("import json\n\njson.loads('{')\n", "cannot be run: JSONDecodeError", "json.loads('{')"),
        ("import no_such_module_anywhere\n", "cannot be run: ModuleNotFoundError", "import no_such_module_anywhere"),
    ],
)
def test_a_file_that_cannot_be_run_names_its_line(tmp_path: Path, text: str, message: str, source: str) -> None:
    path = tmp_path / "wrong_of_named.py"
    path.write_text(text)
    error = refusal(f"{path}:A")
    assert message in error.message
    assert error.file == str(path)
    assert (error.source or "").strip() == source
    assert error.line == text.splitlines().index(source) + 1


def test_a_file_without_cells_says_what_to_write(tmp_path: Path) -> None:
    path = tmp_path / "bare_of_named.py"
    path.write_text("x = 1\n")
    error = refusal(str(path))
    assert "holds no cells" in error.message
    assert "derives from cellwright.Cell" in (error.repair or "")
