"""A language model trained by two real processes, each with half of the streams and their states."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cellwright as cw

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = {
    "data.size": 400,
    "model.hidden_size": 16,
    "model.embedding_size": 16,
    "model.steps": 20,
    "train.batch_size": 6,
    "train.epochs": 2,
    "train.threads": 1,
}


def torchrun(*arguments: str, ends_well: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        + ["-m", "cellwright", "train", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert (done.returncode == 0) == ends_well, done.stderr
    return done.stdout + done.stderr


def sets(values: dict[str, object]) -> list[str]:
    return [part for key, value in values.items() for part in ("--set", f"{key}={value}")]


def losses(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two processes."""
    folder = tmp_path_factory.mktemp("ranks") / "whole"
    torchrun("lm", "--data", "sentences-en", "--out", str(folder), *sets(SETTINGS))
    return folder


def test_two_processes_train_as_one_but_for_rounding(whole: Path, tmp_path: Path) -> None:
    own = {key.replace(".", "__"): value for key, value in SETTINGS.items()}
    cw.train("lm", data="sentences-en", out=tmp_path / "one", callbacks=[], **own)
    assert losses(whole) == pytest.approx(losses(tmp_path / "one"), rel=1e-4)


def test_a_stopped_run_of_two_goes_on_with_the_same_bits(whole: Path, tmp_path: Path) -> None:
    """The state of every stream is in the checkpoint, though the first process alone writes it."""
    cut = tmp_path / "cut"
    torchrun("lm", "--data", "sentences-en", "--out", str(cut), *sets(SETTINGS), "--max-minutes", "0.000001")
    assert not (cut / "metrics.jsonl").exists()
    torchrun("--resume", str(cut), "--max-minutes", "0")
    for file in ("metrics.jsonl", "best/weights.safetensors"):
        assert (cut / file).read_bytes() == (whole / file).read_bytes()


@pytest.mark.long
def test_fewer_streams_than_processes_are_refused(tmp_path: Path) -> None:
    said = torchrun(
        "lm", "--data", "sentences-en", "--out", str(tmp_path / "run"),
        *sets(SETTINGS | {"train.batch_size": 1}), ends_well=False,
    )  # fmt: skip
    assert "Expected at least one stream for each of 2 processes" in said
