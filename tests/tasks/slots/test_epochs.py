"""How long a network trains that learns from few sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

import cellwright as cw
from cellwright.tasks.slots import config
from cellwright.tasks.slots.config import SlotsTrain


def test_few_sentences_are_passed_over_more_often() -> None:
    assert SlotsTrain().epochs_of(409) == 14
    assert SlotsTrain().epochs_of(10) == 300
    assert SlotsTrain().epochs_of(7) * 7 >= 3000
    assert SlotsTrain(epochs=3).epochs_of(10) == 3


def test_a_run_of_few_steps_an_epoch_has_more_epochs(
    tmp_path: Path, quick: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "EPOCHS", 2)
    monkeypatch.setattr(config, "STEPS", 11)
    settings = quick | {"train__epochs": 0, "data__size": 90, "train__batch_size": 32}
    cw.train("slots", data="travel-en", out=tmp_path / "run", **settings, callbacks=[])  # type: ignore[arg-type]
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 4  # of three batches each
    assert "epochs = 0" in (tmp_path / "run" / "config.toml").read_text()
