"""step -> graph: run a cell's `step` once on values that only write down what is asked of them. No torch."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from cellwright.cells.cell import Cell, step_place, user_place
from cellwright.cells.stepping import count_error, run_step
from cellwright.engine.graph import Builder, Graph, Node
from cellwright.engine.spelling import WORDS, respell, unknown
from cellwright.engine.verify import verify
from cellwright.errors import CellError, UnsupportedOp
from cellwright.ops import OPS, Operators

__all__ = ["Value", "branch_error", "returned_values", "trace"]

Shape = tuple[int, ...]


def trace(
    cell: Cell, input_size: int, hidden_size: int, bias: bool = True, names: dict[str, int] | None = None
) -> Graph:
    """The graph of one step of `cell`.

    Args:
        names: filled with the position of what each name stands for at the end of `step`: gates, candidates, states.
            Equal results of two lines then stay two nodes, as they are two values with a gradient each.

    Raises:
        UnsupportedOp: a torch function outside the op list, with the user's line.
        CellError: a branch on data, shapes that do not fit, a wrong number of states, an undeclared name, any error
            that `step` raises.
    """
    builder = Builder(apart=names is not None)

    def leaf(op: str, name: str, shape: Shape) -> Value:
        return Value(builder, builder.add(Node(op, (), name, (), shape)), cell.name)

    sizes = cell.state_sizes(hidden_size)
    x = leaf("input", "x", (input_size,))
    states = [leaf("state", name, (size,)) for name, size in sizes.items()]
    shapes = cell.parameter_shapes(input_size, hidden_size, bias)
    weights = {name: leaf("parameter", name, shape) for name, shape in shapes.items()}
    with _final_names(cell, names):
        new, output = returned_values(cell, run_step(cell, (x, *states), cell.bind(weights)))
    for (name, size), value in zip(sizes.items(), new, strict=True):
        if not isinstance(value, Value) or value.shape != (size,):
            raise CellError(
                f"{cell.name}.step returns state {name} of shape {getattr(value, 'shape', '()')}: it must stay"
                f" ({size},)",
                repair="A state keeps its shape from step to step; declare another size with sizes = {…}.",
                **step_place(cell),
            )
    expected = (cell.output_size(hidden_size),)
    if not isinstance(output, Value) or output.shape != expected:
        raise CellError(
            f"{cell.name}.step returns an output of shape {getattr(output, 'shape', '()')}, declared {expected}",
            **step_place(cell),
        )
    positions = tuple((name, value.index) for name, value in zip(sizes, new, strict=True))
    graph = Graph(cell.name, tuple(builder.nodes), positions, output.index)
    verify(graph)
    return graph


@contextmanager
def _final_names(cell: Cell, names: dict[str, int] | None) -> Iterator[None]:
    """Writes down the local names of `step` as it returns."""
    if names is None:
        yield
        return
    code = getattr(cell.step, "__code__", None)

    def look(frame: FrameType, event: str, arg: Any) -> None:
        if event == "return" and frame.f_code is code:
            for name, value in frame.f_locals.items():
                if isinstance(value, Value) and value.builder.nodes[value.index].args:
                    names[name] = value.index

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield
    finally:
        if before is None or callable(before):
            sys.setprofile(before)
        else:  # a profiler written in C, as cProfile's, goes on by its own call
            before.enable()


def returned_values(cell: Cell, returned: Any) -> tuple[list[Any], Any]:
    """(new states, output) of what `step` returned: a bare state, the states, or the states and the output last."""
    if returned is None:
        expected = ", ".join(cell.returned_names)
        raise CellError(f"{cell.name}.step returns nothing", repair=f"Return ({expected},).", **step_place(cell))
    values = list(returned) if isinstance(returned, tuple | list) else [returned]
    names = cell.state_names
    if len(values) != len(cell.returned_names):
        raise count_error(cell, len(values), step_place(cell))
    if len(values) > len(names):
        return values[:-1], values[-1]
    return values, values[names.index(cell.output_name)]


def branch_error(cell: str) -> CellError:
    return CellError(
        f"{cell}.step branches on a value of the data: the equations of a step are the same for all data",
        repair="Choose elementwise with where(condition, a, b).",
        **user_place(),
    )


class Value(Operators):
    """A value of the step being traced: a node of the graph."""

    def __init__(self, builder: Builder, index: int, cell: str) -> None:
        self.builder, self.index, self.cell = builder, index, cell

    @property
    def shape(self) -> Shape:
        return self.builder.nodes[self.index].shape

    def place(self) -> dict[str, Any]:
        return user_place()

    def __cellwright_apply__(self, op: str, args: Sequence[Any], attrs: dict[str, Any]) -> Value:
        try:
            index = self.builder.add_op(op, tuple(self.position(arg) for arg in args), attrs)
        except ValueError as wrong:
            raise CellError(f"{self.cell}.step: {OPS[op].name}: {wrong}", **user_place()) from None
        return Value(self.builder, index, self.cell)

    def position(self, arg: Any) -> int:
        if isinstance(arg, Value):
            return arg.index
        if isinstance(arg, bool | int | float):
            return self.builder.add(Node("constant", attrs=(("value", float(arg)),)))
        raise CellError(
            f"{self.cell}.step mixes in a {type(arg).__name__}: only x, states, parameters and numbers are known",
            repair="Declare it: params = {'name': 'H'}.",
            **user_place(),
        )

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        meaning = respell(func.__name__, args, kwargs or {})
        if meaning is None:
            raise UnsupportedOp(
                unknown(func.__name__, kwargs or {}),
                repair="Leave keepdim out: the result is one number, which stands beside vectors."
                if "keepdim" in (kwargs or {})
                else "Write it with cellwright.ops; the plain loop still runs it.",
                **user_place(),
            )
        return meaning()

    def __getattr__(self, name: str) -> Any:
        if name in WORDS and not name.startswith("__"):
            return lambda *args, **named: type(self).__torch_function__(_Named(name), (), (self, *args), named)
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnsupportedOp(f"a cell's value has no `{name}`", repair="Write it with cellwright.ops.", **user_place())

    def __bool__(self) -> bool:
        raise branch_error(self.cell)

    __float__ = __int__ = __len__ = __iter__ = __bool__


class _Named:
    """Stands for a torch function where a method of the same name was called."""

    def __init__(self, name: str) -> None:
        self.__name__ = name
