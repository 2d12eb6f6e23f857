"""Transcription as a task of the training loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.tasks.networks.cell_data import stored_cell
from cellwright.tasks.storage.model_folder import write_model
from cellwright.tasks.training.config import kept_data
from cellwright.tasks.training.identity import run_identity
from cellwright.tasks.training.order import epoch_order
from cellwright.tasks.transcribe.config import TranscribeConfig
from cellwright.tasks.transcribe.ctc import edit_distance, greedy
from cellwright.tasks.transcribe.materials import EMBEDDED
from cellwright.tasks.transcribe.model import Batch, TranscribeNetwork, make_batch, padded
from cellwright.tasks.transcribe.recording import Material

__all__ = ["TranscribeTask", "log_probabilities"]

TOGETHER = 32


class TranscribeTask:
    """The network with its recordings; `metric` is 1 - errors / symbols on valid, decoded step by step.

    Args:
        cell: of the recurrent layers; None for a network that sees a step at a time.
    """

    metric = "accuracy"

    def __init__(self, config: TranscribeConfig, material: Material, cell: Cell | None) -> None:
        self.config, self.material, self.cell = config, material, cell
        self.row_of = {symbol: row for row, symbol in enumerate(material.symbols, start=1)}
        self.notes = list(material.notes)
        self.network = TranscribeNetwork(config.model, material.channels, len(self.row_of), cell)
        self.model: nn.Module = self.network
        # Now, not after an epoch: a cell that cannot be stored as data must be refused before it is trained.
        self.cell_data = stored_cell(cell, self.network.sizes)

    def identity(self) -> dict[str, str]:
        """Digests of what the run's numbers depend on beside the settings."""
        return run_identity(self.cell_data, self.material.digest())

    def train_size(self) -> int:
        return self.material.train_size

    def order(self, epoch: int, seed: int) -> list[list[int]]:
        count = self.material.train_size
        return epoch_order([1] * count, self.config.train.batch_size, seed=seed, epoch=epoch)

    def batch(self, indices: Sequence[int], rng: np.random.Generator) -> Batch:
        return make_batch(self.material.draw(indices, rng), self.row_of)

    def loss(self, batch: Batch) -> tuple[Tensor, int]:
        return self.network.loss(batch), batch.tokens

    def evaluate(self) -> dict[str, float]:
        """Right symbols, and recordings without an error, on valid."""
        valid = self.material.valid
        found = [greedy(logs_TK) for logs_TK in log_probabilities(self.network, [one.frames for one in valid])]
        right = [[self.row_of.get(symbol, -1) for symbol in one.text] for one in valid]
        errors = [edit_distance(a, b) for a, b in zip(found, right, strict=True)]
        return {
            "accuracy": 1 - sum(errors) / sum(map(len, right)),
            "exact": sum(error == 0 for error in errors) / len(errors),
        }

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        write_model(
            folder,
            "transcribe",
            self.network,
            model=self.config.model,
            cell=self.cell_data,
            data=kept_data(self.config.data, EMBEDDED),
            metrics=metrics,
            files={},
            extra={
                "kind": self.material.kind,
                "symbols": list(self.material.symbols),
                "channels": self.material.channels,
            },
        )


@torch.no_grad()
def log_probabilities(network: TranscribeNetwork, frames: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """ln P (T, K) of each recording, in order; those of like length are read together. In eval mode."""
    order = sorted(range(len(frames)), key=lambda k: len(frames[k]))
    found: list[NDArray[np.float32]] = [np.empty((0, 0), dtype=np.float32)] * len(frames)
    for start in range(0, len(order), TOGETHER):
        chosen = order[start : start + TOGETHER]
        logs_BTK = network(*padded([frames[k] for k in chosen])).numpy()
        for k, logs_TK in zip(chosen, logs_BTK, strict=True):
            found[k] = logs_TK[: len(frames[k])]
    return found
