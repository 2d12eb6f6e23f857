"""Settings of the cloze task: what `cellwright train cloze` reads from TOML and `--set`."""

from __future__ import annotations

from pydantic import Field

from cellwright.tasks.text.settings import TextData
from cellwright.tasks.training.config import Config, Section, TrainSection

__all__ = ["ClozeConfig", "ClozeData", "ClozeModelSection"]


class ClozeData(TextData):
    path: str = Field(
        "cues",
        description="cues or senses (also cues-en, cues-zh, senses-en, senses-zh), a folder with train, valid and "
        "test, or a text file",
    )
    senses: bool = Field(
        False, description="word/sense in a text is a word whose sense is asked; the embedded senses have it"
    )
    longest: int = Field(
        200, ge=2, le=10_000, description="lines of more words are read in pieces, as if each were a line"
    )
    positions: int = Field(
        20_000, ge=1, le=10**9, description="evaluate: at most so many missing words, evenly over the text"
    )
    ngram: int = Field(3, ge=1, le=12, description="order of the n-grams to the left and right of a missing word")


class ClozeModelSection(Section):
    cell: str = Field(
        "LSTM", description="a cell of cellwright.cells, FILE.py:NAME for your own, or PerToken for the next words only"
    )
    bidirectional: bool = Field(True, description="read from both ends; false reads what stands to the left only")
    hidden_size: int = Field(128, ge=1, le=65_536, description="size of a layer's state in each direction")
    num_layers: int = Field(1, ge=1, le=64, description="recurrent layers of each direction")
    forget_bias: float = Field(
        3.0, ge=-100, le=100, description="first bias of the gate that keeps the old state, where the cell has one"
    )
    embedding_size: int = Field(64, ge=1, le=65_536, description="size of a word's embedding")
    tied: bool = Field(True, description="the softmax takes the embeddings as its weights")
    dropout_input: float = Field(0.0, ge=0, lt=1, description="dropout on embeddings, one mask a sentence")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout before the softmax, one mask a sentence")


class ClozeConfig(Config):
    data: ClozeData = ClozeData()
    model: ClozeModelSection = ClozeModelSection()
    train: TrainSection = TrainSection(epochs=8, batch_size=20, learning_rate=0.015, clip=1.0, average=0.98)
