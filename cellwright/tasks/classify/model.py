"""The network of a text classifier: words, recurrent layers, one vector a text, a score a class.

Legend: B texts, T words, F features, N classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.nn import count_parameters
from cellwright.tasks.classify.config import ClassifyModel
from cellwright.tasks.classify.layers import layer_specs
from cellwright.tasks.classify.vocabulary import Vocabulary
from cellwright.tasks.networks.cell_choice import recurrent_layer
from cellwright.tasks.networks.class_weights import weighted_loss
from cellwright.tasks.networks.dropout import SentenceDropout
from cellwright.tasks.networks.final_output import final_output
from cellwright.tasks.networks.pairs import PairFeatures
from cellwright.tasks.networks.word_batch import WordBatch
from cellwright.tasks.networks.word_features import WordFeatures

__all__ = ["Batch", "ClassifyNetwork"]


@dataclass(frozen=True, slots=True)
class Batch(WordBatch):
    """Words, their pairs (none where the network has no use for them) and classes; all int64."""

    pairs_BP: Tensor | None
    classes_B: Tensor


class Features(nn.Module):
    """What is known of each word: its own features, and those of its pairs with its neighbours."""

    def __init__(self, config: ClassifyModel, vocabulary: Vocabulary, vectors: Tensor | None) -> None:
        super().__init__()
        self.words = WordFeatures(config, vocabulary, vectors)
        self.size = self.words.size
        self.pairs: PairFeatures | None = None
        if vocabulary.pairs is not None:
            self.pairs = PairFeatures(len(vocabulary.pairs), config.pair_dim, config.word_scale)
            self.size += 2 * config.pair_dim

    def forward(self, batch: Batch) -> Tensor:
        x_BTF: Tensor = self.words(batch)
        if self.pairs is None or batch.pairs_BP is None:
            return x_BTF
        return torch.cat([x_BTF, self.pairs(batch.pairs_BP)], 2)


class Pool(nn.Module):
    """One vector a text: the final outputs of both directions, the largest and the mean of each output."""

    def __init__(self, pools: tuple[str, ...], directions: int) -> None:
        super().__init__()
        self.pools, self.directions = pools, directions

    def forward(self, y_BTF: Tensor, lengths_B: Tensor) -> Tensor:
        past_BT1 = (torch.arange(y_BTF.shape[1], device=y_BTF.device) >= lengths_B[:, None])[..., None]
        parts = []
        for pool in self.pools:
            if pool == "final":
                parts.append(final_output(y_BTF, lengths_B, self.directions))
            elif pool == "max":
                parts.append(y_BTF.masked_fill(past_BT1, -torch.inf).amax(1))
            else:
                parts.append(y_BTF.masked_fill(past_BT1, 0.0).sum(1) / lengths_B[:, None])
        return torch.cat(parts, 1)


class ClassifyNetwork(nn.Module):
    """A list of layers, those of `model.layers` or of the other settings.

    Args:
        cell: of the recurrent layers; None for a per-token network.
        vectors: static word vectors, a row a word of the vocabulary.

    Source: Graves 2012, "Supervised Sequence Labelling", §3.3.3 (sequence classification); Collobert et al. 2011,
    arXiv:1103.0398v1, for the largest value over time.
    """

    def __init__(
        self, config: ClassifyModel, vocabulary: Vocabulary, cell: Cell | None, vectors: Tensor | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.specs = layer_specs(config, len(vocabulary.classes), cell)
        if config.layers:
            alone = {"word_dim": self.specs[0].size, "char_dim": 0, "affix_dim": 0, "pair_dim": 0}
            config = config.model_copy(update=alone)
        features = Features(config, vocabulary, vectors)
        self.blocks = nn.ModuleList([features])
        self.sizes: list[tuple[int, int]] = []  # (input, hidden) of each recurrent layer
        size, directions = features.size, 0
        made: nn.Module
        for spec in self.specs[1:]:
            if spec.kind == "recurrent":
                self.sizes.append((size, spec.size))
                made, size = recurrent_layer(cell, size, spec.size, spec.bidirectional, config.forget_bias)
                directions = 0 if cell is None else 2 if spec.bidirectional else 1
            elif spec.kind == "pool":
                made, size = Pool(spec.pools, directions), size * len(spec.pools)
            elif spec.kind == "dense":
                made, size = nn.Linear(size, spec.size), spec.size
            else:
                made = SentenceDropout(spec.rate) if spec.kind == "sentence dropout" else nn.Dropout(spec.rate)
            self.blocks.append(made)

    def forward(self, batch: Batch) -> Tensor:
        """Scores of the classes, (B, N); softmax gives probabilities."""
        return self.after_words(self.blocks[0](batch), batch.lengths_B)

    def after_words(self, x: Tensor, lengths_B: Tensor) -> Tensor:
        """The same from the words' features (B, T, F) on."""
        last = len(self.blocks) - 1
        for k, (spec, block) in enumerate(zip(self.specs[1:], list(self.blocks)[1:], strict=True), start=1):
            if spec.kind == "recurrent":
                x, _ = block(x, lengths=lengths_B)
            elif spec.kind == "pool":
                x = block(x, lengths_B)
            else:
                x = block(x)
                if spec.activation != "linear" and k < last:
                    x = x.softmax(-1) if spec.activation == "softmax" else getattr(torch, spec.activation)(x)
        return x

    def loss(self, batch: Batch, weight_N: Tensor | None = None) -> Tensor:
        """Cross-entropy, mean a text; `weight_N` is what one of each class counts."""
        return weighted_loss(self(batch), batch.classes_B, weight_N)

    def layers(self) -> list[tuple[str, int]]:
        """Each layer as its settings write it, and how many numbers it learns, biases counted once a gate."""
        pairs = zip(self.specs, self.blocks, strict=True)
        return [(spec.text, count_parameters(block).one_bias) for spec, block in pairs if spec.text]
