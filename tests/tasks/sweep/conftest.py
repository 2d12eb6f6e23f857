"""A sweep of a second: a task small enough, two settings, one run pruned at least."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellwright.tasks.registry import kind_named
from cellwright.tasks.sweep.definition import Definition, begin, define
from cellwright.tasks.sweep.run import run_sweep

SETTINGS = """
[data]
problem = "latch"
longest = 4
gaps = [4]
examples = 10
size = 48

[model]
cell = "PerToken"
hidden_size = 8

[train]
epochs = 3
batch_size = 8
threads = 1

[sweep]
random = 3
prune_after = 2
prune_epochs = 1
"""
SEARCH = """
[search]
"train.learning_rate" = {low = 1e-6, high = 0.1, log = true}
model.hidden_size = [8, 16]
"""


@pytest.fixture(scope="session")
def settings() -> str:
    """TOML without [search]."""
    return SETTINGS


@pytest.fixture(scope="session")
def definition(tmp_path_factory: pytest.TempPathFactory) -> Definition:
    file = tmp_path_factory.mktemp("sweep") / "settings.toml"
    file.write_text(SETTINGS + SEARCH)
    return define(kind_named("memory"), file, trials=7)


@pytest.fixture(scope="session")
def swept(definition: Definition, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep that nothing disturbed. Not to be changed."""
    folder = tmp_path_factory.mktemp("sweep") / "whole"
    begin(definition, folder)
    run_sweep(definition, folder)
    return folder
