"""A cell by its name: one of the library's, or one in a Python file of the user's; options in brackets behind it."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from cellwright.cells.cell import Cell
from cellwright.errors import CellwrightError, ConfigError
from cellwright.nearest import nearest

__all__ = ["cell_named"]

_FILE = re.compile(r"(.+?\.py)(?::(.*))?", re.DOTALL)


class _Call(NamedTuple):
    """`name`, or `name(arguments)`; `brackets` is None where there are none, else what was written in them."""

    name: str
    brackets: str | None = None
    arguments: Sequence[Any] = ()
    named: Mapping[str, Any] = {}


def cell_named(name: str, library: dict[str, type[Cell]], others: Sequence[str] = ()) -> Cell:
    """The cell that `name` says: "GRU" of `library`, or "FILE.py:NAME", a cell or a class of cells in a file, which is
    run; "FILE.py" alone where the file has one cell.

    Options stand behind either as in Python, literals only: 'PeepholeLSTM("if")', 'my_cell.py:Blend(rate=0.5)'.

    Args:
        others: further names to suggest where the name is nearly one of them.

    Raises ConfigError: no such cell (names the nearest), no such file, a file without that name or that cannot be run,
    options that the cell does not take or that are no literals.
    """
    in_file = _FILE.fullmatch(name)
    if in_file is not None:
        return _from_file(in_file[1], _call(in_file[2], f"{in_file[1]}:") if in_file[2] else None)
    call = _call(name)
    if call.name in library:
        return _made(library[call.name], call)
    if ":" in name:
        raise ConfigError(f"Expected FILE.py:NAME, found {name!r}.", repair="The file's name must end in .py.")
    known = [*library, *others]
    match = nearest(call.name, known)
    raise ConfigError(
        f"Expected a cell of cellwright.cells, found {name!r}.",
        repair=f"Did you mean {match}?" if match else f"Cells: {', '.join(known)}; your own: FILE.py:NAME.",
    )


def _call(text: str, prefix: str = "") -> _Call:
    """`text` read as a name or as a call of one. Raises ConfigError for arguments that are no literals."""
    name, bracket, _ = text.partition("(")
    if not bracket:
        return _Call(text)
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if not isinstance(node, ast.Call) or any(word.arg is None for word in node.keywords):
            raise ValueError(text)
        arguments = [ast.literal_eval(argument) for argument in node.args]
        named = {str(word.arg): ast.literal_eval(word.value) for word in node.keywords}
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise ConfigError(
            f"Expected {name}(…) with literals as options, found {prefix}{text}.",
            repair=f"Numbers, texts in quotes, True, False, None and lists may stand there. For others write my_cell = "
            f"{name}(…) in a file and give FILE.py:my_cell.",
        ) from None
    return _Call(name.strip(), text[len(name) :].strip(), arguments, named)


def _made(kind: type[Cell], call: _Call, prefix: str = "") -> Cell:
    """`kind`, made with the options of `call`."""
    signature = inspect.signature(kind)
    takes = ", ".join(map(_parameter, signature.parameters.values()))
    try:
        signature.bind(*call.arguments, **call.named)
    except TypeError as wrong:
        raise ConfigError(
            f"{call.name} needs arguments of its own."
            if call.brackets is None
            else f"{call.name}{call.brackets} does not fit {call.name}({takes}): {wrong}.",
            repair=f"Write '{prefix}{call.name}({takes})' with values in place of names, or my_cell = {call.name}(…) "
            "in a file and FILE.py:my_cell.",
        ) from None
    try:
        return kind(*call.arguments, **call.named)
    except CellwrightError:
        raise
    except Exception as error:
        raise ConfigError(
            f"{call.name}{call.brackets or '()'} cannot be made: {type(error).__name__}: {error}", **_last_line(error)
        ) from error


def _parameter(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return parameter.name
    return f"{parameter.name}={getattr(parameter.default, '__name__', repr(parameter.default))}"


def _from_file(file: str, call: _Call | None) -> Cell:
    path = Path(file)
    if not path.is_file():
        raise ConfigError(
            f"Expected a Python file with {f'the cell {call.name}' if call else 'a cell'}, found none.",
            file=path,
            repair="Check the path before the colon." if call else "Check the path.",
        )
    module = _run(path)
    cells = [name for name, value in vars(module).items() if _is_cell(value, module)]
    if call is None and len(cells) == 1:
        call = _Call(cells[0])
    if call is None:
        raise ConfigError(
            f"Expected FILE.py:NAME, found {file}, which holds {len(cells) or 'no'} cells.",
            repair=f"Choose one: {', '.join(f'{file}:{name}' for name in cells)}."
            if cells
            else "Write a class in it that derives from cellwright.Cell.",
        )
    found = getattr(module, call.name, None)
    if isinstance(found, type) and issubclass(found, Cell) and found is not Cell:
        return _made(found, call, f"{file}:")
    if not isinstance(found, Cell):
        match = nearest(call.name, cells)
        raise ConfigError(
            f"Expected a cell named {call.name}, found {', '.join(cells) or 'no cell'}.",
            file=path,
            repair=f"Did you mean {file}:{match}?" if match else None,
        )
    if call.brackets is not None:
        raise ConfigError(
            f"Expected a class of cells before {call.brackets}, found {call.name}, which is a cell already.",
            file=path,
            repair=f"Write {file}:{call.name}.",
        )
    return found


def _is_cell(value: Any, module: ModuleType) -> bool:
    """Whether a file made a cell or a class of cells; one that it only imports is none of its own."""
    if isinstance(value, type):
        return issubclass(value, Cell) and value.__module__ == module.__name__
    return isinstance(value, Cell)


def _run(path: Path) -> ModuleType:
    """The module that a Python file is."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ConfigError("Expected a Python file.", file=path, repair="Its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # inspect finds a class's text through its module
    try:
        spec.loader.exec_module(module)
    except CellwrightError:
        raise
    except SyntaxError as error:
        raise ConfigError(
            f"The file with the cell is not Python: {error.msg}.",
            file=error.filename or path,
            line=error.lineno,
            source=error.text,
        ) from error
    except Exception as error:
        place = _last_line(error, str(spec.origin)) or {"file": path}
        raise ConfigError(f"The file with the cell cannot be run: {type(error).__name__}: {error}", **place) from error
    return module


def _last_line(error: Exception, file: str | None = None) -> dict[str, Any]:
    """The innermost line that an error came through, or the innermost in `file`, for ConfigError(**_last_line(e))."""
    passed = [one for one in traceback.extract_tb(error.__traceback__) if file is None or one.filename == file]
    return {"file": passed[-1].filename, "line": passed[-1].lineno, "source": passed[-1].line} if passed else {}
