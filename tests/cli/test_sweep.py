"""`cellwright sweep`, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cellwright.cli.application import application
from cellwright.errors import CellwrightError

SETTINGS = """
[data]
problem = "latch"
longest = 4
gaps = [4]
examples = 10
size = 48

[model]
cell = "PerToken"

[train]
epochs = 1
batch_size = 8
threads = 1

[search]
"model.hidden_size" = {low = 4, high = 64, log = true}
"""


def sweep(*arguments: str | Path) -> Result:
    return CliRunner().invoke(application, ["sweep", *map(str, arguments)])


def test_a_sweep_prints_its_runs_and_goes_on_with_more(tmp_path: Path) -> None:
    file, folder = tmp_path / "settings.toml", tmp_path / "sweep"
    file.write_text(SETTINGS)
    first = sweep("memory", "--config", file, "--out", folder, "--trials", "2", "--set", "train.clip=2.0")
    assert first.exit_code == 0, first.output
    assert "run 2/2" in first.stderr
    assert "model.hidden_size" in first.stdout
    assert str(folder / "best.toml") in first.stdout
    assert "clip = 2.0" in (folder / "best.toml").read_text()
    more = sweep("--resume", folder, "--trials", "3", "--json")
    assert more.exit_code == 0, more.output
    found = json.loads(more.stdout)
    assert [row["number"] for row in found["trials"]] == [0, 1, 2]
    assert found["settings"] == found["trials"][found["best"]]["values"]
    assert "run 1/" not in more.stderr
    assert "all 3 runs are done; more with --trials 13" in sweep("memory", "--resume", folder).stderr
    for arguments, message in (
        (("--trials", "2"), "Expected --trials of 3 or more"),
        (("slots",), "Expected a sweep of slots, found one of memory"),
    ):
        with pytest.raises(CellwrightError, match=message):
            raise sweep("--resume", folder, *arguments).exception or AssertionError("it went on")


WRONG = {
    "no out": (("memory", "--config", "s.toml"), "--out runs/sweep"),
    "no config": (("memory", "--out", "sweep"), "settings file with a table [search]"),
    "no such task": (("memori", "--config", "s.toml", "--out", "sweep"), "Did you mean memory?"),
    "set and searched": (
        ("memory", "--config", "s.toml", "--out", "sweep", "--set", "model.hidden_size=3"),
        "either searched or set",
    ),
    "resume and out": (("--resume", "sweep", "--out", "other"), "found other options"),
    "nothing to resume": (("--resume", "sweep"), "Expected the folder of a sweep"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_gets_a_message_and_leaves_nothing(tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.toml").write_text(SETTINGS)
    arguments, message = WRONG[name]
    done = sweep(*arguments)
    assert isinstance(done.exception, CellwrightError)
    assert message in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["s.toml"]
