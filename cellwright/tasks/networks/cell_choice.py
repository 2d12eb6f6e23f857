"""The recurrent layer that `model.cell` names: a library cell, a cell in a file of the user's, or none at all."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from cellwright.cells import CELLS, Cell
from cellwright.cells.named import cell_named
from cellwright.nn import layer
from cellwright.nn.init import keeping_gate

__all__ = ["PER_TOKEN", "PerToken", "choose_cell", "recurrent_layer"]

PER_TOKEN = "PerToken"


class PerToken(nn.Module):
    """tanh(W x_t + b) at each step by itself: what a network without recurrence can do."""

    def __init__(self, input_size: int, output_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, output_size)

    def forward(self, x_BTF: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, None]:
        return self.linear(x_BTF).tanh(), None


def choose_cell(name: str) -> Cell | None:
    """The cell of this name; None for PerToken. Raises ConfigError."""
    return None if name == PER_TOKEN else cell_named(name, CELLS, [PER_TOKEN])


def recurrent_layer(
    cell: Cell | None,
    input_size: int,
    hidden_size: int,
    bidirectional: bool,
    forget_bias: float,
    chrono_lag: int = 0,
) -> tuple[nn.Module, int]:
    """One layer on (B, T, input_size) and the size of its output.

    Args:
        forget_bias: of the gate that keeps the old state, where the cell has one.
        chrono_lag: the longest lag in steps, for chrono biases in place of `forget_bias`; 0 = none.
    """
    if cell is None:
        return PerToken(input_size, hidden_size), hidden_size
    options: dict[str, Any] = {}
    if keeping_gate(cell) is not None:
        options = {"init": "chrono", "max_lag": chrono_lag} if chrono_lag else {"forget_bias": forget_bias}
    made = layer(cell, input_size, hidden_size, batch_first=True, bidirectional=bidirectional, **options)
    return made, cell.output_size(hidden_size) * (2 if bidirectional else 1)
