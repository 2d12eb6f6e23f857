"""Recurrent layers over scaled channels, and a linear layer on what the whole series gave.

Legend: B series, T steps, C channels, F features, K classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.tasks.networks.cell_choice import recurrent_layer
from cellwright.tasks.networks.class_weights import weighted_loss
from cellwright.tasks.networks.dropout import SentenceDropout
from cellwright.tasks.networks.final_output import final_output
from cellwright.tasks.series_classify.baselines import Baselines
from cellwright.tasks.series_classify.batches import Batch
from cellwright.tasks.series_classify.config import ClassifyModel

__all__ = ["SeriesNetwork"]


class SeriesNetwork(nn.Module):
    """Scores of the classes of each series.

    Args:
        cell: of the recurrent layers; None for a network without recurrence.
        channels: numbers a step.
        classes: how many.

    Attributes:
        baselines: answers that need no memory; learnt apart, kept with the weights.
    """

    mean_C: Tensor
    deviation_C: Tensor

    def __init__(self, config: ClassifyModel, cell: Cell | None, channels: int, classes: int) -> None:
        super().__init__()
        self.config, self.channels = config, channels
        self.register_buffer("mean_C", torch.zeros(channels))
        self.register_buffer("deviation_C", torch.ones(channels))
        self.input_dropout = SentenceDropout(config.input_dropout)
        self.layers = nn.ModuleList()
        size = channels
        for _ in range(config.num_layers):
            made, size = recurrent_layer(cell, size, config.hidden_size, config.bidirectional, config.forget_bias)
            self.layers.append(made)
        self.dropout = SentenceDropout(config.dropout)
        self.directions = (2 if config.bidirectional else 1) if cell is not None else 0
        self.head = nn.Linear(size, classes)
        self.baselines = Baselines(channels, classes)

    @torch.no_grad()
    def learn_scale(self, batch: Batch) -> None:
        """Mean and deviation of each channel over all steps of the training split; 1 where nothing varies."""
        if self.config.scale == "none":
            return
        valid_BT = torch.arange(batch.x_BTC.shape[1]) < batch.lengths_B[:, None]
        steps_NC = batch.x_BTC[valid_BT].double()
        self.mean_C.copy_(steps_NC.mean(0))
        deviation_C = steps_NC.std(0, correction=0)
        self.deviation_C.copy_(torch.where(deviation_C > 1e-8, deviation_C, 1.0))

    def scaled(self, x_BTC: Tensor) -> Tensor:
        """(B, T, C) as the layers see it."""
        return (x_BTC - self.mean_C) / self.deviation_C

    def forward(self, batch: Batch) -> Tensor:
        """Scores (B, K)."""
        x_BTF = self.scaled(batch.x_BTC)
        if self.training and self.config.input_noise:
            x_BTF = x_BTF + self.config.input_noise * torch.randn_like(x_BTF)
        x_BTF = self.input_dropout(x_BTF)
        pooled_BF = x_BTF[:, 0]
        for recurrent in self.layers:
            y_BTF, _ = recurrent(x_BTF, lengths=batch.lengths_B)
            x_BTF = self.dropout(y_BTF)
            pooled_BF = final_output(x_BTF, batch.lengths_B, 0 if self.config.pooling == "mean" else self.directions)
        scores_BK: Tensor = self.head(pooled_BF)
        return scores_BK

    def loss(self, batch: Batch, weight_K: Tensor | None = None) -> Tensor:
        """Cross-entropy, mean a series; `weight_K` is what one of each class counts."""
        return weighted_loss(self(batch), batch.labels_B, weight_K)
