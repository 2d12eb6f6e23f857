"""Print a cell's `step` as equations, from its own source.

σ(W_i x + R_i h + b_i), ⊙ for elementwise products, a prime on every state once it is new. Choices of the instance
(`self.f`, closed channels) print as what they are.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any, NamedTuple

from cellwright.cells.cell import Cell, step_place
from cellwright.cells.stepping import count_error
from cellwright.errors import CellError
from cellwright.ops import OPS, SPELLINGS, has_power

_SUM, _PRODUCT, _PREFIX, _ATOM = 1, 2, 3, 4  # how tightly a printed term binds
_ABSENT = ("", _ATOM)  # a term that is not there
_COMPARE = {ast.Lt: "<", ast.LtE: "≤", ast.Gt: ">", ast.GtE: "≥"}
_SYMBOLS = {"sigmoid": "σ", "sqrt": "√", "sum": "Σ", "amax": "max", "maximum": "max", "minimum": "min"}
_OF_FEATURES = ("softmax", "cumsum", "sum", "mean", "amax")  # behind their first argument stands the axis
_HIGH = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_EQUATIONS = "Write one `name = expression` a line, with the op list's functions and operators, and return the states."

Term = tuple[str, int]


def print_equations(cell: Cell) -> str:
    """The equations of `cell.step`, one a line.

    Raises:
        CellError: there is no `step`, its source text is not to be had (typed into a bare console), or it is no list of
            equations; with file and line.
    """
    step = inspect.unwrap(type(cell).step)
    if step is Cell.step:
        cell.step()  # which says what to write
    try:
        lines, start = inspect.getsourcelines(step)
    except (OSError, TypeError):
        raise CellError(
            f"the source text of {cell.name}.step cannot be found, so it cannot be printed as equations",
            repair="Write the class in a file, or print cellwright.engine.trace(cell, I, H) instead.",
        ) from None
    function = ast.parse(textwrap.dedent("".join(lines))).body[0]
    if not isinstance(function, ast.FunctionDef):
        raise CellError(
            f"{cell.name}.step is no list of equations: it is not written with def",
            repair=f"Write def step(self, x, {', '.join(cell.state_names)}, W, R, b).",
            **step_place(cell),
        )
    return "\n".join(_Printer(cell, function, _Text(step.__code__.co_filename, start, lines)).lines())


class _Text(NamedTuple):
    """The text of a `step`: its file, the number of its first line there, its lines."""

    file: str
    start: int
    lines: list[str]

    def place(self, node: ast.expr | ast.stmt) -> dict[str, Any]:
        """Where a piece of it stands, for CellError(**text.place(node))."""
        return {"file": self.file, "line": self.start + node.lineno - 1, "source": self.lines[node.lineno - 1]}


class _Printer:
    def __init__(self, cell: Cell, function: ast.FunctionDef, text: _Text) -> None:
        names = [argument.arg for argument in function.args.args]
        optional = names[len(names) - len(function.args.defaults) :]
        self.cell, self.body, self.me, self.text = cell, function.body, names[0], text
        self.states = dict(zip(names[2:], cell.state_names, strict=False))  # name in step -> declared state
        self.absent = {name for name in optional if name not in cell.params}
        self.renewed: set[str] = set()
        self.values = set(names[1:])  # and what was given a name: not the modules of functions
        self.out: list[str] = []

    def lines(self) -> list[str]:
        self.block(self.body)
        return self.out

    def block(self, body: list[ast.stmt]) -> bool:
        """Print statements; True once `step` has returned."""
        for statement in body:
            match statement:
                case ast.Expr(value=ast.Constant()):
                    continue
                case ast.If():
                    if self.block(statement.body if self.choice(statement.test) else statement.orelse):
                        return True
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    text, _ = self.term(value)
                    self.values.add(name)
                    if name in self.states:
                        self.renewed.add(name)
                    self.out.append(f"{self.variable(name)} = {text}")
                case ast.Return(value=value) if value is not None:
                    self.returned(statement, value.elts if isinstance(value, ast.Tuple | ast.List) else [value])
                    return True
                case _:
                    raise self.wrong(statement, "holds what is no equation", _EQUATIONS)
        return False

    def wrong(self, node: ast.expr | ast.stmt, what: str, repair: str | None = None) -> CellError:
        """The error that `step` does, at `node`, what cannot be printed."""
        found = ast.unparse(node).splitlines()[0]
        return CellError(f"{self.cell.name}.step {what}: {found}", repair=repair, **self.text.place(node))

    def returned(self, statement: ast.Return, values: list[ast.expr]) -> None:
        expected = self.cell.returned_names
        if not isinstance(statement.value, ast.Tuple | ast.List) and len(expected) > 1:
            raise self.wrong(statement, "returns what is no list of values", f"Return ({', '.join(expected)}).")
        if len(values) != len(expected):
            raise count_error(self.cell, len(values), self.text.place(statement))
        states = self.cell.state_names
        names = [f"{name}′" if name in states else name for name in expected]
        for name, value in zip(names, values, strict=True):
            text, _ = self.term(value)
            if text != name:
                self.out.append(f"{name} = {text}")

    def choice(self, test: ast.expr) -> bool:
        """The value of a test on the instance's own options, as `if self.readout is not None`."""
        match test:
            case ast.Compare(left=left, ops=[operator], comparators=[ast.Constant(value=None)]):
                is_none = self.attribute(left) is None
                return is_none if isinstance(operator, ast.Is) else not is_none
            case _:
                return bool(self.attribute(test))

    def attribute(self, node: ast.expr) -> Any:
        match node:
            case ast.Attribute(value=ast.Name(id=me), attr=name) if me == self.me and hasattr(self.cell, name):
                return getattr(self.cell, name)
            case ast.Attribute(value=ast.Name(id=me)) if me == self.me:
                raise self.wrong(
                    node, "reads what the cell does not have", f"Set it in __init__: {ast.unparse(node)} = …"
                )
        raise CellError(
            f"{self.cell.name}.step branches on `{ast.unparse(node)}`, which is no option of the cell",
            repair="Branch on self.… options only; on data write where(condition, a, b).",
            **self.text.place(node),
        )

    def variable(self, name: str) -> str:
        state = self.states.get(name, name)
        return f"{state}′" if name in self.renewed else state

    def term(self, node: ast.expr) -> Term:
        match node:
            case ast.Name(id=name):
                return _ABSENT if name in self.absent else (self.variable(name), _ATOM)
            case ast.Constant(value=value):
                return str(value), _ATOM
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                if owner == self.me:
                    value = self.attribute(node)
                    return (f"{value:g}" if isinstance(value, int | float) else name), _ATOM
                return f"{owner}_{name}", _ATOM
            case ast.BinOp():
                return self.binary(node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"−{self.wrapped(operand, _PREFIX)}", _PREFIX
            case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in _COMPARE:
                return f"{self.wrapped(left, _SUM)} {_COMPARE[type(operator)]} {self.wrapped(right, _SUM)}", 0
            case ast.Call():
                return self.call(node)
            case ast.Subscript(value=value, slice=ast.Slice() as cut):
                return f"{self.wrapped(value, _ATOM)}[{ast.unparse(cut)}]", _ATOM
        raise self.wrong(node, "holds what cannot be printed", _EQUATIONS)

    def wrapped(self, node: ast.expr, least: int) -> str:
        text, strength = self.term(node)
        return f"({text})" if strength < least else text

    def binary(self, node: ast.BinOp) -> Term:
        left, right = self.term(node.left), self.term(node.right)
        match node.op:
            case ast.Add() if not left[0] or not right[0]:
                return left if left[0] else right
            case ast.Add():
                return f"{left[0]} + {self.wrapped(node.right, _SUM)}", _SUM
            case ast.Sub():
                return f"{left[0]} − {self.wrapped(node.right, _PRODUCT)}", _SUM
            case ast.Mult() | ast.MatMult() if not left[0] or not right[0]:
                return _ABSENT
            case ast.Mult():
                return f"{self.wrapped(node.left, _PRODUCT)} ⊙ {self.wrapped(node.right, _PRODUCT)}", _PRODUCT
            case ast.Div():
                return f"{self.wrapped(node.left, _PRODUCT)} / {self.wrapped(node.right, _PREFIX)}", _PRODUCT
            case ast.MatMult():
                return f"{self.wrapped(node.left, _PREFIX)} {self.wrapped(node.right, _ATOM)}", _PREFIX
            case ast.Pow() if (power := _number(node.right)) is not None and has_power(power):
                return self.power(node.left, power)
        raise self.wrong(node, "uses an operator outside the op list", _EQUATIONS)

    def power(self, base: ast.expr, power: float) -> Term:
        if abs(power) == 0.5:
            return f"√({self.term(base)[0]}){'⁻¹' if power < 0 else ''}", _ATOM
        return f"{self.wrapped(base, _ATOM)}{str(int(power)).translate(_HIGH)}", _ATOM

    def is_value(self, node: ast.expr) -> bool:
        """Whether it is a value of the step, and a function behind it a method: `h.tanh()`, not `torch.tanh(h)`."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return not isinstance(node, ast.Name) or node.id in self.values

    def call(self, node: ast.Call) -> Term:
        given = node.args
        match node.func:
            case ast.Attribute(value=ast.Name(id=me), attr=name) if me == self.me:
                name = getattr(self.attribute(node.func), "__name__", name)
            case ast.Attribute(value=owner, attr=name) if self.is_value(owner):
                given = [owner, *given]
            case ast.Attribute(attr=name) | ast.Name(id=name):
                pass
            case _:
                raise self.wrong(node, "calls what cannot be printed", _EQUATIONS)
        if name == "square" and len(given) == 1:
            return self.power(given[0], 2)
        if name == "pow" and len(given) == 2 and (power := _number(given[1])) is not None and has_power(power):
            return self.power(given[0], power)
        name = name if name in OPS else SPELLINGS.get(name, name)
        given = given[:1] if name in _OF_FEATURES else given
        parts = [e for a in given for e in (a.elts if isinstance(a, ast.Tuple | ast.List) else [a])]
        terms = [self.term(part)[0] for part in parts]
        if name == "identity":
            return self.term(parts[0])
        if name == "concat":
            return f"[{', '.join(terms)}]", _ATOM
        if name == "abs":
            return f"|{terms[0]}|", _ATOM
        return f"{_SYMBOLS.get(name, name)}({', '.join(terms)})", _ATOM


def _number(node: ast.expr) -> float | None:
    """The number that is written there."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
    return None
