"""The language model as a user meets it: from Python, from the shell, with files that are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import cellwright as cw
from cellwright.cli.application import application
from cellwright.errors import ConfigError, DataError, StorageError
from cellwright.tasks.lm.shipped import FOLDER, shipped_model
from cellwright.tasks.sentences.generate import generate
from cellwright.tasks.training.run_folder import RunFolder


def shell(*arguments: str) -> str:
    done = CliRunner().invoke(application, list(arguments))
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def test_a_completion_ranks_words_whose_probabilities_sum_to_one(model):
    answer = model.complete("The sea is", most=5)
    assert answer.tokens == ("the", "sea", "is")
    assert len(answer.words) == 5
    assert list(answer.probabilities) == sorted(answer.probabilities, reverse=True)
    assert sum(answer.probabilities) + answer.rest == pytest.approx(1, abs=1e-9)
    whole = model.complete("The sea is", most=10_000)
    assert whole.others == 0
    assert sum(whole.probabilities) == pytest.approx(1, abs=1e-9)
    assert {"<pad>", "<s>"}.isdisjoint(whole.words)
    assert json.loads(answer.to_json())["candidates"][0]["text"] == answer.words[0]


def test_a_text_is_as_likely_as_its_steps(model):
    words = ["the", "sea", "is", "blue"]
    log_p = model.log_probability(words)
    for k, word in enumerate(words):
        p_V = model.next_probabilities(words[:k])
        assert log_p[k] == pytest.approx(np.log(p_V[model.vocabulary.row(word)]), abs=1e-5)
    with pytest.raises(DataError, match="at least one token"):
        model.log_probability([])


def test_unknown_words_are_named(model):
    assert model.complete("the zebra is").unknown == ("zebra",)


def test_a_reloaded_model_gives_the_same_bits(run, model):
    again = cw.load(run)
    for name, weight in model.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], weight)
    assert again.complete("the sea is") == model.complete("the sea is")
    assert again.data == {"path": "sentences-en", "size": 400}


def test_evaluation_stands_beside_n_grams(model):
    report = cw.evaluate(model)
    assert [line.name for line in report.lines] == [
        "model",
        "5-gram, Kneser-Ney",
        "2-gram, Kneser-Ney: sees the last word only",
        "unigram: how often each is",
    ]
    assert report.figures["perplexity"] == pytest.approx(np.exp(report.figures["nats a word"]))
    assert report.figures["perplexity"] < report.lines[-1].figures["perplexity"]
    (decided,) = report.sections
    assert decided.lines[-1].figures["right"] == pytest.approx(1 / 8)
    moved = cw.evaluate(model, dynamic=0.1)
    assert moved.lines[1].name == "model, dynamic evaluation"
    assert moved.figures == report.figures


def test_the_held_out_pairs_of_test_are_never_in_train():
    def pairs(split: str) -> set[tuple[str, ...]]:
        return {s.words[: s.place] for s in generate(["en", "zh"], 0, split)}

    assert not pairs("train") & pairs("test")
    test = generate(["en", "zh"], 0, "test")
    last = {}
    for s in test:
        last.setdefault(s.words[s.place - 1], []).append(s.words[s.place])
    for answers in last.values():  # the word before tells nothing: its answers are evenly often
        counts = [answers.count(a) for a in set(answers)]
        assert len(counts) == 8
        assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("text", "word", "least"),
    [("天空 很", "蓝", 0.9), ("Sea is", "blue", 0.9), ("小猫爱吃", "鱼", 0.95), ("小狗爱吃", "骨头", 0.95)],
)
def test_the_shipped_model_knows_the_examples(text, word, least):
    answer = shipped_model().complete(text)
    assert answer.words[0] == word
    assert answer.probabilities[0] >= least


def test_the_shipped_model_answers_fillers_it_never_saw_where_the_last_word_says_nothing():
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= 1_000_000
    report = cw.evaluate(FOLDER)
    (decided,) = report.sections
    figures = {line.name.split(",")[0]: line.figures for line in decided.lines}
    assert figures["model"]["right"] >= 0.99
    assert figures["model"]["mean p"] >= 0.95
    assert figures["2-gram"]["right"] <= 1 / 8 + 0.03
    assert figures["2-gram"]["mean p"] <= 1 / 8 + 0.01


def test_the_shell_completes_and_generates(run):
    answer = json.loads(shell("complete", "Sea is", "--model", str(run), "--top", "3", "--json"))
    assert len(answer["candidates"]) == 3
    total = sum(row["probability"] for row in answer["candidates"]) + answer["others"]["probability"]
    assert total == pytest.approx(1, abs=1e-5)
    table = shell("complete", "Sea is").splitlines()
    assert table[0].split()[1] == "blue"
    assert table[-1].endswith("other words together")
    texts = [shell("generate", str(run), "--start", "the sea", "--tokens", "20", "--seed", s) for s in "112"]
    assert texts[0] == texts[1] != texts[2]
    assert texts[0].startswith("the sea")


def test_the_shell_trains_on_a_file_of_characters(tmp_path, letters):
    out = tmp_path / "run"
    said = shell(
        "train", "lm", "--data", str(letters), "--out", str(out), "--set", "data.unit=char",
        "--set", "train.epochs=2", "--set", "model.hidden_size=16", "--set", "train.batch_size=4",
    )  # fmt: skip
    assert "bits_per_character" in said
    report = json.loads(shell("evaluate", str(out), "--data", str(letters), "--json"))
    figures = report["lines"][0]
    assert figures["bits a character"] == pytest.approx(figures["nats a character"] / np.log(2))
    assert report["unit"] == "characters"
    assert len(shell("generate", str(out), "--tokens", "30")) == 31  # and a line end


def test_networks_are_compared(quick):
    from cellwright.tasks.registry import kind_named
    from cellwright.tasks.training.config import load_config

    kind = kind_named("lm")
    values = {"data.path": "sentences-en"} | {k.replace("__", "."): v for k, v in quick.items()}
    config = load_config(None, ["train.epochs=1"], schema=kind.config, values=values)
    report = kind.compare(config, ["per-token", "GRU"])
    assert [line.name for line in report.lines][:2] == ["per-token", "GRU"]
    assert report.lines[1].figures["parameters"] > report.lines[0].figures["parameters"]


def test_a_cell_of_a_file_serves_and_its_model_loads_without_the_file(tmp_path, quick):
    file = tmp_path / "mine.py"
    file.write_text(
        "from cellwright.cells import Cell\nfrom cellwright.ops import sigmoid, tanh\n\n\n"
        "class Blend(Cell):\n    gates = 'z n'\n    states = 'h'\n\n    def step(self, x, h, W, R, b):\n"
        "        z = sigmoid(W.z @ x + R.z @ h + b.z)\n        n = tanh(W.n @ x + R.n @ h + b.n)\n"
        "        return z * h + (1 - z) * n\n"
    )
    settings = quick | {"train__epochs": 1, "model__cell": f"{file}:Blend", "model__num_layers": 2}
    trained = cw.train("lm", data="sentences-en", out=tmp_path / "run", **settings)
    file.unlink()
    again = cw.load(tmp_path / "run")
    assert again.complete("the sea is") == trained.complete("the sea is")
    assert "".join(again.generate("the sea", 5))


def test_a_bidirectional_next_word_model_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="a leak") as error:
        cw.train("lm", out=tmp_path / "run", model__bidirectional=True)
    assert "train cloze" in str(error.value)


def test_a_killed_run_goes_on_with_the_same_bits(killed_run_ends_alike, quick):
    settings = quick | {"train__checkpoint_every": 5, "model__dropout": 0.3, "model__weight_drop": 0.2}
    resumed = killed_run_ends_alike("lm", 7, data="sentences-en", **settings)
    assert RunFolder.task_of(resumed) == "lm"


def write(folder: Path, **files: bytes) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.txt").write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("files", "settings", "message"),
    [
        ({"train": b"a b c\n"}, {}, "text enough for 2 parts, found 1 lines"),
        ({"train": b"a b c\n" * 50, "valid": b"\n \n"}, {}, "found an empty file"),
        ({"train": b"a b c\n" * 50, "valid": b"a b\n\xff\xfe c\n"}, {}, "Expected UTF-8, found byte 0xff"),
        ({"valid": b"a b c\n"}, {}, "a file for train, found none"),
        ({"train": b"ab\n", "valid": b"ab\n"}, {}, "at least 10 words, found 1"),
        ({"train": b"a b c\n" * 4, "valid": b"a b\n"}, {"train__batch_size": 20}, "40 tokens for 20 streams"),
    ],
)
def test_texts_that_cannot_serve_are_refused(tmp_path, quick, files, settings, message):
    folder = write(tmp_path / "data", **files)
    with pytest.raises(DataError, match=message) as error:
        cw.train("lm", data=folder, out=tmp_path / "run", **(quick | settings))
    assert "Traceback" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_names_of_data_that_do_not_exist_are_refused(tmp_path):
    with pytest.raises(DataError, match="Did you mean sentences-en"):
        cw.train("lm", data="sentences-eng", out=tmp_path / "run")
    with pytest.raises(DataError, match=r"data\.unit = char"):
        cw.train("lm", data="sentences", out=tmp_path / "run", data__unit="char")


def test_a_changed_or_foreign_model_is_refused(tmp_path, run, model):
    import shutil

    shutil.copytree(run / "best", tmp_path / "model")
    words = tmp_path / "model" / "words.json"
    words.write_bytes(words.read_bytes().replace(b"sea", b"see"))
    with pytest.raises(StorageError):
        cw.load(tmp_path / "model")


def test_penn_treebank_has_the_numbers_of_the_literature(data_dir):
    from cellwright.tasks.lm.config import LmData
    from cellwright.tasks.lm.corpora import open_corpus, stream_of
    from cellwright.tasks.text.plain import learn_vocabulary

    data = LmData(path=str(data_dir / "ptb"))
    corpus = open_corpus(data)
    vocabulary = learn_vocabulary(corpus, data)
    assert len(vocabulary) == 10_000 + 2  # padding and begin, which never occur
    sizes = [len(stream_of(t, vocabulary).rows) for t in (corpus.train, corpus.valid, corpus.test)]
    assert sizes == [929_589, 73_760, 82_430]


def test_tinyshakespeare_is_cut_ninety_five_five(data_dir):
    from cellwright.tasks.lm.config import LmData
    from cellwright.tasks.lm.corpora import open_corpus, stream_of
    from cellwright.tasks.text.plain import learn_vocabulary

    data = LmData(path=str(data_dir / "tinyshakespeare" / "input.txt"), unit="char")
    corpus = open_corpus(data)
    vocabulary = learn_vocabulary(corpus, data)
    assert len(vocabulary) == 65 + 4
    sizes = [len(stream_of(t, vocabulary).rows) for t in (corpus.train, corpus.valid, corpus.test)]
    assert sizes == [1_003_855, 55_769, 55_770]
    assert sum(sizes) == 1_115_394
