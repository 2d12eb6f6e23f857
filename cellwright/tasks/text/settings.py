"""Settings of how plain text is read: what lm and cloze have in common."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cellwright.tasks.training.config import DataSection

__all__ = ["TextData"]


class TextData(DataSection):
    unit: Literal["word", "char"] = Field(
        "word", description="word: what spaces part, a line a sentence; char: every character, line ends too"
    )
    tokenize: bool = Field(False, description="words: cut punctuation and Chinese characters off, as for raw text")
    lower: bool = Field(False, description="take words in lower case")
    min_count: int = Field(1, ge=1, le=1_000_000, description="a word seen less often in training is unknown")
    max_words: int = Field(0, ge=0, le=10_000_000, description="keep at most so many words; 0 = all")
    valid_share: float = Field(0.05, gt=0, lt=0.5, description="of a single file, before the test share")
    test_share: float = Field(0.05, gt=0, lt=0.5, description="of a single file, its end")
    size: int = Field(0, ge=0, le=10_000_000, description="generated training sentences; 0 = 9,000")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the generated sentences")
