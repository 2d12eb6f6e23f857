"""Forecasts without recurrence: the last value, the last season, linear maps of the last step and of all that is seen.

Legend: B windows, T rows, L steps of the look-back, H of the horizon, C targets, K known features, N windows of all
targets.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cellwright.tasks.series_forecast.windows import Batch, Windows

__all__ = ["LAST", "LINEAR", "PER_STEP", "SEASONAL", "Baselines"]

LAST, SEASONAL, LINEAR, PER_STEP = "last value", "seasonal naive", "linear (ridge)", "last step (linear)"
PENALTIES = (1e-4, 1e-2, 1.0, 1e2, 1e4)  # times the number of windows / 1000
TOGETHER = 2048


class Baselines(nn.Module):
    """Both linear maps are learnt once, exactly, and are the same for every series.

    Of all that is seen, the same for every target: y = last + W (x - last) + b, with the ridge penalty that is best on
    valid. Of the last step, what a network without memory can do: what is known of a row gives its expected value, and
    a share of the last row's distance from that stays, another for each step and target.

    DLinear (Zeng et al. 2023, "Are
    transformers effective for time series forecasting?", arXiv:2205.13504v3) is a linear map of the look-back too; this
    is the best one in its class by least squares, where DLinear descends to one.
    """

    weight_LH: Tensor
    bias_H: Tensor
    expected_KC: Tensor
    kept_HC: Tensor

    def __init__(self, look_back: int, horizon: int, season: int, targets: int, known: int) -> None:
        super().__init__()
        self.season = season
        self.register_buffer("weight_LH", torch.zeros(look_back, horizon))
        self.register_buffer("bias_H", torch.zeros(horizon))
        self.register_buffer("expected_KC", torch.zeros(known + 1, targets))
        self.register_buffer("kept_HC", torch.zeros(horizon, targets))

    def fit(self, train: Windows, valid: Windows) -> None:
        """Least squares over all windows of the training split."""
        self._fit_last_step(train)
        gram, cross = self._moments(train)
        size = self.weight_LH.shape[0]
        best = np.inf
        for penalty in PENALTIES:
            ridge = penalty * len(train) / 1000 * np.eye(size + 1)
            ridge[-1, -1] = 1e-9  # the constant is not held back
            solved: NDArray[np.float64] = np.linalg.solve(gram + ridge, cross).astype(np.float64)
            error = self._error(valid, solved)
            if error < best:
                best = error
                self.weight_LH.copy_(torch.from_numpy(solved[:-1]))
                self.bias_H.copy_(torch.from_numpy(solved[-1]))

    def _fit_last_step(self, train: Windows) -> None:
        known_TK, values_TC = _with_constant(train.known_TK), train.values_TC.astype(np.float64)
        rows = train.rows()
        expected_KC = np.linalg.lstsq(known_TK[rows], values_TC[rows], rcond=None)[0]
        away_TC = values_TC - known_TK @ expected_KC
        last_BC = away_TC[train.origins - 1]
        power_C = np.maximum((last_BC**2).sum(0), 1e-9)
        kept = [(away_TC[train.origins + h] * last_BC).sum(0) / power_C for h in range(train.horizon)]
        self.expected_KC.copy_(torch.from_numpy(expected_KC))
        self.kept_HC.copy_(torch.from_numpy(np.stack(kept)))

    def _moments(self, windows: Windows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Xᵀ X and Xᵀ Y of x - last with a constant, and y - last."""
        size, horizon = self.weight_LH.shape
        gram, cross = np.zeros((size + 1, size + 1)), np.zeros((size + 1, horizon))
        for x_NL, y_NH in _differences(windows):
            gram += x_NL.T @ x_NL
            cross += x_NL.T @ y_NH
        return gram, cross

    def _error(self, windows: Windows, solved: NDArray[np.float64]) -> float:
        squares, count = 0.0, 0
        for x_NL, y_NH in _differences(windows):
            squares += float(((x_NL @ solved - y_NH) ** 2).sum())
            count += y_NH.size
        return squares / count

    def forecasts(self, batch: Batch) -> dict[str, Tensor]:
        """(B, H, C) of each, scaled."""
        horizon = self.weight_LH.shape[1]
        last_B1C = batch.x_BLC[:, -1:]
        season = min(self.season, batch.x_BLC.shape[1])
        repeated = batch.x_BLC[:, -season:].repeat(1, horizon // season + 1, 1)[:, :horizon]
        change_BCH = (batch.x_BLC - last_B1C).transpose(1, 2) @ self.weight_LH + self.bias_H
        expected_BHC, expected_BC = (
            known @ self.expected_KC[:-1] + self.expected_KC[-1] for known in (batch.future_BHK, batch.past_BLK[:, -1])
        )
        away_B1C = last_B1C - expected_BC[:, None]
        return {
            LINEAR: last_B1C + change_BCH.transpose(1, 2),
            PER_STEP: expected_BHC + self.kept_HC * away_B1C,
            SEASONAL: repeated,
            LAST: last_B1C.expand(-1, horizon, -1),
        }


def _differences(windows: Windows) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """(x - last with a constant, y - last) of some windows at a time, (N, L + 1) and (N, H)."""
    for start in range(0, len(windows), TOGETHER):
        batch = windows.batch(np.arange(start, min(start + TOGETHER, len(windows))))
        last_B1C = batch.x_BLC[:, -1:]
        x_NL = (batch.x_BLC - last_B1C).transpose(1, 2).flatten(0, 1).double().numpy()
        y_NH = (batch.y_BHC - last_B1C).transpose(1, 2).flatten(0, 1).double().numpy()
        yield _with_constant(x_NL), y_NH


def _with_constant(x_NK: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([x_NK.astype(np.float64), np.ones((len(x_NK), 1))], 1)
