"""A model trained for a second or two on the embedded data, shared by the tests of its use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cellwright as cw
from cellwright.tasks.slots.predict import SlotModel

torch.set_num_threads(1)

QUICK = {
    "data__size": 1500,
    "data__swap": 0.0,
    "model__hidden_size": 48,
    "model__num_layers": 1,
    "model__word_dim": 48,
    "model__char_dim": 8,
    "model__char_filters": 8,
    "model__char_widths": [3],
    "model__affix_dim": 16,
    "model__feature_dropout": 0.0,
    "model__dropout": 0.0,
    "train__epochs": 5,
    "train__batch_size": 16,
    "train__learning_rate": 0.01,
    "train__average": 0.9,
    "train__threads": 1,
}


@pytest.fixture(scope="session")
def quick() -> dict[str, object]:
    """Settings of a run of a few seconds."""
    return dict(QUICK)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, quick: dict[str, object]) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("slots") / "run"
    cw.train("slots", data="travel-en", out=folder, **quick)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="session")
def model(run: Path) -> SlotModel:
    return cw.load(run / "best")
