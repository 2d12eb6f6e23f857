"""The network: recurrent layers, a distribution over symbols and the blank at each step, the CTC loss.

Legend: B recordings, T steps, C numbers a step, K symbols with the blank, L symbols of the longest text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from cellwright.cells import Cell
from cellwright.errors import DataError
from cellwright.tasks.networks.cell_choice import recurrent_layer
from cellwright.tasks.networks.dropout import SentenceDropout
from cellwright.tasks.transcribe.config import TranscribeModel
from cellwright.tasks.transcribe.ctc import BLANK
from cellwright.tasks.transcribe.recording import Recording, steps_needed

__all__ = ["Batch", "TranscribeNetwork", "make_batch", "padded"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames, padded with 0, and the rows of their texts one after the other."""

    frames_BTC: Tensor
    lengths_B: Tensor
    rows_N: Tensor
    counts_B: Tensor
    tokens: int


def padded(frames: Sequence[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """(B, T, C) with 0 behind each, and the lengths (B)."""
    lengths = [len(one) for one in frames]
    found_BTC = np.zeros((len(frames), max(lengths), frames[0].shape[1]), dtype=np.float32)
    for k, one in enumerate(frames):
        found_BTC[k, : len(one)] = one
    return torch.from_numpy(found_BTC), torch.tensor(lengths)


def make_batch(recordings: Sequence[Recording], row_of: Mapping[str, int]) -> Batch:
    """Raises DataError: a recording with fewer steps than its text needs."""
    frames_BTC, lengths_B = padded([recording.frames for recording in recordings])
    for recording in recordings:
        needed = steps_needed(recording.text)
        if len(recording.frames) < needed:
            raise DataError(
                f"Expected at least {needed} steps for {recording.text[:50]!r}, found {len(recording.frames)}.",
                repair="Lower model.stack, or leave the recording out.",
            )
    return Batch(
        frames_BTC=frames_BTC,
        lengths_B=lengths_B,
        rows_N=torch.tensor([row_of[symbol] for recording in recordings for symbol in recording.text]),
        counts_B=torch.tensor([len(recording.text) for recording in recordings]),
        tokens=int(lengths_B.sum()),
    )


class TranscribeNetwork(nn.Module):
    """ln P of each symbol, or of none (row 0), at each step.

    Args:
        channels: C.
        symbols: K - 1.
        cell: of the recurrent layers; None for a network that sees a step at a time.

    Source: Graves, Fernández, Gomez & Schmidhuber 2006, ICML; its network is a bidirectional LSTM as well.
    """

    def __init__(self, config: TranscribeModel, channels: int, symbols: int, cell: Cell | None) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        self.sizes: list[tuple[int, int]] = []  # (input, hidden) of each layer
        width = channels
        for _ in range(config.num_layers):
            self.sizes.append((width, config.hidden_size))
            layer, width = recurrent_layer(cell, width, config.hidden_size, config.bidirectional, config.forget_bias)
            self.layers.append(layer)
        self.head = nn.Linear(width, symbols + 1)
        self.dropout = SentenceDropout(config.dropout)

    def forward(self, frames_BTC: Tensor, lengths_B: Tensor) -> Tensor:
        """ln P (B, T, K)."""
        return self.scores(frames_BTC, lengths_B).float().log_softmax(-1)

    def scores(self, frames_BTC: Tensor, lengths_B: Tensor) -> Tensor:
        """Of each symbol and the blank, (B, T, K)."""
        y_BTF = frames_BTC
        for layer in self.layers:
            y_BTF = self.dropout(layer(y_BTF, lengths=lengths_B)[0])
        scores_BTK: Tensor = self.head(y_BTF)
        return scores_BTK

    def loss(self, batch: Batch) -> Tensor:
        """-ln P of the texts, the mean over symbols of each, then over recordings."""
        logs_BTK = self(batch.frames_BTC, batch.lengths_B)
        return functional.ctc_loss(logs_BTK.transpose(0, 1), batch.rows_N, batch.lengths_B, batch.counts_B, blank=BLANK)
