"""Errors of forecasts over all windows, added up as they are made.

Legend: B windows, H steps, C targets, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellwright.tasks.series_forecast.model import ForecastNetwork
from cellwright.tasks.series_forecast.windows import Windows

__all__ = ["MODEL", "Errors", "measure"]

MODEL = "model"
TOGETHER = 256


@dataclass(slots=True)
class Errors:
    """Of one forecaster, of numbers scaled by the training rows; a list entry a batch.

    Attributes:
        squares_BC, sizes_BC: mean squared and absolute error of each window and target.
        squares_BH: mean squared error of each window and step.
        below_Q, pinball_Q: of each window, the share of values at or below a quantile, and the quantile's loss, (B, Q).
    """

    squares_BC: list[NDArray[np.float64]] = field(default_factory=list)
    sizes_BC: list[NDArray[np.float64]] = field(default_factory=list)
    squares_BH: list[NDArray[np.float64]] = field(default_factory=list)
    below_Q: list[NDArray[np.float64]] = field(default_factory=list)
    pinball_Q: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, found_BHC: Tensor, y_BHC: Tensor) -> None:
        away_BHC = (found_BHC - y_BHC).double()
        self.squares_BC.append(away_BHC.square().mean(1).numpy())
        self.sizes_BC.append(away_BHC.abs().mean(1).numpy())
        self.squares_BH.append(away_BHC.square().mean(2).numpy())

    def add_quantiles(self, found_BHCQ: Tensor, y_BHC: Tensor, quantiles: list[float]) -> None:
        away_BHCQ = (y_BHC[..., None] - found_BHCQ).double()
        share_Q = torch.tensor(quantiles, dtype=torch.float64)
        pinball_BHCQ = torch.maximum(share_Q * away_BHCQ, (share_Q - 1) * away_BHCQ)
        self.below_Q.append((away_BHCQ <= 0).double().mean((1, 2)).numpy())
        self.pinball_Q.append(pinball_BHCQ.mean((1, 2)).numpy())

    @property
    def mse(self) -> float:
        return float(np.concatenate(self.squares_BC).mean())

    @property
    def mae(self) -> float:
        return float(np.concatenate(self.sizes_BC).mean())


def _batches(windows: Windows) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(windows), TOGETHER):
        yield np.arange(start, min(start + TOGETHER, len(windows)))


@torch.no_grad()
def measure(network: ForecastNetwork, windows: Windows, *, baselines: bool) -> Mapping[str, Errors]:
    """Of the model, then of the baselines, over every window. The network must be in eval mode."""
    found: dict[str, Errors] = {MODEL: Errors()}
    for chosen in _batches(windows):
        batch = windows.batch(chosen)
        out_BHCQ = network(batch)
        found[MODEL].add(out_BHCQ[..., 0], batch.y_BHC)
        if network.config.quantiles:
            found[MODEL].add_quantiles(out_BHCQ[..., 1:], batch.y_BHC, network.config.quantiles)
        if baselines:
            for name, forecast_BHC in network.baselines.forecasts(batch).items():
                found.setdefault(name, Errors()).add(forecast_BHC, batch.y_BHC)
    return found
