"""A run of few steps is told how many epochs would do."""

from __future__ import annotations

import re

from cellwright.tasks.api import ENOUGH_STEPS, FEW_STEPS, few_steps
from cellwright.tasks.registry import kind_named
from cellwright.tasks.training.config import load_config


def note_of(*sets: str) -> list[str]:
    kind = kind_named("classify")
    small = ["data.path=questions-en", "data.size=120", "train.batch_size=32", "model.hidden_size=4", *sets]
    config = load_config(None, small, schema=kind.config)
    return few_steps(kind.build(config, None), config.train)


def test_the_epochs_that_are_named_are_enough() -> None:
    (note,) = note_of("train.epochs=5")
    steps, epochs = (int(found.replace(",", "")) for found in re.findall(r"(?<![\w.])[\d,]*\d", note))
    assert steps == 5 * 4
    assert epochs * 4 >= ENOUGH_STEPS > (epochs - 1) * 4
    assert note_of(f"train.epochs={epochs}") == []
    assert note_of(f"train.epochs={FEW_STEPS // 4}") == []
