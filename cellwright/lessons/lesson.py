"""What a lesson is: paragraphs, tables, figures and drawings in order, and the numbers it rests on.

The terminal, the JSON, the page in the docs and the test are all made from this one object.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from cellwright.errors import ShapeError
from cellwright.microscope.figure import Figure

__all__ = ["Drawing", "Lesson", "Number", "Part", "Table", "plain", "said"]

Value = str | int | float


def said(value: Value, digits: int = 6) -> str:
    """A value as text: counts with commas, other numbers with `digits` significant digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        text = f"{value:,}"
    elif math.isfinite(value) and value == round(value) and abs(value) < 1e15:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.{digits}g}"
    return "0" if text == "-0" else text.replace("-", "−")


def plain(value: Value) -> Value:
    """A value that JSON can hold: one that is not finite as "inf", "-inf" or "nan"."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a lesson, computed now, beside what it must be.

    Attributes:
        name: what it is, unique within its lesson.
        value: computed now, by the library's own cells and measures where they have a part in it.
        expected: from a closed form or a publication.
        closed_form: where `expected` comes from.
        tolerance: largest |value − expected|; 0 for counts and for what is exact in binary.
        digits: significant digits that are shown.
    """

    name: str
    value: float
    expected: float
    closed_form: str
    tolerance: float = 0.0
    digits: int = 6

    @property
    def holds(self) -> bool:
        return self.value == self.expected or abs(self.value - self.expected) <= self.tolerance

    @property
    def shown(self) -> str:
        """The value; of one that is 0 but for rounding, how near: rounding differs from machine to machine."""
        if self.expected == 0 and self.tolerance and abs(self.value) <= self.tolerance:
            return f"0 within {self.tolerance:.0e}".replace("e-", "e−")
        return said(self.value, self.digits)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts and numbers under named columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    digits: int = 6

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ShapeError(f"{self.title}: {len(self.columns)} columns, but a row of {len(row)}: {row}.")

    def texts(self) -> list[list[str]]:
        """The rows as texts."""
        return [[said(value, self.digits) for value in row] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture: its SVG text, and the command that draws it."""

    name: str
    title: str
    svg: str
    command: str


Part = str | Table | Figure | Drawing


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson.

    Attributes:
        name: as the command takes it, "forget-bias".
        title: one line.
        parts: in the order in which they are read; a str is a paragraph.
        numbers: what it rests on.
        sources: papers, with year.
    """

    name: str
    title: str
    parts: tuple[Part, ...]
    numbers: tuple[Number, ...]
    sources: tuple[str, ...]

    def __post_init__(self) -> None:
        names = [number.name for number in self.numbers]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ShapeError(f"{self.name}: numbers that come twice: {', '.join(sorted(twice))}.")

    @property
    def paragraphs(self) -> tuple[str, ...]:
        return tuple(part for part in self.parts if isinstance(part, str))

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(part for part in self.parts if isinstance(part, Table))

    @property
    def figures(self) -> tuple[Figure, ...]:
        return tuple(part for part in self.parts if isinstance(part, Figure))

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        return tuple(part for part in self.parts if isinstance(part, Drawing))

    @property
    def wrong(self) -> tuple[str, ...]:
        """What does not hold: numbers off their closed forms, figures that do not add up. Empty, or it is a fault."""
        numbers = [f"{n.name}: {n.value!r}, expected {n.expected!r}" for n in self.numbers if not n.holds]
        figures = [str(f.check) for f in self.figures if f.check is not None and not f.check.holds]
        return (*numbers, *figures)

    def number(self, name: str) -> Number:
        """One number by its name. Raises KeyError for a name that is none of this lesson's."""
        return {number.name: number for number in self.numbers}[name]

    def to_data(self) -> dict[str, Any]:
        """Everything as JSON can hold it; drawings by name and command."""
        return {
            "name": self.name,
            "title": self.title,
            "paragraphs": list(self.paragraphs),
            "tables": [
                {"title": t.title, "columns": list(t.columns), "rows": [list(map(plain, row)) for row in t.rows]}
                for t in self.tables
            ],
            "figures": [figure.to_data() for figure in self.figures],
            "drawings": [{"name": d.name, "title": d.title, "command": d.command} for d in self.drawings],
            "numbers": {
                n.name: {
                    "value": plain(n.value),
                    "expected": plain(n.expected),
                    "closed_form": n.closed_form,
                    "tolerance": n.tolerance,
                    "holds": n.holds,
                }
                for n in self.numbers
            },
            "sources": list(self.sources),
        }
