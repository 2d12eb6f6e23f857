"""The printed equations of every cell are those of its docstring."""

from __future__ import annotations

import inspect
import linecache
from typing import ClassVar

import pytest
import torch

from cellwright import cells, ops
from cellwright.cells import SLSTM, SRU, Cell, Elman, Jordan, PeepholeLSTM
from cellwright.errors import CellError

LABELS = ["Equations", "Shapes", "Packing", "Source", "Differs", "Same as", "Note"]


def documented(cell: type[Cell]) -> str:
    """The lines of the docstring's block "Equations"."""
    lines = inspect.cleandoc(cell.__doc__ or "").splitlines()
    start = lines.index("Equations") + 1
    return "\n".join(line.strip() for line in lines[start : lines.index("", start)])


EXPORTED = {name: kind for name in cells.__all__ if isinstance(kind := getattr(cells, name), type) and kind is not Cell}


def build(name: str) -> Cell:
    return EXPORTED[name](2) if name in ("Jordan", "LSTMP") else EXPORTED[name]()


@pytest.mark.parametrize("name", EXPORTED)
def test_printed_equations_are_those_of_the_docstring(name: str) -> None:
    assert build(name).equations() == documented(EXPORTED[name])


def test_every_cell_of_the_package_is_found_by_its_name() -> None:
    assert EXPORTED == cells.CELLS


@pytest.mark.parametrize("name", EXPORTED)
def test_the_docstring_has_its_parts_in_order(name: str) -> None:
    lines = inspect.cleandoc(EXPORTED[name].__doc__ or "").splitlines()
    labels = [word for line in lines if not line.startswith(" ") for word in LABELS if line.startswith(word)]
    assert labels in (LABELS, LABELS[:-1])


def test_the_choices_of_srus_highway_and_slstms_forget_gate_print_as_what_they_are() -> None:
    assert "p = x" in SRU(project=False).equations().splitlines()
    assert "f = W_f x + R_f h + b_f" in SLSTM(exp_forget=True).equations().splitlines()


@pytest.mark.parametrize("channels", ["", "i", "f", "o", "if", "io", "fo", "ifo"])
def test_closed_peepholes_print_no_term(channels: str) -> None:
    expected = documented(PeepholeLSTM)
    for gate, state in (("i", "c"), ("f", "c"), ("o", "c′")):
        if gate not in channels:
            expected = expected.replace(f" + p_{gate} ⊙ {state} +", " +")
    printed = PeepholeLSTM(channels).equations()
    assert printed == expected
    assert printed.count("p_") == len(channels)


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (ops.tanh, "tanh(W_h x + R_h h + b_h)"),
        (ops.relu, "relu(W_h x + R_h h + b_h)"),
        (ops.sigmoid, "σ(W_h x + R_h h + b_h)"),
        (ops.identity, "W_h x + R_h h + b_h"),
    ],
)
def test_the_chosen_f_of_elman_prints_as_what_it_is(f, text: str) -> None:
    assert Elman(f).equations() == f"h′ = {text}"


def test_elman_with_read_out_prints_two_equations() -> None:
    assert Elman(output_size=4, g=ops.softmax).equations() == "h′ = tanh(W_h x + R_h h + b_h)\ny = softmax(V h′ + c)"
    assert Elman(output_size=4).equations().splitlines()[1] == "y = V h′ + c"


def test_jordan_prints_the_chosen_functions() -> None:
    assert Jordan(2, ops.relu, ops.sigmoid).equations() == "h = relu(W_h x + R_h y + b_h)\ny′ = σ(V h + c)"


def test_a_users_cell_prints_its_own_text() -> None:
    class Leaky(Cell):
        gates = "h"
        params: ClassVar = {"alpha": ""}

        def step(self, x, h, W, R, b, alpha):
            n = ops.concat(h, x)[:2]
            d = -(h - n) / (1 - (h - 1))
            h = (1 - alpha) * h + alpha * ops.tanh(W.h @ x + R.h @ (d * h))
            return h

    assert Leaky().equations().splitlines() == [
        "n = [h, x][:2]",
        "d = −(h − n) / (1 − (h − 1))",
        "h′ = (1 − alpha) ⊙ h + alpha ⊙ tanh(W_h x + R_h (d ⊙ h))",
    ]


def test_powers_and_methods_print_as_their_equations() -> None:
    class Written(Cell):
        gates = "a"

        def step(self, x, h, W, R, b):
            z = (W.a @ x + R.a @ h + b.a).tanh()
            v = (z - z.mean(-1)) ** 2 + torch.square(z) + torch.pow(z, 3) + h.square()
            r = torch.softmax(z, dim=0) * ops.mean(v) ** -0.5 - (h * h) ** 0.5 / (1 + z) ** -2
            return torch.nn.functional.relu(z.minimum(v)) + r

    assert Written().equations().splitlines() == [
        "z = tanh(W_a x + R_a h + b_a)",
        "v = (z − mean(z))² + z² + z³ + h²",
        "r = softmax(z) ⊙ √(mean(v))⁻¹ − √(h ⊙ h) / (1 + z)⁻²",
        "h′ = relu(min(z, v)) + r",
    ]


def test_a_step_that_loops_is_no_list_of_equations() -> None:
    class Looping(Cell):
        gates = "h"

        def step(self, x, h, W, R, b):
            for _ in range(2):
                h = ops.tanh(W.h @ x + R.h @ h)
            return h

    with pytest.raises(CellError, match="no equation") as caught:
        Looping().equations()
    assert (caught.value.file, (caught.value.source or "").strip()) == (__file__, "for _ in range(2):")


class Unprinted(Cell):
    gates = "h"
    states = "h c"


class NoTuple(Unprinted):
    def step(self, x, h, c, W, R, b):
        return ops.tanh(W.h @ x)  # wrong


class OneOfTwo(Unprinted):
    def step(self, x, h, c, W, R, b):
        c = c + h
        return (c,)  # wrong


class BranchOnData(Unprinted):
    def step(self, x, h, c, W, R, b):
        if h > 0:  # wrong
            return h, c
        return c, h


class Power(Unprinted):
    def step(self, x, h, c, W, R, b):
        h = h**c  # wrong
        return h, c


class Equal(Unprinted):
    def step(self, x, h, c, W, R, b):
        return ops.where(h == c, h, c), c  # wrong


class NoSuchOption(Unprinted):
    def step(self, x, h, c, W, R, b):
        return h * self.rate, c  # wrong


class NoSuchFunction(Unprinted):
    def step(self, x, h, c, W, R, b):
        return self.squash(h), c  # wrong


class NoStep(Cell):  # wrong
    gates = "h"


class Lambda(Cell):
    step = lambda self, x, h: h  # noqa: E731 # wrong


@pytest.mark.parametrize(
    "cell",
    [NoTuple, OneOfTwo, BranchOnData, Power, Equal, NoSuchOption, NoSuchFunction, NoStep, Lambda],
)
def test_what_cannot_be_printed_is_refused_with_its_line_and_a_repair(cell: type[Cell]) -> None:
    with pytest.raises(CellError) as caught:
        cell().equations()
    error = caught.value
    assert cell.__name__ in error.message
    assert error.file == __file__
    assert error.repair
    assert "# wrong" in linecache.getline(__file__, error.line or 0)
