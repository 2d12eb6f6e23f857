"""A run that was watched while it trained has a slider in its report."""

from __future__ import annotations

import json
from pathlib import Path

from cellwright.cli.inspect import run_inspection
from cellwright.microscope.watch import watched


def test_the_report_of_a_watched_run_holds_its_training(cellwright, quick: list[str], tmp_path: Path) -> None:
    out = tmp_path / "run"
    few = ["--set", "data.size=200", "--set", "train.epochs=1", "--watch", "5"]
    done = cellwright("train", "slots", "--data", "travel-en", "--out", str(out), *quick, *few)
    assert done.returncode == 0, done.stderr
    steps = [record["step"] for record in watched(out)]
    assert len(steps) > 1
    page = tmp_path / "r.html"
    run_inspection(out / "best", "leave Taipei", html=page)
    text = page.read_text(encoding="utf-8")
    start = text.index('id="payload">') + len('id="payload">')
    data = json.loads(text[start : text.index("</script>", start)])
    assert [entry["step"] for entry in data["epochs"]] == steps
    assert data["epochs"][0]["curves"][0]["name"] == "1 forward"
