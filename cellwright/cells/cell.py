"""Cell: the base of every recurrent cell, and the checks of what a cell declares.

Dimension letters: I input_size, H hidden_size, any other letter an attribute of the cell.
"""

from __future__ import annotations

import inspect
import linecache
import math
import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

from cellwright.errors import CellError

Shape = tuple[int, ...]
RESERVED = ("W", "R", "b", "bR")
_stepless: WeakKeyDictionary[type[Cell], dict[str, Any]] = WeakKeyDictionary()
_OWN_FOLDERS = ("cellwright/ops.py", "cellwright/engine/", "cellwright/cells/cell.py", "cellwright/cells/stepping.py")


def user_place(skip: FrameType | None = None) -> dict[str, Any]:
    """File, line and text of the innermost line of `step` now running, for CellError(**user_place())."""
    frame: FrameType | None = skip or sys._getframe(1)
    while frame is not None:
        if not _inside(frame):
            return _place(frame, frame.f_lineno)
        frame = frame.f_back
    return {}


def error_place(error: BaseException) -> dict[str, Any]:
    """File, line and text of the innermost line of `step` that `error` came through, for CellError(**error_place(e)).

    Empty if it came through none, as when `step` takes other arguments than it was given."""
    found: dict[str, Any] = {}
    passed = error.__traceback__
    while passed is not None:
        if not _inside(passed.tb_frame):
            found = _place(passed.tb_frame, passed.tb_lineno)
        passed = passed.tb_next
    return found


def _inside(frame: FrameType) -> bool:
    """Whether a frame is cellwright's, torch's or NumPy's, so that no cell's author wrote its lines."""
    file = frame.f_code.co_filename.replace("\\", "/")
    return any(part in file for part in (*_OWN_FOLDERS, "/torch/", "/numpy/")) or file.startswith("<frozen")


def _place(frame: FrameType, line: int) -> dict[str, Any]:
    file = frame.f_code.co_filename
    linecache.checkcache(file)
    return {"file": file, "line": line, "source": linecache.getline(file, line, frame.f_globals) or None}


def step_place(cell: Cell | type[Cell]) -> dict[str, Any]:
    """File and line of the cell's `step`, for CellError(**step_place(cell))."""
    kind = cell if isinstance(cell, type) else type(cell)
    if kind.step is Cell.step:
        return class_place(kind)
    code = getattr(cell.step, "__code__", None)
    return {} if code is None else {"file": code.co_filename, "line": code.co_firstlineno}


def at_step(cell: Cell) -> str:
    """Where the cell's `step` stands, as a warning says it: " (file:line)"; empty where it has no text."""
    place = step_place(cell)
    return f" ({place['file']}:{place['line']})" if place else ""


def class_place(cell: type[Cell]) -> dict[str, Any]:
    """File, line and text of the `class` statement of a cell without a `step`, for CellError(**class_place(cell))."""
    return _stepless.get(cell, {})


def hidden_size_of(cell: Cell, weights: Mapping[str, Any], states: Sequence[Any]) -> int | None:
    """The hidden size, read off the shapes of weights and states; None where nothing is of that size."""
    for key, weight in weights.items():
        if key.split(".")[0] in RESERVED and key not in cell.params:
            return int(weight.shape[0])
        letters = cell.params.get(key, "").split()
        if "H" in letters:
            return int(weight.shape[letters.index("H")])
    for name, held in zip(cell.state_names, states, strict=True):
        if cell.sizes.get(name, "H") == "H":
            return int(held.shape[-1])
    return None


class Rows:
    """The rows of W, R, b or bR, one a gate: `W.i` is the input matrix of gate i."""

    def __init__(self, owner: str, letter: str, rows: dict[str, Any]) -> None:
        self._owner, self._letter, self._rows = owner, letter, rows

    def __getattr__(self, gate: str) -> Any:
        try:
            return self._rows[gate]
        except KeyError:
            if gate.startswith("__"):
                raise AttributeError(gate) from None
            raise CellError(
                f"{self._owner}.step uses {self._letter}.{gate}, but gates with a row in {self._letter} are: "
                f"{', '.join(self._rows) or 'none'}",
                repair=f'Declare it: gates = "{" ".join([*self._rows, gate])}"',
                **user_place(),
            ) from None


