"""A model of agreement trained for seconds, shared by the tests of its use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cellwright as cw
from cellwright.tasks.agreement.predict import AgreementModel

torch.set_num_threads(1)

QUICK = {
    "data__size": 1000,
    "model__hidden_size": 24,
    "model__word_dim": 16,
    "model__affix_dim": 16,
    "train__epochs": 2,
    "train__average": 0.5,
    "train__threads": 1,
}


@pytest.fixture(scope="session")
def quick() -> dict[str, object]:
    """Settings of a run of a few seconds."""
    return dict(QUICK)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, quick: dict[str, object]) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("agreement") / "run"
    cw.train("agreement", data="agreement-en", out=folder, callbacks=[], **quick)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="session")
def model(run: Path) -> AgreementModel:
    return cw.load(run / "best")
