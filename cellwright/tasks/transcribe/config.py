"""Settings of transcription: what `cellwright train transcribe` reads from TOML and `--set`."""

from __future__ import annotations

from pydantic import Field, model_validator

from cellwright.tasks.training.config import Config, DataSection, Section, TrainSection

__all__ = ["TranscribeConfig", "TranscribeData", "TranscribeModel"]


class TranscribeData(DataSection):
    path: str = Field(
        "strokes",
        description="strokes, a folder or .tar.gz with clips DIGIT_SPEAKER_NUMBER.wav, or a folder with train.tsv …",
    )
    speaker: str = Field("", description="of clips: the speaker who is kept for the test; empty = the first by name")
    shortest: int = Field(3, ge=1, le=100, description="fewest digits of a string that is put together")
    longest: int = Field(7, ge=1, le=100, description="most digits of a string that is put together")
    gap: float = Field(0.3, ge=0, le=10, description="longest pause between two clips in seconds; drawn from 0.02 on")
    size: int = Field(0, ge=0, le=10_000_000, description="strings an epoch; 0 = 2,000, or all of a folder")
    examples: int = Field(0, ge=0, le=1_000_000, description="strings of the test; 0 = 200; for validation half")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the strings")
    beam: int = Field(8, ge=1, le=1000, description="prefixes that are kept while decoding; 1 = likeliest of each step")

    @model_validator(mode="after")
    def _in_order(self) -> TranscribeData:
        if self.longest < self.shortest:
            raise ValueError(f"longest = {self.longest} is less than shortest = {self.shortest}")
        return self


class TranscribeModel(Section):
    cell: str = Field(
        "LSTM", description="a cell of cellwright.cells, FILE.py:NAME for your own, or PerToken for no recurrence"
    )
    bidirectional: bool = Field(True, description="read the recording from both ends")
    hidden_size: int = Field(48, ge=1, le=65_536, description="size of a layer's state in each direction")
    num_layers: int = Field(2, ge=1, le=64, description="recurrent layers")
    forget_bias: float = Field(
        1.0, ge=-100, le=100, description="first bias of the gate that keeps the old state, where the cell has one"
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout between layers, one mask a recording")
    bands: int = Field(32, ge=4, le=256, description="of sound: mel bands of a frame")
    stack: int = Field(3, ge=1, le=32, description="of sound: frames of 10 ms that are read as one step")
    floor: float = Field(
        0.03, ge=0, le=10, description="of sound: share of a band's mean power below which differences hardly count"
    )
    tempo: float = Field(
        0.2, ge=0, le=0.9, description="of sound, in training: tempo and pitch change by up to this share"
    )
    warp: float = Field(
        0.2,
        ge=0,
        le=1,
        description="of sound, in training: all frequencies change by up to this share, the tempo does not",
    )
    noise: float = Field(
        0.3,
        ge=0,
        le=10,
        description="of sound, in training: most noise that is added, as a share of the sound's deviation",
    )
    loudness: float = Field(0.5, ge=0, le=10, description="of sound, in training: ln of the loudness changes so much")
    masked: int = Field(4, ge=0, le=256, description="of sound, in training: up to so many neighbouring bands are 0")
    masked_steps: int = Field(
        5, ge=0, le=256, description="of sound, in training: up to so many neighbouring steps are 0"
    )


class TranscribeTrain(TrainSection):
    epochs: int = Field(5, ge=1, le=100_000, description="passes over the training split")
    batch_size: int = Field(8, ge=1, le=1_000_000, description="recordings a step")
    learning_rate: float = Field(5e-3, gt=0, le=1e6, description="peak step size")
    average: float = Field(
        0.99, ge=0, lt=1, description="decay a step of the averaged weights that are evaluated and saved; 0 = off"
    )


class TranscribeConfig(Config):
    data: TranscribeData = TranscribeData()
    model: TranscribeModel = TranscribeModel()
    train: TranscribeTrain = TranscribeTrain()
