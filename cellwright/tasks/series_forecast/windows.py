"""A frame cut by time into train, valid and test, and the windows of each: what is seen, what is known, what follows.

Legend: T rows, L steps of the look-back, H of the horizon, C targets, K known features, B windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellwright.errors import DataError
from cellwright.tasks.series.time_axis import calendar_features
from cellwright.tasks.series_forecast.config import ForecastData
from cellwright.tasks.series_forecast.frame import Frame

__all__ = ["Batch", "Scale", "Windows", "cut", "known_features"]


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and deviation of each target and of each known column over the training rows."""

    mean_C: NDArray[np.float64]
    deviation_C: NDArray[np.float64]
    known_mean_K: NDArray[np.float64]
    known_deviation_K: NDArray[np.float64]

    @classmethod
    def of(cls, frame: Frame, rows: int) -> Scale:
        """Over the first `rows` rows; a column that does not vary there has deviation 1."""
        found = []
        for values in (frame.targets_TC[:rows], frame.known_TK[:rows]):
            deviation = values.std(0)
            found += [values.mean(0), np.where(deviation > 1e-12, deviation, 1.0)]
        return cls(*found)


@dataclass(frozen=True, slots=True)
class Batch:
    """float32: x (B, L, C) and what follows y (B, H, C), scaled; known features of both parts (B, L, K), (B, H, K)."""

    x_BLC: Tensor
    past_BLK: Tensor
    future_BHK: Tensor
    y_BHC: Tensor


@dataclass(frozen=True, slots=True)
class Windows:
    """Scaled numbers of a frame, and the rows at which the forecasts of one split begin.

    Attributes:
        values_TC: float32, scaled; known_TK: with the calendar.
        origins: row of the first forecast step of each window.
    """

    values_TC: NDArray[np.float32]
    known_TK: NDArray[np.float32]
    origins: NDArray[np.int64]
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


def known_features(frame: Frame, scale: Scale, calendar: Sequence[str]) -> NDArray[np.float32]:
    """(T, K): scaled known columns, then the calendar's. Raises DataError."""
    known_TK = (frame.known_TK - scale.known_mean_K) / scale.known_deviation_K
    return np.concatenate([known_TK.astype(np.float32), calendar_features(frame.times, calendar)], 1)


def cut(frame: Frame, data: ForecastData) -> tuple[dict[str, Windows], Scale]:
    """The windows of every split, scaled by the training rows.

    A forecast belongs to the split that all its steps lie in; what it sees may reach back into the split before.

    Raises DataError: fewer rows than the splits ask for, or than a window of each needs.
    """
    rows = len(frame.targets_TC)
    ends = _ends(rows, data, frame)
    scale = Scale.of(frame, ends["train"][1])
    values_TC = ((frame.targets_TC - scale.mean_C) / scale.deviation_C).astype(np.float32)
    known_TK = known_features(frame, scale, data.calendar)
    found = {}
    for split, (begin, end) in ends.items():
        first = max(begin, data.look_back)
        origins = np.arange(first, end - data.horizon + 1, 1 if split == "train" else data.stride)
        if not len(origins):
            needed = data.horizon + max(0, data.look_back - begin)
            raise DataError(
                f"Expected at least {needed:,} rows for {split}, found {end - begin:,}.",
                file=frame.name,
                repair="Give more rows, or lower data.look_back or data.horizon, or change data.splits.",
            )
        found[split] = Windows(values_TC, known_TK, origins, data.look_back, data.horizon)
    return found, scale


def _ends(rows: int, data: ForecastData, frame: Frame) -> dict[str, tuple[int, int]]:
    """First row and end of each split."""
    whole = sum(data.splits)
    if whole <= 1.0 + 1e-9:
        ends = np.round(np.cumsum(data.splits) * rows).astype(int)
    else:
        ends = np.cumsum(data.splits).astype(int)
        if ends[-1] > rows:
            raise DataError(
                f"Expected {ends[-1]:,} rows, as data.splits asks for, found {rows:,}.",
                file=frame.name,
                repair="--set data.splits=[0.7,0.1,0.2] cuts by shares.",
            )
    bounds = [0, *ends.tolist()]
    return {split: (bounds[k], bounds[k + 1]) for k, split in enumerate(("train", "valid", "test"))}
