"""What every model that reads texts offers beside its own answers: one at a time, together, line by line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from cellwright.errors import CellwrightError, DataError
from cellwright.tasks.data.given_text import given_words

__all__ = ["TextModel"]

AnswerT = TypeVar("AnswerT")


class TextModel(ABC, Generic[AnswerT]):
    """Derived classes give `answers`."""

    @abstractmethod
    def answers(self, texts: Sequence[str | Sequence[str]]) -> list[AnswerT]:
        """What `predict_many` gives, of texts and lists of words that were checked."""

    def predict_many(self, texts: Iterable[str | Sequence[str]]) -> list[AnswerT]:
        """An answer to each text, or list of words; short texts are read together, which changes no answer.

        Raises DataError: one text in place of several; no word in a text, or more than 10,000.
        """
        if isinstance(texts, str | bytes | Mapping) or not isinstance(texts, Iterable):
            raise DataError(
                f"Expected a list of texts, found {'one text' if isinstance(texts, str) else type(texts).__name__}.",
                repair="model.predict(text), or model.predict_many([text, …]).",
            )
        return self.answers([text if isinstance(text, str) else given_words(text) for text in texts])

    def predict(self, text: str | Sequence[str]) -> AnswerT:
        """The answer to one text, or to one list of words. Raises DataError: no word in it, or more than 10,000."""
        return self.answers([text if isinstance(text, str) else given_words(text)])[0]

    def stream(self, lines: Iterable[str]) -> Iterator[AnswerT | CellwrightError]:
        """One answer a line, as the lines come; a line that cannot be read gives its error, and the stream goes on."""
        for line in lines:
            try:
                yield self.predict(line.rstrip("\r\n"))
            except CellwrightError as error:
                yield error
