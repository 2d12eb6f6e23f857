"""How long a network trains that learns from few examples."""

from __future__ import annotations

from pathlib import Path

import pytest

import cellwright as cw
from cellwright.tasks.classify.config import ClassifyTrain
from cellwright.tasks.registry import kind_named
from cellwright.tasks.slots.config import SlotsTrain
from cellwright.tasks.training.config import PassesOrSteps, TrainSection, load_config


@pytest.mark.parametrize("name", ["slots", "classify", "tag", "series-classify"])
def test_few_examples_are_passed_over_more_often(name: str) -> None:
    train = load_config(None, schema=kind_named(name).config).train
    assert isinstance(train, PassesOrSteps)
    assert train.epochs == 0
    assert train.epochs_of(train.steps) == train.passes
    assert train.epochs_of(7) * 7 >= train.steps > (train.epochs_of(7) - 1) * 7
    assert type(train)(epochs=3).epochs_of(7) == 3
    described = type(train).model_fields["epochs"].description or ""
    assert f"0 = {train.passes}, or as many as {train.steps:,} steps take" in described


def test_other_tasks_count_passes() -> None:
    assert TrainSection(epochs=3).epochs_of(1) == 3
    assert SlotsTrain().epochs_of(409) == 14


def test_a_run_of_few_steps_an_epoch_has_more_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClassifyTrain, "passes", 2)
    monkeypatch.setattr(ClassifyTrain, "steps", 11)
    small = {"data__size": 90, "train__batch_size": 32, "train__threads": 1, "model__hidden_size": 8}
    cw.train("classify", data="questions-en", out=tmp_path / "run", **small, callbacks=[])  # type: ignore[arg-type]
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 4  # of three batches each
    assert "epochs = 0" in (tmp_path / "run" / "config.toml").read_text()
