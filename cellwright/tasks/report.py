"""Figures of a model beside its baselines: one table, the same form for every task."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from cellwright.tasks.share import Share

__all__ = ["Figure", "Line", "Report", "Section", "shown"]

Figure = float | Share | None


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: who answered, and how good the answers are. A figure that is None shows as –."""

    name: str
    figures: Mapping[str, Figure]

    @property
    def of_model(self) -> bool:
        """Whether a trained model or a compared network answered."""
        return self.name.split(",")[0] == "model" or "parameters" in self.figures

    def to_data(self) -> dict[str, Any]:
        """For `--json`: a share gives its value, the ends of its interval and the number of answers."""
        return {"name": self.name, **{key: _data(value) for key, value in self.figures.items()}}


@dataclass(frozen=True, slots=True)
class Section:
    """A further table, for instance figures by class or by gap.

    Attributes:
        percent: as in `Report`, whose list holds where this is None.
    """

    title: str
    lines: Sequence[Line]
    percent: Sequence[str] | None = None


@dataclass(slots=True)
class Report:
    """What `evaluate` and `compare` say.

    Attributes:
        task, data, split: what was measured on what.
        examples: how many; `unit` names one ("sentences").
        lines: the model's line first ("model"; asked in another way "model, …"), or a line a network with its
            `parameters`; then the baselines.
        percent: figures that are shares from 0 to 1 and shown in percent; all others are shown as they are.
        sections: further tables.
        notes: sentences below the tables.
        intervals: whether the tables show the interval of a share; programs get it always.
    """

    task: str
    data: str
    split: str
    examples: int
    lines: Sequence[Line]
    unit: str = "examples"
    percent: Sequence[str] = ()
    sections: Sequence[Section] = ()
    notes: Sequence[str] = field(default_factory=list)
    intervals: bool = True

    @property
    def figures(self) -> Mapping[str, Figure]:
        """Of the first line: the model."""
        return self.lines[0].figures

    @property
    def baselines(self) -> list[str]:
        """Names of the lines that are no model's and no network's."""
        return [line.name for line in self.lines if not line.of_model]

    def to_data(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "task": self.task,
            "data": self.data,
            "split": self.split,
            "examples": self.examples,
            "unit": self.unit,
            "lines": [line.to_data() for line in self.lines],
            "baselines": self.baselines,
            "sections": {section.title: [line.to_data() for line in section.lines] for section in self.sections},
            "notes": list(self.notes),
        }

    def print(self, console: Console) -> None:
        """The tables, then the notes."""
        console.print(f"{f'{self.data} {self.split}'.rstrip()}: {self.examples:,} {self.unit}", highlight=False)
        self._print_table(console, "", self.lines, self.percent)
        for section in self.sections:
            percent = self.percent if section.percent is None else section.percent
            self._print_table(console, section.title, section.lines, percent)
        for note in self.notes:
            console.print(f"note: {note}", highlight=False, markup=False)

    def _print_table(self, console: Console, title: str, lines: Sequence[Line], percent: Sequence[str]) -> None:
        """No figure is cut: headers are broken where the table is too wide, then it is wider than the console."""
        keys = list(dict.fromkeys(key for line in lines for key in line.figures))
        rows = [[line.name, *(self._shown(line.figures.get(key), key in percent) for key in keys)] for line in lines]
        heads = [title, *(key.replace("_", " ") for key in keys)]
        if rows and _width(heads, rows) > console.width:
            narrowest = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
            broken = [
                textwrap.fill(head, width, break_long_words=False) for head, width in zip(heads, narrowest, strict=True)
            ]
            heads = [title, *broken[1:]]
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column, head in enumerate(heads):
            table.add_column(head, justify="right" if column else "left", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        narrow = console.width
        console.width = max(narrow, _width(heads, rows))
        console.print(table)
        console.width = narrow

    def _shown(self, value: Figure, percent: bool) -> str:
        if isinstance(value, Share) and not self.intervals:
            return f"{100 * value.value:.1f}"
        return shown(value, percent)


def shown(value: Figure, percent: bool = False) -> str:
    """93.61 for a share of 0.9361, or 93.6 (92.0–94.9) for a Share; a count as it is, with commas.

    Any other number has four significant digits; None gives –.
    """
    if value is None:
        return "–"
    if isinstance(value, Share):
        return f"{100 * value.value:.1f} ({100 * value.low:.1f}–{100 * value.high:.1f})"
    if percent:
        return f"{100 * value:.2f}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _width(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Of the table: columns as wide as the widest line in them, parted by a blank on each side but at the edges."""
    columns = zip(heads, *rows, strict=True)
    widest = [max(cell_len(line) for cell in column for line in cell.split("\n")) for column in columns]
    return sum(widest) + 2 * (len(widest) - 1)


def _data(value: Figure) -> Any:
    if not isinstance(value, Share):
        return value
    return {"value": value.value, "low": value.low, "high": value.high, "total": value.total}
