"""The network: an encoder, a decoder layer, attention, decoder layers that see what was attended to.

Attention depends on the layer below it alone, so with known targets every layer runs over a whole text in one call.

Legend: B texts, S tokens of the source, T of the target, E size of the encoder's output, H of a decoder layer's,
F of an embedding, V rows of the target's vocabulary.

Sources: Bahdanau, Cho & Bengio 2015, arXiv:1409.0473v7 (attention over a bidirectional encoder); Luong, Pham & Manning
2015, arXiv:1508.04025v5 ("general" score); Wu et al. 2016, arXiv:1609.08144v2, section 3 (attention from the lowest
decoder layer, given to those above).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellwright.cells import Cell
from cellwright.tasks.networks.cell_choice import PerToken, recurrent_layer
from cellwright.tasks.networks.dropout import SentenceDropout
from cellwright.tasks.text.vocabulary import BEGIN, PAD, UNKNOWN
from cellwright.tasks.translate.config import TranslateModel

__all__ = ["Batch", "Encoded", "States", "TranslateNetwork"]

States = list[Any]  # of each decoder layer what the layer itself returns: tensors (1, B, size); None without recurrence
NEVER = [PAD, UNKNOWN, BEGIN]  # rows that no translation has


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of tokens, padded with PAD; `before` is what the decoder has read when it must say `after`."""

    source_BS: Tensor
    lengths_B: Tensor
    before_BT: Tensor
    after_BT: Tensor
    target_lengths_B: Tensor
    tokens: int


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the decoder reads of a source: the encoder's outputs, their keys, where they end, and their mean."""

    memory_BSE: Tensor
    keys_BSH: Tensor
    ends_BS: Tensor  # 0 within a text, minus infinity after it
    summary_BF: Tensor

    def repeated(self, times: int) -> Encoded:
        """Each text `times` times, one after the other."""
        parts = (self.memory_BSE, self.keys_BSH, self.ends_BS, self.summary_BF)
        return Encoded(*(part.repeat_interleave(times, dim=0) for part in parts))


class TranslateNetwork(nn.Module):
    """P(next token of the target | the target before it, the source).

    Args:
        source_rows, target_rows: sizes of the vocabularies.
        cell: of all recurrent layers; None for networks that see a token at a time.
    """

    def __init__(self, config: TranslateModel, source_rows: int, target_rows: int, cell: Cell | None) -> None:
        super().__init__()
        self.config = config
        size, width = config.hidden_size, config.embedding_size
        self.sizes: list[tuple[int, int]] = []  # (input, hidden) of each recurrent layer
        self.source_embedding = nn.Embedding(source_rows, width)
        self.target_embedding = nn.Embedding(target_rows, width)
        for table in (self.source_embedding, self.target_embedding):
            nn.init.normal_(table.weight, std=0.4)
        self.encoder, encoded = self._stack(cell, width, config.encoder_layers, config.bidirectional)
        self.summary = nn.Linear(encoded, width)
        self.lower, below = self._stack(cell, width, 1, False)
        self.keys = nn.Linear(encoded, below, bias=False)
        self.upper, above = self._stack(cell, below + encoded, config.decoder_layers, False)
        self.hidden = nn.Linear(above + encoded, size)
        self.output = nn.Linear(size, target_rows)
        self.dropout = SentenceDropout(config.dropout)

    def _stack(self, cell: Cell | None, width: int, layers: int, both: bool) -> tuple[nn.ModuleList, int]:
        made = nn.ModuleList()
        for _ in range(layers):
            self.sizes.append((width, self.config.hidden_size))
            layer, width = recurrent_layer(cell, width, self.config.hidden_size, both, self.config.forget_bias)
            made.append(layer)
        return made, width

    def encode(self, source_BS: Tensor, lengths_B: Tensor) -> Encoded:
        """Read the sources."""
        y_BSE = self.dropout(self.source_embedding(source_BS))
        for layer in self.encoder:
            y_BSE = self.dropout(layer(y_BSE, lengths=lengths_B)[0])
        inside_BS = torch.arange(source_BS.shape[1]) < lengths_B[:, None]
        y_BSE = y_BSE * inside_BS[..., None]
        ends_BS = torch.zeros(inside_BS.shape, dtype=y_BSE.dtype).masked_fill(~inside_BS, -math.inf)
        mean_BE = y_BSE.sum(1) / lengths_B[:, None]
        return Encoded(y_BSE, self.keys(y_BSE), ends_BS, self.summary(mean_BE))

    def decode(
        self,
        encoded: Encoded,
        before_BT: Tensor,
        states: States | None = None,
        lengths_B: Tensor | None = None,
    ) -> tuple[Tensor, States, Tensor]:
        """Scores (B, T, V) of the token after each one, the states after the last, and the attention (B, T, S).

        Args:
            states: after the tokens that were read before; None = the target begins here.
        """
        after: States = []
        x_BTF = self.dropout(self.target_embedding(before_BT)) + encoded.summary_BF[:, None]
        y_BTH = self._run(self.lower, x_BTF, states, lengths_B, after)
        scores_BTS = y_BTH @ encoded.keys_BSH.transpose(1, 2) / math.sqrt(y_BTH.shape[-1]) + encoded.ends_BS[:, None]
        attention_BTS = scores_BTS.softmax(-1)
        seen_BTE = attention_BTS @ encoded.memory_BSE
        y_BTH = self.dropout(torch.cat([y_BTH, seen_BTE], dim=-1))
        y_BTH = self._run(self.upper, y_BTH, states, lengths_B, after)
        hidden_BTH = self.hidden(torch.cat([self.dropout(y_BTH), seen_BTE], dim=-1)).tanh()
        return self.output(self.dropout(hidden_BTH)), after, attention_BTS

    def _run(
        self, layers: nn.ModuleList, y_BTF: Tensor, states: States | None, lengths_B: Tensor | None, after: States
    ) -> Tensor:
        """One layer after the other; the state of each goes to `after`."""
        for number, layer in enumerate(layers):
            if number:
                y_BTF = self.dropout(y_BTF)
            if isinstance(layer, PerToken):
                y_BTF, state = layer(y_BTF)
            else:
                y_BTF, state = layer(y_BTF, None if states is None else states[len(after)], lengths=lengths_B)
            after.append(state)
        return y_BTF

    def forward(self, batch: Batch) -> Tensor:
        """Scores (B, T, V) of every next token, each after the right ones before it (teacher forcing)."""
        encoded = self.encode(batch.source_BS, batch.lengths_B)
        return self.decode(encoded, batch.before_BT, lengths_B=batch.target_lengths_B)[0]

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy a token."""
        return functional.cross_entropy(
            self(batch).flatten(0, 1),
            batch.after_BT.flatten(),
            ignore_index=PAD,
            label_smoothing=self.config.label_smoothing if self.training else 0.0,
        )

    def next_tokens(self, encoded: Encoded, last_B: Tensor, states: States | None) -> tuple[Tensor, States]:
        """ln P (B, V) of each token after `last_B`, with none for those that no translation has."""
        scores_BTV, after, _ = self.decode(encoded, last_B[:, None], states)
        scores_BV = scores_BTV[:, -1]
        scores_BV[:, NEVER] = -math.inf
        return scores_BV.log_softmax(-1), after


def chosen(states: Sequence[Any], rows: Tensor) -> States:
    """The states of these rows of the batch."""

    def pick(state: Any) -> Any:
        if state is None:
            return None
        return state[:, rows] if isinstance(state, Tensor) else tuple(part[:, rows] for part in state)

    return [pick(state) for state in states]
