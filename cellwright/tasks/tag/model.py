"""The network of a tagger: words, recurrent layers, a score a tag.

Legend: B sentences, T words, F features, K tags.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.nn import LinearChainCRF
from cellwright.tasks.networks.cell_choice import recurrent_layer
from cellwright.tasks.networks.dropout import SentenceDropout
from cellwright.tasks.networks.pairs import PairFeatures
from cellwright.tasks.networks.tag_choice import best_tags, tag_loss
from cellwright.tasks.networks.word_batch import WordBatch
from cellwright.tasks.networks.word_features import WordFeatures
from cellwright.tasks.tag.config import TagModel
from cellwright.tasks.tag.vocabulary import Vocabulary

__all__ = ["Batch", "TagNetwork"]


@dataclass(frozen=True, slots=True)
class Batch(WordBatch):
    """Words, their pairs (none where the network has no use for them) and tags; all int64."""

    pairs_BP: Tensor | None
    tags_BT: Tensor


class TagNetwork(nn.Module):
    """A tag a word.

    Args:
        cell: of the recurrent layers; None for a per-token network.
        vectors: static word vectors, a row a word of the vocabulary.

    Source: Lample et al. 2016, arXiv:1603.01360v3 (BiLSTM-CRF); Plank et al. 2016, arXiv:1604.05529v3 (BiLSTM tagger
    with characters).
    """

    def __init__(
        self, config: TagModel, vocabulary: Vocabulary, cell: Cell | None, vectors: Tensor | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.features = WordFeatures(config, vocabulary, vectors)
        size = self.features.size
        self.pairs: PairFeatures | None = None
        if vocabulary.pairs is not None:
            self.pairs = PairFeatures(len(vocabulary.pairs), config.pair_dim, config.word_scale)
            size += 2 * config.pair_dim
        self.feature_dropout = SentenceDropout(config.feature_dropout)
        self.layers = nn.ModuleList()
        self.sizes: list[tuple[int, int]] = []  # (input, hidden) of each layer
        for _ in range(config.num_layers):
            self.sizes.append((size, config.hidden_size))
            made, size = recurrent_layer(cell, size, config.hidden_size, config.bidirectional, config.forget_bias)
            self.layers.append(made)
        self.dropout = SentenceDropout(config.dropout)
        self.scores = nn.Linear(size, len(vocabulary.tags))
        allowed, start = (torch.from_numpy(a) for a in vocabulary.allowed_pairs())
        self.crf = LinearChainCRF(len(vocabulary.tags), allowed, start)
        self.crf.requires_grad_(config.head == "crf")

    def forward(self, batch: Batch) -> Tensor:
        """Scores of the tags, (B, T, K)."""
        x_BTF = self.features(batch)
        if self.pairs is not None and batch.pairs_BP is not None:
            x_BTF = torch.cat([x_BTF, self.pairs(batch.pairs_BP)], 2)
        x_BTF = self.feature_dropout(x_BTF)
        for recurrent in self.layers:
            x_BTF, _ = recurrent(x_BTF, lengths=batch.lengths_B)
            x_BTF = self.dropout(x_BTF)
        scores_BTK: Tensor = self.scores(x_BTF)
        return scores_BTK

    def loss(self, batch: Batch) -> Tensor:
        """Negative log likelihood of the tags, mean a sentence."""
        return tag_loss(self.crf, self(batch), batch.tags_BT, batch.lengths_B, self.config.head == "crf")

    @torch.no_grad()
    def answer(self, batch: Batch, confidence: bool = True) -> tuple[list[list[int]], list[list[float]]]:
        """Rows of the best tags, and the probability of each. Call in eval mode."""
        return best_tags(self.crf, self(batch), batch.lengths_B, confidence)
