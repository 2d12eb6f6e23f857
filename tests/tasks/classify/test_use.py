"""A trained classifier: answers, reasons, figures, storage, resuming."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

import cellwright as cw
from cellwright.errors import ConfigError, DataError, StorageError
from cellwright.tasks.classify.corpora import EMBEDDED, made_example, open_corpus
from cellwright.tasks.classify.examples import Example
from cellwright.tasks.classify.ngrams import Baselines, _fit, _hashed, _matrix
from cellwright.tasks.classify.predict import TextClassifier
from cellwright.tasks.classify.why import reasons
from cellwright.tasks.storage.atomic import read_folder, write_folder

CLASSIFY = "classify model"


def test_it_learns_what_n_grams_cannot(model: TextClassifier) -> None:
    report = cw.evaluate(model, seed=3)
    names = [line.name for line in report.lines]
    assert names[0] == "model"
    assert names[2] == "majority"
    shares = [float(line.figures["accuracy"]) for line in report.lines]
    assert shares[0] > shares[1] + 0.03
    assert shares[1] > shares[2] + 0.05
    assert json.loads(json.dumps(report.to_data()))["examples"] == 1000


def test_answers_are_probabilities_and_come_one_by_one_or_together(model: TextClassifier) -> None:
    texts = ["the paper is good .", "nothing about the cover is good .", "x", "Ünïcödé 我 🙂", "w " * 3000]
    alone = [model.predict(text) for text in texts]
    together = model.predict_many(texts)
    for a, b in zip(alone, together, strict=True):
        assert (a.label, a.unknown) == (b.label, b.unknown)
        assert sum(a.probabilities.values()) == pytest.approx(1.0, abs=2e-4)
        assert a.probabilities == pytest.approx(b.probabilities, abs=1e-4)
    assert set(json.loads(alone[0].to_json())) == {"text", "tokens", "label", "probabilities", "unknown"}
    assert str(alone[0]).startswith(f"{alone[0].label} ")
    assert model.predict(["the", "paper", "is", "good"]).text == "the paper is good"


@pytest.mark.parametrize("wrong", ["", "  ", [], ["a", " "], "w " * 20_000, "half \ud800"])
def test_what_is_no_text_is_refused(model: TextClassifier, wrong: object) -> None:
    with pytest.raises(DataError):
        model.predict(wrong)  # type: ignore[arg-type]
    assert [type(answer).__name__ for answer in model.stream(["", "good"])] == ["DataError", "Decision"]


def test_several_texts_are_a_list_and_words_may_come_one_by_one(model: TextClassifier) -> None:
    assert model.predict_many([]) == []
    both = model.predict_many(text for text in ("the paper is good", ["the", "pen", "is", "bad"]))
    assert [answer.text for answer in both] == ["the paper is good", "the pen is bad"]
    assert model.predict(word for word in ("the", "pen")).text == "the pen"  # type: ignore[arg-type]
    for wrong in ("the paper", None, {"text": "the paper"}):
        with pytest.raises(DataError, match=r"Expected a list of texts, found (one text|NoneType|dict)"):
            model.predict_many(wrong)  # type: ignore[arg-type]


def test_the_folder_reloads_exactly_and_a_damaged_one_is_refused(
    run: Path, model: TextClassifier, tmp_path: Path
) -> None:
    again = cw.load(run)
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name])
    assert again.predict("the pen is never bad") == model.predict("the pen is never bad")
    for file in (run / "best").iterdir():
        shutil.copytree(run / "best", tmp_path / file.name)
        (tmp_path / file.name / file.name).write_bytes(file.read_bytes()[:-3])
        with pytest.raises(StorageError):
            cw.load(tmp_path / file.name)


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("vocabulary.json", lambda old: b'{"characters": [], "classes": ["a"]}'),
        ("baselines.json", lambda old: b'{"counts": {"elsewhere": 1}, "longest": 2}'),
        ("words.json", lambda old: b"{}"),
    ],
)
def test_a_folder_with_another_content_is_refused(run: Path, tmp_path: Path, file: str, change) -> None:
    stored = read_folder(run / "best", kind=CLASSIFY)
    write_folder(tmp_path / "m", {**stored.files, file: change(stored[file])}, kind=CLASSIFY, info=stored.info)
    with pytest.raises(StorageError):
        cw.load(tmp_path / "m")


@pytest.mark.parametrize("changes", [{"hidden_size": 60_000}, {"num_layers": 6}, {"word_dim": 60_000}])
def test_settings_that_ask_for_more_than_the_weights_fill_are_refused(run: Path, tmp_path: Path, changes) -> None:
    stored = read_folder(run / "best", kind=CLASSIFY)
    info = {**stored.info, "model": {**stored.info["model"], **changes}}
    write_folder(tmp_path / "m", stored.files, kind=CLASSIFY, info=info)
    with pytest.raises(StorageError):
        cw.load(tmp_path / "m")


def test_an_interrupted_run_ends_with_the_same_bits(tmp_path: Path, quick: dict[str, object]) -> None:
    settings = {**quick, "data__size": 160, "train__epochs": 2, "model__pair_dim": 4, "model__word_dropout": 1.0}
    cw.train("classify", out=tmp_path / "whole", **settings)  # type: ignore[arg-type]
    budget = {"train__max_minutes": 1e-4}
    cw.train("classify", out=tmp_path / "cut", **settings, **budget)  # type: ignore[arg-type]
    for _ in range(3):
        cw.train(out=tmp_path / "cut", resume=True, train__max_minutes=1e-4)
    cw.train(out=tmp_path / "cut", resume=True, train__max_minutes=0.0)
    assert (tmp_path / "cut/metrics.jsonl").read_bytes() == (tmp_path / "whole/metrics.jsonl").read_bytes()
    weights = "best/weights.safetensors"
    assert (tmp_path / "cut" / weights).read_bytes() == (tmp_path / "whole" / weights).read_bytes()


def test_words_that_decide_are_named_and_negation_counts_as_one() -> None:
    """A hand-set meaning: good +2, bad −3, "not bad" turns to +1; the rest says nothing."""

    def score(words: tuple[str, ...]) -> float:
        text, total = " ".join(words), 0.0
        if "not bad" in text:
            text, total = text.replace("not bad", ""), 1.0
        return total + 2 * text.count("good") - 3 * text.count("bad")

    words = ["the", "print", "is", "good", ",", "the", "paper", "is", "not", "bad", ",", "so"]
    found = reasons(words, lambda texts: torch.tensor([score(text) for text in texts]))
    named = {" ".join(words[r.first : r.after]): r.effect for r in found}
    assert named["good"] == 2.0
    assert named["not"] == 4.0  # without it "bad" speaks alone
    assert max(abs(effect) for text, effect in named.items() if "not" not in text and text != "good") <= 3.0
    assert all("," not in text for text in named)
    assert reasons(["good"], lambda texts: torch.zeros(len(texts))) == []


def test_why_reads_a_review_of_another_shop(model: TextClassifier) -> None:
    explained = model.why("the paper is good . the one from another shop was different : the cover is awful .")
    assert explained.decision.label == "positive"
    assert explained.pieces
    assert "good" in explained.pieces[0].text
    assert set(json.loads(explained.to_json())) == {"text", "tokens", "label", "probabilities", "unknown", "why"}
    assert str(explained).startswith("positive ")
    long = model.why("the paper is good . " * 300)
    assert len(long.pieces) <= 8


@pytest.mark.parametrize("name", EMBEDDED)
def test_generated_texts_are_the_same_for_a_seed_and_hold_parts_back(name: str) -> None:
    make = EMBEDDED[name]
    first, again, other = make(0, 300), make(0, 300), make(1, 300)
    assert first == again
    assert first["train"] != other["train"]
    assert make(0, 400)["test"] == first["test"]  # the size of one split changes no other
    train = {word for text, _ in first["train"] for word in (text.split() if "en" in name else text)}
    test = {word for text, _ in first["test"] for word in (text.split() if "en" in name else text)}
    assert test - train, "words of parts that training never has"
    labels = [label for _, label in first["train"]]
    shares = [labels.count(label) / len(labels) for label in {*labels}]
    assert max(shares) < 2 * min(shares)


def test_the_n_gram_line_is_the_logistic_regression_that_sklearn_fits() -> None:
    corpus = open_corpus(cw.tasks.classify.config.ClassifyData(path="questions-en", size=300))
    classes = sorted({example.label for example in corpus.train})
    hashed = [_hashed(example.words, 2) for example in corpus.train]
    buckets = torch.from_numpy(np.unique(np.concatenate(hashed)))
    matrix = _matrix(hashed, buckets)
    targets = torch.tensor([classes.index(example.label) for example in corpus.train])
    decay = 1e-3
    weight, bias = _fit(matrix, targets, len(classes), decay)
    oracle = LogisticRegression(C=1 / (decay * len(hashed)), max_iter=2000, tol=1e-8)
    oracle.fit(matrix.to_dense().numpy(), targets.numpy())
    ours = (torch.sparse.mm(matrix, weight) + bias).softmax(1).numpy()
    assert np.abs(ours - oracle.predict_proba(matrix.to_dense().numpy())).max() < 0.01


def test_baselines_are_read_back_and_unknown_n_grams_say_nothing() -> None:
    examples = [Example(tuple(text.split()), label, text) for text, label in [("a b", "x"), ("a c", "y"), ("c a", "y")]]
    made = Baselines.learn(examples, examples, ["x", "y"], "word")
    assert made.majority() == "y"
    assert made.answers(examples) == ["x", "y", "y"]
    again = Baselines.from_files(made.to_files(), ["x", "y"], Path("m"))
    odd = [*examples, made_example("zzz qqq", "x", "word")]
    assert again.answers(odd) == made.answers(odd)


def test_wrong_settings_and_data_are_named(tmp_path: Path, quick: dict[str, object]) -> None:
    (tmp_path / "x.tsv").write_text("".join(f"text {k}\tgood\n" for k in range(20)) + "odd\tbad\n")
    (tmp_path / "y.tsv").write_text("label\ttext\n" + "".join(f"good\ttext {k}\n" for k in range(20)))
    with pytest.raises(DataError, match="Expected two or more classes in the training split, found 'good' alone"):
        cw.train("classify", data=tmp_path / "y.tsv", out=tmp_path / "r", **quick)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="pooling"):
        cw.train("classify", out=tmp_path / "r", model__pooling=["first"])
    with pytest.raises(DataError, match=r"set 0\.5 of them aside"):
        cw.train("classify", data=tmp_path / "x.tsv", out=tmp_path / "r", data__validation=0.5, data__size=1)
    assert not (tmp_path / "r").exists()


def test_other_classes_and_reversed_texts_are_measured(model: TextClassifier) -> None:
    examples = [made_example("the paper is good", "positive", "word"), made_example("so so", "neutral", "word")]
    report = cw.evaluate(model, examples)
    assert report.notes == ["1 class(es) that the model never saw, counted as errors: neutral (1)"]


def test_a_forward_network_does_not_know_reversed_text(tmp_path: Path, quick: dict[str, object]) -> None:
    """Row D18: the order of words is in its weights."""
    model = cw.train("classify", data="reviews-en", out=tmp_path / "r", model__bidirectional=False, **quick)
    forward, backward = (cw.evaluate(model, reverse=turned).figures["accuracy"] for turned in (False, True))
    assert forward > 0.9
    assert backward < 0.75
