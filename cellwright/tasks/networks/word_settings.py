"""Settings of a network that reads words with recurrent layers: what slots, classify and tag have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cellwright.tasks.training.config import Section

__all__ = ["WordNetworkSection"]


class WordNetworkSection(Section):
    cell: str = Field(
        "LSTM", description="a cell of cellwright.cells, FILE.py:NAME for your own, or PerToken for no recurrence"
    )
    bidirectional: bool = Field(True, description="read the sentence from both ends")
    hidden_size: int = Field(200, ge=1, le=65_536, description="size of a layer's state in each direction")
    num_layers: int = Field(2, ge=1, le=64, description="recurrent layers")
    forget_bias: float = Field(
        0.0, ge=-100, le=100, description="first bias of the gate that keeps the old state, where the cell has one"
    )
    word_dim: int = Field(128, ge=0, le=65_536, description="size of a word's embedding; 0 = no words")
    word_scale: float = Field(0.4, gt=0, le=10, description="standard deviation of the first word embeddings")
    char_dim: int = Field(32, ge=0, le=65_536, description="size of a character's embedding; 0 = no characters")
    char_widths: list[Annotated[int, Field(ge=1, le=20)]] = Field(
        [3, 4, 5], min_length=1, description="characters that a filter of the convolution sees, each 1 to 20"
    )
    char_filters: int = Field(64, ge=1, le=65_536, description="filters of each width")
    affix_dim: int = Field(64, ge=0, le=65_536, description="size of the sum of prefix and suffix embeddings; 0 = none")
    min_count: int = Field(1, ge=1, le=1_000_000, description="a word seen less often in training is unknown")
    vectors: str | None = Field(None, description="word2vec or GloVe text file with static vectors; none = none")
    feature_dropout: float = Field(0.4, ge=0, lt=1, description="dropout on words' features, one mask a sentence")
    dropout: float = Field(0.3, ge=0, lt=1, description="dropout on the outputs of each layer, one mask a sentence")
    word_dropout: float = Field(
        1.0, ge=0, le=1e6, description="in training a word of count n is taken as unknown with probability w / (w + n)"
    )
