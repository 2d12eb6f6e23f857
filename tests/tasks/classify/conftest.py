"""A classifier trained for a few seconds on the generated reviews, shared by the tests of its use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cellwright as cw
from cellwright.tasks.classify.predict import TextClassifier

torch.set_num_threads(1)

QUICK = {
    "data__size": 1200,
    "model__word_dim": 32,
    "model__char_dim": 0,
    "model__affix_dim": 0,
    "model__hidden_size": 32,
    "model__feature_dropout": 0.0,
    "model__dropout": 0.1,
    "train__epochs": 5,
    "train__batch_size": 32,
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
    folder = tmp_path_factory.mktemp("classify") / "run"
    cw.train("classify", data="reviews-en", out=folder, **quick)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="session")
def model(run: Path) -> TextClassifier:
    return cw.load(run / "best")
