"""What a report holds: arrays as they were, identities the page can check, every cell, long texts and wide layers."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cellwright.cells import GRU, LSTM, Cell, Elman
from cellwright.errors import StorageError
from cellwright.microscope import report
from cellwright.microscope.diagram import parts_of
from cellwright.microscope.figure import Check, Figure
from cellwright.microscope.report import Placed, Seen, look, report_html, write_report
from cellwright.microscope.report.codec import decode, encode
from cellwright.microscope.report.cut import DEEP, cut
from cellwright.microscope.report.identity import recipe
from cellwright.microscope.report.payload import SHOWN, UNITS, payload
from cellwright.microscope.report.phases import phases_of

VENDOR = Path(report.__file__).parent / "vendor"


@pytest.mark.parametrize(("kind", "bits"), [("f2", 11), ("f4", 24), ("f8", 53)])
def test_arrays_come_back_with_the_bits_they_were_written_with(kind: Any, bits: int) -> None:
    values = np.random.default_rng(0).normal(size=(5, 7)) * 10.0 ** np.arange(-3, 4)
    made = encode(values, kind)
    back = decode(json.loads(json.dumps(made)))
    scale = np.abs(values).max() if kind == "f2" else np.abs(values)
    assert (np.abs(back - values) <= 2.0**-bits * np.maximum(np.abs(values), scale * 2.0**-14)).all()
    assert made["sum"] == pytest.approx(back.sum(), rel=1e-14, abs=1e-14 * made["size"])


@pytest.mark.parametrize("top", [1e-30, 1.0, 1e30])
def test_small_and_large_gradients_keep_their_digits(top: float) -> None:
    values = top * np.array([1.0, 0.3, -1e-4])
    np.testing.assert_allclose(decode(encode(values, "f2")), values, rtol=2.0**-11)


def test_what_is_no_number_stays_so() -> None:
    values = np.array([np.inf, -np.inf, np.nan, 1.5, 0.0])
    np.testing.assert_array_equal(decode(encode(values, "f8")), values)
    assert encode(values, "f8")["sum"] == 1.5
    assert encode(np.zeros(3), "f2")["sum"] == 0.0
    assert decode(encode(np.zeros((0, 4)), "f2")).shape == (0, 4)


def test_the_page_is_told_how_to_make_the_left_side(figure: Figure) -> None:
    held = figure.arrays["held"]

    def with_left(left: Any) -> Figure:
        return dataclasses.replace(figure, check=Check("x", left, left, 1e-12))

    assert recipe(figure) == {"how": "sum", "array": "held", "over": [0]}
    assert recipe(with_left(held.sum())) == {"how": "sum", "array": "held", "over": [0, 1]}
    assert recipe(with_left(held)) == {"how": "entries", "array": "held"}
    assert recipe(with_left(np.cumsum(held, axis=0))) is None
    assert recipe(dataclasses.replace(figure, check=None)) is None
    alike = dataclasses.replace(figure, arrays={"a": held, "b": 2 * held}, axes=dict.fromkeys("ab", ("k", "unit")))
    stacked = np.stack([held, 2 * held])
    assert recipe(dataclasses.replace(alike, check=Check("x", stacked, stacked, 0.0))) == {"how": "stack"}


def test_phases_are_those_that_the_lstm_is_told_in(
    cell_of: Callable[[str], Cell], seen_of: Callable[..., Seen]
) -> None:
    def phases(cell: Cell) -> dict[str, str]:
        run = seen_of(cell, steps=2).record.run()
        parts = parts_of(run.graph, run.names)
        found = phases_of(run.graph, run.names, parts)
        return {part.name: found[part.root] for part in parts if part.name}

    assert phases(LSTM()) == {"f": "forget", "i": "input", "g": "input", "c": "update", "o": "output", "h": "output"}
    assert phases(GRU()) == {"z": "forget", "r": "input", "n": "input", "h": "update"}
    assert phases(Elman()) == {"h": "input"}


def test_any_cell_has_a_report(every_cell: str, layer_of: Callable[..., Any]) -> None:
    layer = layer_of(every_cell, bidirectional=True)
    torch.manual_seed(2)
    seen = look(layer, torch.randn(4, 1, layer.input_size, dtype=torch.float64))
    html = report_html([seen])
    data = json.loads(re.search(r'id="payload">(.*?)</script>', html, re.DOTALL).group(1))  # type: ignore[union-attr]
    (model,) = data["models"]
    assert len(model["runs"]) == layer.num_layers * 2
    for placed in seen.figures:  # integrated gradients miss a little at the kinks of relu, and say so
        assert placed.figure.name == "integrated_gradients" or placed.figure.check is None or placed.figure.check.holds
    for run, recorded in zip(model["runs"], seen.record.runs, strict=True):
        parts = {part["root"] for part in run["parts"]}
        assert parts == {part.root for part in parts_of(recorded.graph, recorded.names)}
        for name, written in run["values"].items():
            found = recorded.values[name][:, 0]
            np.testing.assert_allclose(decode(written), found, atol=2.0**-11 * np.abs(found).max(), rtol=0)
        assert (run["carry"] is None) == ("no carry path" in run["verdict"] and "carries" not in run["verdict"])


def test_sixty_words_in_two_layers_and_directions_are_three_megabytes_at_most() -> None:
    torch.manual_seed(0)
    from cellwright.nn import LSTM as Layer

    layer = Layer(100, 128, num_layers=2, bidirectional=True)
    seen = look(layer, torch.randn(60, 1, 100), target=lambda y: y[-1].sum())
    words = tuple(f"word{k}" for k in range(60))
    seen = dataclasses.replace(seen, record=dataclasses.replace(seen.record, words=(words,)))
    html = report_html([seen])
    assert len(html.encode()) <= 3_000_000
    assert not re.search(r'(src|href)="(?!data:)', html)
    assert {absent.name for absent in seen.absent} == {"state_jacobian", "singular_values", "transition_norms"}
    assert "60 steps of 256 states have Jacobians of 3,932,160 entries, over 500,000: asked for" in seen.absent[0].why


def test_a_long_sequence_is_shown_where_the_gradient_arrives_and_says_so() -> None:
    from cellwright.nn import LSTM as Layer

    torch.manual_seed(0)
    layer = Layer(4, 3)
    seen = look(layer, torch.randn(1_500, 1, 4), target=lambda y: y[700].sum())
    (model,) = payload([seen])["models"]
    assert (len(model["words"]), model["total"]) == (SHOWN, 1_500)
    assert model["first"] <= 700 < model["first"] + SHOWN
    assert f"The text has 1,500 words; heat maps, ring and wiring show the {SHOWN}" in model["notes"][0]
    assert {absent.name for absent in seen.absent} == {"ring", "detours", "integrated_gradients"}
    assert {placed.figure.name for placed in seen.figures} >= {"state_jacobian", "singular_values", "transition_norms"}
    run = model["runs"][0]
    start, before = run["carry"]["state"], model["first"] - 1
    np.testing.assert_allclose(decode(run["initial"][start]), seen.record.run().values[start][before, 0], rtol=1e-6)


def test_a_deep_array_is_cut_to_its_largest_entries_and_says_so() -> None:
    deep = np.random.default_rng(0).normal(size=(5, 200, 200))
    deep[2, 150, 30] = 9.0
    figure = Figure(
        name="state_jacobian", title="t", formula="J", unit="1", range="any", source="s",
        arrays={"jacobian": deep, "size": np.abs(deep).max(axis=(0, 2))},
        axes={"jacobian": ("t", "after", "before"), "size": ("after",)},
        labels={"before": tuple(f"h {k}" for k in range(200))},
        check=Check("J u = J u", deep.sum(2), deep.sum(2), 1e-12),
    )  # fmt: skip
    made = cut(figure)
    assert made.arrays["jacobian"].size <= DEEP
    after, before = (list(made.labels[axis]) for axis in ("after", "before"))
    assert made.arrays["jacobian"][2, after.index("150"), before.index("h 30")] == 9.0
    np.testing.assert_array_equal(made.arrays["size"], figure.arrays["size"][[int(k) for k in after]])
    assert f"Of 200 places of the axis “after” the {len(after)} with the largest entries are shown" in made.notes[0]
    assert made.check is figure.check
    assert cut(made) is made


def test_what_is_too_long_for_a_page_is_left_out_with_a_note(seen_of: Callable[..., Seen]) -> None:
    long = np.random.default_rng(0).normal(size=(600, 500))
    figure = Figure(
        name="long", title="t", formula="f", unit="1", range="any", source="s", arrays={"long": long},
        axes={"long": ("t", "unit")}, check=Check("a = a", long, long, 0.0),
    )  # fmt: skip
    seen = seen_of(Elman())
    more = dataclasses.replace(seen, figures=(*seen.figures, Placed(figure)))
    assert len(report_html([more])) < len(report_html([seen])) + 2_000
    (written,) = [one for one in payload([more])["models"][0]["figures"] if one["name"] == "long"]
    assert written["arrays"] == {}
    assert written["notes"] == ["long has 300,000 entries, too many for a page: --npz holds them."]
    assert written["check"]["written"] == {"text": "a = a: error 0.0e+00 (holds)", "holds": True}


def test_figures_of_ones_own_are_on_the_page(figure: Figure) -> None:
    from cellwright.nn import RNN as Layer

    seen = look(Layer(2, 3), torch.randn(4, 1, 2), also=[figure])
    assert seen.named("ledger") is figure  # an Elman network has none of its own
    assert payload([seen])["models"][0]["figures"][-1]["title"] == figure.title


def test_of_a_wide_layer_units_are_sampled_and_the_note_says_so() -> None:
    from cellwright.nn import GRU as Layer

    torch.manual_seed(0)
    seen = look(Layer(3, UNITS + 44), torch.randn(3, 1, 3))
    (model,) = payload([seen])["models"]
    (run,) = model["runs"]
    assert len(run["units"]) == UNITS
    assert decode(run["values"]["h"]).shape == (3, UNITS)
    found = seen.record.run().values["h"][:, 0][:, run["units"]]
    np.testing.assert_allclose(decode(run["values"]["h"]), found, atol=2.0**-11)
    assert f"{UNITS} of {UNITS + 44} units are shown, those with the largest gradient times value" in model["notes"][0]


def test_one_step_has_a_report() -> None:
    from cellwright.nn import LSTM as Layer

    torch.manual_seed(0)
    seen = look(Layer(3, 4, num_layers=2, bidirectional=True), torch.randn(1, 1, 3))
    assert seen.absent == ()
    assert all(placed.figure.check is None or placed.figure.check.holds for placed in seen.figures)
    assert '"total":1' in report_html([seen])


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path, seen_of: Callable[..., Seen]) -> None:
    seen = seen_of(Elman(), steps=1)
    size = write_report(tmp_path / "one.html", [seen])
    assert (tmp_path / "one.html").stat().st_size == size
    (tmp_path / "folder").mkdir()
    for place in (tmp_path / "folder", tmp_path / "none" / "one.html"):
        with pytest.raises(StorageError, match="to be written"):
            write_report(place, [seen])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "one.html"]


def test_what_is_carried_inside_is_what_its_publisher_made() -> None:
    said = (VENDOR / "README.md").read_text(encoding="utf-8")
    for name in ("vega.min.js", "vega-lite.min.js"):
        data = (VENDOR / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() in said
        assert b"</script" not in data
        licence = (VENDOR / name.replace(".min.js", ".LICENSE.txt")).read_text(encoding="utf-8")
        assert "Redistribution and use in source and binary forms" in licence
