"""Each correction's evidence exists: a number of a lesson, or a source."""

from __future__ import annotations

import importlib

import pytest

from cellwright.lessons.catalogue import LESSONS, lesson_named
from cellwright.lessons.lesson import Lesson
from cellwright.lessons.taught import TAUGHT, Taught

ALL = [one for rows in TAUGHT.values() for one in rows]
NAMED = sorted({one.lesson for one in ALL if one.lesson})


def missing(lesson: Lesson, rows: list[Taught]) -> list[str]:
    """Numbers that `rows` point to and the lesson has not, or that do not hold."""
    holding = {number.name for number in lesson.numbers if number.holds}
    return [one.number for one in rows if one.number not in holding]


@pytest.mark.parametrize("name", NAMED)
def test_what_a_correction_points_to_is_a_number_that_holds(name: str) -> None:
    assert name in LESSONS
    assert missing(lesson_named(name), [one for one in ALL if one.lesson == name]) == []


def test_a_pointer_to_nothing_would_be_seen() -> None:
    powers = importlib.import_module("cellwright.lessons.powers").lesson()
    assert missing(powers, [Taught("a", "b", "powers", "0.98^365")]) == ["0.98^365"]


def test_every_correction_has_evidence_and_none_comes_twice() -> None:
    assert [one.said for one in ALL if not one.evidence] == []
    assert [one.said for one in ALL if bool(one.lesson) != bool(one.number)] == []
    assert len({one.said for one in ALL}) == len(ALL)
    assert len(ALL) >= 50
