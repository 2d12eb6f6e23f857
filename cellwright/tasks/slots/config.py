"""Settings of the slots-and-intents task: what `cellwright train slots` reads from TOML and `--set`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cellwright.tasks.training.config import Config, DataSection, Section, TrainSection

__all__ = ["SlotsConfig", "SlotsData", "SlotsModel"]


class SlotsData(DataSection):
    path: str = Field("travel-en", description="travel-en, travel-zh, a folder with train, valid and test, or a file")
    scheme: Literal["auto", "bio", "bioes", "iob1"] = Field("auto", description="tag scheme of the slots; auto finds it")
    unit: Literal["word", "char"] = Field("word", description="char cuts every token into characters")
    size: int = Field(0, ge=0, le=10_000_000, description="training utterances used or generated; 0 = all, or the set's default")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the embedded generator")


class SlotsModel(Section):
    cell: str = Field("LSTM", description="name of a cell in cellwright.cells, or PerToken for a network without recurrence")
    bidirectional: bool = Field(True, description="read the sentence in both directions")
    hidden_size: int = Field(200, ge=1, le=65_536, description="size of a layer's hidden state in each direction")
    num_layers: int = Field(2, ge=1, le=64, description="recurrent layers")
    word_dim: int = Field(128, ge=0, le=65_536, description="size of a word's embedding; 0 = no words")
    char_dim: int = Field(32, ge=0, le=65_536, description="size of a character's embedding; 0 = no characters")
    char_hidden: int = Field(64, ge=1, le=65_536, description="filters of each width of the character convolution")
    char_kernel: int = Field(3, ge=1, le=16, description="widths of the character convolution: 2 up to this many + 1 characters")
    min_count: int = Field(1, ge=1, le=1_000_000, description="a word seen less often in training is unknown")
    head: Literal["crf", "softmax"] = Field("crf", description="how tags are chosen: jointly, or each by itself")
    intent_weight: float = Field(0.5, ge=0, le=1e6, description="weight of the intent's loss beside the slots'")
    dropout: float = Field(0.4, ge=0, lt=1, description="share of features set to 0 in training")
    word_dropout: float = Field(1.0, ge=0, le=1e6, description="a word of count n becomes unknown with probability w / (w + n)")
    vectors: str | None = Field(None, description="word2vec or GloVe text file with static vectors; none = none")


class SlotsConfig(Config):
    data: SlotsData = SlotsData()
    model: SlotsModel = SlotsModel()
    train: TrainSection = TrainSection()