class Cell:
    """A recurrent cell, written once: what it declares and its `step`.

    Class attributes:
        gates: names of the rows of W, R and b, in the order of the stored weights.
        states: names of what is carried from step to step; the first is the output unless `output` says otherwise.
        params: further parameters, name to dimension letters ("H", "O H", "" for a scalar).
        sizes: states whose size is not H, name to letter.
        output: the output's name where it is not the first state; a state, or one more value that `step` returns last.
        recurrent_bias: gates with a bias of their own on the recurrent side, which arrives as bR.

    `step(self, x, <states>, …)` gets x, then the states by position, then by name those of W, R, b, bR and the params
    that its signature lists. It returns the new states in order (and the output last, if it is not a state).
    """

    gates: str = ""
    states: str = "h"
    params: Mapping[str, str] = {}
    sizes: Mapping[str, str] = {}
    output: str | None = None
    recurrent_bias: str = ""

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        check_declarations(cls)

    def step(self, *args: Any, **named: Any) -> Any:
        """One step of the recurrence; each cell writes its own."""
        raise CellError(
            f"{self.name} has no step",
            repair=f"Write def step(self, x, {', '.join(self.state_names)}, W, R, b).",
            **class_place(type(self)),
        )

    @property
    def name(self) -> str:
        """The class's name; a cell read from a file keeps the name it was saved under."""
        return type(self).__name__

    @property
    def gate_names(self) -> tuple[str, ...]:
        return tuple(self.gates.split())

    @property
    def state_names(self) -> tuple[str, ...]:
        return tuple(self.states.split())

    @property
    def output_name(self) -> str:
        return self.output or self.state_names[0]

    @property
    def returned_names(self) -> tuple[str, ...]:
        """What `step` returns: the new states in order, and the output last if it is no state."""
        return self.state_names if self.output_name in self.state_names else (*self.state_names, self.output_name)

    def takes(self) -> tuple[str, ...]:
        """Names that `step` takes after x and the states, in its own order."""
        return tuple(argument.name for argument in self._arguments())

    def dimension(self, letters: str, input_size: int, hidden_size: int) -> Shape:
        """The shape that dimension letters stand for: "O H" is (self.O, hidden_size)."""
        known = {"I": input_size, "H": hidden_size}
        shape = []
        for letter in letters.split():
            size = known[letter] if letter in known else self.letter(letter)
            if not isinstance(size, int) or size < 1:
                raise CellError(
                    f"{self.name} uses the dimension {letter}, which is not I, H or a positive attribute of the cell",
                    repair=f"Set it when the cell is made: self.{letter} = …",
                    **step_place(self),
                )
            shape.append(size)
        return tuple(shape)

    def letter(self, letter: str) -> int | None:
        """The size that a dimension letter other than I and H stands for: the cell's attribute of that name."""
        return getattr(self, letter, None)

    def state_sizes(self, hidden_size: int) -> dict[str, int]:
        """Size of each state, in order."""
        return {name: self._size(name, hidden_size) for name in self.state_names}

    def output_size(self, hidden_size: int) -> int:
        """Size of the output: that of the state it names, or the declared size of a separate output."""
        return self._size(self.output_name, hidden_size)

    def _size(self, name: str, hidden_size: int) -> int:
        letters = self.sizes.get(name, "H").split()
        if len(letters) != 1 or letters == ["I"]:
            raise CellError(
                f"{self.name} declares sizes[{name!r}] = {' '.join(letters)!r}: one letter that is not I",
                repair="Write H or another letter, and set that as an attribute of the cell.",
                **step_place(self),
            )
        return self.dimension(letters[0], 1, hidden_size)[0]

    def parameter_shapes(self, input_size: int, hidden_size: int, bias: bool = True) -> dict[str, Shape]:
        """Every parameter one direction of one layer needs: "W.i" (H, I), "R.i" (H, first state), "b.i" (H), extras."""
        takes, first = self.takes(), next(iter(self.state_sizes(hidden_size).values()))
        self._check_arguments(takes)
        rows: list[tuple[str, tuple[str, ...], Shape]] = [
            ("W", self.gate_names, (hidden_size, input_size)),
            ("R", self.gate_names, (hidden_size, first)),
            ("b", self.gate_names if bias else (), (hidden_size,)),
            ("bR", tuple(self.recurrent_bias.split()) if bias else (), (hidden_size,)),
        ]
        shapes = {
            f"{k}.{gate}": shape for k, gates, shape in rows if k in takes and k not in self.params for gate in gates
        }
        extras = {name: self.dimension(letters, input_size, hidden_size) for name, letters in self.params.items()}
        return shapes | extras

    def _arguments(self) -> tuple[inspect.Parameter, ...]:
        """What `step` takes after x and the states."""
        # read anew each time: torch.compile, which follows this, warns of a cache
        return tuple(inspect.signature(self.step).parameters.values())[1 + len(self.state_names) :]

    def _check_arguments(self, takes: tuple[str, ...]) -> None:
        """Raises CellError for a parameter that `step` does not take, and for an argument that nothing declares."""
        unknown = [a.name for a in self._arguments() if a.default is a.empty and a.kind is a.POSITIONAL_OR_KEYWORD]
        for name in (name for name in unknown if name not in (*self.params, *RESERVED)):
            raise CellError(
                f"{self.name}.step takes {name}, which is not declared",
                repair=f"Declare it: params = {{'{name}': 'H'}}.",
                **step_place(self),
            )
        for name in (name for name in self.params if name not in takes):
            raise CellError(
                f"{self.name} declares the parameter {name}, which step does not take",
                repair=f"Write it after the states: step(…, {name}).",
                **step_place(self),
            )

    def count_parameters(self, input_size: int, hidden_size: int, biases: int = 1) -> int:
        """Number of parameters; `biases=2` counts one more bias a gate, as torch, cuDNN and ONNX store it."""
        shapes = self.parameter_shapes(input_size, hidden_size)
        total = sum(math.prod(shape) for shape in shapes.values())
        if biases == 2 and any(key.startswith("b.") for key in shapes):
            missing = len(self.gate_names) - len(self.recurrent_bias.split())
            total += missing * hidden_size
        return total

    def bind(self, weights: dict[str, Any]) -> dict[str, Any]:
        """Turn "W.i"-keyed weights into the named arguments of `step`; a bias left out is zero."""
        from cellwright.ops import zero

        arguments: dict[str, Any] = {}
        for name in self.takes():
            if name in self.params:
                arguments[name] = weights[name]
            elif name in RESERVED:
                gates = self.recurrent_bias.split() if name == "bR" else self.gate_names
                rows = {g: weights.get(f"{name}.{g}", zero if name in ("b", "bR") else None) for g in gates}
                arguments[name] = Rows(self.name, name, rows)
        return arguments

    def equations(self) -> str:
        """The equations of `step`, one a line, printed from its own text."""
        from cellwright.cells.equations import print_equations

        return print_equations(self)

    def __repr__(self) -> str:
        return f"{self.name}()"


