"""Settings of translation: what `cellwright train translate` reads from TOML and `--set`."""

from __future__ import annotations

from pydantic import Field, field_validator

from cellwright.tasks.data.encoding import EncodedData
from cellwright.tasks.data.text import Unit
from cellwright.tasks.training.config import Config, Section, TrainSection

__all__ = ["TranslateConfig", "TranslateData", "TranslateModel"]


class TranslateData(EncodedData):
    path: str = Field(
        "dates", description="dates, dates-en, dates-zh, a folder with train, valid and test, or a file of pairs"
    )
    languages: list[str] = Field([], description='names of a file\'s columns, as ["en", "zh"]; empty = source, target')
    direction: str = Field("", description="from which language into which, en-zh; empty = first column into second")
    source_unit: Unit = Field("word", description="what of the source is a token; char keeps single spaces")
    target_unit: Unit = Field("word", description="what of the target is a token; char keeps single spaces")
    hash_split: bool = Field(
        False, description="cut a single file into train (8 of 10), valid and test by a hash of each first column"
    )
    size: int = Field(0, ge=0, le=10_000_000, description="training pairs used or generated; 0 = all")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the embedded generator")
    beam: int = Field(4, ge=1, le=1000, description="unfinished translations kept side by side; 1 = greedy")
    length_power: float = Field(
        1.0, ge=0, le=10, description="translations are ranked by log-probability / tokens to this power"
    )

    @field_validator("languages")
    @classmethod
    def _different(cls, names: list[str]) -> list[str]:
        if names and (len(names) < 2 or len({*names}) < len(names) or not all(name.strip() for name in names)):
            raise ValueError("two or more different names")
        return names


class TranslateModel(Section):
    cell: str = Field(
        "LSTM", description="a cell of cellwright.cells, FILE.py:NAME for your own, or PerToken for no recurrence"
    )
    bidirectional: bool = Field(True, description="read the source from both ends")
    hidden_size: int = Field(96, ge=1, le=65_536, description="size of a layer's state in each direction")
    embedding_size: int = Field(64, ge=1, le=65_536, description="size of a token's embedding")
    encoder_layers: int = Field(1, ge=1, le=64, description="recurrent layers that read the source")
    decoder_layers: int = Field(1, ge=1, le=64, description="recurrent layers above the attention; one lies below it")
    forget_bias: float = Field(
        1.0, ge=-100, le=100, description="first bias of the gate that keeps the old state, where the cell has one"
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout between layers, one mask a text")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the target that is spread over all tokens")
    token_dropout: float = Field(
        0.0, ge=0, lt=1, description="probability that a token of the source is taken as unknown in training"
    )
    min_count: int = Field(1, ge=1, le=1_000_000, description="a token seen less often in training is unknown")
    lower: bool = Field(False, description="compare the source's tokens in lower case")


class TranslateTrain(TrainSection):
    epochs: int = Field(2, ge=1, le=100_000, description="passes over the training split")
    batch_size: int = Field(64, ge=1, le=1_000_000, description="pairs a step")
    learning_rate: float = Field(4e-3, gt=0, le=1e6, description="peak step size")
    average: float = Field(
        0.99, ge=0, lt=1, description="decay a step of the averaged weights that are evaluated and saved; 0 = off"
    )


class TranslateConfig(Config):
    data: TranslateData = TranslateData()
    model: TranslateModel = TranslateModel()
    train: TranslateTrain = TranslateTrain()
