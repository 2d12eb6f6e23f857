"""What `predict` says of inputs and options that do not fit; in this process, with the small model of the package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cellwright.cli.application import application
from cellwright.cli.predict import run_prediction
from cellwright.errors import ConfigError, DataError
from cellwright.tasks.lm.shipped import FOLDER
from cellwright.tasks.storage.atomic import write_folder


def test_an_error_keeps_its_place_and_its_repair_on_one_line() -> None:
    error = DataError("Expected a file,\nfound none.", file="x.csv", line=3, repair="Check\nthe name.")
    assert error.in_a_line() == "Expected a file, found none. (x.csv:3) Check the name."
    assert DataError("Expected a text.").in_a_line() == "Expected a text."


def test_an_argument_is_called_a_text_and_a_line_of_a_file_a_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="1 of the texts"):
        run_prediction(FOLDER, ["the sea is", "half \ud800"], None, False, False, False)
    assert capsys.readouterr().out.splitlines()[1].startswith("error in text 2: Expected ")
    (tmp_path / "texts").write_bytes(b"\xff\n")
    with pytest.raises(DataError, match="1 of the lines"):
        run_prediction(FOLDER, [], tmp_path / "texts", False, False, False)
    assert capsys.readouterr().out.endswith("of the line. Send UTF-8.\n")
    with pytest.raises(DataError):
        run_prediction(FOLDER, ["half \ud800"], None, False, False, True)
    assert json.loads(capsys.readouterr().out)["argument"] == 1


def test_words_a_language_model_does_not_know_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    run_prediction(FOLDER, ["the sea is", "the blah is"], None, False, False, False)
    assert capsys.readouterr().err == "text 2: not in its vocabulary: blah\n"


def test_a_line_may_be_an_object_with_its_text(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lines = ['{"id": 7, "text": "the sea is"}', "the sea is", '{"text": "the sea', '{"text": 3}']
    (tmp_path / "texts.jsonl").write_text("\n".join(lines) + "\n")
    run_prediction(FOLDER, [], tmp_path / "texts.jsonl", False, False, True)
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["text"] for answer in answers] == ["the sea is", "the sea is", *lines[2:]]
    assert answers[0] == answers[1]


def test_a_table_is_no_file_of_texts(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("text,label\ngood,1\n")
    with pytest.raises(DataError, match="its labels and quotes would be read as text"):
        run_prediction(FOLDER, [], tmp_path / "reviews.csv", False, False, False)


@pytest.mark.parametrize(("words", "why", "able"), [(True, False, "slots, classify"), (False, True, "(classify, ")])
def test_an_option_the_task_has_no_use_for_is_refused(tmp_path: Path, words: bool, why: bool, able: str) -> None:
    write_folder(tmp_path / "m", {}, kind="series-forecast model")
    with pytest.raises(ConfigError, match="found one of series-forecast") as caught:
        run_prediction(tmp_path / "m", ["hourly"], None, words, why, False)
    assert able in caught.value.message


def test_inspect_refuses_words_in_the_same_way(tmp_path: Path) -> None:
    write_folder(tmp_path / "m", {}, kind="series-classify model")
    done = CliRunner().invoke(application, ["inspect", str(tmp_path / "m"), "1,2", "--words"])
    assert "Expected a model that --words is for" in str(done.exception)
