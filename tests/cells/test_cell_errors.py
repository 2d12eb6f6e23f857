"""A wrong cell says what is wrong and where, when traced and in the plain loop."""

from __future__ import annotations

import linecache
import warnings
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pytest
import torch

from cellwright import ops
from cellwright.cells import Cell
from cellwright.engine import trace
from cellwright.engine.run.loop import run_loop
from cellwright.errors import CellError, UnsupportedOp


class Wrong(Cell):
    gates = "h"

    def step(self, x, h, W, R, b):
        return self.body(x, h, W, R, b)


class UnknownGate(Wrong):
    def body(self, x, h, W, R, b):
        return ops.tanh(W.z @ x)  # wrong


class Branch(Wrong):
    def body(self, x, h, W, R, b):
        if ops.sum(h) > 0:  # wrong
            return h
        return -h


class While(Wrong):
    def body(self, x, h, W, R, b):
        while h > x[:1]:  # wrong
            h = h - 1
        return h


class AsNumber(Wrong):
    def body(self, x, h, W, R, b):
        return h * float(ops.sum(h))  # wrong


class Iterates(Wrong):
    def body(self, x, h, W, R, b):
        return ops.concat(list(h))  # wrong


class Sizes(Wrong):
    def body(self, x, h, W, R, b):
        return h + x  # wrong


class MatrixTimesWrongVector(Wrong):
    def body(self, x, h, W, R, b):
        return ops.tanh(W.h @ h)  # wrong


class VectorTimesVector(Wrong):
    def body(self, x, h, W, R, b):
        return h @ h  # wrong


class MatrixElementwise(Wrong):
    def body(self, x, h, W, R, b):
        return ops.sum(R.h * h)  # wrong


class SumOfMatrix(Wrong):
    def body(self, x, h, W, R, b):
        return h + ops.sum(R.h)  # wrong


class SoftmaxOfScalar(Wrong):
    def body(self, x, h, W, R, b):
        return h * ops.softmax(ops.sum(h))  # wrong


class SumOfScalar(Wrong):
    def body(self, x, h, W, R, b):
        return h * ops.sum(ops.mean(h))  # wrong


class Index(Wrong):
    def body(self, x, h, W, R, b):
        return h * h[0]  # wrong


class Chunk(Wrong):
    def body(self, x, h, W, R, b):
        left, right = h.chunk(2)  # wrong
        return ops.concat(left, right)


class EmptySlice(Wrong):
    def body(self, x, h, W, R, b):
        return ops.concat(h, h[2:2])  # wrong


class NoMethod(Wrong):
    def body(self, x, h, W, R, b):
        return h.nothing_of_the_kind()  # wrong


class OtherDimension(Wrong):
    def body(self, x, h, W, R, b):
        return torch.softmax(h, dim=1)  # wrong


class Foreign(Wrong):
    def body(self, x, h, W, R, b):
        return h * "2"  # wrong


class UnknownName(Wrong):
    def body(self, x, h, W, R, b):
        return squash(W.h @ x)  # wrong  # noqa: F821


class NotYetAssigned(Wrong):
    def body(self, x, h, W, R, b):
        if self.gates == "":
            late = h
        return late  # wrong


class Numpy(Wrong):
    def body(self, x, h, W, R, b):
        return np.tanh(W.h @ x + R.h @ h)  # wrong


class NumpyInside(Wrong):
    def body(self, x, h, W, R, b):
        return h * np.apply_along_axis(lambda v: {}["v"], 0, np.ones(2))  # wrong


class Raises(Wrong):
    def body(self, x, h, W, R, b):
        raise OverflowError("too much")  # wrong


class TwoValues(Cell):
    gates = "h"

    def step(self, x, h, W, R, b):  # wrong
        return h, h


class NoValue(Cell):
    gates = "h"

    def step(self, x, h, W, R, b):  # wrong
        ops.tanh(W.h @ x + R.h @ h)


class OneOfTwo(Cell):
    states = "h c"

    def step(self, x, h, c):  # wrong
        return h


class GrowingState(Cell):
    def step(self, x, h):  # wrong
        return ops.concat(h, x)


class ShrinkingState(Cell):
    def step(self, x, h):  # wrong
        return h[:1]


class ScalarState(Cell):
    def step(self, x, h):  # wrong
        return ops.sum(h)


class NumberAsState(Cell):
    def step(self, x, h):  # wrong
        return 0.5


class WrongOutput(Cell):
    output = "y"

    def step(self, x, h):  # wrong
        return h, ops.concat(h, h)


class UndeclaredParameter(Cell):
    def step(self, x, h, q):  # wrong
        return q * h


class NoSuchLetter(Cell):
    params: ClassVar = {"q": "Q"}

    def step(self, x, h, q):  # wrong
        return h * ops.sum(q)


class NegativeLetter(Cell):
    params: ClassVar = {"q": "Q"}
    Q = -3

    def step(self, x, h, q):  # wrong
        return h * ops.sum(q)


class NoSuchStateSize(Cell):
    sizes: ClassVar = {"h": "Q"}

    def step(self, x, h):  # wrong
        return h


class StateOfInputSize(Cell):
    """A letter I has no meaning for a state: its size must be known without an input."""

    sizes: ClassVar = {"h": "I"}

    def step(self, x, h):  # wrong
        return h


class UnusedParameter(Cell):
    params: ClassVar = {"q": "H"}

    def step(self, x, h):  # wrong
        return h


