"""A trained forecaster as a user meets it: a table up to now in, the next steps of every column of every series out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cellwright.errors import DataError, StorageError
from cellwright.tasks.series.time_axis import Time, calendar_features, continued, loaded_step, same_step
from cellwright.tasks.series_forecast.config import ForecastData, ForecastModel
from cellwright.tasks.series_forecast.corpora import EMBEDDED, open_panel
from cellwright.tasks.series_forecast.forecast import Forecast, PanelForecast
from cellwright.tasks.series_forecast.frame import Frame, held_back
from cellwright.tasks.series_forecast.model import ForecastNetwork
from cellwright.tasks.series_forecast.panel import Panel, read_panel
from cellwright.tasks.series_forecast.scales import Scale, Scales
from cellwright.tasks.series_forecast.windows import Batch
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.storage.model_folder import StoredModel, read_model

__all__ = ["Forecaster", "Seen"]

SIZES = ("look_back", "horizon", "season", "targets", "known")
TOGETHER = 256  # series


@dataclass(frozen=True, slots=True)
class Seen:
    """What the network reads of one series: one window, with how it is scaled."""

    frame: Frame
    batch: Batch
    scale: Scale


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
            self.series_column = str(info.get("series_column", ""))
            self.scales = self._scales(info)
            sizes = {key: int(info["sizes"][key]) for key in SIZES}
            if (sizes["look_back"], sizes["horizon"]) != (self.settings.look_back, self.settings.horizon):
                raise ValueError("sizes that do not fit its settings")
            settings = stored.section(ForecastModel)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise StorageError(f"Expected a forecaster, found: {error}.", file=stored.place, repair=REPAIR) from None
        self.time_column = str(info.get("time_column", ""))
        self.network = stored.network(lambda: ForecastNetwork(settings, stored.cell, **sizes))

    def _scales(self, info: Mapping[str, Any]) -> Scales:
        """Raises KeyError, TypeError or ValueError: not what `ForecastTask.save_model` gives."""
        names = [str(name) for name in info["series"]] if self.series_column else [""]
        mean_SC, deviation_SC = (_numbers(info[key]) for key in ("mean", "deviation"))
        if not self.series_column:
            mean_SC, deviation_SC = mean_SC[None], deviation_SC[None]
        known = [_numbers(info[key]) for key in ("known_mean", "known_deviation")]
        of_targets = [part.shape == (len(names), len(self.columns)) for part in (mean_SC, deviation_SC)]
        if not names or not all([*of_targets, *(part.shape == (len(self.known),) for part in known)]):
            raise ValueError("a scale that does not fit its columns")
        series = dict(zip(names, map(Scale, mean_SC, deviation_SC), strict=True))
        return Scales(series, *known)

    @classmethod
    def load(cls, folder: str | Path) -> Forecaster:
        """Raises StorageError."""
        return cls(read_model(folder, "series-forecast"))

    def predict(self, table: str | Path | Frame | Panel) -> Forecast | PanelForecast:
        """The horizon after the last row that has numbers; of each series where the table holds several.

        Args:
            table: a CSV file with the columns of training, a `Frame` or a `Panel`. Where columns are known ahead, the
                rows of the horizon follow, with those columns filled and the others empty. "hourly" is the embedded
                set, its last steps held back.

        Raises DataError: a column that is missing; too few rows, in every series; rows at other steps than in training;
            a future that is not known.
        """
        panel = self.read(table)
        long = [frame for frame in panel.frames if len(frame.targets_TC) >= self.settings.look_back]
        if not panel.series_column or not long:  # one series, or none: the longest is refused
            return self._answer([self.seen(max(panel.frames, key=lambda frame: len(frame.targets_TC)))])[0]
        found: list[Forecast] = []
        for start in range(0, len(long), TOGETHER):
            found += self._answer([self.seen(frame) for frame in long[start : start + TOGETHER]])
        series = {frame.series: forecast for frame, forecast in zip(long, found, strict=True)}
        left_out = [frame.series for frame in panel.frames if frame.series not in series]
        return PanelForecast(panel.series_column, series, left_out, self.settings.look_back)

    def read(self, table: str | Path | Frame | Panel) -> Panel:
        """The table's series, read as in training. Raises DataError."""
        if isinstance(table, Panel):
            return table
        if isinstance(table, Frame):
            return Panel(table.name, [table])
        if str(table) in EMBEDDED:
            (frame,) = open_panel(ForecastData(path=str(table))).frames
            return Panel(frame.name, [held_back(frame, self.settings.horizon)])
        if not isinstance(table, str | Path):
            raise DataError(
                f"Expected the name of a CSV file, found {type(table).__name__}.",
                repair="Write the rows into a file first, with the columns of training.",
            )
        columns: dict[str, Any] = {"targets": self.columns, "known": self.known, "time_column": self.time_column}
        columns["series_column"] = self.series_column
        return read_panel(Path(table), self.settings.model_copy(update=columns), trained=True)

    def seen(self, frame: Frame) -> Seen:
        """What the network reads of the series. Raises DataError, as `predict`."""
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
                f"Expected at least {look_back:,} rows{frame.where}, as many as the model sees, found {rows:,}.",
                file=frame.name, repair="Give a longer past.",
            )  # fmt: skip
        if rows > 1 and not same_step(frame.step, self.step):
            raise DataError(
                f"Expected rows every {self.step}, as in training, found every {frame.step}.",
                file=frame.name, repair="Bring the table to the same step.",
            )  # fmt: skip
        if self.known and frame.future < horizon:
            raise DataError(
                f"Expected {', '.join(self.known)} of the next {horizon:,} steps{frame.where}, "
                f"found {frame.future:,} future rows.",
                file=frame.name,
                repair="Add a row for each of these steps: its time and what is known, with the other columns empty.",
            )  # fmt: skip
        times = [*frame.times[rows - look_back : rows], *self._ahead(frame)]
        known_TK = np.zeros((len(times), 0))
        if self.known:
            known_TK = self.scales.scaled_known(frame.known_TK[rows - look_back : rows + horizon])
        features_TK = np.concatenate([known_TK, calendar_features(times, self.settings.calendar)], 1)
        scale = self.scales.of(frame, rows)
        x_LC = scale.scaled(frame.targets_TC[rows - look_back :])
        past, future = features_TK[:look_back], features_TK[look_back:]
        nothing = np.zeros((horizon, len(self.columns)))
        arrays = (x_LC, past, future, nothing)
        return Seen(frame, Batch(*(torch.from_numpy(a.astype(np.float32))[None] for a in arrays)), scale)

    def _ahead(self, frame: Frame) -> list[Time]:
        """The times of the horizon: those of future rows, then continued."""
        rows, horizon = len(frame.targets_TC), self.settings.horizon
        times = list(frame.times[rows : rows + horizon])
        return times + continued([*frame.times[:rows], *times], frame.step, horizon - len(times))

    def _answer(self, seen: Sequence[Seen]) -> list[Forecast]:
        """Of one window each."""
        batch = Batch(*(torch.cat([getattr(one.batch, part) for one in seen]) for part in Batch.__slots__))
        with torch.no_grad():
            out_BHCQ = self.network(batch).double().numpy()
        return [self._in_units(one, out_HCQ) for one, out_HCQ in zip(seen, out_BHCQ, strict=True)]

    def _in_units(self, seen: Seen, out_HCQ: NDArray[np.float64]) -> Forecast:
        out_HCQ = out_HCQ * seen.scale.deviation_C[:, None] + seen.scale.mean_C[:, None]
        shares = self.network.config.quantiles
        values = {name: tuple(out_HCQ[:, c, 0].tolist()) for c, name in enumerate(self.columns)}
        quantiles = {
            name: {share: tuple(out_HCQ[:, c, 1 + q].tolist()) for q, share in enumerate(shares)}
            for c, name in enumerate(self.columns)
        }
        return Forecast(self._ahead(seen.frame), values, quantiles)

    def __repr__(self) -> str:
        cell = "PerToken" if self.cell is None else self.cell.name
        of = f" of {len(self.scales.series):,} series" if self.series_column else ""
        return f"Forecaster({cell}, {', '.join(self.columns)}{of}: {self.settings.look_back} → {self.settings.horizon})"


def _numbers(values: Any) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)
