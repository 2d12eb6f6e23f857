"""Layers: any cell as a deep, bidirectional torch module, and drop-ins for torch.nn's RNN, LSTM and GRU."""

from __future__ import annotations

from cellwright.nn.crf import LinearChainCRF
from cellwright.nn.layers import GRU, LSTM, RNN, layer
from cellwright.nn.recurrent import Recurrent
from cellwright.nn.stepper import Stepper
from cellwright.nn.weights import ParameterCount, copy_from_torch, count_parameters

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "LinearChainCRF",
    "ParameterCount",
    "Recurrent",
    "Stepper",
    "copy_from_torch",
    "count_parameters",
    "layer",
]
