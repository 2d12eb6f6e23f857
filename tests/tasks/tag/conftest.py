"""Taggers trained for a second or two on the generated sentences, shared by the tests of their use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cellwright as cw
from cellwright.tasks.tag.predict import Tagger

torch.set_num_threads(1)

QUICK = {
    "data__size": 700,
    "model__word_dim": 24,
    "model__char_dim": 8,
    "model__char_filters": 8,
    "model__char_widths": [3],
    "model__affix_dim": 0,
    "model__hidden_size": 32,
    "model__feature_dropout": 0.1,
    "model__dropout": 0.1,
    "train__epochs": 3,
    "train__batch_size": 16,
    "train__learning_rate": 0.01,
    "train__average": 0.9,
    "train__threads": 1,
}


@pytest.fixture(scope="session")
def quick() -> dict[str, object]:
    """Settings of a run of a second or two."""
    return dict(QUICK)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, quick: dict[str, object]) -> dict[str, Path]:
    """A finished run on each embedded set."""
    folders = {}
    for name in ("pos-en", "names-en", "words-zh"):
        folders[name] = tmp_path_factory.mktemp("tag") / name
        pairs = {"model__pair_dim": 8, "model__char_dim": 0} if name == "words-zh" else {}
        cw.train("tag", data=name, out=folders[name], **{**quick, **pairs})  # type: ignore[arg-type]
    return folders


@pytest.fixture(scope="session")
def models(runs: dict[str, Path]) -> dict[str, Tagger]:
    return {name: cw.load(folder) for name, folder in runs.items()}
