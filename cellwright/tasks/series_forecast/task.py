"""Forecasting as a task of the training loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.tasks.networks.cell_data import stored_cell
from cellwright.tasks.series.time_axis import stored_step
from cellwright.tasks.series_forecast.baselines import LAST
from cellwright.tasks.series_forecast.config import ForecastConfig, check_lengths
from cellwright.tasks.series_forecast.corpora import EMBEDDED, open_panel
from cellwright.tasks.series_forecast.measure import MODEL, measure
from cellwright.tasks.series_forecast.model import ForecastNetwork
from cellwright.tasks.series_forecast.windows import Batch, cut
from cellwright.tasks.storage.model_folder import write_model
from cellwright.tasks.training.config import kept_data
from cellwright.tasks.training.identity import run_identity
from cellwright.tasks.training.order import epoch_order

__all__ = ["ForecastTask"]

SCALE = ("mean_C", "deviation_C")


class ForecastTask:
    """The network with its series; `metric` is skill on valid: 1 - squared error / that of the last value.

    Args:
        cell: of the recurrent layer; None for a network without recurrence.
    """

    metric = "skill"

    def __init__(self, config: ForecastConfig, cell: Cell | None) -> None:
        check_lengths(config.data, config.model)
        self.config = config
        self.panel = panel = open_panel(config.data)
        self.windows, self.scales, _, left_out = cut(panel, config.data)
        self.notes = [*panel.notes, *left_out]
        self.sizes = {
            "look_back": config.data.look_back,
            "horizon": config.data.horizon,
            "season": config.data.season,
            "targets": len(panel.columns),
            "known": self.windows["train"].known_TK.shape[1],
        }
        self.network = ForecastNetwork(config.model, cell, **self.sizes)
        self.model: nn.Module = self.network
        self.network.baselines.fit(self.windows["train"], self.windows["valid"])
        # Now, not after an epoch: a cell that cannot be stored as data must be refused before it is trained.
        self.cell_data = stored_cell(cell, [(config.model.hidden_size, config.model.hidden_size)])

    def identity(self) -> dict[str, str]:
        """Digests of what the run's numbers depend on beside the settings."""
        names = [("series", frame.series) for frame in self.panel.frames if frame.series]
        numbers = [array.tobytes() for frame in self.panel.frames for array in (frame.targets_TC, frame.known_TK)]
        return run_identity(self.cell_data, names, numbers)

    def train_size(self) -> int:
        return len(self.windows["train"])

    def order(self, epoch: int, seed: int) -> list[list[int]]:
        return epoch_order([1] * self.train_size(), self.config.train.batch_size, seed=seed, epoch=epoch)

    def batch(self, indices: Sequence[int], rng: np.random.Generator) -> Batch:
        return self.windows["train"].batch(indices)

    def loss(self, batch: Batch) -> tuple[Tensor, int]:
        return self.network.loss(batch), batch.x_BLC.numel()

    def evaluate(self) -> dict[str, float]:
        errors = measure(self.network, self.windows["valid"], baselines=True)
        return {"skill": 1 - errors[MODEL].mse / errors[LAST].mse, "mse": errors[MODEL].mse, "mae": errors[MODEL].mae}

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        panel, scales = self.panel, self.scales
        mean, deviation = ([getattr(scale, part).tolist() for scale in scales.series.values()] for part in SCALE)
        of_series = {"series_column": panel.series_column, "series": list(scales.series)} if panel.series_column else {}
        write_model(
            folder,
            "series-forecast",
            self.network,
            model=self.config.model,
            cell=self.cell_data,
            data=kept_data(self.config.data, EMBEDDED),
            metrics=metrics,
            files={},
            extra={
                "sizes": self.sizes,
                "columns": list(panel.columns),
                "known": list(panel.known),
                "time_column": panel.time_column,
                **stored_step(panel.step),
                **of_series,
                "mean": mean if of_series else mean[0],
                "deviation": deviation if of_series else deviation[0],
                "known_mean": scales.known_mean_K.tolist(),
                "known_deviation": scales.known_deviation_K.tolist(),
            },
        )
