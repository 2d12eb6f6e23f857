"""A cell by its name: one of the library's, or one in a Python file of the user's."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from cellwright.cells.cell import Cell
from cellwright.errors import CellwrightError, ConfigError
from cellwright.nearest import nearest

__all__ = ["cell_named"]


def cell_named(name: str, library: dict[str, type[Cell]], others: Sequence[str] = ()) -> Cell:
    """The cell called `name` in `library`, or "FILE.py:NAME": a cell, or a class of cells, in a file, which is run.

    Args:
        others: further names to suggest where the name is nearly one of them.

    Raises ConfigError: no such cell (names the nearest), no such file, a file without that name.
    """
    if ":" in name:
        return _from_file(*name.rsplit(":", 1))
    if name not in library:
        known = [*library, *others]
        near = nearest(name, known)
        raise ConfigError(
            f"Expected a cell of cellwright.cells, found {name!r}.",
            repair=f"Did you mean {near}?" if near else f"Cells: {', '.join(known)}; your own: FILE.py:NAME.",
        )
    try:
        return library[name]()
    except TypeError:
        raise ConfigError(
            f"{name} needs arguments of its own.",
            repair=f"Write my_cell = {name}(…) in a file and give FILE.py:my_cell.",
        ) from None


def _from_file(file: str, name: str) -> Cell:
    path = Path(file)
    if not path.is_file():
        raise ConfigError(
            f"Expected a Python file with the cell {name}, found none.",
            file=path,
            repair="Check the path before the colon.",
        )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ConfigError("Expected a Python file.", file=path, repair="model.cell=FILE.py:NAME")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # inspect finds a class's text through its module
    try:
        spec.loader.exec_module(module)
    except CellwrightError:
        raise
    except Exception as error:
        raise ConfigError(
            f"The file with the cell cannot be run: {type(error).__name__}: {error}", file=path
        ) from error
    found = getattr(module, name, None)
    cell = found() if isinstance(found, type) and issubclass(found, Cell) else found
    if not isinstance(cell, Cell):
        cells = [
            n for n, v in vars(module).items() if isinstance(v, Cell) or (isinstance(v, type) and issubclass(v, Cell))
        ]
        raise ConfigError(
            f"Expected a cell named {name}, found {', '.join(n for n in cells if n != 'Cell') or 'no cell'}.", file=path
        )
    return cell