def check_declarations(cls: type[Cell]) -> None:
    """Raises CellError for names that repeat, are no identifiers, or that `step` does not take as declared."""
    groups = {"gates": cls.gates.split(), "states": cls.states.split(), "params": list(cls.params)}
    for kind, names in groups.items():
        wrong = [name for name in names if not name.isidentifier() or names.count(name) > 1]
        if wrong:
            raise CellError(
                f"{cls.__name__} declares {kind} with {wrong[0]!r}: names must be identifiers, each once",
                **user_place(),
            )
    if not groups["states"]:
        raise CellError(f"{cls.__name__} declares no state", repair='Name it: states = "h"', **user_place())
    if unknown := [gate for gate in cls.recurrent_bias.split() if gate not in groups["gates"]]:
        raise CellError(
            f"{cls.__name__} declares recurrent_bias {unknown[0]!r}, which is not one of gates = {cls.gates!r}",
            **user_place(),
        )
    if unknown := [name for name in cls.sizes if name not in (*groups["states"], cls.output)]:
        raise CellError(
            f"{cls.__name__} declares a size for {unknown[0]!r}, which is no state: {cls.states}", **user_place()
        )
    if cls.step is Cell.step:
        _stepless[cls] = user_place()
        return
    names = [parameter.name for parameter in inspect.signature(cls.step).parameters.values()][1:]
    first = names[1 : 1 + len(groups["states"])]
    if len(first) < len(groups["states"]) or any(n in RESERVED and n not in groups["states"] for n in first):
        raise CellError(
            f"{cls.__name__}.step takes ({', '.join(names)}): x and the states {cls.states!r} come first",
            repair=f"Write def step(self, x, {', '.join(groups['states'])}, W, R, b).",
            file=inspect.getsourcefile(cls.step),
            line=cls.step.__code__.co_firstlineno,
        )
