"""The table [search]: what it may say, and the message for what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellwright.errors import ConfigError
from cellwright.tasks.sweep.space import Choice, Range, read_space
from cellwright.tasks.training.config import Config


def space(tmp_path: Path, text: str):
    file = tmp_path / "settings.toml"
    file.write_text(text)
    return read_space(file, Config())


def test_lists_and_ranges_in_each_way_that_toml_writes_keys(tmp_path: Path) -> None:
    found = space(
        tmp_path,
        '[search]\n"train.batch_size" = {low = 8, high = 32, step = 8}\ntrain.optimizer = ["adam", "sgd"]\n'
        "[search.train]\nclip = {low = 0.5, high = 5}\n".replace("train.optimizer", '"train.optimizer"'),
    )
    assert found == {
        "train.batch_size": Range(8, 32, step=8),
        "train.optimizer": Choice(("adam", "sgd")),
        "train.clip": Range(0.5, 5),
    }
    assert found["train.batch_size"].whole
    assert not found["train.clip"].whole


def test_what_a_space_holds() -> None:
    assert [Range(8, 32, step=8).holds(value) for value in (8, 24, 25, 40, 16.0)] == [True, True, False, False, False]
    assert [Range(0.1, 0.5, step=0.1).holds(value) for value in (0.3, 0.35)] == [True, False]
    assert [Choice((1, "a", [2])).holds(value) for value in (1, True, [2], "b")] == [True, False, True, False]


WRONG = {
    "no table": ("[train]\nepochs = 1\n", None, "Expected a table [search]"),
    "empty": ("[search]\n", None, "Expected a table [search]"),
    "unknown": ('[search]\n"train.clip" = [1.0]\n"train.epoch" = [1]\n', 3, "Unknown setting train.epoch"),
    "a value of another type": ('[search]\n"train.epochs" = [1, "many"]\n', 2, "train.epochs: expected integer"),
    "out of range": ('[search]\n"train.epochs" = {low = 0, high = 4}\n', 2, "expected integer ≥ 1"),
    "no list": ('[search]\n"train.epochs" = 3\n', 2, "expected a list of values or a range, found 3"),
    "no high": ('[search]\n"train.clip" = {low = 1}\n', 2, "expected a list of values or a range"),
    "order": ('[search]\n"train.clip" = {low = 2, high = 1}\n', 2, "expected low < high, found 2 and 1"),
    "text": ('[search]\n"train.clip" = {low = "1", high = 2}\n', 2, "expected numbers"),
    "nan": ('[search]\n"train.clip" = {low = nan, high = 2}\n', 2, "expected numbers"),
    "log of 0": ('[search]\n"train.clip" = {low = 0, high = 2, log = true}\n', 2, "expected low > 0"),
    "a step too wide": ('[search]\n"train.clip" = {low = 0, high = 2, step = 3}\n', 2, "expected a step that fits"),
    "half a step": ('[search]\n"train.epochs" = {low = 1, high = 9, step = 0.5}\n', 2, "expected a step that fits"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    text, line, message = WRONG[name]
    with pytest.raises(ConfigError) as caught:
        space(tmp_path, text)
    assert message in str(caught.value)
    assert caught.value.line == line
    assert caught.value.file == str(tmp_path / "settings.toml")
