"""One labelled utterance, and a corpus of them in three splits: what every reader and generator returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["Corpus", "Utterance"]


@dataclass(frozen=True, slots=True)
class Utterance:
    """A sentence with one slot tag per word and one intent.

    Attributes:
        words: the tokens; for Chinese by character, one character each.
        slots: one IOB2 ("BIO") tag per word.
        intent: the label of the whole sentence; "" when the data has none.
        text: the original line, when the format had one.
        spans: character offsets (start, end) of each word in `text`.
        place: where it was read, "train.jsonl:17", for messages.
    """

    words: tuple[str, ...]
    slots: tuple[str, ...]
    intent: str
    text: str | None = None
    spans: tuple[tuple[int, int], ...] | None = None
    place: str | None = None


ExampleT = TypeVar("ExampleT")


@dataclass
class Corpus(Generic[ExampleT]):
    """Examples in the splits train, valid and test, with what the reader wants the user to know.

    Attributes:
        name: short name for tables.
        train: may be empty when only one split was given; so may `valid` and `test`. It may stay on the disk
            (tasks.data.streaming).
        notes: one line each: repairs made, labels only in test, and the like.
    """

    name: str
    train: Sequence[ExampleT] = field(default_factory=list)
    valid: Sequence[ExampleT] = field(default_factory=list)
    test: Sequence[ExampleT] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def splits(self) -> Iterator[tuple[str, Sequence[ExampleT]]]:
        """("train", …), ("valid", …), ("test", …)."""
        yield from (("train", self.train), ("valid", self.valid), ("test", self.test))
