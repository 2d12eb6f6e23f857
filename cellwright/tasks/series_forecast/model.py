"""A recurrent cell over segments: the past is read segment by segment, each future segment is one step from its end.

Legend: B windows, C targets, L and H steps, N and M segments of the past and the future, W steps of a segment,
K known features, D size of an embedding, Q outputs: the point forecast and the quantiles.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellwright.cells import Cell
from cellwright.tasks.networks.cell_choice import recurrent_layer
from cellwright.tasks.series_forecast.baselines import Baselines
from cellwright.tasks.series_forecast.config import ForecastModel
from cellwright.tasks.series_forecast.windows import Batch

__all__ = ["ForecastNetwork"]


class ForecastNetwork(nn.Module):
    """One network for all targets; a target is known by an embedding alone.

    Args:
        cell: of the recurrent layer; None for a network that does not see the past but its last value.
        look_back, horizon, season: in steps.
        targets, known: how many columns to forecast, how many features are known ahead.

    Source: Lin et al. 2023, "SegRNN: Segment recurrent neural network for long-term time series forecasting",
    arXiv:2308.11200v1, with its parallel decoding; what is known ahead is added here to the embedding of a segment.
    """

    def __init__(
        self,
        config: ForecastModel,
        cell: Cell | None,
        *,
        look_back: int,
        horizon: int,
        season: int,
        targets: int,
        known: int,
    ) -> None:
        super().__init__()
        self.config = config
        self.horizon, self.segments = horizon, horizon // config.segment
        size = config.hidden_size
        self.read = nn.Linear(config.segment, size)
        self.known_past = nn.Linear(config.segment * known, size, bias=False) if known else None
        self.known_future = nn.Linear(config.segment * known, size, bias=False) if known else None
        self.recurrent, self.output_size = recurrent_layer(cell, size, size, False, config.forget_bias)
        self.position_MD = nn.Parameter(torch.randn(self.segments, size - size // 2))
        self.target_CD = nn.Parameter(torch.randn(targets, size // 2))
        self.dropout = nn.Dropout(config.dropout)
        self.write = nn.Linear(self.output_size, config.segment * (1 + len(config.quantiles)))
        self.baselines = Baselines(look_back, horizon, season, targets, known)

    def forward(self, batch: Batch) -> Tensor:
        """(B, H, C, Q), scaled: the point forecast, then the quantiles in rising order."""
        B, _, C = batch.x_BLC.shape
        last_B1C = self.taken_off(batch)
        _, state = self.recurrent(self.past_steps(batch).flatten(0, 1))
        y_XS = self._decode(self.asked_steps(batch), state)
        out_BCMWQ = self.write(self.dropout(y_XS)).view(B, C, self.segments, self.config.segment, -1)
        out_BHCQ: Tensor = out_BCMWQ.flatten(2, 3).transpose(1, 2) + last_B1C[..., None]
        if self.training or out_BHCQ.shape[-1] == 1:
            return out_BHCQ
        # Each quantile is learnt by itself; where two cross, they change places.
        return torch.cat([out_BHCQ[..., :1], out_BHCQ[..., 1:].sort(-1).values], -1)

    def _segments(self, known_BTK: Tensor) -> Tensor:
        """(B, N, W · K): what is known of each segment."""
        B, T, K = known_BTK.shape
        return known_BTK.reshape(B, T // self.config.segment, self.config.segment * K)

    def taken_off(self, batch: Batch) -> Tensor:
        """(B, 1, C): what is subtracted from the past and added to the forecast."""
        last_B1C = batch.x_BLC[:, -1:]
        return last_B1C if self.config.normalise == "last" else torch.zeros_like(last_B1C)

    def past_steps(self, batch: Batch) -> Tensor:
        """(B, C, N, D): what the recurrent layer reads of the past."""
        B, _, C = batch.x_BLC.shape
        values_BCNW = (batch.x_BLC - self.taken_off(batch)).transpose(1, 2).reshape(B, C, -1, self.config.segment)
        embedded_BCND: Tensor = self.read(values_BCNW)
        if self.known_past is not None:
            embedded_BCND = embedded_BCND + self.known_past(self._segments(batch.past_BLK))[:, None]
        return embedded_BCND.relu()

    def asked_steps(self, batch: Batch) -> Tensor:
        """(B, C, M, D): what it reads to write each future segment."""
        B, _, C = batch.x_BLC.shape
        asked_CMD = torch.cat(
            [self.position_MD[None].expand(C, -1, -1), self.target_CD[:, None].expand(-1, self.segments, -1)], 2
        )  # fmt: skip
        asked_BCMD = asked_CMD[None].expand(B, -1, -1, -1)
        if self.known_future is not None:
            asked_BCMD = asked_BCMD + self.known_future(self._segments(batch.future_BHK))[:, None]
        return asked_BCMD

    def _decode(self, asked_BCMD: Tensor, state: Any) -> Tensor:
        """One step of the cell for each future segment, all from the state after the past: (B · C · M, S)."""
        M = self.segments
        steps_X1D = asked_BCMD.flatten(0, 2)[:, None]
        if state is None:  # no recurrence
            y_X1S: Tensor = self.recurrent(steps_X1D)[0]
        elif isinstance(state, Tensor):
            y_X1S = self.recurrent(steps_X1D, state.repeat_interleave(M, 1))[0]
        else:
            y_X1S = self.recurrent(steps_X1D, tuple(part.repeat_interleave(M, 1) for part in state))[0]
        return y_X1S[:, 0]

    def loss(self, batch: Batch) -> Tensor:
        """Of the point forecast, plus the mean pinball loss of the quantiles."""
        out_BHCQ = self(batch)
        point_BHC = out_BHCQ[..., 0]
        measure = functional.mse_loss if self.config.loss == "mse" else functional.l1_loss
        loss = measure(point_BHC, batch.y_BHC)
        if not self.config.quantiles:
            return loss
        share_Q = torch.tensor(self.config.quantiles, dtype=out_BHCQ.dtype)
        away_BHCQ = batch.y_BHC[..., None] - out_BHCQ[..., 1:]
        return loss + torch.maximum(share_Q * away_BHCQ, (share_Q - 1) * away_BHCQ).mean()
