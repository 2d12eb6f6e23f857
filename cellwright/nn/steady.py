"""What a layer asks of a cell beside its equations: no weights of its own, and the same equations every time."""

from __future__ import annotations

from torch import nn

from cellwright.cells import Cell
from cellwright.cells.cell import step_place
from cellwright.engine.masks import Masking
from cellwright.engine.run.registry import cell_key
from cellwright.errors import CellError, UnsupportedOp

__all__ = ["check_held", "steady_key"]


def check_held(cell: Cell) -> None:
    """Raises CellError for a cell with weights of its own, which no layer would train, move or store."""
    for name, value in vars(cell).items():
        inside = list(value.parameters()) if isinstance(value, nn.Module) else [value]
        if any(isinstance(one, nn.Parameter) for one in inside):
            raise CellError(
                f"{cell.name} holds torch weights as self.{name}: its layer would not train, move or store them.",
                repair='Declare them: params = {"V": "H H"}, and write V @ h in step.',
                **step_place(cell),
            )


def steady_key(cell: Cell, input_size: int, hidden_size: int, bias: bool, masking: Masking | None) -> str:
    """The cell's key (run.registry).

    Raises:
        UnsupportedOp: the equations are others when `step` runs again: one of them cannot stand for every step.
    """
    key, again = (cell_key(cell, input_size, hidden_size, bias, masking) for _ in range(2))
    if key != again:
        raise UnsupportedOp(
            f"{cell.name}.step writes other equations when it runs again: it reads random numbers, a clock or a count",
            repair="Hand them in with x, or draw them with torch: torch.rand_like(h).",
            **step_place(cell),
        )
    return key
