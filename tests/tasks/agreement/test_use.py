"""Agreement as a user meets it: from Python, from the shell, with files that are not what they should be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import cellwright as cw
from cellwright.cli.application import application
from cellwright.errors import DataError, StorageError
from cellwright.tasks.agreement.config import AgreementData
from cellwright.tasks.agreement.corpora import open_corpus
from cellwright.tasks.agreement.predict import AgreementModel


def shell(*arguments: str) -> str:
    done = CliRunner().invoke(application, list(arguments))
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def write(folder: Path, name: str = "x", copies: int = 30) -> Path:
    """Sentences of two forms each, as Linzen's."""
    folder.mkdir(exist_ok=True)
    rows = ["2\truns\trun\t0", "2\trun\truns\t0", "5\truns\trun\t1", "5\trun\truns\t1"]
    texts = ["the dog runs", "the dogs run", "the dog near the cats runs", "the dogs near the cat run"]
    (folder / f"{name}.gold").write_text("\n".join(rows * copies))
    (folder / f"{name}.text").write_text("\n".join(texts * copies))
    return folder


def test_an_answer_is_a_form_with_its_probability(model: AgreementModel) -> None:
    assert model.classes == ("are", "is", "was", "were")
    answer = model.predict("yesterday the keys near the old table")
    assert answer.label in model.classes
    assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-3)
    assert json.loads(answer.to_json())["label"] == answer.label
    assert "AgreementModel(LSTM" in repr(model)
    with pytest.raises(DataError, match="at least one word"):
        model.predict(" ")


def test_a_reloaded_model_gives_the_same_bits(run: Path, model: AgreementModel) -> None:
    again = cw.load(run)
    assert isinstance(again, AgreementModel)
    for name, weight in model.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], weight)
    assert again.predict("now the dog") == model.predict("now the dog")
    assert again.data == {"path": "agreement-en", "size": 1000}


def test_a_changed_or_foreign_model_is_refused(tmp_path: Path, run: Path) -> None:
    import shutil

    shutil.copytree(run / "best", tmp_path / "model")
    words = tmp_path / "model" / "vocabulary.json"
    words.write_bytes(words.read_bytes().replace(b'"is"', b'"it"'))
    with pytest.raises(StorageError):
        cw.load(tmp_path / "model")


def test_evaluation_by_attractors_stands_beside_what_needs_no_memory(model: AgreementModel) -> None:
    report = cw.evaluate(model)
    assert [line.name for line in report.lines][:3] == [
        "model", "n-grams up to 2, logistic regression", "number of the nearest noun",
    ]  # fmt: skip
    by_attractors, by_kind, by_subjects = report.sections
    assert list(by_attractors.lines[0].figures) == ["0", "1", "2", "3", "4"]
    nearest = by_attractors.lines[2].figures
    assert nearest["0"] == 1
    assert max(nearest[n] for n in "1234") < 0.6
    assert set(by_attractors.lines[3].figures.values()) == {0.5}
    assert list(by_kind.lines[0].figures) == ["known words", "new nouns", "new nouns, new phrases", "new phrases"]
    assert list(by_subjects.lines[0].figures) == ["one subject", "second subject"]
    assert report.figures["number"].value >= report.figures["form"].value
    assert json.dumps(report.to_data())


def test_the_shell_trains_on_files_and_evaluates(tmp_path: Path) -> None:
    folder = write(write(write(tmp_path / "data", "train"), "valid"), "test", 5)
    out = tmp_path / "run"
    shell(
        "train", "agreement", "--data", str(folder), "--out", str(out), "--set", "train.epochs=6",
        "--set", "model.hidden_size=16", "--set", "model.word_dim=16", "--set", "train.average=0.5",
    )  # fmt: skip
    report = json.loads(shell("evaluate", str(out), "--data", str(folder), "--json"))
    assert report["examples"] == 20
    assert report["lines"][0]["number"]["value"] == 1
    assert [line["name"] for line in report["lines"]][-1].startswith("always ")
    assert not any("nearest" in line["name"] for line in report["lines"])  # nothing says which words are nouns
    assert list(report["sections"]) == ["number, by attractors"]
    assert shell("predict", str(out), "the dogs near the cat").split()[0] == "plural"
    alone = write(tmp_path / "one")
    assert json.loads(shell("evaluate", str(out), "--data", str(alone), "--json"))["examples"] == 120


def test_a_killed_run_goes_on_with_the_same_bits(
    killed_run_ends_alike: Callable[..., Path], quick: dict[str, object]
) -> None:
    settings = {**quick, "data": "agreement-zh", "data__size": 320, "train__checkpoint_every": 5}
    killed_run_ends_alike("agreement", 7, **settings)


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        ("", "empty file"),
        ("2\truns\n" * 20, "attractors, parted by tabs"),
        ("2\tran\tsang\t0\n" * 20, "'ran' after the first 2 words"),
        ("1\tdog\tcow\t0\n" * 20, "forms that tell singular from plural"),
        ("2\truns\trun\t0\n" * 3, "a sentence for each of the 3 lines"),
        ("2\truns\trun\t0\n" * 20, "two or more classes"),
    ],
)
def test_files_that_cannot_serve_are_refused(tmp_path: Path, quick: dict[str, object], gold: str, message: str) -> None:
    (tmp_path / "x.gold").write_text(gold)
    (tmp_path / "x.text").write_text("the dog runs\n" * 20)
    with pytest.raises(DataError, match=message) as error:
        cw.train("agreement", data=tmp_path / "x.gold", out=tmp_path / "run", **quick)
    assert "Traceback" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_names_and_folders_without_sentences_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Did you mean agreement-zh"):
        cw.train("agreement", data="agrement-zh", out=tmp_path / "run")
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match=r"a \.gold file beside a \.text file, found none"):
        cw.train("agreement", data=tmp_path / "data", out=tmp_path / "run")


def test_linzens_sentences_are_read(data_dir: Path) -> None:
    corpus = open_corpus(AgreementData(path=str(data_dir / "agreement_linzen_testset")))
    assert len(corpus.train) == 7485
    assert {s.attractors for s in corpus.train} == {0, 1, 2, 3, 4}
    assert {s.number for s in corpus.train} == {"singular", "plural"}
    assert any("4 left out" in note for note in corpus.notes)


def test_a_cell_of_a_file_serves(tmp_path: Path, quick: dict[str, object]) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from cellwright.cells import Cell\nfrom cellwright.ops import sigmoid, tanh\n\n\n"
        "class Blend(Cell):\n    gates = 'z n'\n    states = 'h'\n\n    def step(self, x, h, W, R, b):\n"
        "        z = sigmoid(W.z @ x + R.z @ h + b.z)\n        n = tanh(W.n @ x + R.n @ h + b.n)\n"
        "        return z * h + (1 - z) * n\n"
    )
    settings = quick | {"train__epochs": 1, "data__size": 100, "model__cell": f"{file}:Blend"}
    trained = cw.train("agreement", out=tmp_path / "run", callbacks=[], **settings)
    file.unlink()
    assert cw.load(tmp_path / "run").predict("now the dog") == trained.predict("now the dog")
