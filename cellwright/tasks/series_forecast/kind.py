"""Forecasting as the verbs see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cellwright.cells import Cell
from cellwright.tasks.comparison import compare_networks
from cellwright.tasks.kind import TaskKind
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.report import Report
from cellwright.tasks.series_forecast.config import ForecastConfig, ForecastData
from cellwright.tasks.series_forecast.corpora import EMBEDDED, embedded_files
from cellwright.tasks.series_forecast.evaluate import evaluate_model
from cellwright.tasks.series_forecast.predict import Forecaster
from cellwright.tasks.series_forecast.task import ForecastTask
from cellwright.tasks.set_files import SetFiles
from cellwright.tasks.training.config import DataSection

__all__ = ["SeriesForecastKind"]


class SeriesForecastKind(TaskKind[ForecastConfig, Forecaster]):
    name = "series-forecast"
    config = ForecastConfig
    embedded = EMBEDDED
    networks = ("PerToken", "Elman", "GRU", "LSTM")
    any_cell = True

    def build(self, config: ForecastConfig, cell: Cell | None = None) -> ForecastTask:
        return ForecastTask(config, cell if cell is not None else choose_cell(config.model.cell))

    def load(self, folder: Path) -> Forecaster:
        return Forecaster.load(folder)

    def embedded_files(self, data: DataSection) -> SetFiles:
        assert isinstance(data, ForecastData)
        return embedded_files(data)

    def evaluate(self, model: Forecaster, data: DataSection, split: str) -> Report:
        assert isinstance(data, ForecastData)
        return evaluate_model(model, data, split)

    def compare(
        self,
        config: ForecastConfig,
        networks: Sequence[str],
        *,
        processes: int = 1,
        announce: Callable[[str], None] | None = None,
    ) -> Report:
        return compare_networks(self, config, networks, processes, announce)

    def comparison(self, data: str) -> dict[str, Any]:
        return {"data.path": data, "train.threads": 1, "train.checkpoint_every": 0}
