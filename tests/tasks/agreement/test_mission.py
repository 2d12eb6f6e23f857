"""Rows D13 and D14: the number of the subject is held over up to four nouns of the other number."""

from __future__ import annotations

from pathlib import Path

import pytest

import cellwright as cw

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


def test_the_number_is_held_over_attractors(tmp_path: Path) -> None:
    model = cw.train("agreement", out=tmp_path / "run", train__threads=1)
    report = cw.evaluate(model)
    for section in report.sections:
        for group, share in section.lines[0].figures.items():
            assert share >= 0.98, (section.title, group)
    assert report.figures["form"].value >= 0.98  # tense too
    assert report.lines[1].figures["number"].value <= 0.8  # counting words is not enough
    assert model.predict("昨天小明看见了同学们，最后").label == "独自"
    assert model.predict("小明回家了，但是同学们看见了那位老师，最后").label == "一起"
