"""`cellwright show`: a cell's equations and parameters."""

from __future__ import annotations

from cellwright.cells import CELLS
from cellwright.cells.named import cell_named

__all__ = ["show_cell"]


def show_cell(name: str | None, input_size: int, hidden_size: int) -> None:
    """Print the cell, or the list of cells."""
    if name is None:
        for key, kind in CELLS.items():
            print(f"{key:15} {(kind.__doc__ or '').strip().splitlines()[0]}")
        return
    cell = cell_named(name, CELLS)
    print(cell.equations())
    shapes = cell.parameter_shapes(input_size, hidden_size)
    width = max(len(key) for key in shapes)
    print()
    for key, shape in shapes.items():
        print(f"{key:{width}}  {' × '.join(map(str, shape)) or 'number'}")
    total = cell.count_parameters(input_size, hidden_size)
    print(f"\n{total:,} numbers at input_size={input_size}, hidden_size={hidden_size}")
