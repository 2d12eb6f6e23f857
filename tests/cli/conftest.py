"""The command as a user runs it: a process of its own, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

QUICK = (
    "data.size=1500 data.swap=0.0 model.hidden_size=48 model.num_layers=1 model.word_dim=48 model.char_dim=8 "
    "model.char_filters=8 model.char_widths=[3] model.affix_dim=16 model.feature_dropout=0.0 model.dropout=0.0 "
    "train.epochs=4 train.batch_size=16 train.learning_rate=0.01 train.average=0.9 train.threads=1"
)


@pytest.fixture(scope="session")
def quick() -> list[str]:
    """Options of a run of a few seconds."""
    return [word for setting in QUICK.split() for word in ("--set", setting)]


@pytest.fixture(scope="session")
def cellwright() -> Run:
    """cellwright("predict", …, stdin="…", cwd=…): the finished process."""

    def call(*arguments: str, stdin: str | bytes = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        environment = {**os.environ, "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "cellwright", *map(str, arguments)],
            input=data,
            capture_output=True,
            cwd=cwd,
            env=environment,
            timeout=280,
            check=False,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    return call


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, cellwright: Run, quick: list[str]) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    done = cellwright("train", "slots", "--data", "travel-en", "--out", str(folder), *quick)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("epoch ") == 4  # one plain line an epoch where no terminal is
    assert str(folder / "best") in done.stdout
    return folder
