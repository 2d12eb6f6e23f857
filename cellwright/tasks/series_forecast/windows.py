"""Series cut by time into train, valid and test, and the windows of each: what is seen, what is known, what follows.

Legend: T rows of all series, one below the other, L steps of the look-back, H of the horizon, C targets, K known
features, B windows of a batch, N of a split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellwright.errors import DataError
from cellwright.tasks.series.time_axis import calendar_features
from cellwright.tasks.series_forecast.config import ForecastData
from cellwright.tasks.series_forecast.frame import Frame
from cellwright.tasks.series_forecast.panel import Panel
from cellwright.tasks.series_forecast.scales import Scale, Scales
from cellwright.tasks.series_forecast.series_column import named

__all__ = ["Batch", "Cut", "Windows", "cut"]

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Batch:
    """float32: x (B, L, C) and what follows y (B, H, C), scaled; known features of both parts (B, L, K), (B, H, K)."""

    x_BLC: Tensor
    past_BLK: Tensor
    future_BHK: Tensor
    y_BHC: Tensor


@dataclass(frozen=True, slots=True)
class Windows:
    """Scaled numbers of all series, and the rows at which the forecasts of one split begin.

    Attributes:
        values_TC: float32, scaled; known_TK: with the calendar.
        origins: row of the first forecast step of each window.
        series: place of its series in `Cut.series`.
    """

    values_TC: NDArray[np.float32]
    known_TK: NDArray[np.float32]
    origins: NDArray[np.int64]
    series: NDArray[np.int64]
    look_back: int
    horizon: int

    def __len__(self) -> int:
        return len(self.origins)

    def batch(self, chosen: Sequence[int] | NDArray[np.int64]) -> Batch:
        """The windows of these places in `origins`."""
        origin_B1 = self.origins[np.asarray(chosen)][:, None]
        past_BL = origin_B1 + np.arange(-self.look_back, 0)
        future_BH = origin_B1 + np.arange(self.horizon)
        arrays = (
            self.values_TC[past_BL], self.known_TK[past_BL], self.known_TK[future_BH], self.values_TC[future_BH],
        )  # fmt: skip
        return Batch(*(torch.from_numpy(array) for array in arrays))

    def rows(self) -> NDArray[np.int64]:
        """The rows that lie in any of the windows, each once."""
        opened_T = np.zeros(len(self.values_TC) + 1, dtype=np.int64)
        np.add.at(opened_T, self.origins - self.look_back, 1)
        np.add.at(opened_T, self.origins + self.horizon, -1)
        return np.flatnonzero(opened_T.cumsum())


class Cut(NamedTuple):
    """Windows of every split, how each series that has any is scaled, and what the user should know.

    Attributes:
        scales: of training.
        series: (name, scale) of each series that has windows.
    """

    windows: Mapping[str, Windows]
    scales: Scales
    series: Sequence[tuple[str, Scale]]
    notes: Sequence[str]


def cut(panel: Panel, data: ForecastData, trained: Scales | None = None) -> Cut:
    """The windows of every split, scaled by the training rows of their series.

    A forecast belongs to the split that all its steps lie in; what it sees may reach back into the split before. A
    series too short for a window in any split is left out.

    Args:
        trained: scales of a model, which go before those of the panel.

    Raises DataError: fewer rows than the splits ask for, or than a window of each needs, in every series.
    """
    ends = [_ends(len(frame.targets_TC), data.splits) for frame in panel.frames]
    begins = [_origins(bounds, data) for bounds in ends]
    _check_splits(panel, data, ends, begins)
    used = [k for k, found in enumerate(begins) if any(map(len, found.values()))]
    frames = [panel.frames[k] for k in used]
    seen = [max(1, ends[k]["train"][1]) for k in used]
    scales = trained or Scales.fit(frames, seen)
    scale_of = [scales.of(frame, rows) for frame, rows in zip(frames, seen, strict=True)]
    values_TC = np.concatenate([s.scaled(frame.targets_TC) for frame, s in zip(frames, scale_of, strict=True)])
    known_TK = np.concatenate([_known_features(frame, scales, data.calendar) for frame in frames])
    starts = np.cumsum([0, *(len(frame.targets_TC) for frame in frames)])
    windows = {}
    for split in SPLITS:
        origins = np.concatenate([begins[k][split] + start for k, start in zip(used, starts[:-1], strict=True)])
        series = np.repeat(np.arange(len(used)), [len(begins[k][split]) for k in used])
        windows[split] = Windows(values_TC, known_TK, origins, series, data.look_back, data.horizon)
    of_series = [(frame.series, scale) for frame, scale in zip(frames, scale_of, strict=True)]
    return Cut(windows, scales, of_series, _notes(panel, data, begins))


def _known_features(frame: Frame, scales: Scales, calendar: Sequence[str]) -> NDArray[np.float32]:
    """(T, K) of the rows that have targets: scaled known columns, then the calendar's. Raises DataError."""
    rows = len(frame.targets_TC)
    known_TK = scales.scaled_known(frame.known_TK[:rows]).astype(np.float32)
    return np.concatenate([known_TK, calendar_features(frame.times[:rows], calendar)], 1)


