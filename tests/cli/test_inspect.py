"""`cellwright inspect`, run as a user runs it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

import cellwright as cw
from cellwright.cli.inspect import run_inspection
from cellwright.errors import CellwrightError

SENTENCE = "leave Taipei on November 2nd"


def test_a_terminal_shows_the_answer_the_words_and_each_figures_verdict(cellwright, run: Path) -> None:
    done = cellwright("inspect", str(run), SENTENCE)
    assert done.returncode == 0, done.stderr
    assert "departure=Taipei" in done.stdout
    assert "gradients are of log p(intent" in done.stdout
    for part in ("layer 1, forward: LSTM", "layer 1, backward: LSTM", "gradient_by_lag", "ring", "November", "error"):
        assert part in done.stdout
    assert "NO:" not in done.stdout


def test_one_call_writes_the_page_the_arrays_and_pictures(cellwright, run: Path, tmp_path: Path) -> None:
    arguments = ["--html", "r.html", "--npz", "r.npz", "--image", "gradient_by_lag=lag.vl.json", "--json"]
    done = cellwright("inspect", str(run), SENTENCE, *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    *files, data = done.stdout.splitlines()
    assert [line.split(":")[0] for line in files] == ["lag.vl.json", "r.npz", "r.html"]
    (model,) = json.loads(data)["models"]
    assert model["words"] == SENTENCE.split()
    assert model["answer"]["spans"][0]["value"] == "Taipei"
    names = {figure["name"] for figure in model["figures"]}
    assert {"gradient_by_lag", "ring", "ledger", "forgetting_events", "integrated_gradients"} <= names
    assert all(figure["check"]["holds"] for figure in model["figures"])
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert SENTENCE in page
    with zipfile.ZipFile(tmp_path / "r.npz") as held:
        assert {"ring.1.forward.share.npy", "1.backward.values.c.npy", "1.forward.gradients.f.npy"} <= set(
            held.namelist()
        )


def test_two_models_and_one_figure(cellwright, run: Path, tmp_path: Path) -> None:
    done = cellwright("inspect", str(run), SENTENCE, "--with", str(run / "best"), "--html", "two.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "two.html").read_text(encoding="utf-8").count('"target":"log p(') == 2
    one = cellwright("inspect", str(run), "--words", "leave Taipei", "--figure", "ring.1.backward")
    assert one.returncode == 0, one.stderr
    assert "Σ_k share_k = 1" in one.stdout


def test_a_figure_that_is_named_is_taken_and_stands_in_every_form(cellwright, run: Path, tmp_path: Path) -> None:
    names = ["itemised_gradient.R.f", "ablation.1.backward"]
    options = [word for name in names for word in ("--figure", name)]
    done = cellwright("inspect", str(run), SENTENCE, *options, "--image", "itemised_norms.b.i=n.vl.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "What each use of R.f adds to its gradient" in done.stdout
    assert "adds up: Σ A(t, k) = ‖dL/dR.f‖" in done.stdout
    assert "loses with a unit held at 0" in done.stdout
    drawn = json.loads((tmp_path / "n.vl.json").read_text(encoding="utf-8"))
    assert len(drawn["data"]["values"]) == 5 * 5
    done = cellwright("inspect", str(run), SENTENCE, *options, "--json", "--npz", "r.npz", cwd=tmp_path)
    found = {(f["name"], f["direction"]) for f in json.loads(done.stdout.splitlines()[-1])["models"][0]["figures"]}
    assert {("itemised_gradient.R.f", 0), ("ablation", 1)} <= found
    with zipfile.ZipFile(tmp_path / "r.npz") as held:
        assert "itemised_gradient.R.f.1.forward.addend.npy" in held.namelist()


def test_a_phrase_is_split_and_looked_for_in_a_corpus(cellwright, run: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("arrive in Rome on May 3rd\nleave Paris on November 2nd\n", encoding="utf-8")
    options = ["--phrase", "November 2nd", "--level", "0.01", "--corpus", "texts.txt"]
    done = cellwright("inspect", str(run), SENTENCE, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "contextual_decomposition: Most for log p(intent" in done.stdout
    assert done.stdout.count("find_by_range") == 2
    done = cellwright("inspect", str(run), SENTENCE, *options, "--figure", "find_by_range", cwd=tmp_path)
    rows = [line.split() for line in done.stdout.splitlines() if "November 2nd" in line and "." not in line]
    assert ["2", "3", "5"] in [row[-3:] for row in rows]  # sequence, start, stop: in the corpus's second text


def test_a_long_answer_is_cut_in_a_terminal_with_a_note(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_inspection(run, f"{SENTENCE} " * 90)
    answer, rest = capsys.readouterr().out.split(" …\n", 1)
    assert len(answer) < 1_100
    assert "characters; --json holds all of it" in " ".join(rest.split())
    assert "no integrated_gradients: It is taken of sequences of up to 400 steps" in " ".join(rest.split())


def test_of_two_models_it_is_said_which_is_meant(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"data__size": 30, "model__hidden_size": 8, "train__epochs": 1, "train__threads": 1}
    for cell in ("PerToken", "Elman"):
        cw.train("slots", data="travel-en", out=tmp_path / cell, model__cell=cell, **settings)
    given = {"model": run, "text": "leave Taipei", "figures": ["half_life"]}
    with pytest.raises(CellwrightError, match=r"Expected a model with recurrent layers(.|\n)*PerToken"):
        run_inspection(**given, other=tmp_path / "PerToken")
    run_inspection(**given, other=tmp_path / "Elman")
    first, second = capsys.readouterr().out.split(str(tmp_path / "Elman"), 1)
    assert "Half-life of c: median" in first
    assert "Elman has no carry path" in " ".join(second.split())


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("", {}, "Expected at least one word, found none"),
        ("x", {"html": "none/r.html"}, r"Expected r\.html to be written"),
        ("x", {"npz": "none/r.npz"}, r"Expected r\.npz to be written"),
        ("x", {"images": ["gradient_by_lag=none/lag.vl.json"]}, r"Expected lag\.vl\.json to be written"),
        ("x", {"corpus": "none.txt"}, "none.txt"),
        ("x", {"figures": ["rung"]}, r"Expected a figure, found 'rung'.\n +Did you mean ring\?"),
        ("x", {"figures": ["ring.1"]}, r"Expected ring, or ring\.LAYER\.DIRECTION, found 'ring\.1'"),
        (
            "x",
            {"figures": ["ring.3.forward"], "html": "r.html"},
            "found none of ring.3.forward.\n.*ring.1.backward",
        ),
        ("x", {"figures": ["itemised_gradient"]}, "Expected the weight whose gradient is itemised"),
        ("x", {"figures": ["itemised_norms.R.ff"], "npz": "r.npz"}, r"found 'R\.ff'\. Did you mean R\.f\?"),
        (
            "x",
            {"figures": ["notebook.4.forward"]},
            r"Expected a layer and direction of 1\.forward, 1\.backward, found 4\.",
        ),
        ("x", {"figures": ["find_by_range"]}, "It comes with --phrase WORDS"),
        ("x", {"phrase": "Taipei"}, "Expected a phrase of the text, found 'Taipei'"),
        ("x", {"level": 0.1}, "Expected --level with --phrase, found it alone"),
        ("x", {"images": ["ring"]}, "Expected --image FIGURE=FILE, found 'ring'"),
        (
            "x",
            {"images": ["gradient_by_lag=lag.svg", "ring=ring.gif"]},
            r"ends in \.png, \.svg or \.vl\.json, found ring\.gif",
        ),
        ("x", {"model": "nothing"}, "Expected a model folder, found nothing"),
    ],
)
def test_mistakes_are_named_and_leave_nothing(run: Path, tmp_path: Path, text, options, said) -> None:
    given = {k: tmp_path / v if k in ("corpus", "html", "model", "npz") else v for k, v in options.items()}
    with pytest.raises(CellwrightError, match=said):
        run_inspection(**{"model": run, "text": text, **given})
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_has_no_traceback(cellwright, run: Path) -> None:
    done = cellwright("inspect", str(run / "nothing"), "x")
    assert (done.returncode, "StorageError: Expected" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_long_text_is_summarised_with_a_note(cellwright, run: Path, tmp_path: Path) -> None:
    done = cellwright("inspect", str(run), "leave Taipei on November 2nd " * 2_000, "--html", "long.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "long.html").read_text(encoding="utf-8")
    assert "The text has 10,000 words; heat maps, ring and wiring show the 400" in page
    assert len(page.encode()) < 6_000_000
