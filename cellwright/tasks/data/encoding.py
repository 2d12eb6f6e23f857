"""The encoding of a user's text files, as a setting."""

from __future__ import annotations

import codecs

from pydantic import Field, field_validator

from cellwright.tasks.training.config import DataSection

__all__ = ["EncodedData"]


class EncodedData(DataSection):
    """Settings of data that may be in another encoding than UTF-8."""

    encoding: str = Field("utf-8", description="of the files")

    @field_validator("encoding")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            " ".encode(name)  # hex and zip are codecs too, but none of texts
            return codecs.lookup(name).name
        except LookupError:
            raise ValueError("an encoding that Python knows") from None
