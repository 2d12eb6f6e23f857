"""`complete` and `generate`: where the model stands, and what is refused before a word is written."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from cellwright.cli.application import application
from cellwright.errors import ConfigError
from cellwright.tasks.lm.shipped import FOLDER


def call(*arguments: str) -> Result:
    return CliRunner().invoke(application, [*arguments])


@pytest.mark.parametrize("wrong", ["--temperature -1", "--top-p 7", "--top-k -7", "--seed -1"])
def test_a_value_outside_its_range_is_wrong_usage(wrong: str) -> None:
    assert call("generate", *wrong.split()).exit_code == 2


def test_what_the_options_bounds_cannot_say_is_refused_before_the_model_is_announced() -> None:
    done = call("generate", "--top-p", "0")
    assert isinstance(done.exception, ConfigError)
    assert done.exception.repair
    assert done.output == ""


def test_the_model_is_an_argument_or_an_option() -> None:
    said = [
        json.loads(call(*words, "--json").stdout)
        for words in (
            ("complete", "the sea is", str(FOLDER)),
            ("complete", "the sea is", "--model", str(FOLDER)),
            ("generate", str(FOLDER), "--tokens", "3"),
            ("generate", "--model", str(FOLDER), "--tokens", "3"),
        )
    ]
    assert said[0] == said[1]
    assert said[2] == said[3]
    both = call("generate", str(FOLDER), "--model", str(FOLDER))
    assert "Expected one model" in str(both.exception)


def test_unknown_words_of_a_start_are_named() -> None:
    done = call("generate", "--start", "the blah is", "--tokens", "2", "--json")
    assert json.loads(done.stdout)["unknown"] == ["blah"]
    assert json.loads(done.stdout)["text"].startswith("the blah is")
    assert "not in its vocabulary: blah\n" in done.stderr
