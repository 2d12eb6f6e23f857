"""Recurrent layers that read a sequence, and a linear layer on the steps that answer.

Legend: B sequences, T steps, C channels, A answering steps, F features, K classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellwright.cells import Cell
from cellwright.tasks.memory.config import MemoryModel
from cellwright.tasks.memory.problems import Batch
from cellwright.tasks.networks.cell_choice import recurrent_layer

__all__ = ["MemoryNetwork"]


class MemoryNetwork(nn.Module):
    """The answers come from the last `answers` valid steps of each sequence.

    Args:
        cell: of the recurrent layers; None for a network without recurrence.
        tokens: size of the vocabulary; 0 where the inputs are numbers.
        channels: numbers a step, where they are.
        classes: possible answers; 0 where a number is asked for.
        answers: A.
        max_lag: for init=chrono.
    """

    def __init__(
        self,
        config: MemoryModel,
        cell: Cell | None,
        *,
        tokens: int,
        channels: int,
        classes: int,
        answers: int,
        max_lag: int,
    ) -> None:
        super().__init__()
        self.classes, self.answers = classes, answers
        self.input_size = config.embedding if tokens else channels
        self.embedding = nn.Embedding(tokens, config.embedding) if tokens else None
        self.layers = nn.ModuleList()
        size = self.input_size
        lag = max_lag if config.init == "chrono" else 0
        for _ in range(config.num_layers):
            made, size = recurrent_layer(cell, size, config.hidden_size, False, config.forget_bias, lag)
            self.layers.append(made)
        self.head = nn.Linear(size, classes or 1)

    def forward(self, batch: Batch) -> Tensor:
        """Scores (B, A, K), or the number (B, A, 1)."""
        y_BTF = batch.x if self.embedding is None else self.embedding(batch.x)
        for recurrent in self.layers:
            y_BTF, _ = recurrent(y_BTF, lengths=batch.lengths_B)
        at_BA = batch.lengths_B[:, None] - self.answers + torch.arange(self.answers)
        scores_BAK: Tensor = self.head(y_BTF[torch.arange(len(at_BA))[:, None], at_BA])
        return scores_BAK

    def loss(self, batch: Batch) -> Tensor:
        """Cross entropy a step that answers, or the mean squared error."""
        return self.loss_of(self(batch), batch)

    def loss_of(self, scores_BAK: Tensor, batch: Batch) -> Tensor:
        """The same, of what `forward` gave."""
        if self.classes:
            return functional.cross_entropy(scores_BAK.flatten(0, 1), batch.answers_BA.flatten())
        return functional.mse_loss(scores_BAK[..., 0], batch.answers_BA)
