"""Settings of the memory task: what `cellwright train memory` reads from TOML and `--set`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cellwright.tasks.training.config import Config, DataSection, Section, TrainSection

__all__ = ["MemoryConfig", "MemoryData", "MemoryModel"]


class MemoryData(DataSection):
    path: Literal["generated"] = Field("generated", description="every example is drawn when it is needed")
    problem: Literal["recall", "two-facts", "adding", "copy", "latch", "digits"] = Field(
        "recall", description="what is to be remembered"
    )
    language: Literal["zh", "en"] = Field("zh", description="of recall and two-facts")
    symbols: int = Field(10, ge=1, le=1000, description="symbols to copy")
    longest: int = Field(
        500, ge=1, le=100_000, description="longest gap in training; short and long ones are drawn alike often"
    )
    gaps: list[Annotated[int, Field(ge=1, le=100_000)]] = Field(
        [10, 50, 200, 500, 1000], min_length=1, description="gaps that are measured, each from g to 1.2 g"
    )
    examples: int = Field(1000, ge=10, le=1_000_000, description="test sequences a gap; for validation a tenth")
    size: int = Field(3_200, ge=1, le=10**9, description="sequences drawn an epoch")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the sequences that are measured")


class MemoryModel(Section):
    cell: str = Field(
        "LSTM", description="a cell of cellwright.cells, FILE.py:NAME for your own, or PerToken for no recurrence"
    )
    hidden_size: int = Field(64, ge=1, le=65_536, description="size of a layer's state")
    num_layers: int = Field(1, ge=1, le=64, description="recurrent layers")
    embedding: int = Field(16, ge=1, le=65_536, description="size of a token's embedding")
    init: Literal["chrono", "torch"] = Field(
        "chrono", description="chrono: the gate that keeps the old state begins with lags up to model.max_lag"
    )
    max_lag: int = Field(0, ge=0, le=10**7, description="longest lag in steps of init=chrono; 0 = by data.longest")
    forget_bias: float = Field(
        0.0, ge=-100, le=100, description="with init=torch: first bias of the gate that keeps the old state"
    )


class MemoryConfig(Config):
    data: MemoryData = MemoryData()
    model: MemoryModel = MemoryModel()
    train: TrainSection = TrainSection(
        epochs=6, batch_size=32, learning_rate=0.01, weight_decay=0.0, clip=1.0, average=0.99
    )