def _ends(rows: int, splits: Sequence[float]) -> dict[str, tuple[int, int]]:
    """First row and end of each split; empty where there are fewer rows than they ask for."""
    if sum(splits) <= 1.0 + 1e-9:
        ends = np.round(np.cumsum(splits) * rows).astype(int)
    else:
        ends = np.cumsum(splits).astype(int)
    bounds = [0, *ends.tolist()]
    return {split: (bounds[k], bounds[k + 1]) for k, split in enumerate(SPLITS)} if bounds[-1] <= rows else {}


def _origins(ends: Mapping[str, tuple[int, int]], data: ForecastData) -> dict[str, NDArray[np.int64]]:
    """Rows at which forecasts begin, of each split."""
    found = {split: np.zeros(0, dtype=np.int64) for split in SPLITS}
    for split, (begin, end) in ends.items():
        step = 1 if split == "train" else data.stride
        found[split] = np.arange(max(begin, data.look_back), end - data.horizon + 1, step)
    return found


def _check_splits(
    panel: Panel,
    data: ForecastData,
    ends: Sequence[Mapping[str, tuple[int, int]]],
    origins: Sequence[Mapping[str, NDArray[np.int64]]],
) -> None:
    """Raises DataError: a split without a window of any series."""
    longest = max(range(len(ends)), key=lambda k: len(panel.frames[k].targets_TC))
    frame = panel.frames[longest]
    of = f" in the longest series ({frame.series})" if panel.series_column else ""
    if not ends[longest]:
        raise DataError(
            f"Expected {int(sum(data.splits)):,} rows, as data.splits asks for, found {len(frame.targets_TC):,}{of}.",
            file=panel.name,
            repair="--set data.splits=[0.7,0.1,0.2] cuts by shares.",
        )
    for split, (begin, end) in ends[longest].items():
        if not any(len(found[split]) for found in origins):
            needed = data.horizon + max(0, data.look_back - begin)
            raise DataError(
                f"Expected at least {needed:,} rows for {split}, found {end - begin:,}{of}.",
                file=panel.name,
                repair="Give more rows, or lower data.look_back or data.horizon, or change data.splits.",
            )


def _notes(panel: Panel, data: ForecastData, origins: Sequence[Mapping[str, NDArray[np.int64]]]) -> list[str]:
    """Series that are left out, and those that have no window in a split."""
    counts = [[len(found[split]) for split in SPLITS] for found in origins]
    lacking = {
        f"have too few rows for a forecast ({data.horizon:,} steps after {data.look_back:,}) and are left out":
            [not any(count) for count in counts],
        **{
            f"have too few rows for a forecast in {split}": [any(count) and not count[k] for count in counts]
            for k, split in enumerate(SPLITS)
        },
    }  # fmt: skip
    notes = []
    for what, which in lacking.items():
        names = [frame.series for frame, lacks in zip(panel.frames, which, strict=True) if lacks]
        if names:
            notes.append(f"{len(names):,} of {len(panel.frames):,} series {what}: {named(names)}")
    return notes
