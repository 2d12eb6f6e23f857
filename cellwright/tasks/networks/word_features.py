"""What the recurrent layers see of a word: its embedding, a static vector, its characters, its affixes.

Legend: B texts, T words, U distinct words, M characters, F features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellwright.errors import ConfigError
from cellwright.tasks.networks.word_batch import WordBatch
from cellwright.tasks.networks.word_settings import WordNetworkSection
from cellwright.tasks.text.words import AFFIX_BUCKETS, PAD, WordTable

__all__ = ["CharacterConvolution", "WordFeatures"]

AFFIX_SCALE = 0.03  # standard deviation of first affix embeddings; a word is the sum of eight


class CharacterConvolution(nn.Module):
    """The largest answer of each filter anywhere in the word (Ma & Hovy 2016, arXiv:1603.01354v5)."""

    def __init__(self, characters: int, dim: int, widths: list[int], filters: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, dim, padding_idx=PAD)
        self.filters = nn.ModuleList(nn.Conv1d(dim, filters, width, padding=width // 2) for width in widths)

    def forward(self, characters_UM: Tensor) -> Tensor:
        """(U, filters of all widths); the same whatever padding follows the word."""
        e_UCM = self.embedding(characters_UM).transpose(1, 2)
        valid_U1M = (characters_UM != PAD)[:, None, :]
        answers = []
        for convolution in self.filters:
            # An even width gives one place more than there are characters.
            scores_UFM = convolution(e_UCM)[..., : valid_U1M.shape[2]].relu()
            answers.append((scores_UFM * valid_U1M).amax(-1))
        return torch.cat(answers, 1)


class WordFeatures(nn.Module):
    """The features of every word of a batch, (B, T, size); 0 in the padding."""

    def __init__(self, config: WordNetworkSection, table: WordTable, vectors: Tensor | None = None) -> None:
        super().__init__()
        self.size = config.word_dim
        self.words: nn.Embedding | None = None
        self.vectors: nn.Embedding | None = None
        self.characters: CharacterConvolution | None = None
        self.affixes: nn.EmbeddingBag | None = None
        if config.word_dim:
            self.words = nn.Embedding(table.size, config.word_dim, padding_idx=PAD)
            nn.init.normal_(self.words.weight, 0.0, config.word_scale)
            with torch.no_grad():
                self.words.weight[PAD].zero_()
        if vectors is not None:
            self.vectors = nn.Embedding(vectors.shape[0], vectors.shape[1], padding_idx=PAD, _weight=vectors)
            self.vectors.requires_grad_(False)
            self.size += vectors.shape[1]
        if config.char_dim:
            rows = len(table.characters) + 4
            self.characters = CharacterConvolution(rows, config.char_dim, config.char_widths, config.char_filters)
            self.size += config.char_filters * len(config.char_widths)
        if config.affix_dim:
            self.affixes = nn.EmbeddingBag(AFFIX_BUCKETS, config.affix_dim, mode="sum")
            nn.init.normal_(self.affixes.weight, 0.0, AFFIX_SCALE)
            self.size += config.affix_dim
        if not self.size:
            raise ConfigError(
                "Expected words, characters, affixes or vectors, found all of size 0.",
                repair="Set model.word_dim, model.char_dim or model.affix_dim above 0.",
            )

    def forward(self, batch: WordBatch) -> Tensor:
        parts = []
        if self.words is not None:
            parts.append(self.words(batch.words_BT))
        if self.vectors is not None:
            parts.append(self.vectors(batch.words_BT))
        spelling = []
        if self.characters is not None:
            spelling.append(self.characters(batch.characters_UM))
        if self.affixes is not None:
            spelling.append(self.affixes(batch.affixes_UA))
        if spelling:
            valid_BT1 = (batch.words_BT != PAD)[..., None]
            # embedding, not indexing: its gradient adds up in one order, so that a run gives the same bits again.
            spelt_BTF = functional.embedding(batch.distinct_BT, torch.cat(spelling, 1))
            parts.append(spelt_BTF * valid_BT1)
        return torch.cat(parts, 2)
