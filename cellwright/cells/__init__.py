"""Recurrent cells as their equations, one family a file; no torch, no compiler."""

from cellwright.cells.cell import Cell
from cellwright.cells.coupled import CIFG
from cellwright.cells.elman import Elman, Jordan
from cellwright.cells.gru import GRU, GRUResetBefore
from cellwright.cells.lstm import LSTM, LSTM1997
from cellwright.cells.minimal import MGU
from cellwright.cells.peephole import PeepholeLSTM
from cellwright.cells.projected import LSTMP

__all__ = [
    "CELLS",
    "CIFG",
    "GRU",
    "LSTM",
    "LSTM1997",
    "LSTMP",
    "MGU",
    "Cell",
    "Elman",
    "GRUResetBefore",
    "Jordan",
    "PeepholeLSTM",
]

CELLS: dict[str, type[Cell]] = {
    cell.__name__: cell for cell in (Elman, Jordan, LSTM, LSTM1997, PeepholeLSTM, CIFG, LSTMP, GRU, GRUResetBefore, MGU)
}
"""The library's cells by name, in the order of the docs."""
