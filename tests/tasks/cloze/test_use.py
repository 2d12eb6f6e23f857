"""Cloze as a user meets it: from Python, from the shell, with files that are not what they should be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import cellwright as cw
from cellwright.cli.application import application
from cellwright.errors import DataError, StorageError
from cellwright.tasks.cloze.config import ClozeData
from cellwright.tasks.cloze.corpora import open_corpus, surface
from cellwright.tasks.cloze.evaluate import asked_places
from cellwright.tasks.cloze.predict import ClozeModel


def shell(*arguments: str) -> str:
    done = CliRunner().invoke(application, list(arguments))
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def test_a_gap_is_filled_with_words_whose_probabilities_sum_to_one(model: ClozeModel) -> None:
    answer = model.fill("The ___ near the old bridge is blue", most=4)
    (gap,) = answer.gaps
    assert answer.tokens == ("the", "___", "near", "the", "old", "bridge", "is", "blue")
    assert gap.place == 1
    assert len(gap.words) == 4
    assert list(gap.probabilities) == sorted(gap.probabilities, reverse=True)
    assert sum(gap.probabilities) + gap.rest == pytest.approx(1, abs=1e-9)
    (whole,) = model.fill(list(answer.tokens), most=10_000).gaps
    assert whole.others == 0
    assert len(whole.words) == len(model.vocabulary) - 3  # padding, begin and end fill no gap
    assert sum(whole.probabilities) == pytest.approx(1, abs=1e-9)
    assert [one["text"] for one in json.loads(answer.to_json())["gaps"][0]["candidates"]] == list(gap.words)
    assert str(answer).startswith(gap.words[0])


def test_what_stands_in_the_gap_changes_no_answer(model: ClozeModel) -> None:
    one, other = (next(model.distributions([["the", word, "is", "blue"]], [[1]])) for word in ("grass", "sea"))
    assert np.array_equal(one, other)


def test_several_gaps_and_unknown_words(model: ClozeModel) -> None:
    answer = model.predict("the ___ behind the zebra is ____")
    assert [gap.place for gap in answer.gaps] == [1, 6]
    assert answer.unknown == ("zebra",)
    assert str(answer).count(" | ") == 1


def test_a_word_with_senses_is_told_which(senses: ClozeModel) -> None:
    answer = senses.predict("he saw the apple , and thought of jobs")
    (gap,) = answer.gaps
    assert answer.tokens[gap.place] == "apple"
    assert set(gap.words) == {"apple/fruit", "apple/company"}
    assert sum(gap.probabilities) == pytest.approx(1)
    both = senses.predict("the apple and the bank")
    assert [answer.split("/")[0] for gap in both.gaps for answer in gap.words[:1]] == ["apple", "bank"]
    assert senses.predict("he saw the ___ , and thought of jobs").gaps[0].place == 3
    assert [surface(answer) for answer in ("apple/fruit", "/fruit", "apple/", "apple", "a/b/c")] == [
        "apple", "/fruit", "apple/", "apple", "a",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("the sea is blue", "a gap, written ___, found none"),
        ("", "found none"),
        ("the ___ " * 6000, "at most 10,000 words, found 12,000"),
        ("the \ud800 ___", "half a character"),
    ],
)
def test_texts_that_cannot_be_filled_are_refused(model: ClozeModel, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        model.predict(text)


def test_a_reloaded_model_gives_the_same_bits(run: Path, model: ClozeModel) -> None:
    again = cw.load(run)
    for name, weight in model.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], weight)
    assert again.predict("the ___ is blue") == model.predict("the ___ is blue")
    assert again.data == {"path": "cues-en", "size": 400}


def test_a_changed_model_is_refused(tmp_path: Path, run: Path) -> None:
    import shutil

    shutil.copytree(run / "best", tmp_path / "model")
    words = tmp_path / "model" / "words.json"
    words.write_bytes(words.read_bytes().replace(b"sea", b"see"))
    with pytest.raises(StorageError):
        cw.load(tmp_path / "model")


def test_evaluation_stands_beside_one_and_two_sides(model: ClozeModel, senses: ClozeModel) -> None:
    report = cw.evaluate(model, positions=4000)
    assert [line.name for line in report.lines] == [
        "model, both sides",
        "3-gram, both sides",
        "3-gram, left side only",
        "how often each word is",
    ]
    assert report.lines[1].figures["accuracy"] > report.lines[2].figures["accuracy"]
    assert report.lines[2].figures["accuracy"] > report.lines[3].figures["accuracy"]
    assert report.figures["among 5"] >= report.figures["accuracy"]
    (decided,) = report.sections
    assert decided.lines[0].figures["right"].total == 1920
    assert decided.lines[-1].name == "chance"
    (told,) = cw.evaluate(senses, positions=100).sections
    assert told.lines[0].figures["right"].total == 1920  # decided words are always asked
    assert told.lines[-1].figures["right"] == 0.5


def test_asked_places_are_spread_evenly() -> None:
    examples = open_corpus(ClozeData(path="cues-en", size=100)).train
    total = sum(len(example.words) for example in examples)
    places = asked_places(examples, total // 10)
    asked = {place + sum(len(e.words) for e in examples[:k]) for k, own in enumerate(places) for place in own}
    assert {n for n in range(total) if n % 11 == 0} <= asked
    assert all(example.place in own for example, own in zip(examples, places, strict=True))
    assert asked_places(examples, total) == [list(range(len(example.words))) for example in examples]


def test_the_shell_trains_on_a_file_and_fills(tmp_path: Path) -> None:
    file, out = tmp_path / "text.txt", tmp_path / "run"
    file.write_text("the sea is blue .\nthe grass is green .\n\n" * 60, encoding="utf-8")
    said = shell(
        "train", "cloze", "--data", str(file), "--out", str(out), "--set", "train.epochs=10",
        "--set", "model.hidden_size=16", "--set", "model.embedding_size=16", "--set", "train.learning_rate=0.05",
        "--set", "train.average=0.5",
    )  # fmt: skip
    assert "accuracy" in said
    report = json.loads(shell("evaluate", str(out), "--data", str(file), "--json"))
    assert report["sections"] == {}
    assert report["lines"][0]["accuracy"] >= 0.75  # after 60 steps it knows all but the colour and its thing
    assert any("5% of its lines are test" in note for note in report["notes"])
    assert shell("predict", str(out), "the sea ___ blue .").split()[0] == "is"
    answer = json.loads(shell("predict", str(out), "the ___ is blue .", "--json"))
    assert answer["gaps"][0]["candidates"][0]["text"] in ("sea", "grass")


def test_senses_of_a_users_text(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("The Bank/money lent us coins\nthe bank/river was all mud\n" * 200, encoding="utf-8")
    model = cw.train(
        "cloze", data=file, out=tmp_path / "run", data__senses=True, data__lower=True, train__epochs=10,
        train__average=0.5, train__learning_rate=0.05, model__hidden_size=16, model__embedding_size=16,
    )  # fmt: skip
    assert model.predict("the Bank lent us coins").gaps[0].words[0] == "bank/money"
    assert model.predict("the bank was all mud").gaps[0].words[0] == "bank/river"
    (told,) = cw.evaluate(model, file).sections
    assert told.lines[0].figures["right"].value == 1
    assert told.lines[-1].figures["right"] == 0.5


def test_long_lines_are_read_in_pieces(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text((" ".join(f"w{k}" for k in range(23)) + "\n") * 20)
    corpus = open_corpus(ClozeData(path=str(file), longest=10))
    assert [len(example.words) for example in corpus.train[:3]] == [10, 10, 3]
    assert corpus.train[2].words == ("w20", "w21", "w22")


def test_a_killed_run_goes_on_with_the_same_bits(
    killed_run_ends_alike: Callable[..., Path], quick: dict[str, object]
) -> None:
    settings = quick | {"train__checkpoint_every": 5, "model__dropout": 0.3, "model__dropout_input": 0.1}
    settings |= {"model__num_layers": 2, "data__size": 200, "data": "senses-zh"}
    killed_run_ends_alike("cloze", 7, **settings)


def test_a_cell_of_a_file_serves_and_its_model_loads_without_the_file(tmp_path: Path, quick: dict[str, object]) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from cellwright.cells import Cell\nfrom cellwright.ops import sigmoid, tanh\n\n\n"
        "class Blend(Cell):\n    gates = 'z n'\n    states = 'h'\n\n    def step(self, x, h, W, R, b):\n"
        "        z = sigmoid(W.z @ x + R.z @ h + b.z)\n        n = tanh(W.n @ x + R.n @ h + b.n)\n"
        "        return z * h + (1 - z) * n\n"
    )
    settings = quick | {"train__epochs": 1, "data__size": 60, "model__cell": f"{file}:Blend", "model__num_layers": 2}
    trained = cw.train("cloze", data="cues-zh", out=tmp_path / "run", **settings)
    file.unlink()
    assert cw.load(tmp_path / "run").predict("那只___爱吃鱼") == trained.predict("那只___爱吃鱼")


def test_networks_are_compared(quick: dict[str, object]) -> None:
    from cellwright.tasks.registry import kind_named
    from cellwright.tasks.training.config import load_config

    kind = kind_named("cloze")
    values = {"data.path": "cues-en"} | {k.replace("__", "."): v for k, v in quick.items()}
    sets = ["train.epochs=1", "data.size=60", "data.positions=1000"]
    config = load_config(None, sets, schema=kind.config, values=values)
    report = kind.compare(config, ["per-token", "LSTM", "BiLSTM"])
    assert [line.name for line in report.lines][:3] == ["per-token", "LSTM", "BiLSTM"]
    assert report.lines[2].figures["parameters"] > report.lines[1].figures["parameters"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found an empty file"),
        (b"\n \n", "found an empty file"),
        (b"a b c\n", "text enough for 3 parts, found 1 lines"),
        (b"a b c\n" * 9 + b"a \xff b\n", "Expected UTF-8, found byte 0xff"),
        (b"a\n" * 3, "text enough for 3 parts"),
        (b"a b\n" * 20, None),
    ],
)
def test_texts_that_cannot_serve_are_refused(
    tmp_path: Path, quick: dict[str, object], content: bytes, message: str | None
) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes(content)
    if message is None:
        cw.train("cloze", data=file, out=tmp_path / "run", **quick)
        return
    with pytest.raises(DataError, match=message) as error:
        cw.train("cloze", data=file, out=tmp_path / "run", **quick)
    assert "Traceback" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_names_and_units_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Did you mean senses-zh"):
        cw.train("cloze", data="sense-zh", out=tmp_path / "run")
    with pytest.raises(DataError, match=r"data\.unit = char"):
        cw.train("cloze", out=tmp_path / "run", data__unit="char")
    with pytest.raises(DataError, match="a folder or file with text, found none"):
        cw.train("cloze", data=tmp_path / "nothing", out=tmp_path / "run")


def test_the_king_james_bible_is_read(data_dir: Path) -> None:
    corpus = open_corpus(ClozeData(path=str(data_dir / "kjv" / "kjv.txt.gz"), tokenize=True, lower=True))
    words = [len(example.words) for part in (corpus.train, corpus.valid, corpus.test) for example in part]
    assert sum(words) > 789_787
    assert max(words) == 200
    assert corpus.train[0].words[:6] == ("In", "the", "beginning", "God", "created", "the")
