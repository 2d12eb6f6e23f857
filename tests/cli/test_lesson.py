"""`cellwright lesson`: the list, a lesson, its JSON, and a name that is none."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from cellwright.lessons.catalogue import LESSONS


def test_without_a_name_it_lists_the_lessons(cellwright) -> None:
    done = cellwright("lesson")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(LESSONS)
    assert json.loads(cellwright("lesson", "--json").stdout) == LESSONS


def test_a_lesson_as_text_and_as_json(cellwright) -> None:
    text = cellwright("lesson", "powers").stdout
    assert "0.0255179645" in text
    assert "8,917" in text
    data = json.loads(cellwright("lesson", "powers", "--json").stdout)
    assert data["numbers"]["first infinite power of 2"] == {
        "value": 128,
        "expected": 128,
        "closed_form": "⌈ln 3.403e38 / ln w⌉",
        "tolerance": 0.0,
        "holds": True,
    }


def test_drawings_are_written_into_a_folder(cellwright, tmp_path) -> None:
    done = cellwright("lesson", "sigmoid", "--svg", str(tmp_path / "made"))
    assert [Path(line).name for line in done.stdout.splitlines()] == ["sigmoid.svg", "tanh.svg"]
    (curve,) = [
        mark for mark in ElementTree.parse(tmp_path / "made" / "sigmoid.svg").iter() if mark.get("data-curve") == "σ(x)"
    ]
    assert len(curve.get("points").split()) == 100  # from −5 to 4.9
    assert cellwright("lesson", "powers", "--svg", str(tmp_path)).stderr.startswith(
        "ConfigError: Expected a lesson with"
    )
    both = cellwright("lesson", "sigmoid", "--json", "--svg", str(tmp_path))
    assert both.stderr.startswith("ConfigError: Expected --json or --svg, found both.")
    assert cellwright("lesson", "--svg", str(tmp_path)).stderr.startswith("ConfigError: Expected a lesson to draw")


def test_a_name_that_is_none_is_a_message(cellwright) -> None:
    done = cellwright("lesson", "powrs")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ConfigError: Expected a lesson, found 'powrs'.\n    Did you mean powers?\n"
