"""One labelled text: what every reader and generator of the task gives."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Example"]


@dataclass(frozen=True, slots=True)
class Example:
    """A text with its class.

    Attributes:
        words: the tokens; by character, one character each.
        label: its class.
        text: the original text.
        place: where it was read, "train.tsv:17", for messages.
    """

    words: tuple[str, ...]
    label: str
    text: str
    place: str = ""
