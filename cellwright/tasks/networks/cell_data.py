"""A network's cell as the data its model's folder keeps: one description that serves all its layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cellwright.cells import CELLS, Cell
from cellwright.engine.serial import cell_from_data, cell_to_data
from cellwright.errors import CellwrightError, ConfigError

__all__ = ["stored_cell"]


def stored_cell(cell: Cell | None, sizes: Sequence[tuple[int, int]]) -> dict[str, Any] | None:
    """`cell_to_data` at the sizes of the first layer; None for no cell.

    Args:
        sizes: (input, hidden) of each layer.

    Raises ConfigError: at the sizes of another layer the stored graph is not the cell's own, because its `step` uses
    a size; found before training rather than when the model is loaded.
    """
    if cell is None:
        return None
    data = cell_to_data(cell, *sizes[0])
    if type(cell) in CELLS.values():
        return data  # is known again by its name
    replayed = cell_from_data(data)
    for size in {*sizes[1:]} - {sizes[0]}:
        try:
            same = cell_to_data(replayed, *size)["nodes"] == cell_to_data(cell, *size)["nodes"]
        except CellwrightError:
            same = False
        if not same:
            raise ConfigError(
                f"Expected a step that holds at every size, found one of {cell.name} bound to {sizes[0]}, "
                f"beside a layer of {size} (input, hidden).",
                repair="Make all layers alike: model.embedding_size = model.hidden_size, model.last_size = 0.",
            )
    return data
