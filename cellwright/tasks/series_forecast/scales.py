"""How the numbers of each series are scaled: mean 0 and deviation 1 over its own training rows.

Legend: T rows, S series, C targets, K known columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellwright.tasks.series_forecast.frame import Frame

__all__ = ["Scale", "Scales"]

LEAST = 1e-12  # a smaller deviation is none


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and deviation of the targets of one series."""

    mean_C: NDArray[np.float64]
    deviation_C: NDArray[np.float64]

    def scaled(self, values_TC: NDArray[np.float64]) -> NDArray[np.float32]:
        """(T, C), as the network reads it."""
        return ((values_TC - self.mean_C) / self.deviation_C).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Scales:
    """Of every series of training by its name, and of the known columns over all of them together."""

    series: Mapping[str, Scale]
    known_mean_K: NDArray[np.float64]
    known_deviation_K: NDArray[np.float64]

    @classmethod
    def fit(cls, frames: Sequence[Frame], rows: Sequence[int]) -> Scales:
        """Over the first `rows` of each frame. A column that does not vary there has the deviation that is usual in the
        other series, or 1."""
        known_TK = np.concatenate([frame.known_TK[:count] for frame, count in zip(frames, rows, strict=True)])
        seen = [frame.targets_TC[:count] for frame, count in zip(frames, rows, strict=True)]
        deviation_SC = np.stack([values_TC.std(0) for values_TC in seen])
        usual_C = _usual(deviation_SC)
        series = {
            frame.series: Scale(values_TC.mean(0), np.where(deviation_C > LEAST, deviation_C, usual_C))
            for frame, values_TC, deviation_C in zip(frames, seen, deviation_SC, strict=True)
        }
        known_deviation_K = known_TK.std(0)
        return cls(series, known_TK.mean(0), np.where(known_deviation_K > LEAST, known_deviation_K, 1.0))

    def of(self, frame: Frame, rows: int) -> Scale:
        """That of training; a series that was not there is scaled by its own first `rows`."""
        if frame.series in self.series:
            return self.series[frame.series]
        deviation_C = frame.targets_TC[:rows].std(0)
        if not (deviation_C > LEAST).all():
            usual_C = _usual(np.stack([scale.deviation_C for scale in self.series.values()]))
            deviation_C = np.where(deviation_C > LEAST, deviation_C, usual_C)
        return Scale(frame.targets_TC[:rows].mean(0), deviation_C)

    def scaled_known(self, known_TK: NDArray[np.float64]) -> NDArray[np.float64]:
        """(T, K)."""
        return (known_TK - self.known_mean_K) / self.known_deviation_K


def _usual(deviation_SC: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,): the median of those that vary."""
    varying = [column_S[column_S > LEAST] for column_S in deviation_SC.T]
    return np.array([np.median(found) if len(found) else 1.0 for found in varying])
