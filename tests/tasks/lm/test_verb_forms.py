"""Agreement of a language model: the right form against the wrong one, in files as Linzen's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import cellwright as cw
from cellwright.cli.application import application
from cellwright.errors import DataError
from cellwright.tasks.data.verb_forms import read_verb_forms
from cellwright.tasks.lm.predict import LmModel
from cellwright.tasks.lm.verb_forms import right_forms

NOUNS = ("dog", "cat", "bird")
SENTENCES = [
    f"the {noun}{s} near the {other}{t} {'run' if s else 'runs'} ."
    for noun in NOUNS for other in NOUNS for s in ("", "s") for t in ("", "s")
]  # fmt: skip


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("animals") / "text"
    folder.mkdir()
    (folder / "train.txt").write_text("\n".join(SENTENCES * 12))
    (folder / "valid.txt").write_text("\n".join(SENTENCES))
    return folder


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forms")
    rows = []
    for sentence in [*SENTENCES, "the moose sings ."]:
        words = sentence.split()
        verb = len(words) - 2
        right = words[verb]
        wrong = right.removesuffix("s") if right.endswith("s") else f"{right}s"
        attractors = int(verb > 3 and words[1].endswith("s") != words[4].endswith("s"))
        rows.append(f"{verb}\t{right}\t{wrong}\t{attractors}")
    (folder / "animals.text").write_text("\n".join([*SENTENCES, "the moose sings ."]))
    (folder / "animals.gold").write_text("\n".join(rows))
    return folder / "animals.gold"


@pytest.fixture(scope="module")
def animals(text: Path, tmp_path_factory: pytest.TempPathFactory) -> LmModel:
    return cw.train(
        "lm", data=text, out=tmp_path_factory.mktemp("lm") / "run", callbacks=[], model__hidden_size=32,
        model__embedding_size=16, train__epochs=3, train__batch_size=8, train__average=0.8, train__threads=1,
    )  # fmt: skip


def test_a_form_is_right_where_its_probability_is_the_larger(animals: LmModel, gold: Path) -> None:
    forms = [f for f in read_verb_forms(gold)[0] if "moose" not in f.words]
    found = right_forms(animals, forms)
    for f, right in zip(forms, found, strict=True):
        p_V = animals.next_probabilities(f.words)
        own, other = (p_V[animals.vocabulary.row(form)] for form in (f.right, f.wrong))
        assert abs(own - other) < 1e-6 or right == float(own > other)


def test_the_report_stands_beside_n_grams_and_the_majority(animals: LmModel, gold: Path, text: Path) -> None:
    report = cw.evaluate(animals, gold.parent, text=str(text))
    assert [line.name for line in report.lines] == [
        "model", "5-gram, Kneser-Ney", "unigram: the more frequent form", "always singular",
    ]  # fmt: skip
    assert report.examples == 36  # the verb of the moose is unknown
    (by_attractors,) = report.sections
    model, ngram, _, majority = by_attractors.lines
    assert list(model.figures) == ["0", "1"]
    forms = [f for f in read_verb_forms(gold)[0] if "moose" not in f.words]
    assert report.figures["right form"].value == np.mean(right_forms(animals, forms))
    assert np.mean(list(model.figures.values())) == report.figures["right form"].value  # as many of each
    assert ngram.figures["1"] == 1.0  # five words reach back to the subject here
    assert majority.figures == {"0": 0.5, "1": 0.5}
    assert any("1 of 37 left out" in note for note in report.notes)
    short = cw.evaluate(animals, gold, text=str(text), ngram=2)
    assert short.sections[0].lines[1].figures == {"0": 0.5, "1": 0.5}  # two words see the nearest noun alone


def test_the_shell_says_what_is_missing(animals: LmModel, gold: Path, tmp_path: Path, letters: Path) -> None:
    report = cw.evaluate(animals, gold)
    assert len(report.lines) == 2
    assert any("data.text=FOLDER" in note for note in report.notes)
    (tmp_path / "x.gold").write_text("2\tsings\tsing\t0\n")
    (tmp_path / "x.text").write_text("the moose sings\n")
    with pytest.raises(DataError, match="knows both forms, found none"):
        cw.evaluate(animals, tmp_path / "x.gold")
    with pytest.raises(DataError, match="a folder or file with text, found none"):
        cw.evaluate(animals, gold, text=str(tmp_path / "nothing"))
    run = tmp_path / "letters"
    small = {"data__unit": "char", "train__epochs": 1, "model__hidden_size": 8, "train__batch_size": 4}
    cw.train("lm", data=letters, out=run, callbacks=[], **small)
    done = CliRunner().invoke(application, ["evaluate", str(run), "--data", str(gold), "--json"])
    assert done.exit_code != 0
    assert "a model of words, found one of characters" in str(done.exception) + done.output
    assert json.dumps(report.to_data())


def test_linzens_sentences_are_scored(data_dir: Path, animals: LmModel) -> None:
    report = cw.evaluate(animals, data_dir / "agreement_linzen_testset")
    assert 0 < report.examples < 100  # of run and runs
    assert any("4 left out: the same form twice" in note for note in report.notes)
