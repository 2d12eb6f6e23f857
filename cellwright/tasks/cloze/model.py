"""The network: what stands to the left of a place and what stands to its right, never the place itself.

Legend: B sentences, S places with begin and end, T = S − 2 words, N asked places, F features, V rows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.nn import layer
from cellwright.nn.init import keeping_gate
from cellwright.tasks.cloze.config import ClozeModelSection
from cellwright.tasks.networks.cell_choice import PerToken
from cellwright.tasks.networks.dropout import SentenceDropout
from cellwright.tasks.networks.softmax import SoftmaxHead
from cellwright.tasks.text.vocabulary import BEGIN, END, PAD

__all__ = ["NEVER", "ClozeNetwork"]

NEVER = (PAD, BEGIN, END)  # rows that are no word


class ClozeNetwork(nn.Module):
    """P(word at t | all words before t, all words after t).

    The forward layers are read at t − 1 and the backward ones at t + 1. Layers of one direction are stacked on that
    direction alone: in a joint stack the second layer at t − 1 would have read, through the backward layer below it,
    the word at t.

    Args:
        rows: size of the vocabulary.
        cell: of the recurrent layers; None for a network that sees the words next to the place only.

    Source: Melamud, Goldberger & Dagan 2016, "context2vec", doi:10.18653/v1/K16-1006.
    """

    def __init__(self, config: ClozeModelSection, rows: int, cell: Cell | None) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(rows, config.embedding_size)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        directions = 2 if config.bidirectional else 1
        self.layers: nn.Module
        if cell is None:
            self.layers, self.width = (
                PerToken(config.embedding_size, config.hidden_size * directions),
                config.hidden_size,
            )
        else:
            self.layers = layer(cell, config.embedding_size, config.hidden_size, **_options(config, cell))
            self.width = cell.output_size(config.hidden_size)
        self.sizes = [(config.embedding_size, config.hidden_size)]
        self.sizes += [(self.width, config.hidden_size)] * (config.num_layers - 1)
        self.join = nn.Linear(self.width * directions, config.embedding_size)
        self.head = SoftmaxHead(config.embedding_size, rows, config.tied, NEVER)
        self.input_dropout = SentenceDropout(config.dropout_input)
        self.output_dropout = SentenceDropout(config.dropout)

    def forward(self, x_BS: Tensor, lengths_B: Tensor) -> Tensor:
        """Features of every place between begin and end, (B, T, F).

        Args:
            x_BS: begin, the words, end, padding.
            lengths_B: of each, begin and end included.
        """
        e_BSF = self.input_dropout(self.embedding(x_BS))
        y_BSF = self.layers(e_BSF, lengths=lengths_B)[0]
        left_BTF = y_BSF[:, :-2, : self.width]
        seen = [left_BTF, y_BSF[:, 2:, self.width :]] if self.config.bidirectional else [left_BTF]
        features_BTF: Tensor = self.output_dropout(self.join(torch.cat(seen, 2)).tanh())
        return features_BTF

    def mean_loss(self, y_NF: Tensor, target_N: Tensor) -> Tensor:
        """Mean −ln P of words."""
        return self.head.mean_loss(y_NF, target_N, self.embedding.weight)

    def log_probabilities(self, y_NF: Tensor) -> Tensor:
        """ln P of every row, (N, V)."""
        return self.head.log_probabilities(y_NF, self.embedding.weight)


def _options(config: ClozeModelSection, cell: Cell) -> dict[str, Any]:
    found: dict[str, Any] = {
        "num_layers": config.num_layers,
        "bidirectional": config.bidirectional,
        "stack": "separate",
        "batch_first": True,
    }
    return found | ({"forget_bias": config.forget_bias} if keeping_gate(cell) is not None else {})
