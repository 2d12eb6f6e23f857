"""Trained taggers: answers, figures, storage, resuming, any cell."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from seqeval.metrics import f1_score

import cellwright as cw
from cellwright.errors import ConfigError, DataError, StorageError
from cellwright.ops import sigmoid, tanh
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.storage.atomic import read_folder, write_folder
from cellwright.tasks.tag.baselines import Baselines
from cellwright.tasks.tag.config import TagModel
from cellwright.tasks.tag.corpora import EMBEDDED
from cellwright.tasks.tag.metrics import figures
from cellwright.tasks.tag.model import TagNetwork
from cellwright.tasks.tag.predict import Tagger
from cellwright.tasks.tag.segments import from_words
from cellwright.tasks.tag.task import make_batch
from cellwright.tasks.tag.vocabulary import Vocabulary

SMALL = {
    "hidden_size": 7,
    "word_dim": 5,
    "char_dim": 4,
    "char_filters": 3,
    "affix_dim": 4,
    "pair_dim": 3,
    "pair_count": 1,
}
SENTENCES = [
    Utterance(("the", "watch", "stops"), ("DET", "NOUN", "VERB"), ""),
    Utterance(("they", "watch", "the", "play", "."), ("PRON", "VERB", "DET", "NOUN", "PUNCT"), ""),
    Utterance(("go",), ("VERB",), ""),
]


def sentence(*words: str) -> Utterance:
    characters, tags = from_words(words)
    return Utterance(tuple(characters), tuple(tags), "")


def test_a_network_that_reads_the_context_beats_the_table(models: dict[str, Tagger]) -> None:
    for name, least in (("pos-en", 0.1), ("names-en", 0.2), ("words-zh", 0.02)):
        report = cw.evaluate(models[name])
        metric = "accuracy" if name == "pos-en" else "f1"
        shares = [float(line.figures[metric]) for line in report.lines]
        assert shares[0] > max(shares[1:]) + least, (name, shares)
        json.dumps(report.to_data())


def test_answers_hold_words_tags_and_places(models: dict[str, Tagger]) -> None:
    answer = models["pos-en"].predict("they watch the play .")
    assert str(answer) == " ".join(f"{w}/{t}" for w, t in zip(answer.tokens, answer.tags, strict=True))
    assert answer.tags == ("PRON", "VERB", "DET", "NOUN", "PUNCT")
    spans = models["names-en"].predict("we flew to Jordan in May")
    assert [(f.label, f.value, f.start, f.end) for f in spans.spans] == [("place", "Jordan", 11, 17)]
    assert str(spans) == "place=Jordan"
    words = models["words-zh"].predict("我们 喜欢苹果。")
    assert "".join(f.value for f in words.spans) == "我们喜欢苹果。"
    assert all(words.text[f.start : f.end] == f.value and 0 <= f.probability <= 1 for f in words.spans)
    for made in (answer, spans, words):
        assert set(json.loads(made.to_json())) == {"target", "text", "tokens", "tags", "spans", "unknown"}


@pytest.mark.parametrize("name", EMBEDDED)
def test_texts_come_one_by_one_or_together_and_bad_ones_are_refused(models: dict[str, Tagger], name: str) -> None:
    model = models[name]
    texts = ["我们喜欢苹果", "x", "they watch the old play", "🙂 \x00 ü", "w " * 900]
    assert [a.tags for a in model.predict_many(texts)] == [model.predict(text).tags for text in texts]
    for wrong in ("", " ", [], ["a", ""], "w " * 20_000, "half \ud800"):
        with pytest.raises(DataError):
            model.predict(wrong)
    assert [type(a).__name__ for a in model.stream(["", "go"])] == ["DataError", "TaggedText"]


def test_a_folder_reloads_exactly_and_a_changed_one_is_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    run = runs["words-zh"]
    first, again = cw.load(run), cw.load(run / "best")
    for key, tensor in first.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[key])
    assert first.predict("研究生研究生命") == again.predict("研究生研究生命")
    for file in (run / "best").iterdir():
        shutil.copytree(run / "best", tmp_path / file.name)
        (tmp_path / file.name / file.name).write_bytes(file.read_bytes()[:-3])
        with pytest.raises(StorageError):
            cw.load(tmp_path / file.name)
    stored = read_folder(run / "best", kind="tag model")
    names = json.loads(stored["vocabulary.json"])
    wrong = {
        "vocabulary.json": json.dumps({**names, "tags": ["S", "B"]}).encode(),
        "baselines.json": b"[]",
        "pairs.json": b"{}",
    }
    for file_name, data in wrong.items():
        write_folder(
            tmp_path / f"odd {file_name}", {**stored.files, file_name: data}, kind="tag model", info=stored.info
        )
        with pytest.raises(StorageError):
            cw.load(tmp_path / f"odd {file_name}")
    info = {**stored.info, "model": {**stored.info["model"], "hidden_size": 60_000}}
    write_folder(tmp_path / "big", stored.files, kind="tag model", info=info)
    with pytest.raises(StorageError):
        cw.load(tmp_path / "big")


def test_a_killed_run_goes_on_with_the_same_bits(
    killed_run_ends_alike: Callable[..., Path], quick: dict[str, object]
) -> None:
    settings = {**quick, "data__size": 80, "train__epochs": 2, "model__pair_dim": 4, "train__checkpoint_every": 2}
    killed_run_ends_alike("tag", 3, **settings)


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "Elman", "MGU", "PerToken"])
@pytest.mark.parametrize("head", ["crf", "softmax"])
def test_company_and_padding_change_no_answer(cell: str, head: str) -> None:
    config = TagModel.model_validate({**SMALL, "cell": cell, "head": head, "num_layers": 2})
    vocabulary = Vocabulary.learn(SENTENCES, "tags", config)
    torch.manual_seed(0)
    net = TagNetwork(config, vocabulary, choose_cell(cell)).double().eval()
    together = net(make_batch(SENTENCES, vocabulary))
    for k, u in enumerate(SENTENCES):
        alone = net(make_batch([u], vocabulary))
        assert torch.allclose(alone[0], together[k, : len(u.words)], rtol=0, atol=1e-12)
        assert net.answer(make_batch([u], vocabulary))[0][0] == net.answer(make_batch(SENTENCES, vocabulary))[0][k]


def test_a_per_token_network_sees_one_word() -> None:
    config = TagModel.model_validate({**SMALL, "cell": "PerToken", "pair_dim": 0})
    vocabulary = Vocabulary.learn(SENTENCES, "tags", config)
    net = TagNetwork(config, vocabulary, None).double().eval()
    first, second = (net(make_batch([u], vocabulary))[0, 1] for u in SENTENCES[:2])
    assert torch.allclose(first, second, rtol=0, atol=1e-12)  # "watch" in both


@pytest.mark.parametrize("target", ["spans", "words"])
def test_only_tags_that_may_follow_come_out(target: str) -> None:
    corpus = {
        "spans": [Utterance(("in", "New", "York", "Ann"), ("O", "B-place", "I-place", "B-person"), "")],
        "words": [sentence("我", "爱", "中国", "大会堂")],
    }[target]
    config = TagModel.model_validate(SMALL)
    vocabulary = Vocabulary.learn(corpus, target, config)  # type: ignore[arg-type]
    torch.manual_seed(1)
    net = TagNetwork(config, vocabulary, choose_cell("LSTM")).eval()
    with torch.no_grad():
        net.scores.weight.mul_(30)  # far from even, so that a forbidden pair would come out
    texts = [Utterance(tuple("我爱中国大会堂在里面"), (), "") for _ in range(20)]
    for rows in net.answer(make_batch(texts, vocabulary), confidence=False)[0]:
        tags = [vocabulary.tags[row] for row in rows]
        for before, after in zip(["O" if target == "spans" else "S", *tags], tags, strict=False):
            if target == "spans":
                assert after[0] != "I" or before[2:] == after[2:]
            else:
                assert (before in "BM") == (after in "ME")


def test_figures_are_those_of_the_conll_script_and_of_a_worked_example() -> None:
    gold = [Utterance(("a",) * 4, ("B-x", "I-x", "O", "B-y"), ""), Utterance(("a", "a"), ("O", "B-x"), "")]
    found = [["B-x", "O", "O", "B-y"], ["O", "B-x"]]
    scores = figures("spans", gold, found, lambda word: True)
    assert scores["f1"] == pytest.approx(f1_score([list(u.slots) for u in gold], found))
    words = [sentence("中国", "人民", "好")]
    cut = figures("words", words, [from_words(["中国", "人", "民", "好"])[1]], lambda word: "".join(word) != "人民")
    assert cut == {"f1": pytest.approx(4 / 7), "precision": 0.5, "recall": pytest.approx(2 / 3), "new_words": 0.0}
    tags = figures("tags", SENTENCES, [["DET", "VERB", "VERB"], ["X"] * 5, ["VERB"]], lambda word: word[0] != "go")
    assert tags == {"accuracy": pytest.approx(3 / 9), "new_words": 1.0}


def test_baselines_by_hand() -> None:
    corpus = [sentence("研究", "生命"), sentence("研究生", "命"), sentence("生命")]
    baselines = Baselines.learn(corpus, "words")
    lines = baselines.lines([sentence("研究", "生命", "好")])
    assert lines["longest word of training's"] == [["B", "M", "E", "S", "S"]]  # 研究生 is the longest, then 命, then 好
    assert set(lines) == {"longest word of training's", "most frequent tag of each character", "majority"}
    again = Baselines.from_files({"baselines.json": baselines.to_file()}, Path("m"))
    assert again.lines(corpus) == baselines.lines(corpus)
    assert (baselines.knows("生命"), baselines.knows("好")) == (True, False)
    table = Baselines.learn(SENTENCES, "tags")
    assert table.lines(SENTENCES)["majority"][2] == ["VERB"]
    assert table.lines([Utterance(("zzz",), ("X",), "")])["most frequent tag of each word"] == [["VERB"]]


def test_a_cell_of_ones_own_trains_and_its_model_needs_no_source(tmp_path: Path, quick: dict[str, object]) -> None:
    class Blend(cw.Cell):
        gates = "u n"
        states = "h"

        def step(self, x, h, W, R, b):
            u = sigmoid(W.u @ x + R.u @ h + b.u)
            n = tanh(W.n @ x + R.n @ (u * h) + b.n)
            return (u * h + (1 - u) * n,)

    settings = {**quick, "train__epochs": 1, "data__size": 40}
    model = cw.train("tag", out=tmp_path / "run", cell=Blend(), **settings)  # type: ignore[arg-type]
    assert type(model.cell) is not Blend
    assert cw.load(tmp_path / "run").predict("they watch") == model.predict("they watch")


def test_sentences_without_any_span_are_refused(tmp_path: Path, quick: dict[str, object]) -> None:
    (tmp_path / "x.jsonl").write_text('{"text": "Anna is in Rome"}\n' * 20)
    with pytest.raises(DataError, match="labelled spans in the training split, found none in 18 sentences") as refused:
        cw.train("tag", data=tmp_path / "x.jsonl", out=tmp_path / "r", **quick)  # type: ignore[arg-type]
    assert refused.value.file is not None
    assert '"spans": [{"start": 11, "end": 15' in (refused.value.repair or "")
    assert not (tmp_path / "r").exists()


def test_other_data_is_refused_or_noted(models: dict[str, Tagger], tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("they/PRON go/VERB !/SYM\n")
    report = cw.evaluate(models["pos-en"], tmp_path / "x.txt")
    assert report.notes == ["1 tag(s) that the model never saw, counted as errors: SYM (1)"]
    with pytest.raises(ConfigError, match="Expected data for tags, found words"):
        cw.evaluate(models["pos-en"], "words-zh")
    with pytest.raises(DataError, match="at least 10 training examples"):
        cw.train("tag", data=tmp_path / "x.txt", out=tmp_path / "r")
    with pytest.raises(DataError, match="found none"):
        cw.evaluate(models["pos-en"], [])


@pytest.mark.parametrize("name", EMBEDDED)
def test_generated_sentences_are_the_same_for_a_seed_and_hold_words_back(name: str) -> None:
    make = EMBEDDED[name][1]
    first = make(0, 300)
    assert make(0, 300) == first
    assert make(1, 300)["test"] != first["test"]
    assert make(0, 500)["test"] == first["test"]
    words = {split: {word for text, _ in made for word in text} for split, made in first.items()}
    assert len(words["test"] - words["train"]) >= 5
