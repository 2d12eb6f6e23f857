"""A memory trained for a few seconds on short gaps, shared by the tests of its use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cellwright as cw
from cellwright.tasks.memory.predict import TrainedMemory

torch.set_num_threads(1)

QUICK = {
    "data__longest": 10,
    "data__gaps": [2, 8],
    "data__examples": 100,
    "data__size": 1600,
    "train__epochs": 3,
    "train__threads": 1,
}


@pytest.fixture(scope="session")
def quick() -> dict[str, object]:
    """Settings of a run of a few seconds."""
    return dict(QUICK)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, quick: dict[str, object]) -> Path:
    """A finished run of recall."""
    folder = tmp_path_factory.mktemp("memory") / "run"
    cw.train("memory", out=folder, **quick)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="session")
def model(run: Path) -> TrainedMemory:
    return cw.load(run)
