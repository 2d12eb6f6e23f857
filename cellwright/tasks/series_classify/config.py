"""Settings of series classification: what `cellwright train series-classify` reads from TOML and `--set`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cellwright.tasks.training.config import Config, DataSection, PassesOrSteps, Section, passes_or_steps

__all__ = ["ClassifyConfig", "ClassifyData", "ClassifyModel"]


class ClassifyData(DataSection):
    path: str = Field("moving-dot", description="moving-dot, a folder with train and test (.ts or .csv), or a file")
    series_column: str = Field("series", description="of CSV: which series a row belongs to")
    label_column: str = Field("label", description="of CSV: its class")
    time_column: str = Field("", description="of CSV: the time of a row; empty = found by its name, if at all")
    time_format: str = Field(
        "", description="of CSV: how times are written, as %d/%m/%Y, or unix for seconds since 1970; empty = found"
    )
    channels: list[str] = Field([], description="of CSV: columns that are channels; none = all others")
    validation: float = Field(
        0.0, ge=0, lt=1, description="share of the end of the training split that validates; 0 = the data's own split"
    )
    size: int = Field(0, ge=0, le=10_000_000, description="training series used or generated; 0 = all")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the embedded generator")


class ClassifyModel(Section):
    cell: str = Field(
        "LSTM", description="a cell of cellwright.cells, FILE.py:NAME for your own, or PerToken for no recurrence"
    )
    bidirectional: bool = Field(True, description="read the series from both ends")
    hidden_size: int = Field(64, ge=1, le=65_536, description="size of a layer's state in each direction")
    num_layers: int = Field(1, ge=1, le=64, description="recurrent layers")
    forget_bias: float = Field(
        1.0, ge=-100, le=100, description="first bias of the gate that keeps the old state, where the cell has one"
    )
    pooling: Literal["final", "mean"] = Field(
        "final", description="what is classified: each direction's last output, or the mean over the steps"
    )
    scale: Literal["channel", "none"] = Field(
        "channel", description="channel: each channel has mean 0 and deviation 1 over the training split"
    )
    input_noise: float = Field(
        0.0, ge=0, le=100, description="standard deviation of noise on the scaled numbers, in training"
    )
    input_dropout: float = Field(0.0, ge=0, lt=1, description="dropout on the channels, one mask a series")
    dropout: float = Field(0.2, ge=0, lt=1, description="dropout on the outputs of each layer, one mask a series")
    stretch: float = Field(
        0.0, ge=0, lt=1, description="in training a series is made shorter or longer by up to this share"
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: every class counts the same in the loss, however few its series"
    )


class ClassifyTrain(PassesOrSteps):
    passes, steps = 6, 500
    epochs: int = passes_or_steps(passes, steps)


class ClassifyConfig(Config):
    data: ClassifyData = ClassifyData()
    model: ClassifyModel = ClassifyModel()
    train: ClassifyTrain = ClassifyTrain(batch_size=64, learning_rate=5e-3, average=0.99)
