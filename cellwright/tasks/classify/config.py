"""Settings of text classification: what `cellwright train classify` reads from TOML and `--set`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cellwright.tasks.data.encoding import EncodedData
from cellwright.tasks.data.streamed_data import StreamedData
from cellwright.tasks.networks.word_settings import WordNetworkSection
from cellwright.tasks.training.config import Config, PassesOrSteps, passes_or_steps

__all__ = ["ClassifyConfig", "ClassifyData", "ClassifyModel", "Pooling"]

Pooling = Literal["final", "max", "mean"]


class ClassifyData(EncodedData, StreamedData):
    path: str = Field(
        "reviews-en",
        description="reviews-en, reviews-zh, questions-en, a folder with train, valid and test, or a file",
    )
    unit: Literal["word", "char"] = Field("word", description="char cuts every text into characters")
    text_column: str = Field("", description="name or number (from 1) of the column with the text; empty = found")
    label_column: str = Field("", description="name or number (from 1) of the column with the class; empty = found")
    hash_split: bool = Field(
        False, description="cut a single file into train (8 of 10), valid and test by a hash of each text"
    )
    validation: float = Field(
        0.0, ge=0, lt=1, description="share of the end of the training split that validates; 0 = the data's own split"
    )
    size: int = Field(0, ge=0, le=10_000_000, description="training texts used or generated; 0 = all")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the embedded generator")
    reverse: bool = Field(False, description="give the network each text from its end to its beginning")


class ClassifyModel(WordNetworkSection):
    layers: list[str] = Field(
        [], description='the network as Keras writes it: ["Embedding(60)", "LSTM(100)", "Dense(6)"]; empty = as below'
    )
    hidden_size: int = Field(100, ge=1, le=65_536, description="size of a layer's state in each direction")
    num_layers: int = Field(1, ge=1, le=64, description="recurrent layers")
    char_dim: int = Field(0, ge=0, le=65_536, description="size of a character's embedding; 0 = no characters")
    feature_dropout: float = Field(0.4, ge=0, lt=1, description="dropout on words' features, one mask a text")
    dropout: float = Field(0.5, ge=0, lt=1, description="dropout between layers, and on what is classified")
    pair_dim: int = Field(0, ge=0, le=65_536, description="size of the embedding of two neighbouring words; 0 = none")
    pair_count: int = Field(2, ge=1, le=1_000_000, description="a pair seen less often in training is unknown")
    pooling: list[Pooling] = Field(
        ["max"], min_length=1, description="what of the last layer's outputs is classified: final, max, mean"
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: every class counts the same in the loss, however few its texts"
    )


class ClassifyTrain(PassesOrSteps):
    passes, steps = 8, 500
    epochs: int = passes_or_steps(passes, steps)


class ClassifyConfig(Config):
    data: ClassifyData = ClassifyData()
    model: ClassifyModel = ClassifyModel()
    train: ClassifyTrain = ClassifyTrain()
