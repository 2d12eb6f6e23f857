"""`cellwright show`: a cell's equations, parameters and wiring."""

from __future__ import annotations

from pathlib import Path

from cellwright.cells import CELLS
from cellwright.cells.named import cell_named
from cellwright.engine.trace import trace
from cellwright.engine.unused import unused_warnings
from cellwright.errors import ConfigError, UnsupportedOp
from cellwright.microscope.keeping import keeping_warnings

__all__ = ["draw_cell", "show_cell"]


def show_cell(name: str | None, input_size: int, hidden_size: int) -> None:
    """Print the cell, or the list of cells.

    Raises CellError: at these sizes the cell's step is wrong on any backend.
    """

    if name is None:
        width = max(len(key) for key in CELLS)
        for key, kind in CELLS.items():
            print(f"{key:{width}}  {(kind.__doc__ or '').strip().splitlines()[0]}")
        return
    cell = cell_named(name, CELLS)
    remarks: tuple[str, ...]
    try:
        names: dict[str, int] = {}
        graph = trace(cell, input_size, hidden_size, True, names)
        remarks = (*unused_warnings(cell, graph), *keeping_warnings(cell, graph, names))
    except UnsupportedOp as unsupported:
        remarks = (f"{cell.name} runs in the plain loop, a step at a time in torch: {unsupported}",)
    print(cell.equations())
    shapes = cell.parameter_shapes(input_size, hidden_size)
    width = max((len(key) for key in shapes), default=0)
    if shapes:
        print()
    for key, shape in shapes.items():
        print(f"{key:{width}}  {' × '.join(map(str, shape)) or 'number'}")
    total = cell.count_parameters(input_size, hidden_size)
    print(f"\n{total:,} numbers at input_size={input_size}, hidden_size={hidden_size}")
    for remark in remarks:
        print(f"\n{remark}")


def draw_cell(
    name: str | None, input_size: int, hidden_size: int, file: str | None, steps: int | None, bidirectional: bool
) -> None:
    """Write the wiring as SVG: one step, `steps` of them, or both directions over the steps (4 if not given)."""
    if name is None:
        raise ConfigError("Expected a cell to draw, found none.", repair="cellwright show LSTM --svg lstm.svg")
    if file is None:
        raise ConfigError("Expected --svg FILE with --unroll and --bidirectional, found none.", repair="--svg lstm.svg")
    cell = cell_named(name, CELLS)
    from cellwright.microscope.diagram import bidirectional_svg, cell_svg, unrolled_svg

    if bidirectional:
        text = bidirectional_svg(cell, 4 if steps is None else steps)
    elif steps is not None:
        text = unrolled_svg(cell, steps, input_size, hidden_size)
    else:
        text = cell_svg(cell, input_size, hidden_size)
    if file == "-":
        print(text, end="")
        return
    from cellwright.tasks.storage.atomic import write_file

    write_file(Path(file), text.encode())
    print(f"{file}: {len(text.encode()):,} bytes")
