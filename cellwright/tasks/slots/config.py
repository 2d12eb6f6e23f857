"""Settings of the slots-and-intents task: what `cellwright train slots` reads from TOML and `--set`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cellwright.tasks.training.config import Config, DataSection, Section, TrainSection

__all__ = ["SlotsConfig", "SlotsData", "SlotsModel"]


class SlotsData(DataSection):
    path: str = Field("travel-en", description="travel-en, travel-zh, a folder with train, valid and test, or a file")
    scheme: Literal["auto", "bio", "bioes", "iob1"] = Field("auto", description="tag scheme; auto finds it")
    unit: Literal["word", "char"] = Field("word", description="char cuts every token into characters")
    size: int = Field(0, ge=0, le=10_000_000, description="training utterances used or generated; 0 = all")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the embedded generator")
    swap: float = Field(
        0.5, ge=0, le=1, description="probability that a slot's value is replaced, in training, by another of that slot"
    )
    made_up: float = Field(
        0.0, ge=0, le=1, description="probability that a slot's value is made up, in training, from parts of others"
    )


class SlotsModel(Section):
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
    head: Literal["crf", "softmax"] = Field("crf", description="how tags are chosen: jointly, or each by itself")
    intent_to_slots: bool = Field(True, description="the slots also see the intent's probabilities")
    intent_weight: float = Field(0.5, ge=0, le=1e6, description="weight of the intent's loss beside the slots'")
    feature_dropout: float = Field(0.4, ge=0, lt=1, description="dropout on words' features, one mask a sentence")
    dropout: float = Field(0.3, ge=0, lt=1, description="dropout on the outputs of each layer, one mask a sentence")
    word_dropout: float = Field(
        1.0, ge=0, le=1e6, description="in training a word of count n is taken as unknown with probability w / (w + n)"
    )


class SlotsConfig(Config):
    data: SlotsData = SlotsData()
    model: SlotsModel = SlotsModel()
    train: TrainSection = TrainSection()
