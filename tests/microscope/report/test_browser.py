"""The report in a real browser: it draws, brushing and stepping work, its numbers are those of the record, and an entry
that was changed turns its line red."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cellwright.cells import CELLS, GRU, LSTM, Elman
from cellwright.microscope.reading import read
from cellwright.microscope.report import Seen, report_html
from cellwright.microscope.report.phases import PHASES

Show = Callable[..., Any]
SAID = re.compile("[−-]")


@pytest.fixture(scope="module")
def lstm(seen_of: Callable[..., Seen]) -> Seen:
    return seen_of(LSTM(), num_layers=2, bidirectional=True)


@pytest.fixture(scope="module")
def html(lstm: Seen) -> str:
    return report_html([lstm])


def number(text: str) -> float:
    return float(SAID.sub("-", text))


def holds(page: Any) -> bool:
    assert page.evaluate("page.recheck()") in (True, False)
    return page.get_attribute("#summary", "data-holds") == "true"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_draws_overview_first_and_says_that_everything_adds_up(html: str, opened: Show, theme: str) -> None:
    page = opened(html, theme)
    panels = [panel.get_attribute("data-panel") for panel in page.query_selector_all("[data-panel]")]
    assert panels == ["overview", "heat", "units", "ring", "paths", "wiring", "figures"]
    assert holds(page)
    assert {one.get_attribute("data-holds") for one in page.query_selector_all("[data-check]")} == {"true"}
    assert len(page.query_selector_all("[data-heat]")) == 6
    page.wait_for_function("document.querySelectorAll('.chart svg').length === 4")
    assert len(page.query_selector_all(".chart")) == 4
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(c) for c in re.findall(r"\d+", ground)) > 600) is (theme == "light")
    page.keep(f"report-{theme}")


def test_every_figure_opens_with_its_picture_numbers_formula_and_source(html: str, opened: Show, lstm: Seen) -> None:
    page = opened(html)
    page.evaluate("document.querySelectorAll('[data-figure]').forEach((one) => { one.open = true; })")
    page.wait_for_function("document.querySelectorAll('[data-figure] canvas, [data-figure] .chart svg').length >= 8")
    for placed in lstm.figures:
        if (placed.layer, placed.direction) in ((0, 0), (None, None)):
            text = page.inner_text(f"[data-figure={placed.figure.name}]")
            assert placed.figure.title in text
            assert placed.figure.formula.split()[0] in text
            assert f"Source: {placed.figure.source}" in text


def test_a_drag_brushes_words_and_leads_to_units_and_their_gradient(html: str, opened: Show, lstm: Seen) -> None:
    page = opened(html)
    box = page.query_selector("canvas[data-name=c]").bounding_box()
    step, row = box["width"] / 7, box["height"] / 5
    page.mouse.move(box["x"] + 1.5 * step, box["y"] + 2.5 * row)
    page.mouse.down()
    page.mouse.move(box["x"] + 3.5 * step, box["y"] + 2.5 * row, steps=4)
    page.mouse.up()
    brushed = [one.get_attribute("data-word") for one in page.query_selector_all(".words button.brushed")]
    assert brushed == ["1", "2", "3"]
    assert page.inner_text("[data-panel=units] h2") == "Units at “1 … 3”"
    run = lstm.record.run()
    weight = np.abs(run.values["c"] * run.gradients["c"])[1:4, 0].mean(axis=0)
    first = page.query_selector("[data-panel=units] [data-unit]")
    assert int(first.get_attribute("data-unit")) == int(weight.argmax())
    assert number(first.inner_text().split(": ")[1]) == pytest.approx(weight.max(), rel=0.05)  # two digits
    first.click()
    assert page.evaluate("page.view.unit") == int(weight.argmax())
    titles = [one.inner_text() for one in page.query_selector_all("[data-panel=units] h3")]
    assert titles == [f"{what} of unit {weight.argmax()} by word" for what in ("Values", "Gradients")]
    assert page.evaluate("page.view.brush") == [1, 3]
    page.keep("report-brushed")


def test_what_a_click_reads_out_is_the_record(html: str, opened: Show, lstm: Seen) -> None:
    page = opened(html)
    box = page.query_selector("canvas[data-name=f]").bounding_box()
    page.mouse.click(box["x"] + 4.5 * box["width"] / 7, box["y"] + 3.5 * box["height"] / 5)
    said = page.inner_text(".readout")
    run = lstm.record.run()
    for name in ("i", "f", "g", "o", "c", "h"):
        value, slope = re.search(rf"\b{name} = (\S+) \(∂ (\S+)\)", said).groups()  # type: ignore[union-attr]
        assert number(value) == pytest.approx(run.values[name][4, 0, 3], rel=6e-3)
        assert number(slope) == pytest.approx(run.gradients[name][4, 0, 3], rel=6e-2)


def test_stepping_tells_the_four_phases_with_the_numbers_of_the_trace(html: str, opened: Show, lstm: Seen) -> None:
    page = opened(html)
    page.evaluate("page.redraw()")
    page.keyboard.press("Escape")
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    run, seen = lstm.record.run(), []
    shown: dict[str, float] = {}
    for phase in PHASES:
        seen.append(page.get_attribute("[data-phase][aria-pressed=true]", "data-phase"))
        for part in page.query_selector_all(".wiring .part.now"):
            name = part.query_selector(".name")
            if name is not None:
                shown[name.text_content()] = number(part.query_selector(".value").text_content())
        if phase == "update":
            page.keep("report-step")
        page.keyboard.press("n")
    assert tuple(seen) == PHASES
    assert shown.keys() == {"i", "f", "g", "o", "c", "h"}
    for name, value in shown.items():
        assert value == pytest.approx(run.values[name][0, 0, 0], rel=6e-3)
    assert page.evaluate("[page.view.word, page.view.phase]") == [1, "forget"]
    worked = page.query_selector_all("[data-worked] tbody tr")
    assert len(worked) == 2 + 9  # both old states, then each circle and rectangle


def test_the_wirings_numbers_are_the_graphs_for_any_cell(seen_of: Callable[..., Seen], opened: Show) -> None:
    """Each part at each word, in both directions: what the page shows or works out, and the graph in torch."""
    every = [seen_of(CELLS[name](), bidirectional=True) for name in ("SLSTM", "CoRNN", "LayerNormGRU")]
    page = opened(report_html(every))
    found = page.evaluate(
        """page.data.models.map((model) => model.runs.map((run) =>
        [0, 3, 6].map((t) => [...wiring.values(run, 7, t, 2)])))"""
    )
    for seen, runs in zip(every, found, strict=True):
        for direction, steps in enumerate(runs):
            reading = read(seen.record, 0, direction)
            values = reading.values(reading.run.graph)
            for t, parts in zip((0, 3, 6), steps, strict=True):
                for root, shown in parts:
                    value = reading.rows(values[root], reading.run.graph.nodes[root])[6 - t if direction else t]
                    wanted = float(value[min(2, len(value) - 1)]) if value.dim() else float(value)
                    assert shown == pytest.approx(wanted, rel=2e-2, abs=2e-2 * float(value.abs().max()))


def test_keys_move_and_turn_everything(html: str, opened: Show) -> None:
    page = opened(html)
    view = "[page.view.word, page.view.unit, page.view.brush, page.view.side, page.view.phase]"
    for key in ("ArrowLeft", "ArrowLeft", "ArrowDown", "ArrowDown", "ArrowUp", "2"):
        page.keyboard.press(key)
    assert page.evaluate(view) == [4, 1, None, "value", "input"]
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("g")
    assert page.evaluate(view) == [3, 1, [3, 4], "gradient", "input"]
    assert page.inner_text("[data-panel=heat] h2").startswith("Gradients of ")
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    assert page.evaluate("[page.view.brush, page.panels[0].run.layer, page.panels[0].run.direction]") == [None, 0, 1]
    assert page.evaluate("document.getElementById('run').selectedOptions[0].textContent") == "1 backward"
    page.keyboard.press("t")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.keyboard.press("?")
    assert page.is_visible("#keys")
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert page.evaluate("page.view.word") == 0
    page.focus("#unit")
    page.keyboard.press("g")  # typed into a field, no command
    assert page.evaluate("page.view.side") == "gradient"


def test_an_entry_changed_by_a_millionth_turns_the_page_red(html: str, opened: Show) -> None:
    page = opened(html)
    assert holds(page)
    missed = page.evaluate(
        """page.arrays.filter((array) => {
            const at = Math.floor(array.values.length / 2);
            if (!Number.isFinite(array.values[at])) return false;
            const before = array.values[at];
            array.values[at] = before + 1e-6;
            const red = !page.recheck() && document.getElementById("summary").dataset.holds === "false";
            array.values[at] = before;
            return !red;
        }).map((array) => array.where)"""
    )
    assert missed == []
    assert holds(page)


def test_a_changed_figure_says_so_beside_its_picture(html: str, opened: Show) -> None:
    page = opened(html)
    for name, array in (("ring", "share"), ("detours", "share"), ("gradient_by_lag", "norm")):
        page.evaluate(f"page.panels[0].figure('{name}').arrays['{array}'].values[2] += 1e-6; page.redraw()")
        line = page.query_selector(f"p[data-check={name}]")
        assert line.get_attribute("data-holds") == "false"
        assert "does NOT hold" in line.inner_text()
    page.evaluate("page.panels[0].run.values.c.values[3] += 1e-6; page.redraw()")
    assert page.get_attribute("[data-check=heat]", "data-holds") == "false"
    assert page.get_attribute("[data-check=wiring]", "data-holds") == "false"
    page.keep("report-red")


def test_a_number_changed_in_the_file_is_seen(html: str, opened: Show) -> None:
    start = html.index('<script type="application/json" id="payload">') + len(
        '<script type="application/json" id="payload">'
    )
    end = html.index("</script>", start)
    data = json.loads(html[start:end])
    figure = next(one for one in data["models"][0]["figures"] if one["name"] == "ring")
    values = np.frombuffer(base64.b64decode(figure["arrays"]["share"]["data"]), "<f8").copy()
    values[5] += 1e-6
    figure["arrays"]["share"]["data"] = base64.b64encode(values.tobytes()).decode()
    page = opened(html[:start] + json.dumps(data) + html[end:])
    assert page.get_attribute("#summary", "data-holds") == "false"
    assert page.get_attribute("p[data-check=ring]", "data-holds") == "false"


def test_two_models_stand_side_by_side(seen_of: Callable[..., Seen], opened: Show) -> None:
    page = opened(report_html([seen_of(Elman()), seen_of(GRU())]))
    boxes = [one.bounding_box() for one in page.query_selector_all(".model")]
    assert len(boxes) == 2
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert page.query_selector("#compare .chart svg") is not None
    assert holds(page)
    page.click(".model >> nth=1 >> .words button >> nth=2")
    current = [one.get_attribute("data-word") for one in page.query_selector_all(".words [aria-current=true]")]
    assert current == ["2", "2"]
    without = page.inner_text(".model >> nth=0 >> [data-panel=ring]")
    assert "has no carry path" in without
    page.keep("report-two")


def test_the_slider_goes_through_training(seen_of: Callable[..., Seen], opened: Show) -> None:
    gates = {"f": {"mean": 0.7, "shut": 0.0, "open": 0.1}}
    epochs = [
        {"step": 100 * k, "epoch": k, "runs": [{
            "layer": 0, "direction": 0, "cell": "LSTM", "gradient_by_lag": [0.5**j / k for j in range(9)],
            "slope": None, "horizons": {"eps": 3 * k}, "gates": gates,
        }]}
        for k in (1, 2, 3)
    ]  # fmt: skip
    page = opened(report_html([seen_of(LSTM())], epochs))
    assert page.inner_text("#epoch-said") == "step 300, epoch 3"
    page.focus("#epoch")
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#epoch-said") == "step 200, epoch 2"
    rows = [
        [cell.inner_text() for cell in row.query_selector_all("td")] for row in page.query_selector_all("#epochs tr")
    ]
    assert ["1 forward: horizon, eps", "6"] in rows
    assert ["1 forward: slope of log10 gradient a lag", "not defined"] in rows
    assert ["1 forward: f mean", "0.7"] in rows


def test_words_are_text_whatever_they_are(seen_of: Callable[..., Seen], opened: Show) -> None:
    words = ("</script><img src=x onerror=alert(1)>", "我", "爱", "中国", "<!--", "a&b", "𠮷")
    seen = seen_of(LSTM())
    seen = dataclasses.replace(seen, record=dataclasses.replace(seen.record, words=(words,)))
    page = opened(report_html([seen]))
    assert page.query_selector("img") is None
    shown = [
        page.evaluate("(one) => one.firstChild.textContent", one) for one in page.query_selector_all(".words button")
    ]
    assert tuple(shown) == words
    assert "我 爱 中国" in page.inner_text("#title")
    page.keep("report-chinese")


def test_a_notebook_shows_the_page_in_a_frame(seen_of: Callable[..., Seen], browser: Any) -> None:
    page = browser.new_page()
    page.set_content(f"<!doctype html>{seen_of(Elman())._repr_html_()}")
    frame = page.frame_locator("iframe")
    frame.locator("#summary[data-holds=true]").wait_for(timeout=30_000)
    assert "figures add up" in frame.locator("#summary").inner_text()
    page.close()


def test_a_narrow_window_has_no_sideways_scroll(html: str, opened: Show) -> None:
    page = opened(html, width=420)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keep("report-narrow")
