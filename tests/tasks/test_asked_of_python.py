"""What the functions of Python are given in place of a model, its folder, or examples."""

from __future__ import annotations

from typing import Any

import pytest

import cellwright as cw
from cellwright.errors import ConfigError
from cellwright.tasks.classify.corpora import made_example
from cellwright.tasks.lm.shipped import FOLDER, shipped_model
from cellwright.tasks.registry import kind_named


@pytest.mark.parametrize("given", [None, 3, ["runs/mine"]])
def test_what_is_no_model_and_no_folder_is_refused(given: Any) -> None:
    for ask in (cw.load, cw.evaluate):
        with pytest.raises(ConfigError, match=f"Expected the folder of a model, found {type(given).__name__}"):
            ask(given)
    assert cw.load(FOLDER).task == cw.load(str(FOLDER)).task == "lm"


@pytest.mark.parametrize(
    ("task", "given", "message"),
    [
        ("classify", [("good", "positive")], r"Expected examples of classify \(.*\.Example\), found tuple at place 1"),
        ("slots", ["leave Taipei"], r"Expected examples of slots \(.*\.Utterance\), found str at place 1"),
        ("tag", {"text": "a"}, "Expected the name of data or a list of examples for tag, found dict"),
        ("series-classify", 3, "Expected the name of data or a list of examples for series-classify, found int"),
        ("translate", [("a", "b")], "Expected the name of data for translate, found list"),
    ],
)
def test_what_are_no_examples_of_the_task_is_refused(task: str, given: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        kind_named(task).checked_examples(given)
    assert "cellwright.evaluate(model, 'my-data')" in (caught.value.repair or "")


def test_examples_may_come_one_after_the_other() -> None:
    made = [made_example("good", "positive", "word"), made_example("bad", "negative", "word")]
    assert kind_named("classify").checked_examples(iter(made)) == made
    with pytest.raises(ConfigError, match="Expected the name of data for lm, found list"):
        cw.evaluate(shipped_model(), [])
