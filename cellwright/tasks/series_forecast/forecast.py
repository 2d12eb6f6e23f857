"""What a forecaster answers: the next steps of one series, or of each series of a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cellwright.tasks.answer import json_line
from cellwright.tasks.series.time_axis import Time
from cellwright.tasks.series_forecast.series_column import named

__all__ = ["Forecast", "PanelForecast"]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The steps after the last row of a series, in the table's own units.

    Attributes:
        times: of each step.
        values: a number a step of each column.
        quantiles: column → share → a number a step.
    """

    times: Sequence[Time]
    values: Mapping[str, Sequence[float]]
    quantiles: Mapping[str, Mapping[float, Sequence[float]]]

    def to_data(self) -> dict[str, Any]:
        """For JSON."""
        times = [time if isinstance(time, float) else str(time) for time in self.times]
        quantiles = {name: {f"{q:g}": list(row) for q, row in rows.items()} for name, rows in self.quantiles.items()}
        return {"time": times, "forecast": self.values, "quantiles": quantiles}

    def to_json(self) -> str:
        """One line."""
        return json_line(self.to_data())

    def table(self) -> list[list[str]]:
        """Rows of cells, the header first: time, each column, and its quantiles as load:0.1."""
        columns: dict[str, Sequence[float]] = {}
        for name, row in self.values.items():
            columns[name] = row
            columns |= {f"{name}:{q:g}": values for q, values in self.quantiles[name].items()}
        rows = [[str(time), *(f"{row[k]:.6g}" for row in columns.values())] for k, time in enumerate(self.times)]
        return [["time", *columns], *rows]

    def __str__(self) -> str:
        """A CSV table."""
        return _csv(self.table())


@dataclass(frozen=True, slots=True)
class PanelForecast:
    """The steps after the last row of each series of a table.

    Attributes:
        series_column: what names the series.
        series: name → its forecast.
        left_out: names of series that have fewer rows than the model sees.
        look_back: how many that are.
    """

    series_column: str
    series: Mapping[str, Forecast]
    left_out: Sequence[str]
    look_back: int

    @property
    def notes(self) -> list[str]:
        """What the user should know."""
        if not self.left_out:
            return []
        few = f"fewer than the {self.look_back:,} rows that the model sees, no forecast"
        return [f"{few}: series {named(self.left_out)}"]

    def to_json(self) -> str:
        """One line."""
        series = {name: forecast.to_data() for name, forecast in self.series.items()}
        return json_line({"series_column": self.series_column, "series": series, "left_out": self.left_out})

    def __str__(self) -> str:
        """A CSV table: the name of the series, then as `Forecast`."""
        tables = {name: forecast.table() for name, forecast in self.series.items()}
        (head, *_), *_ = tables.values()
        return _csv([[self.series_column, *head], *([name, *row] for name, rows in tables.items() for row in rows[1:])])


def _csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().removesuffix("\n")
