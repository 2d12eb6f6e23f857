"""Names that nobody has, or that another task has."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cellwright.cli.application import application
from cellwright.errors import DataError
from cellwright.nearest import nearest
from cellwright.tasks.api import data_section
from cellwright.tasks.registry import check_set, kind_named


def test_the_nearest_name_is_spelt_as_it_is_known() -> None:
    assert nearest("lstmm", ["GRU", "LSTM"]) == "LSTM"
    assert nearest("klingon", ["en", "zh"]) is None
    assert nearest("x", []) is None


def test_one_module_knows_how_near_a_name_must_be() -> None:
    package = Path(__file__).resolve().parents[2] / "cellwright"
    assert [path.name for path in package.rglob("*.py") if "difflib" in path.read_text("utf-8")] == ["nearest.py"]


def test_a_set_of_another_task_is_called_so() -> None:
    slots = kind_named("slots")
    with pytest.raises(DataError, match="found reviews-en, an embedded set of classify") as caught:
        data_section(slots, {"path": "travel-en"}, "reviews-en")
    assert caught.value.repair == "Embedded sets of slots: travel-en, travel-zh."
    check_set(slots, "travel-zh")
    check_set(slots, "nowhere")  # for the reader, which knows what it looks for


@pytest.mark.parametrize(
    ("name", "repair"),
    [
        ("foo", "Give a folder or file with slots to convert, or an embedded set: travel, travel-en,"),
        ("travel-eng", "Did you mean travel-en?"),
        ("review-en", "Did you mean reviews-en?"),
    ],
)
def test_data_says_what_it_writes(tmp_path: Path, name: str, repair: str) -> None:
    done = CliRunner().invoke(application, ["data", name, "--out", str(tmp_path / "x")])
    assert isinstance(done.exception, DataError)
    assert done.exception.repair is not None
    assert done.exception.repair.startswith(repair)
    assert not (tmp_path / "x").exists()
