"""Pages of trained models in a real browser: Elman beside LSTM, before beside after training, the slider of a watched
run, what a corpus tells, the Jacobian of every step."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import cellwright as cw
from cellwright.cli.inspect import run_inspection
from cellwright.microscope.watch import Watch, watched

torch.set_num_threads(1)
pytestmark = pytest.mark.timeout(900)  # three trainings and a browser
Show = Callable[..., Any]
TEXT = "leave Taipei on November 2nd"
SMALL = {
    "data__size": 200,
    "data__swap": 0.0,
    "model__hidden_size": 12,
    "model__num_layers": 1,
    "model__bidirectional": False,
    "model__word_dim": 12,
    "model__char_dim": 4,
    "model__char_filters": 3,
    "model__char_widths": [3],
    "model__affix_dim": 4,
    "model__dropout": 0.0,
    "model__feature_dropout": 0.0,
    "train__epochs": 4,
    "train__batch_size": 16,
    "train__learning_rate": 0.02,
    "train__threads": 1,
}
BEFORE = {"train__learning_rate": 1e-12, "train__epochs": 1}
CORPUS = [
    "leave Taipei on November 2nd",
    "arrive Taipei on November 2nd",
    "leave Paris on May 1st",
    "arrive Paris on May 1st",
    "what time is it",
    "leave Rome on June 3rd",
    "arrive Rome on June 3rd",
    "leave Oslo on March 4th",
    "arrive Oslo on March 4th",
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs lstm, which was watched, elman, and before: the lstm as training finds it."""
    folder = tmp_path_factory.mktemp("pages")
    for name, more in (("lstm", {}), ("elman", {"model__cell": "Elman"}), ("before", BEFORE)):
        watching = [Watch(folder / name, 10)] if name == "lstm" else []
        settings: dict[str, Any] = {**SMALL, **more}
        cw.train("slots", data="travel-en", out=folder / name, callbacks=watching, **settings)
    return folder


@pytest.fixture
def page_of(runs: Path, opened: Show, tmp_path: Path) -> Show:
    """page_of(name, other, corpus): what the command writes, in the browser."""

    def make(name: str, other: str | None = None, corpus: bool = False) -> Any:
        texts = tmp_path / "texts.txt"
        texts.write_text("\n".join(CORPUS), encoding="utf-8")
        page = tmp_path / f"{name}-{other}.html"
        beside = runs / other if other else None
        run_inspection(runs / name, TEXT, other=beside, corpus=texts if corpus else None, html=page)
        return opened(page.read_text(encoding="utf-8"))

    return make


def test_elman_stands_beside_lstm(page_of: Show) -> None:
    page = page_of("elman", "lstm")
    names = [one.inner_text() for one in page.query_selector_all(".model > h2")]
    assert [name.rpartition("/")[2] for name in names] == ["elman", "lstm"]
    assert page.evaluate("data => page.data.models.map((one) => one.runs[0].cell)") == ["Elman", "LSTM"]
    page.wait_for_selector("#compare .chart svg")
    said = page.inner_text("#compare")
    assert said.count("log10 a lag") == 2
    assert "has no carry path" in page.inner_text(".model >> nth=0 >> [data-panel=ring]")
    assert "has no carry path" not in page.inner_text(".model >> nth=1 >> [data-panel=ring]")
    assert page.get_attribute("#summary", "data-holds") == "true"
    page.keep("report-elman-lstm")


def test_before_stands_beside_after_training(page_of: Show) -> None:
    page = page_of("before", "lstm")
    said = [one.inner_text() for one in page.query_selector_all(".answer")]
    assert said[0] != said[1]
    curves = page.evaluate("page.panels.map((panel) => [...panel.figure('gradient_by_lag').arrays.norm.values])")
    assert len(curves[0]) == len(curves[1]) == len(TEXT.split())
    assert curves[0] != curves[1]
    page.wait_for_selector("#compare .chart svg")
    page.keep("report-before-after")


def test_the_slider_goes_through_what_was_watched(page_of: Show, runs: Path) -> None:
    page = page_of("lstm")
    records = watched(runs / "lstm")
    assert len(records) > 3
    said = []
    page.focus("#epoch")
    for record in reversed(records):
        said.append(page.inner_text("#epoch-said"))
        rows = dict(
            [cell.inner_text() for cell in row.query_selector_all("td")]
            for row in page.query_selector_all("#epochs tr")
            if row.query_selector("td")
        )
        mean = float(re.sub("[−-]", "-", rows["1 forward: f mean"]))
        assert mean == pytest.approx(record["runs"][0]["gates"]["f"]["mean"], rel=1e-2)
        page.keyboard.press("ArrowLeft")
    assert said == [f"step {one['step']}, epoch {one['epoch']}" for one in reversed(records)]


def test_a_corpus_gives_groups_of_words_and_units(page_of: Show) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'cellwright[microscope]'")
    page = page_of("lstm", corpus=True)
    page.evaluate("document.querySelector('[data-figure=unit_word_clusters]').open = true")
    groups = page.inner_text("[data-figure=unit_word_clusters]")
    assert "Groups: " in groups
    assert "Taipei" in groups
    assert page.get_attribute("#summary", "data-holds") == "true"
    page.keep("report-corpus")


def test_the_jacobian_of_every_step_has_a_slider(page_of: Show) -> None:
    page = page_of("lstm")
    page.evaluate("document.querySelector('[data-figure=state_jacobian]').open = true")
    page.wait_for_selector("[data-figure=state_jacobian] canvas")
    told = "[data-figure=state_jacobian] .slices output"
    assert page.inner_text(told).endswith("2nd")
    page.focus("[data-figure=state_jacobian] input")
    page.keyboard.press("ArrowLeft")
    assert page.inner_text(told).endswith("November")
    assert [page.evaluate(f"document.querySelector('[data-figure=state_jacobian] canvas').{side}")
            for side in ("width", "height")] == [24, 24]  # fmt: skip
