"""Series as tensors. Legend: B series, T steps of the longest, C channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellwright.tasks.series.example import Series

__all__ = ["Batch", "make_batch", "stretched"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Numbers (B, T, C), 0 beyond a length; lengths and rows of the classes, (B,)."""

    x_BTC: Tensor
    lengths_B: Tensor
    labels_B: Tensor

    @property
    def tokens(self) -> int:
        return int(self.lengths_B.sum())


def make_batch(examples: Sequence[Series], labels: Mapping[str, int]) -> Batch:
    """A class that is not in `labels` becomes row 0."""
    lengths = [len(series.values) for series in examples]
    x_BTC = np.zeros((len(examples), max(lengths), examples[0].values.shape[1]), dtype=np.float32)
    for row, series in zip(x_BTC, examples, strict=True):
        row[: len(series.values)] = series.values
    return Batch(
        torch.from_numpy(x_BTC),
        torch.tensor(lengths),
        torch.tensor([labels.get(series.label, 0) for series in examples]),
    )


def stretched(series: Series, share: float, rng: np.random.Generator) -> Series:
    """The series at a random speed: up to `share` shorter or longer, its values interpolated."""
    if not share or len(series.values) < 2:
        return series
    steps = max(2, round(len(series.values) * rng.uniform(1 - share, 1 + share)))
    places = np.linspace(0, len(series.values) - 1, steps)
    left = np.minimum(places.astype(int), len(series.values) - 2)
    weight_T1 = (places - left)[:, None]
    values_TC: NDArray[np.float32] = (
        (1 - weight_T1) * series.values[left] + weight_T1 * series.values[left + 1]
    ).astype(np.float32)
    return Series(values_TC, series.label, series.place)
