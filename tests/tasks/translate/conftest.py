"""A translator trained for a few seconds on generated English dates, shared by the tests of its use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cellwright as cw
from cellwright.tasks.translate.predict import Translator

torch.set_num_threads(1)

QUICK = {
    "data__size": 600,
    "model__hidden_size": 24,
    "model__embedding_size": 16,
    "train__epochs": 1,
    "train__batch_size": 50,
    "train__average": 0.0,
    "train__threads": 1,
}


@pytest.fixture(scope="session")
def quick() -> dict[str, object]:
    """Settings of a run of a few seconds."""
    return dict(QUICK)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, quick: dict[str, object]) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("translate") / "run"
    cw.train("translate", data="dates-en", out=folder, **quick)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="session")
def model(run: Path) -> Translator:
    return cw.load(run)
