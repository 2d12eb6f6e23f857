"""The network: embeddings, recurrent layers, probabilities of the next token; with AWD-LSTM's regularisers.

Legend: B streams, T steps, F features, V rows of the vocabulary, S size of one state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.nn import Stepper
from cellwright.tasks.lm.config import LmModelSection
from cellwright.tasks.lm.heads import make_head
from cellwright.tasks.networks.cell_choice import PerToken, recurrent_layer
from cellwright.tasks.networks.dropout import SentenceDropout
from cellwright.tasks.networks.weight_drop import embed, run_with_weight_drop

__all__ = ["Carried", "Features", "LanguageNetwork", "detached", "zeros"]

Carried = list[tuple[Tensor, ...]]  # of each layer, one (1, B, S) a state


@dataclass(frozen=True, slots=True)
class Features:
    """What the layers make of a window.

    Attributes:
        raw, dropped: output of the last layer before and after dropout.
        carried: the states after the last step.
    """

    raw_BTF: Tensor
    dropped_BTF: Tensor
    carried: Carried


class LanguageNetwork(nn.Module):
    """P(next token | all tokens before it).

    Args:
        rows: size of the vocabulary.
        cell: of the recurrent layers; None for a network that sees the last token only.

    Source: Merity, Keskar & Socher 2017, arXiv:1708.02182v1.
    """

    def __init__(self, config: LmModelSection, rows: int, cell: Cell | None) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(rows, config.embedding_size)
        nn.init.uniform_(self.embedding.weight, -config.embedding_scale, config.embedding_scale)
        self.layers = nn.ModuleList()
        self.sizes: list[tuple[int, int]] = []  # (input, hidden) of each layer
        width = config.embedding_size
        for number in range(config.num_layers):
            last = number == config.num_layers - 1
            size = config.last_size if last and config.last_size else config.hidden_size
            self.sizes.append((width, size))
            made, width = recurrent_layer(cell, width, size, False, config.forget_bias)
            self.layers.append(made)
        self.project = (
            nn.Linear(width, config.embedding_size) if config.tied and width != config.embedding_size else None
        )
        self.head = make_head(config, config.embedding_size if config.tied else width, rows)
        self.input_dropout = SentenceDropout(config.dropout_input)
        self.hidden_dropout = SentenceDropout(config.dropout_hidden)
        self.output_dropout = SentenceDropout(config.dropout)

    def forward(self, x_BT: Tensor, carried: Carried | None = None) -> Features:
        """The window after `carried`; from zeros if not given."""
        y_BTF = self.input_dropout(embed(self.embedding, x_BT, self.config.dropout_embedding))
        after: Carried = []
        for number, layer in enumerate(self.layers):
            if number:
                y_BTF = self.hidden_dropout(y_BTF)
            if isinstance(layer, PerToken):
                y_BTF, state = layer(y_BTF)[0], ()
            else:
                before = None if carried is None else carried[number]
                y_BTF, state = run_with_weight_drop(layer, self.config.weight_drop, y_BTF, before)
            after.append((state,) if isinstance(state, Tensor) else tuple(state))
        if self.project is not None:
            y_BTF = self.project(y_BTF)
        return Features(y_BTF, self.output_dropout(y_BTF), after)

    def mean_loss(self, found: Features, y_BT: Tensor) -> Tensor:
        """Mean −ln P of the next tokens."""
        return self.head.mean_loss(found.dropped_BTF.flatten(0, 1), y_BT.flatten(), self.embedding.weight)

    def penalties(self, found: Features) -> Tensor:
        """AR and TAR (Merity et al. 2017, section 4.6): the output should be small, and change slowly."""
        total = found.raw_BTF.new_zeros(())
        if self.config.activation:
            total = total + self.config.activation * found.dropped_BTF.float().square().mean()
        if self.config.activation_change and found.raw_BTF.shape[1] > 1:
            total = total + self.config.activation_change * found.raw_BTF.float().diff(dim=1).square().mean()
        return total

    def log_probabilities(self, y_NF: Tensor) -> Tensor:
        """ln P of every row after each output of the last layer, (N, V)."""
        return self.head.log_probabilities(y_NF, self.embedding.weight)

    def state_sizes(self) -> list[tuple[int, ...]]:
        """Of each layer, the sizes of its states."""
        layers: list[Any] = list(self.layers)
        return [() if isinstance(layer, PerToken) else tuple(layer.state_sizes.values()) for layer in layers]

    def steppers(self) -> Sequence[Stepper | PerToken]:
        """The layers one token at a time. Raises BackendError: a cell that has no stepper."""
        layers: list[Any] = list(self.layers)
        return [layer if isinstance(layer, PerToken) else layer.stepper(1) for layer in layers]


def detached(carried: Carried) -> Carried:
    """The same numbers without their history."""
    return [tuple(state.detach() for state in states) for states in carried]


def zeros(network: LanguageNetwork, streams: int) -> Carried:
    """What a text begins with."""
    like = network.embedding.weight
    return [
        tuple(torch.zeros(1, streams, size, dtype=like.dtype, device=like.device) for size in sizes)
        for sizes in network.state_sizes()
    ]
