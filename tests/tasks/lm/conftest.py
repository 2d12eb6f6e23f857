"""A language model trained for a few seconds, and tiny networks, shared by the tests of their use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cellwright as cw
from cellwright.tasks.lm.predict import LmModel

torch.set_num_threads(1)

QUICK = {
    "data__size": 400,
    "model__hidden_size": 32,
    "model__embedding_size": 16,
    "train__epochs": 2,
    "train__batch_size": 8,
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
    folder = tmp_path_factory.mktemp("lm") / "run"
    cw.train("lm", data="sentences-en", out=folder, **quick)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="session")
def model(run: Path) -> LmModel:
    return cw.load(run / "best")


@pytest.fixture(scope="session")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text file whose characters foretell each other."""
    file = tmp_path_factory.mktemp("text") / "letters.txt"
    file.write_text("the sea is blue.\nthe grass is green.\n" * 60, encoding="utf-8")
    return file
