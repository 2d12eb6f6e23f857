"""The engine's benchmark runs on tiny sizes, reports no speed behind a red gate, and says what is missing."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ENGINE = Path(__file__).resolve().parents[1] / "benchmarks" / "engine"


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=240,
        env=os.environ | {"PYTHONPATH": f"{ENGINE}{os.pathsep}{ENGINE.parent}", "CELLWRIGHT_CACHE": "off"},
    )  # fmt: skip


@pytest.fixture
def module() -> Any:
    """A file of benchmarks/engine as a module."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"cellwright_bench_{name}", ENGINE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        found = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = found  # its dataclasses look themselves up there
        spec.loader.exec_module(found)
        return found

    return load


def test_rows_of_another_instruction_set_go_to_a_file_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "engine.json"
    kept = json.dumps({"rows": {"GRU train": {"status": "measured", "isa": "another"}}})
    file.write_text(kept)
    done = python(
        str(ENGINE / "run.py"), "--quick", "--threads", "1", "--rows", "^LSTM stepper H=64$", "--out", str(file)
    )
    assert done.returncode != 0
    assert "found another. Write to another file: --out benchmarks/results/engine" in done.stderr
    assert file.read_text() == kept


@pytest.mark.parametrize(
    ("found", "name"), [("avx2", "engine.json"), ("avx512", "engine-avx2.json"), (None, "engine.json")]
)
def test_results_are_written_beside_those_of_other_processors(
    found: str | None, name: str, module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("CELLWRIGHT_ISA", "avx2")
    run = module("run")
    monkeypatch.setattr(run, "OUT", tmp_path / "engine.json")
    if found:
        run.OUT.write_text(json.dumps({"rows": {"GRU train": {"isa": found}}}))
    assert run.own_results() == tmp_path / name


def test_a_quick_run_measures_rows_and_keeps_those_of_before(tmp_path: Path) -> None:
    file = tmp_path / "engine.json"
    file.write_text(json.dumps({"rows": {"GRU train": {"status": "measured"}, "a row that is gone": {}}}))
    names = r"^(LSTM packed train|LSTM stepper H=64)$"
    done = python(str(ENGINE / "run.py"), "--quick", "--threads", "1", "--rows", names, "--out", str(file))
    assert done.returncode == 0, done.stderr
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert list(rows) == ["GRU train", "LSTM packed train", "LSTM stepper H=64"]
    for name, peer in (("LSTM packed train", "torch.nn"), ("LSTM stepper H=64", "torch.nn.LSTMCell")):
        row = rows[name]
        assert row["status"] == "measured", row["note"]
        assert row["quick"]
        assert row["gate"][f"beside {peer}"]["y"] < row["gate"]["most"]
        assert (
            row["contestants"]["ours"]["p20"] <= row["contestants"]["ours"]["p50"] <= row["contestants"]["ours"]["p80"]
        )
        ratio = next(figure for figure in row["figures"] if figure["name"] == peer)
        assert ratio["value"] > 0
        assert ratio["met"] is None  # nothing is asked of a quick run
        assert {"versions", "machine", "threads", "commit", "date", "load"} <= set(row)


def test_a_red_gate_reports_no_speed_and_a_failing_peer_is_skipped() -> None:
    script = """
import json, run, gate, measure, works
row = run.shrunk(next(row for row in run.ROWS if row.name == "Elman forward"))
def failing(*given):
    raise RuntimeError("no such kernel\\nhere")
works.make_peer = failing
skipped = measure.measure(row, quick=True)
gate.LIMITS = {"float32": 1e-3}
print(json.dumps([measure.measure(row, quick=True), skipped]))
"""
    done = python("-c", script)
    assert done.returncode == 0, done.stderr
    red, skipped = json.loads(done.stdout)
    assert red["status"] == "red gate"
    assert red["gate"]["beside the plain loop in float64"]["y"] > 1e-3
    assert (red["contestants"], red["figures"]) == ({}, [])
    assert skipped["status"] == "measured"
    assert skipped["contestants"]["torch.nn"] == {"skipped": "it fails here: no such kernel"}
    assert [figure["name"] for figure in skipped["figures"]] == ["sgemm"]


def test_quick_figures_cannot_become_the_results() -> None:
    results = ENGINE.parent / "results" / "engine.json"
    done = python(str(ENGINE / "run.py"), "--quick", "--rows", "^GRU train$", "--out", str(results))
    assert done.returncode != 0
    assert "--quick measures no speed" in done.stderr


def test_a_figure_says_what_is_asked_and_shows_what_is_missed(module: Any) -> None:
    report = module("report")
    figure = {"name": "torch.nn", "kind": "ratio", "value": 1.5, "of_p20": 1.4, "spread": [1.3, 1.6], "least": 1.7}
    assert report.said_of(figure | {"met": False}) == "**torch.nn 1.50×** (1.30–1.60; p20 1.40; 1.7 asked)"
    assert report.said_of(figure | {"met": True, "value": 2.0}).startswith("torch.nn 2.00× (")


def test_rows_without_results_say_so(module: Any) -> None:
    report, suite = module("report"), module("suite")
    table = report.tables(suite.ROWS, {})
    assert table.count(report.NOT_MEASURED) == len(suite.ROWS)
    assert report.NOT_MEASURED in report.sentence({})
    assert report.NOT_MEASURED in report.conditions({})


def test_rows_that_are_not_measured_yet_are_counted(module: Any) -> None:
    report, suite = module("report"), module("suite")
    result = {"status": "measured", "machine": {"cpu": "a", "cores": 2}, "threads": 2, "isa": "avx2", "versions": {}}
    found = {suite.ROWS[0].name: result | {"date": "2026-11-22T00:00:00", "commit": "1"}}
    assert report.conditions(found).startswith("* 1 rows; 1 of them measured.")
    assert report.conditions(found, suite.ROWS).startswith(f"* {len(suite.ROWS)} rows; 1 of them measured.")


def test_a_row_that_misses_keeps_its_reason(module: Any) -> None:
    report, suite = module("report"), module("suite")
    row = suite.ROWS[0]
    figure = {"name": "torch.nn", "kind": "ratio", "value": 0.9, "of_p20": 0.9, "spread": [0.8, 1.0], "met": False}
    result = {"status": "measured", "note": "", "figures": [figure], "contestants": {}}
    suite.REASONS[row.name] = "the loop waits for memory"
    assert report.words(row, result)[-1] == "the loop waits for memory"
    assert report.words(row, result | {"figures": [figure | {"met": None}]})[-1] == "the loop waits for memory"
    ahead = figure | {"met": True, "value": 1.1}
    assert report.words(row, result | {"figures": [ahead]})[-1] != "the loop waits for memory"


def test_seeds_join_a_result_of_the_same_settings(tmp_path: Path) -> None:
    earlier = {"date": "2026-01-02", "table": {"task": "tag", "sets": ["a=1"], "asked": {"f1": 0.9}}}
    (tmp_path / "tag_x.json").write_text(json.dumps(earlier | {"runs": [{"seed": 3}, {"seed": 1}]}))
    script = f"""
import json, pathlib, sys, record
record.RESULTS = pathlib.Path({str(tmp_path)!r})
earlier = record.earlier_runs("tag_x", json.loads(sys.argv[1]))
print(json.dumps(record.with_earlier([{{"seed": 2}}, {{"seed": 3}}], earlier)))
"""
    same = python("-c", script, json.dumps({"task": "tag", "sets": ["a=1"], "asked": {"f1": 0.8}}))
    assert json.loads(same.stdout) == [{"date": "2026-01-02", "seed": 1}, {"seed": 2}, {"seed": 3}]
    other = python("-c", script, json.dumps({"task": "tag", "sets": ["a=2"]}))
    assert other.returncode != 0
    assert other.stderr.strip() == (
        "tag_x.json: expected runs with sets = ['a=2'], found ['a=1']; make all seeds again"
    )
