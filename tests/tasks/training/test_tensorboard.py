"""Curves for TensorBoard, read back by TensorBoard's own reader."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cellwright.errors import ConfigError
from cellwright.tasks.training.tensorboard import TensorBoard


def curves(folder: Path) -> dict[str, dict[int, float]]:
    reader = EventAccumulator(str(folder / "tensorboard"))
    reader.Reload()
    return {tag: {e.step: e.value for e in reader.Scalars(tag)} for tag in reader.Tags()["scalars"]}


def test_the_curves_are_the_runs_own_numbers(toy, notes, tmp_path: Path) -> None:
    losses: dict[int, float] = {}
    told = notes(lambda report: losses.update({report.step: report.loss}))
    toy.train(tmp_path / "run", callbacks=[TensorBoard(tmp_path / "run", every=4), told])
    found = curves(tmp_path / "run")
    assert found["train/loss"] == pytest.approx({step: losses[step] for step in range(4, 37, 4)})
    assert set(found) >= {"train/gradient_norm", "train/learning_rate", "train/tokens_per_second"}
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert found["valid/accuracy"] == pytest.approx({row["step"]: row["valid"]["accuracy"] for row in rows})
    assert found["epoch/loss"] == pytest.approx({row["step"]: row["loss"] for row in rows})


def test_writing_curves_changes_no_number_of_the_run(toy, reference, same_run, tmp_path: Path) -> None:
    toy.train(tmp_path / "run", callbacks=[TensorBoard(tmp_path / "run", every=1)])
    same_run(tmp_path / "run", reference)


def test_a_resumed_run_has_one_curve(toy, notes, tmp_path: Path) -> None:
    """The first start goes on for two steps after its last checkpoint, which the second start does again."""
    folder = tmp_path / "run"
    stop = notes(lambda report: report.step == 8 and os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt):
        toy.train(folder, callbacks=[TensorBoard(folder, every=1), stop])
    (last,) = (folder / "checkpoints").glob("step-*8")
    last.rename(tmp_path / "lost")
    toy.train(folder, resume=True, callbacks=[TensorBoard(folder, every=1)])
    undisturbed = tmp_path / "whole"
    toy.train(undisturbed, callbacks=[TensorBoard(undisturbed, every=1)])
    assert curves(folder)["train/loss"] == curves(undisturbed)["train/loss"]


def test_a_folder_that_cannot_be_made_costs_the_curves_alone(toy, reference, same_run, tmp_path: Path) -> None:
    said: list[str] = []
    folder = tmp_path / "run"
    blocked = TensorBoard(folder, tell=said.append)
    blocked.folder = tmp_path / "file" / "tensorboard"
    blocked.folder.parent.write_text("in the way")
    toy.train(folder, callbacks=[blocked])
    assert len(said) == 1
    assert "No more curves" in said[0]
    same_run(folder, reference)


def test_without_the_package_the_message_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match=r"pip install 'cellwright\[tensorboard\]'"):
        TensorBoard(tmp_path)
    with pytest.raises(ConfigError, match="from 1 up"):
        TensorBoard(tmp_path, every=0)
