"""Run a cell's `step`: whatever goes wrong in the lines of its author is a CellError that names the line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cellwright import ops
from cellwright.cells.cell import Cell, error_place, step_place
from cellwright.errors import CellError, CellwrightError

__all__ = ["checked_cell", "count_error", "run_step"]

_CALLED = re.compile(r"\b((?:np|numpy)\.)?(\w+)\s*\(")


def run_step(cell: Cell, values: Sequence[Any], arguments: Mapping[str, Any]) -> Any:
    """What `cell.step` returns for x and the states in `values`, and `arguments` as `Cell.bind` makes them.

    Raises:
        CellError: the cell has no `step`, or its `step` raises an error of Python, NumPy or torch.
    """
    try:
        return cell.step(*values, **arguments)
    except (CellwrightError, Warning, MemoryError):
        raise
    except Exception as error:
        raise _step_error(cell, error) from error


def _step_error(cell: Cell, error: Exception) -> CellError:
    place = error_place(error) or step_place(cell)
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        message = f"{cell.name}.step uses the name {error.name}, which is not defined"
    elif isinstance(error, TypeError) and "ufunc" in str(error):  # its text names a class of the engine
        message = f"{cell.name}.step gives a cell's value to a function of NumPy"
    else:
        message = f"{cell.name}.step: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}".removesuffix(": ")
    return CellError(message, repair=_repair(error, place.get("source") or ""), **place)


def _repair(error: Exception, source: str) -> str | None:
    if isinstance(error, UnboundLocalError):
        return "Give it a value on every way to this line."
    if isinstance(error, NameError):
        op = _op(error.name or "")
        return f"Import it: from cellwright.ops import {op}." if op else (
            f"Define it, or import it, for example from cellwright.ops: {_functions()}."
        )  # fmt: skip
    called = _CALLED.findall(source)
    from_numpy = [name for prefix, name in called if prefix]
    if not from_numpy and "ufunc" not in str(error):
        return None
    found = [op for name in (*from_numpy, *(name for _, name in called)) if (op := _op(name))]
    return f"NumPy cannot compute on a cell's values: use cellwright.ops.{found[0]}." if found else (
        f"NumPy cannot compute on a cell's values: use cellwright.ops ({_functions()})."
    )  # fmt: skip


def _op(name: str) -> str | None:
    """The function of cellwright.ops that `name` spells."""
    op = ops.SPELLINGS.get(name, name)
    return op if op in ops.__all__ and op in ops.OPS else None


def _functions() -> str:
    return ", ".join(name for name in ops.__all__ if name in ops.OPS)


def count_error(cell: Cell, found: int, place: Mapping[str, Any]) -> CellError:
    """What is wrong with a `step` that returns `found` values, which is another number than the cell declares."""
    names = list(cell.returned_names)
    expected = ", ".join(names)
    return CellError(
        f"{cell.name}.step returns {found} values, declared are {len(names)}: {expected}",
        repair=f"Return ({expected}), or change states.",
        **place,
    )


def checked_cell(given: Any) -> Cell:
    """`given`, if it is a cell. Raises CellError for a class of cells, a name or anything else."""
    if isinstance(given, Cell):
        return given
    if isinstance(given, type) and issubclass(given, Cell):
        name = given.__name__
        raise CellError(f"Expected a cell, found the class {name} itself.", repair=f"Make one: {name}().")
    from cellwright.cells import CELLS

    if isinstance(given, str):
        name = given if given in CELLS else "LSTM"
        raise CellError(f"Expected a cell, found the text {given!r}.", repair=f"Write cw.cells.{name}().")
    raise CellError(f"Expected a cell, found {type(given).__name__}.", repair="Write for example cw.cells.LSTM().")
