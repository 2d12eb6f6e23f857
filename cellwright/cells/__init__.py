"""Recurrent cells as their equations, one family a file; no torch, no compiler."""

from cellwright.cells.cell import Cell
from cellwright.cells.continuous import LEM, CoRNN, LeakyRNN
from cellwright.cells.coupled import CIFG
from cellwright.cells.elman import Elman, Jordan
from cellwright.cells.exponential import SLSTM
from cellwright.cells.gru import GRU, GRUResetBefore
from cellwright.cells.independent import IndRNN
from cellwright.cells.layer_norm import LayerNormGRU, LayerNormLSTM
from cellwright.cells.linear import SRU, MinGRU, MinLSTM
from cellwright.cells.lstm import LSTM, LSTM1997
from cellwright.cells.minimal import JANET, MGU, UGRNN, LiGRU
from cellwright.cells.multiplicative import MultiplicativeLSTM
from cellwright.cells.ordered import ONLSTM
from cellwright.cells.peephole import PeepholeLSTM
from cellwright.cells.projected import LSTMP

__all__ = [
    "CELLS",
    "CIFG",
    "GRU",
    "JANET",
    "LEM",
    "LSTM",
    "LSTM1997",
    "LSTMP",
    "MGU",
    "ONLSTM",
    "SLSTM",
    "SRU",
    "UGRNN",
    "Cell",
    "CoRNN",
    "Elman",
    "GRUResetBefore",
    "IndRNN",
    "Jordan",
    "LayerNormGRU",
    "LayerNormLSTM",
    "LeakyRNN",
    "LiGRU",
    "MinGRU",
    "MinLSTM",
    "MultiplicativeLSTM",
    "PeepholeLSTM",
]

CELLS: dict[str, type[Cell]] = {
    cell.__name__: cell
    for cell in (
        *(Elman, Jordan, LSTM, LSTM1997, PeepholeLSTM, CIFG, LSTMP, GRU, GRUResetBefore, MGU),
        *(JANET, UGRNN, LiGRU, LayerNormLSTM, LayerNormGRU, MultiplicativeLSTM, ONLSTM, SLSTM),
        *(IndRNN, SRU, MinGRU, MinLSTM, LeakyRNN, CoRNN, LEM),
    )
}
"""The library's cells by name, in the order of the docs."""
