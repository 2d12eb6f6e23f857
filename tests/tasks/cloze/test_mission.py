"""Cues on the right: what a network that reads both sides must know, and one that reads from the left cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

import cellwright as cw

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


def right(folder: Path, **settings: object) -> tuple[float, float]:
    """Of words that a later one decides the share that is right, and what chance gives."""
    model = cw.train("cloze", out=folder, train__threads=1, **settings)  # type: ignore[arg-type]
    (decided,) = cw.evaluate(model).sections
    return decided.lines[0].figures["right"].value, decided.lines[-1].figures["right"]


def test_a_missing_word_needs_both_sides(tmp_path: Path) -> None:
    """Row D15."""
    both, chance = right(tmp_path / "both")
    assert both >= 0.99
    left, _ = right(tmp_path / "left", model__bidirectional=False, train__epochs=3)
    assert abs(left - chance) <= 0.03


def test_a_later_word_tells_the_sense(tmp_path: Path) -> None:
    """Row D16: 苹果 … 乔布斯. Twelve epochs: with eight, seed 1 learns all on AVX2 and 96.8 % on AVX-512, whose sums
    are rounded otherwise."""
    both, chance = right(tmp_path / "both", data="senses", train__epochs=12)
    assert chance == 0.5
    assert both >= 0.99
    left, _ = right(tmp_path / "left", data="senses", model__bidirectional=False, train__epochs=3)
    assert abs(left - 0.5) <= 0.03
    model = cw.load(tmp_path / "both")
    assert model.predict("他看见了苹果，想起了乔布斯").gaps[0].words[0] == "苹果/公司"
    assert model.predict("他看见了苹果，想起了果园").gaps[0].words[0] == "苹果/水果"
