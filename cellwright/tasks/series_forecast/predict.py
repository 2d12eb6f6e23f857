"""A trained forecaster as a user meets it: a table up to now in, the next steps of every column out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cellwright.errors import DataError, StorageError
from cellwright.tasks.answer import json_line
from cellwright.tasks.series.time_axis import Time, calendar_features, continued, loaded_step, same_step
from cellwright.tasks.series_forecast.config import ForecastData, ForecastModel
from cellwright.tasks.series_forecast.corpora import EMBEDDED, open_frame
from cellwright.tasks.series_forecast.frame import Frame, held_back, read_frame
from cellwright.tasks.series_forecast.model import ForecastNetwork
from cellwright.tasks.series_forecast.windows import Batch, Scale
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.storage.model_folder import StoredModel, read_model

__all__ = ["Forecast", "Forecaster"]

SCALE = ("mean", "deviation", "known_mean", "known_deviation")
SIZES = ("look_back", "horizon", "season", "targets", "known")


@dataclass(frozen=True, slots=True)
class Forecast:
    """The steps after the last row of a table, in the table's own units.

    Attributes:
        times: of each step.
        values: a number a step of each column.
        quantiles: column → share → a number a step.
    """

    times: Sequence[Time]
    values: Mapping[str, Sequence[float]]
    quantiles: Mapping[str, Mapping[float, Sequence[float]]]

    def to_json(self) -> str:
        """One line."""
        times = [time if isinstance(time, float) else str(time) for time in self.times]
        quantiles = {name: {f"{q:g}": list(row) for q, row in rows.items()} for name, rows in self.quantiles.items()}
        return json_line({"time": times, "forecast": self.values, "quantiles": quantiles})

    def __str__(self) -> str:
        """A CSV table: time, each column, and its quantiles as load:0.1."""
        table: dict[str, Sequence[float]] = {}
        for name, row in self.values.items():
            table[name] = row
            table |= {f"{name}:{q:g}": values for q, values in self.quantiles[name].items()}
        lines = [",".join(["time", *table])]
        for k, time in enumerate(self.times):
            lines.append(",".join([str(time), *(f"{row[k]:.6g}" for row in table.values())]))
        return "\n".join(lines)


class Forecaster:
    """A trained forecaster. Make it with `cellwright.load`.

    >>> model = cellwright.load("runs/load")
    >>> model.predict("until-today.csv").values["load"]
    (31.2, 30.8, …)
    """

    task = "series-forecast"

    def __init__(self, stored: StoredModel) -> None:
        self.cell, self.metrics, self.data = stored.cell, stored.metrics, stored.data
        info = stored.info
        try:
            self.settings = ForecastData.model_validate({**self.data, "path": self.data.get("path", "a file")})
            self.columns, self.known = [str(c) for c in info["columns"]], [str(c) for c in info["known"]]
            self.step = loaded_step(info)
            parts = [np.array(info[key], dtype=np.float64) for key in SCALE]
            sizes = {key: int(info["sizes"][key]) for key in SIZES}
            if [part.shape for part in parts] != [(len(self.columns),)] * 2 + [(len(self.known),)] * 2:
                raise ValueError("a scale that does not fit its columns")
            if (sizes["look_back"], sizes["horizon"]) != (self.settings.look_back, self.settings.horizon):
                raise ValueError("sizes that do not fit its settings")
            settings = stored.section(ForecastModel)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise StorageError(f"Expected a forecaster, found: {error}.", file=stored.place, repair=REPAIR) from None
        self.scale = Scale(*parts)
        self.time_column = str(info.get("time_column", ""))
        self.network = stored.network(lambda: ForecastNetwork(settings, stored.cell, **sizes))

    @classmethod
    def load(cls, folder: str | Path) -> Forecaster:
        """Raises StorageError."""
        return cls(read_model(folder, "series-forecast"))

    def predict(self, table: str | Path | Frame) -> Forecast:
        """The horizon after the last row that has numbers.

        Args:
            table: a CSV file with the columns of training, or a `Frame`. Where columns are known ahead, the rows of
                the horizon follow, with those columns filled and the others empty. "hourly" is the embedded set, its
                last steps held back.

        Raises DataError: a column that is missing; too few rows; rows at other steps than in training; a future that
            is not known.
        """
        return self._answer(*self.read(table))

    def read(self, table: str | Path | Frame) -> tuple[Frame, Batch]:
        """The table, and what the network reads of it. Raises DataError, as `predict`."""
        if isinstance(table, Frame):
            frame = table
        elif str(table) in EMBEDDED:
            frame = held_back(open_frame(ForecastData(path=str(table))), self.settings.horizon)
        else:
            frame = read_frame(Path(table), self._columns())
        return frame, self._seen(frame)

    def _columns(self) -> ForecastData:
        update: dict[str, Any] = {"targets": self.columns, "known": self.known, "time_column": self.time_column}
        return self.settings.model_copy(update=update)

    def _seen(self, frame: Frame) -> Batch:
        look_back, horizon = self.settings.look_back, self.settings.horizon
        if (list(frame.columns), list(frame.known)) != (self.columns, self.known):
            raise DataError(
                f"Expected the columns {', '.join([*self.columns, *self.known])}, "
                f"found {', '.join([*frame.columns, *frame.known])}.",
                file=frame.name, repair="A model forecasts the columns it was trained with.",
            )  # fmt: skip
        rows = len(frame.targets_TC)
        if not (np.isfinite(frame.targets_TC).all() and np.isfinite(frame.known_TK).all()):
            raise DataError("Expected finite numbers, found others.", file=frame.name, repair="Fill the gaps first.")
        if rows < look_back:
            raise DataError(
                f"Expected at least {look_back:,} rows, as many as the model sees, found {rows:,}.",
                file=frame.name, repair="Give a longer past.",
            )  # fmt: skip
        if rows > 1 and not same_step(frame.step, self.step):
            raise DataError(
                f"Expected rows every {self.step}, as in training, found every {frame.step}.",
                file=frame.name, repair="Bring the table to the same step.",
            )  # fmt: skip
        if self.known and frame.future < horizon:
            raise DataError(
                f"Expected {', '.join(self.known)} of the next {horizon:,} steps, found {frame.future:,} future rows.",
                file=frame.name,
                repair="Add a row for each of these steps: its time and what is known, with the other columns empty.",
            )  # fmt: skip
        times = [*frame.times[:rows], *frame.times[rows : rows + horizon]]
        times += continued(times, frame.step, rows + horizon - len(times))
        first = rows - look_back
        known_TK = np.zeros((len(times) - first, len(self.known)))
        if self.known:
            known_TK = frame.known_TK[first : rows + horizon]
            known_TK = (known_TK - self.scale.known_mean_K) / self.scale.known_deviation_K
        features_TK = np.concatenate([known_TK, calendar_features(times[first:], self.settings.calendar)], 1)
        x_LC = (frame.targets_TC[first:] - self.scale.mean_C) / self.scale.deviation_C
        past, future = features_TK[:look_back], features_TK[look_back:]
        nothing = np.zeros((horizon, len(self.columns)))
        return Batch(*(torch.from_numpy(a.astype(np.float32))[None] for a in (x_LC, past, future, nothing)))

    def _answer(self, frame: Frame, batch: Batch) -> Forecast:
        with torch.no_grad():
            out_HCQ = self.network(batch)[0].double().numpy()
        out_HCQ = out_HCQ * self.scale.deviation_C[:, None] + self.scale.mean_C[:, None]
        rows, horizon = len(frame.targets_TC), self.settings.horizon
        times = list(frame.times[rows : rows + horizon])
        times += continued([*frame.times[:rows], *times], frame.step, horizon - len(times))
        shares = self.network.config.quantiles
        values = {name: tuple(out_HCQ[:, c, 0].tolist()) for c, name in enumerate(self.columns)}
        quantiles = {
            name: {share: tuple(out_HCQ[:, c, 1 + q].tolist()) for q, share in enumerate(shares)}
            for c, name in enumerate(self.columns)
        }
        return Forecast(times, values, quantiles)

    def __repr__(self) -> str:
        cell = "PerToken" if self.cell is None else self.cell.name
        return f"Forecaster({cell}, {', '.join(self.columns)}: {self.settings.look_back} → {self.settings.horizon})"
