"""Figures in a terminal, a notebook, JSON, NPZ and pictures: the same numbers everywhere, red if they do not add up."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from cellwright.errors import ConfigError, StorageError
from cellwright.microscope.charts import chart
from cellwright.microscope.export import figures_json, write_image, write_json, write_npz
from cellwright.microscope.figure import Check, Figure


def shares() -> Figure:
    held = np.random.default_rng(0).normal(size=(6, 4))
    return Figure(
        name="ledger",
        title="Who wrote what is still there",
        formula="held_k = ρ ⊙ b_k",
        unit="1",
        range="any",
        source="cellwright",
        arrays={"held": held, "share": np.abs(held).sum(axis=1)},
        axes={"held": ("k", "unit"), "share": ("k",)},
        labels={"k": ("start", "明天", "離開", "台北", "<on>", "明天")},
        check=Check("Σ_k held_k = s", held.sum(axis=0), held.sum(axis=0), 1e-13),
        notes=("a note",),
        verdict="Most is of 台北.",
    )


def lags() -> Figure:
    values = np.append(0.5 ** np.arange(30), [0.0, np.inf])
    return Figure("lag", "Gradient by lag", "G(k)", "1", "≥ 0", "Hochreiter 1991", {"G": values}, {"G": ("lag",)})


def broken() -> Figure:
    figure = shares()
    assert figure.check is not None
    return dataclasses.replace(figure, check=dataclasses.replace(figure.check, right=figure.check.right + 1e-6))


def printed(figure: Figure, **options: int) -> str:
    console = Console(width=100, record=True, file=open("/dev/null", "w", encoding="utf-8"), color_system="truecolor")  # noqa: SIM115
    console.print(figure.table(**options))
    console.file.close()
    return console.export_text(styles=True)


def test_a_terminal_shows_numbers_labels_formula_source_and_the_sum() -> None:
    figure = shares()
    text = printed(figure)
    for part in (figure.title, figure.formula, figure.source, "台北", "a note", figure.verdict, "Σ_k held_k = s"):
        assert part in text
    assert f"{figure.arrays['held'][0, 0]:.4g}" in text
    assert "1 明天" in text  # two alike words are told apart
    assert "(holds)" in text
    assert "does NOT hold" in printed(broken())
    assert "12 of 32, largest G" in " ".join(printed(lags()).split())
    assert "inf" in printed(lags())


def test_a_notebook_shows_the_same_without_scripts() -> None:
    html = shares()._repr_html_()
    assert "&lt;on&gt;" in html
    assert "<on>" not in html
    assert "<script" not in html
    assert "明天" in html
    assert 'style="color:#b00020' not in html
    assert 'style="color:#b00020' in broken()._repr_html_()


def test_json_and_npz_hold_every_number(tmp_path: Path) -> None:
    figures = [shares(), lags()]
    write_json(tmp_path / "f.json", figures, model="m")
    data = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))
    assert data["model"] == "m"
    assert np.array_equal(data["figures"][0]["arrays"]["held"], figures[0].arrays["held"])
    assert data["figures"][1]["arrays"]["G"][-1] == "inf"
    assert data["figures"][0]["check"]["holds"] is True
    assert json.loads(figures_json([broken()]))["figures"][0]["check"]["holds"] is False
    write_npz(tmp_path / "f.npz", figures, {"extra": np.arange(3)}, ["one", "two"])
    with np.load(tmp_path / "f.npz") as held:
        assert np.array_equal(held["one.held"], figures[0].arrays["held"])
        assert np.array_equal(held["two.G"], figures[1].arrays["G"])
        assert json.loads(str(held["about"]))[0]["title"] == figures[0].title
        assert held["extra"].tolist() == [0, 1, 2]
    with pytest.raises(StorageError):
        write_npz(tmp_path / "none" / "f.npz", figures, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.json", "f.npz"]


def test_a_picture_has_every_entry_and_says_what_is_on_the_floor() -> None:
    table = chart(shares())
    rows = table["data"]["values"]
    assert len(rows) == 24
    assert {row["right"] for row in rows} == {"0 start", "1 明天", "2 離開", "3 台北", "4 <on>", "5 明天"}
    assert table["encoding"]["color"]["scale"]["scheme"] == "blueorange"
    line = chart(lags())
    values = line["data"]["values"]
    assert [entry["floor"] for entry in values] == [False] * 30 + [True, True]
    assert values[-2]["said"] == "0"
    assert values[-1]["said"] == "inf"
    assert line["layer"][0]["encoding"]["y"]["scale"]["type"] == "log"
    with pytest.raises(ConfigError, match="Expected an array of ledger: held, share; found 'x'"):
        chart(shares(), "x")
    many = np.zeros((300, 300))
    with pytest.raises(ConfigError, match="at most 40,000 entries"):
        chart(Figure("big", "b", "f", "1", "r", "s", {"a": many}, {"a": ("t", "k")}))


def test_png_and_svg_are_drawn_without_a_browser(tmp_path: Path) -> None:
    pytest.importorskip("vl_convert", reason="vl-convert-python is not installed: pip install '.[microscope]'")
    write_image(tmp_path / "f.png", shares())
    write_image(tmp_path / "f.svg", lags())
    assert (tmp_path / "f.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "Gradient by lag" in (tmp_path / "f.svg").read_text(encoding="utf-8")
    write_image(tmp_path / "f.vl.json", shares(), "share")
    assert json.loads((tmp_path / "f.vl.json").read_text(encoding="utf-8"))["title"]["text"] == shares().title
    with pytest.raises(ConfigError, match=r"ends in \.png, \.svg or \.vl\.json, found f\.gif"):
        write_image(tmp_path / "f.gif", shares())


def test_without_the_extra_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ConfigError, match=r"pip install 'cellwright\[microscope\]'"):
        write_image(tmp_path / "f.png", shares())
    assert list(tmp_path.iterdir()) == []
