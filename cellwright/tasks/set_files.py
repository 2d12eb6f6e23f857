"""An embedded set as files that `cellwright train` reads back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["SetFiles", "lines_text"]


@dataclass(frozen=True, slots=True)
class SetFiles:
    """What to write, and how it is read.

    Attributes:
        texts: name of a file → what stands in it.
        counts: split → examples.
        unit: names an example: "texts".
        place: the file that `--data` must name; "" = the folder.
        settings: what `--set` must say to read the same examples: "data.senses=true".
        notes: what the files do not hold.
    """

    texts: Mapping[str, str]
    counts: Mapping[str, int]
    unit: str
    place: str = ""
    settings: Sequence[str] = ()
    notes: Sequence[str] = ()


def lines_text(lines: Iterable[str]) -> str:
    """Lines, each with its end."""
    return "".join(f"{line}\n" for line in lines)
