"""Settings of the language model: what `cellwright train lm` reads from TOML and `--set`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from cellwright.tasks.text.settings import TextData
from cellwright.tasks.training.config import Config, Section, TrainSection

__all__ = ["LmConfig", "LmData", "LmModelSection"]


class LmData(TextData):
    path: str = Field(
        "sentences",
        description="sentences, sentences-en or sentences-zh, a folder with train, valid and test, or a text file; "
        "evaluate: also a .gold file with right and wrong verb forms, or its folder",
    )
    stream: bool = Field(
        False, description="leave the training text on the disk, however large: a folder with train and valid"
    )
    text: str = Field("", description="evaluate on verb forms: the text whose n-grams stand beside; empty = none")
    ngram: int = Field(0, ge=0, le=12, description="order of the n-gram baseline; 0 = 5 for words, 8 for characters")
    dynamic: float = Field(
        0.0, ge=0, le=1e6, description="evaluate: step size of dynamic evaluation, reported beside; 0 = off"
    )
    dynamic_decay: float = Field(0.0, ge=0, lt=1, description="evaluate: pull of each step back to the trained weights")
    dynamic_steps: int = Field(32, ge=1, le=100_000, description="evaluate: tokens between two dynamic steps")


class LmModelSection(Section):
    cell: str = Field(
        "LSTM", description="a cell of cellwright.cells, FILE.py:NAME for your own, or PerToken for no recurrence"
    )
    bidirectional: bool = Field(
        False,
        description="must be false: a next-word model reads from the left; from both sides: `cellwright train cloze`",
    )
    hidden_size: int = Field(128, ge=1, le=65_536, description="size of a layer's state")
    last_size: int = Field(0, ge=0, le=65_536, description="size of the last layer's state; 0 = hidden_size")
    num_layers: int = Field(1, ge=1, le=64, description="recurrent layers")
    forget_bias: float = Field(
        1.0, ge=-100, le=100, description="first bias of the gate that keeps the old state, where the cell has one"
    )
    embedding_size: int = Field(64, ge=1, le=65_536, description="size of a token's embedding")
    embedding_scale: float = Field(0.1, gt=0, le=10, description="first embeddings are drawn from ± this")
    tied: bool = Field(
        True,
        description="the softmax takes the embeddings as its weights; a product between where their sizes differ",
    )
    softmax: Literal["full", "adaptive"] = Field(
        "full", description="adaptive: rare words in clusters, for big vocabularies; needs tied = false"
    )
    cutoffs: list[Annotated[int, Field(ge=1, le=10_000_000)]] = Field(
        [2000, 10_000], min_length=1, description="adaptive: the rows at which a cluster of rarer words begins"
    )
    dropout_embedding: float = Field(0.0, ge=0, lt=1, description="probability that a word is dropped from a batch")
    dropout_input: float = Field(0.0, ge=0, lt=1, description="dropout on embeddings, one mask for all steps")
    dropout_hidden: float = Field(0.0, ge=0, lt=1, description="dropout between layers, one mask for all steps")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout on the last layer's output, one mask for all steps")
    weight_drop: float = Field(0.0, ge=0, lt=1, description="probability that a recurrent weight is dropped for a step")
    activation: float = Field(0.0, ge=0, le=1e6, description="AR: weight of the mean square of the dropped output")
    activation_change: float = Field(
        0.0, ge=0, le=1e6, description="TAR: weight of the mean square change of the output from step to step"
    )
    steps: int = Field(25, ge=1, le=100_000, description="steps through which gradients flow")

    @field_validator("bidirectional")
    @classmethod
    def no_leak(cls, value: bool) -> bool:
        """A model that reads from the right has read the word it is asked for."""
        if value:
            raise ValueError(
                "false, since from the right the model reads the very word it must guess (a leak) and its perplexity "
                "means nothing"
            )
        return value

    @model_validator(mode="after")
    def head_fits(self) -> Self:
        if self.softmax == "adaptive" and self.tied:
            raise ValueError("softmax = adaptive has weights of several sizes, which cannot be tied: set tied = false")
        if sorted(set(self.cutoffs)) != self.cutoffs:
            raise ValueError(f"cutoffs must rise: {self.cutoffs}")
        return self


class LmConfig(Config):
    data: LmData = LmData()
    model: LmModelSection = LmModelSection()
    train: TrainSection = TrainSection(epochs=10, batch_size=10, learning_rate=0.015, clip=1.0, average=0.98)
