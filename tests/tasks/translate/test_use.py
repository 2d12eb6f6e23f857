"""A trained translator: answers, figures beside baselines, its folder, resuming, any cell, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import sacrebleu
import torch

import cellwright as cw
from cellwright.errors import ConfigError, DataError, StorageError
from cellwright.tasks.registry import kind_named
from cellwright.tasks.training.config import load_config
from cellwright.tasks.translate import bleu
from cellwright.tasks.translate.baselines import most_frequent, nearest
from cellwright.tasks.translate.config import TranslateConfig
from cellwright.tasks.translate.pairs import Pair
from cellwright.tasks.translate.predict import Translator


def test_answers_are_dates_come_one_by_one_or_together_and_tell_what_is_unknown(model: Translator) -> None:
    texts = ["5 March 2021", "1.2.1999", "Ü", "May " * 200]
    alone = [model.predict(text) for text in texts]
    together = model.predict_many(texts)
    assert [a.answer for a in alone] == [b.answer for b in together]
    assert [len(a.candidates) for a in alone] == [4] * 4
    for a in alone:
        assert 0 < a.candidates[0].probability <= 1
        assert len({c.text for c in a.candidates}) == 4
        assert set(json.loads(a.to_json())) == {"text", "tokens", "answer", "candidates", "unknown", "finished"}
        assert str(a) == a.answer
    assert alone[2].unknown == ("Ü",)
    assert alone[0].unknown == ()
    assert [type(answer).__name__ for answer in model.stream(["", "5 May 1999"])] == ["DataError", "Translation"]


@pytest.mark.parametrize("wrong", ["", " \t", [], "x" * 20_000, "half \ud800"])
def test_what_is_no_text_is_refused(model: Translator, wrong: object) -> None:
    with pytest.raises(DataError):
        model.predict(wrong)  # type: ignore[arg-type]


def test_figures_stand_beside_translations_that_need_no_network(model: Translator) -> None:
    report = cw.evaluate(model, split="valid", beam=2)
    assert [line.name for line in report.lines] == [
        "model", "model, greedy", "most alike in training", "most frequent"
    ]  # fmt: skip
    assert all("BLEU" not in line.figures for line in report.lines)  # one word each
    assert [line.name for line in report.sections[0].lines] == [
        "known form, known day", "known form, new day", "new form, known day", "new form, new day"
    ]  # fmt: skip
    assert sum(line.figures["exact"].total for line in report.sections[0].lines) == report.examples
    assert report.notes[0].startswith("unknown tokens: ")
    assert "→" in report.notes[-1]
    json.dumps(report.to_data())


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_default_run_gets_held_out_dates_exactly(tmp_path: Path) -> None:
    model = cw.train("translate", out=tmp_path / "r")
    report = cw.evaluate(model)
    assert report.figures["exact"] >= 0.98  # 99.2 measured; other processors round otherwise
    assert all(line.figures["exact"].value >= 0.98 for line in report.sections[0].lines)
    assert report.lines[2].figures["exact"] < 0.3
    told = {
        "the fourth of July 1976": "1976-07-04", "Dec. 25, 2013": "2013-12-25", "31.12.1999": "1999-12-31",
        "二〇〇八年八月八日": "2008-08-08", "1997年7月1号": "1997-07-01",
    }  # fmt: skip
    assert {text: model.predict(text).answer for text in told} == told


def words(folder: Path) -> Path:
    """A small file of pairs in which each word has its own translation."""
    table = {"red": "红", "blue": "蓝", "dog": "狗", "cat": "猫", "big": "大", "old": "老"}
    adjectives, nouns = ["red", "blue", "big", "old"], ["dog", "cat"]
    rows = [
        (f"{a} {b} {n}.", f"{table[a]}{table[b]}{table[n]}。") for a in adjectives for b in adjectives for n in nouns
    ]
    file = folder / "words.tsv"
    file.write_text("".join(f"{en}\t{zh}\n" for en, zh in rows * 4), encoding="utf-8")
    return file


def test_pairs_of_a_file_with_bleu_and_the_direction_that_was_trained(tmp_path: Path, quick: dict[str, object]) -> None:
    own = {**quick, "data__languages": ["en", "zh"], "data__direction": "en-zh", "model__cell": "GRU"}
    own |= {"train__epochs": 25, "train__batch_size": 32, "train__learning_rate": 0.02}
    file = words(tmp_path)
    model = cw.train("translate", data=file, out=tmp_path / "r", **own)  # type: ignore[arg-type]
    assert model.predict("old blue cat.").answer == "老蓝猫。"
    assert model.predict("old green cat.").unknown == ("green",)
    report = cw.evaluate(model, file)
    assert report.figures["exact"] == 1.0
    assert report.figures["BLEU"] == pytest.approx(100.0)
    assert len(report.lines) == 2  # a single file: no training split to compare with
    assert any("tok:zh" in note for note in report.notes)
    with pytest.raises(ConfigError, match="en-zh, found zh-en"):
        cw.evaluate(model, file, direction="zh-en")
    with pytest.raises(ConfigError, match="none: the model"):
        cw.evaluate(model)


def test_bleu_is_that_of_sacrebleu_with_all_right_translations() -> None:
    found = ["我在这里。", "你好吗"]
    right = [["我在這裡。", "我在这里。"], ["你好嗎？"]]
    expected = sacrebleu.corpus_bleu(found, [["我在這裡。", "你好嗎？"], ["我在这里。", None]], tokenize="zh").score
    assert bleu.corpus_bleu(found, right, "zh") == pytest.approx(expected)
    assert bleu.tokenizer_for(["我在这里。"]) == "zh"
    assert bleu.tokenizer_for(["I am here."]) == "13a"
    assert bleu.tokenizer_for(["2021-03-05"]) is None


def test_baselines() -> None:
    train = [Pair.of(a, b, "word", "word") for a, b in (("one cat", "x"), ("two dogs", "y"), ("six dogs", "y"))]
    assert most_frequent(train) == ("y",)
    assert nearest(train, ["one cats", "two dog"]) == [("x",), ("y",)]


def test_the_folder_reloads_exactly_and_a_damaged_one_is_refused(run: Path, model: Translator, tmp_path: Path) -> None:
    again = cw.load(run)
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name])
    assert again.predict("5 May 1999") == model.predict("5 May 1999")
    names = sorted(file.name for file in (run / "best").iterdir())
    assert names == ["manifest.json", "source.json", "target.json", "weights.safetensors"]
    for name in names:
        shutil.copytree(run / "best", tmp_path / name)
        (tmp_path / name / name).write_bytes((run / "best" / name).read_bytes()[:-3])
        with pytest.raises(StorageError):
            cw.load(tmp_path / name)


def test_a_killed_run_goes_on_with_the_same_bits(
    killed_run_ends_alike: Callable[..., Path], quick: dict[str, object]
) -> None:
    settings = {**quick, "data__size": 100, "train__epochs": 2, "train__checkpoint_every": 2}
    killed_run_ends_alike("translate", 3, **settings, data="dates-en", model__token_dropout=0.2)


@pytest.mark.parametrize("cell", ["PerToken", "MinGRU", "file"])
def test_any_cell_trains_reloads_and_answers(tmp_path: Path, quick: dict[str, object], cell: str) -> None:
    if cell == "file":
        file = tmp_path / "mine.py"
        file.write_text(
            "from cellwright import Cell\nfrom cellwright.ops import tanh\n\n\nclass Mine(Cell):\n    gates = 'n'\n"
            "    states = 'h'\n\n    def step(self, x, h, W, R, b):\n        return (tanh(W.n @ x + R.n @ h + b.n),)\n"
        )
        cell = f"{file}:Mine"
    own = {**quick, "data__size": 50, "model__cell": cell}
    model = cw.train("translate", data="dates-zh", out=tmp_path / "r", **own)  # type: ignore[arg-type]
    assert cw.load(tmp_path / "r").predict("2021年3月5日") == model.predict("2021年3月5日")


def test_compare_shows_what_recurrence_gives(quick: dict[str, object]) -> None:
    values = {key.replace("__", ".", 1): value for key, value in quick.items()} | {"data.size": 100}
    config = load_config(None, schema=TranslateConfig, values=values)
    report = kind_named("translate").compare(config, ["per-token", "BiLSTM"])
    assert [line.name for line in report.lines][:2] == ["per-token", "BiLSTM"]
    assert report.lines[-1].name == "most frequent"
