"""The network of the main job: word features, recurrent layers, a head for the slots and one for the intent.

Legend: B utterances, T words, F features, K tags, N intents.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellwright.cells import Cell
from cellwright.nn import LinearChainCRF
from cellwright.tasks.networks.cell_choice import recurrent_layer
from cellwright.tasks.networks.dropout import SentenceDropout
from cellwright.tasks.networks.final_output import final_output
from cellwright.tasks.networks.tag_choice import best_tags, tag_loss
from cellwright.tasks.networks.word_features import WordFeatures
from cellwright.tasks.slots.batches import Batch
from cellwright.tasks.slots.config import SlotsModel
from cellwright.tasks.slots.vocabulary import Vocabulary

__all__ = ["Answers", "SlotNetwork"]


@dataclass(frozen=True, slots=True)
class Answers:
    """What the network says of each utterance of a batch.

    Attributes:
        tags: rows of the tags of each word.
        tag_confidence: probability of each of those tags, given the whole sentence.
        intents: row of the intent of each utterance.
        intent_confidence: its probability.
    """

    tags: list[list[int]]
    tag_confidence: list[list[float]]
    intents: list[int]
    intent_confidence: list[float]


class SlotNetwork(nn.Module):
    """Slots by a tag a word, the intent from the last valid step, or from both directions' final steps.

    Args:
        cell: of the recurrent layers; None for a per-token network.
        vectors: static word vectors, a row a word of the vocabulary.

    Source: Goo et al. 2018, "Slot-Gated Modeling", and Qin et al. 2019, "Stack-Propagation", arXiv:1909.02188v1, for
    slots that see the intent; Lample et al. 2016, arXiv:1603.01360v3, for BiLSTM-CRF.
    """

    def __init__(
        self, config: SlotsModel, vocabulary: Vocabulary, cell: Cell | None, vectors: Tensor | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.features = WordFeatures(config, vocabulary, vectors)
        self.feature_dropout = SentenceDropout(config.feature_dropout)
        self.layers = nn.ModuleList()
        size = self.features.size
        for _ in range(config.num_layers):
            made, size = recurrent_layer(cell, size, config.hidden_size, config.bidirectional, config.forget_bias)
            self.layers.append(made)
        self.dropout = SentenceDropout(config.dropout)
        self.intent_dropout = nn.Dropout(config.dropout)
        self.directions = 0 if cell is None else 2 if config.bidirectional else 1
        self.intent = nn.Linear(size, len(vocabulary.intents)) if vocabulary.has_intents else None
        self.told: nn.Linear | None = None
        if self.intent is not None and config.intent_to_slots:
            self.told = nn.Linear(len(vocabulary.intents), config.hidden_size)
            size += config.hidden_size
        self.slots = nn.Linear(size, len(vocabulary.tags))
        allowed, start = (torch.from_numpy(a) for a in vocabulary.allowed_pairs())
        self.crf = LinearChainCRF(len(vocabulary.tags), allowed, start)
        self.crf.requires_grad_(config.head == "crf")

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Scores of the tags (B, T, K) and of the intents (B, N)."""
        x_BTF = self.feature_dropout(self.features(batch))
        last_BF = x_BTF[:, 0]
        for recurrent in self.layers:
            y_BTF, _ = recurrent(x_BTF, lengths=batch.lengths_B)
            last_BF = final_output(y_BTF, batch.lengths_B, self.directions)
            x_BTF = self.dropout(y_BTF)
        if self.intent is None:
            return self.slots(x_BTF), None
        intents_BN = self.intent(self.intent_dropout(last_BF))
        if self.told is not None:
            told_BF = self.told(intents_BN.softmax(-1))
            x_BTF = torch.cat([x_BTF, told_BF[:, None].expand(-1, x_BTF.shape[1], -1)], 2)
        return self.slots(x_BTF), intents_BN

    def loss(self, batch: Batch) -> Tensor:
        """Slots' negative log likelihood, mean a sentence, plus the weighted intent's."""
        scores_BTK, intents_BN = self(batch)
        jointly = self.config.head == "crf"
        loss = tag_loss(self.crf, scores_BTK, batch.tags_BT, batch.lengths_B, jointly)
        if intents_BN is not None:
            loss = loss + self.config.intent_weight * functional.cross_entropy(intents_BN, batch.intents_B)
        return loss

    @torch.no_grad()
    def answer(self, batch: Batch, confidence: bool = True) -> Answers:
        """The best tags and intent. Call in eval mode; without `confidence` those lists are empty."""
        scores_BTK, intents_BN = self(batch)
        tags, shares = best_tags(self.crf, scores_BTK, batch.lengths_B, confidence)
        if intents_BN is None:
            return Answers(tags, shares, [0] * len(tags), [1.0] * len(tags))
        best = intents_BN.softmax(-1).max(-1)
        return Answers(tags, shares, best.indices.tolist(), best.values.tolist())
