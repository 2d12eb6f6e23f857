"""Cloze models trained for a second or two, shared by the tests of their use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cellwright as cw
from cellwright.tasks.cloze.predict import ClozeModel

torch.set_num_threads(1)

QUICK = {
    "data__size": 400,
    "model__hidden_size": 24,
    "model__embedding_size": 16,
    "train__epochs": 2,
    "train__average": 0.5,
    "train__threads": 1,
}


@pytest.fixture(scope="session")
def quick() -> dict[str, object]:
    """Settings of a run of a second or two."""
    return dict(QUICK)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, quick: dict[str, object]) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("cloze") / "run"
    cw.train("cloze", data="cues-en", out=folder, **quick)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="session")
def model(run: Path) -> ClozeModel:
    return cw.load(run / "best")


@pytest.fixture(scope="session")
def senses(tmp_path_factory: pytest.TempPathFactory, quick: dict[str, object]) -> ClozeModel:
    """A model of words with senses."""
    return cw.train("cloze", data="senses-en", out=tmp_path_factory.mktemp("senses") / "run", **quick)
