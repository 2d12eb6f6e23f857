"""A forecaster trained for a second or two on the embedded hours, shared by the tests of its use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cellwright as cw
from cellwright.tasks.series_forecast.predict import Forecaster

torch.set_num_threads(1)

QUICK = {
    "data__size": 1200,
    "data__look_back": 48,
    "data__horizon": 12,
    "model__segment": 12,
    "model__hidden_size": 24,
    "train__epochs": 4,
    "train__learning_rate": 0.01,
    "train__average": 0.9,
    "train__threads": 1,
}


@pytest.fixture(scope="session")
def quick() -> dict[str, object]:
    """Settings of a run of a second or two."""
    return dict(QUICK)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, quick: dict[str, object]) -> Path:
    folder = tmp_path_factory.mktemp("forecast") / "hourly"
    cw.train("series-forecast", out=folder, **quick)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="session")
def model(run: Path) -> Forecaster:
    loaded: Forecaster = cw.load(run)
    return loaded
