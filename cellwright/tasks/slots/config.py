"""Settings of the slots-and-intents task: what `cellwright train slots` reads from TOML and `--set`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cellwright.tasks.data.streamed_data import StreamedData
from cellwright.tasks.networks.word_settings import WordNetworkSection
from cellwright.tasks.training.config import Config, PassesOrSteps, passes_or_steps

__all__ = ["SlotsConfig", "SlotsData", "SlotsModel", "SlotsTrain"]


class SlotsData(StreamedData):
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


class SlotsModel(WordNetworkSection):
    head: Literal["crf", "softmax"] = Field("crf", description="how tags are chosen: jointly, or each by itself")
    intent_to_slots: bool = Field(True, description="the slots also see the intent's probabilities")
    intent_weight: float = Field(0.5, ge=0, le=1e6, description="weight of the intent's loss beside the slots'")


class SlotsTrain(PassesOrSteps):
    passes, steps = 14, 3000
    epochs: int = passes_or_steps(passes, steps)


class SlotsConfig(Config):
    data: SlotsData = SlotsData()
    model: SlotsModel = SlotsModel()
    train: SlotsTrain = SlotsTrain()