WRONG: list[type[Cell]] = [
    cell for cell in list(globals().values()) if isinstance(cell, type) and cell not in (Cell, Wrong)
    if issubclass(cell, Cell)
]  # fmt: skip


def on_trace(cell: Cell) -> object:
    return trace(cell, 2, 3)


def in_the_loop(cell: Cell) -> object:
    weights = {name: torch.ones(shape) for name, shape in cell.parameter_shapes(2, 3).items()}
    states = [torch.ones(3, size) for size in cell.state_sizes(3).values()]
    return run_loop(cell, weights, torch.ones(4, 3, 2), states)


@pytest.mark.parametrize("path", [on_trace, in_the_loop])
@pytest.mark.parametrize("cell", WRONG)
def test_a_wrong_cell_is_refused_with_its_line(cell: type[Cell], path: Callable[[Cell], object]) -> None:
    with pytest.raises(CellError) as caught:
        path(cell())
    error = caught.value
    assert error.file == __file__
    assert error.line is not None
    assert "# wrong" in linecache.getline(__file__, error.line)
    assert cell.__name__ in error.message or isinstance(error, UnsupportedOp) or "chunk" in error.message or (
        "slice" in error.message or "dim=1" in error.message
    )  # fmt: skip
    assert f"{__file__}:{error.line}" in str(error)


def test_unknown_gates_are_answered_with_the_known_ones() -> None:
    with pytest.raises(CellError, match=r"W\.z.*rows? in W are: h") as caught:
        trace(UnknownGate(), 2, 3)
    assert caught.value.repair == 'Declare it: gates = "h z"'


def test_the_line_shown_is_the_users_text() -> None:
    with pytest.raises(CellError) as caught:
        trace(Branch(), 2, 3)
    assert caught.value.source is not None
    assert caught.value.source.strip() == "if ops.sum(h) > 0:  # wrong"
    assert "where(condition, a, b)" in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "message", "repair"),
    [
        (
            UnknownName,
            "UnknownName.step uses the name squash, which is not defined",
            "for example from cellwright.ops: ",
        ),
        (NotYetAssigned, "UnboundLocalError", "Give it a value on every way to this line."),
        (Numpy, "Numpy.step gives a cell's value to a function of NumPy", "use cellwright.ops.tanh."),
        (NumpyInside, "KeyError", "NumPy cannot compute on a cell's values"),
        (Raises, "Raises.step: OverflowError: too much", None),
    ],
)
@pytest.mark.parametrize("path", [on_trace, in_the_loop])
def test_an_error_of_the_users_lines_is_a_cell_error(
    path: Callable[[Cell], object], cell: type[Cell], message: str, repair: str | None
) -> None:
    with pytest.raises(CellError) as caught:
        path(cell())
    error = caught.value
    assert message in error.message
    assert error.source is not None
    assert "# wrong" in error.source
    assert isinstance(error.__cause__, Exception)
    assert not isinstance(error.__cause__, CellError)
    assert error.repair is None if repair is None else repair in (error.repair or "")


def test_a_name_that_is_an_op_is_answered_with_its_import() -> None:
    class Forgot(Cell):
        def step(self, x, h):
            return softplus(h)  # noqa: F821

    with pytest.raises(CellError) as caught:
        trace(Forgot(), 2, 3)
    assert caught.value.repair == "Import it: from cellwright.ops import softplus."


@pytest.mark.parametrize("path", [on_trace, in_the_loop])
def test_warnings_made_errors_stay_what_they_are(path: Callable[[Cell], object]) -> None:
    class Warns(Cell):
        def step(self, x, h):
            warnings.warn("old", DeprecationWarning, stacklevel=1)
            return h

    with pytest.raises(DeprecationWarning, match="old"):
        path(Warns())


def test_a_cell_without_a_step_is_told_what_to_write() -> None:
    class Empty(Cell):  # the class
        states = "h c"

    with pytest.raises(CellError, match="step\\(self, x, h, c, W, R, b\\)") as caught:
        trace(Empty(), 2, 3)
    assert caught.value.file == __file__
    assert caught.value.source is not None
    assert "# the class" in caught.value.source


DECLARATIONS = {
    "no state": {"states": ""},
    "repeated gate": {"gates": "i i"},
    "repeated state": {"states": "h h"},
    "gate that is no name": {"gates": "i 2"},
    "parameter that is no name": {"params": {"p-i": "H"}},
    "recurrent bias of no gate": {"gates": "i", "recurrent_bias": "n"},
    "size of no state": {"sizes": {"m": "P"}},
}


@pytest.mark.parametrize("what", DECLARATIONS)
def test_wrong_declarations_are_refused_where_the_class_stands(what: str) -> None:
    with pytest.raises(CellError) as caught:
        type("Declared", (Cell,), dict(DECLARATIONS[what]))  # the class
    assert "Declared" in caught.value.message
    assert caught.value.file == __file__
    assert "# the class" in linecache.getline(__file__, caught.value.line or 0)


def test_a_step_without_room_for_the_states_is_refused() -> None:
    with pytest.raises(CellError, match="come first") as caught:

        class Short(Cell):
            states = "h c"

            def step(self, x):  # wrong
                return x

    assert caught.value.file == __file__
    assert "def step(self, x)" in linecache.getline(__file__, caught.value.line or 0)
    assert caught.value.repair == "Write def step(self, x, h, c, W, R, b)."
    with pytest.raises(CellError, match="come first"):

        class NoC(Cell):
            states = "h c"

            def step(self, x, h, W, R, b):
                return tuple(h, W)
