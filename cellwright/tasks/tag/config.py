"""Settings of tagging: what `cellwright train tag` reads from TOML and `--set`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cellwright.tasks.data.streamed_data import StreamedData
from cellwright.tasks.networks.word_settings import WordNetworkSection
from cellwright.tasks.training.config import Config, PassesOrSteps, passes_or_steps

__all__ = ["TagConfig", "TagData", "TagModel", "Target"]

Target = Literal["tags", "spans", "words"]


class TagData(StreamedData):
    path: str = Field("pos-en", description="pos-en, names-en, words-zh, a folder with train, valid, test, or a file")
    target: Literal["auto", "tags", "spans", "words"] = Field(
        "auto", description="a tag a word; labelled spans; the words of a text without spaces; auto finds it"
    )
    column: str = Field("", description="column of the tags: upos, xpos or a number from 1; empty = upos, or the last")
    scheme: Literal["auto", "bio", "bioes", "iob1"] = Field("auto", description="of spans' tags; auto finds it")
    unit: Literal["word", "char"] = Field("word", description="of spans: char cuts every token into characters")
    size: int = Field(0, ge=0, le=10_000_000, description="training sentences used or generated; 0 = all")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the embedded generator")


class TagModel(WordNetworkSection):
    num_layers: int = Field(1, ge=1, le=64, description="recurrent layers")
    pair_dim: int = Field(0, ge=0, le=65_536, description="size of the embedding of two neighbouring words; 0 = none")
    pair_count: int = Field(2, ge=1, le=1_000_000, description="a pair seen less often in training is unknown")
    head: Literal["crf", "softmax"] = Field("crf", description="how tags are chosen: jointly, or each by itself")


class TagTrain(PassesOrSteps):
    passes, steps = 14, 1300
    epochs: int = passes_or_steps(passes, steps)


class TagConfig(Config):
    data: TagData = TagData()
    model: TagModel = TagModel()
    train: TagTrain = TagTrain()
