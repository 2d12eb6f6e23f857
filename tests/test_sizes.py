"""Files stay small enough to read: at most 500 lines, with a median near 120."""

from __future__ import annotations

import statistics
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def lines(folder: str) -> dict[str, int]:
    return {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / folder).rglob("*.py")
    }


def test_no_file_passes_the_ceiling() -> None:
    long = {
        name: n
        for folder in ("cellwright", "tests", "benchmarks", "examples")
        for name, n in lines(folder).items()
        if n > 500
    }
    assert not long


def test_the_median_file_is_short() -> None:
    sizes = [n for n in lines("cellwright").values() if n > 0]
    assert statistics.median(sizes) <= 140


def test_no_file_has_a_catch_all_name() -> None:
    banned = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not [p for p in (ROOT / "cellwright").rglob("*.py") if p.stem in banned or p.stem.startswith("new_")]
