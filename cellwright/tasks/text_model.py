"""What every model that reads texts offers beside its own answers: one at a time, together, line by line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from cellwright.errors import CellwrightError

__all__ = ["TextModel"]

AnswerT = TypeVar("AnswerT")


class TextModel(ABC, Generic[AnswerT]):
    """Derived classes give `predict_many`."""

    @abstractmethod
    def predict_many(self, texts: Sequence[str | Sequence[str]]) -> list[AnswerT]:
        """An answer to each text, or list of words; short texts are read together, which changes no answer.

        Raises DataError: no word in a text, or more than 10,000.
        """

    def predict(self, text: str | Sequence[str]) -> AnswerT:
        """The answer to one text, or to one list of words. Raises DataError: no word in it, or more than 10,000."""
        return self.predict_many([text])[0]

    def stream(self, lines: Iterable[str]) -> Iterator[AnswerT | CellwrightError]:
        """One answer a line, as the lines come; a line that cannot be read gives its error, and the stream goes on."""
        for line in lines:
            try:
                yield self.predict(line.rstrip("\r\n"))
            except CellwrightError as error:
                yield error
