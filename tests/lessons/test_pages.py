"""Each lesson's numbers hold and its page says them; run as a script, with names or none, it writes the pages anew."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import io
import json
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from cellwright.errors import ConfigError, ShapeError
from cellwright.lessons.catalogue import LESSONS, lesson_named
from cellwright.lessons.lesson import Lesson, Number, Table, plain
from cellwright.lessons.pages import markdown, print_lesson

PAGES = Path(__file__).resolve().parents[2] / "docs" / "lessons"


@functools.cache
def made(name: str) -> Lesson:
    return lesson_named(name)


def index() -> str:
    """The list of lessons, as the folder's README has it."""
    lines = ["# Lessons", "", "What is taught about recurrent networks, with every number worked out anew each time."]
    lines += ["`cellwright lesson` lists them, `cellwright lesson NAME` prints one, `--json` as data. A test compares"]
    lines += ["every number with its closed form, and these pages with the numbers.", ""]
    lines += [f"* [{title}]({name}.md): `cellwright lesson {name}`" for name, title in LESSONS.items()]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", LESSONS)
def test_every_number_is_what_it_must_be(name: str) -> None:
    lesson = made(name)
    assert lesson.wrong == ()
    assert lesson.numbers
    assert lesson.sources
    assert (lesson.name, lesson.title) == (name, LESSONS[name])


@pytest.mark.parametrize("name", LESSONS)
def test_the_page_says_what_the_lesson_says(name: str) -> None:
    lesson = made(name)
    assert (PAGES / f"{name}.md").read_text(encoding="utf-8") == markdown(lesson)
    for drawing in lesson.drawings:
        assert (PAGES / f"{drawing.name}.svg").read_text(encoding="utf-8") == drawing.svg


@pytest.mark.parametrize("name", LESSONS)
def test_text_and_json_come_from_the_same_lesson(name: str) -> None:
    lesson = made(name)
    data = json.loads(json.dumps(lesson.to_data(), allow_nan=False))
    assert {key: row["value"] for key, row in data["numbers"].items()} == {
        n.name: plain(n.value) for n in lesson.numbers
    }
    file = io.StringIO()
    print_lesson(lesson, Console(file=file, width=400))
    assert [n.name for n in lesson.numbers if n.name not in file.getvalue()] == []
    assert [n.shown for n in lesson.numbers if n.shown not in file.getvalue()] == []


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_takes_no_two_seconds_and_says_the_same_twice(name: str) -> None:
    first = made(name)
    module = importlib.import_module(f"cellwright.lessons.{name.replace('-', '_')}")
    start = time.process_time()
    again = module.lesson()
    assert time.process_time() - start < 2
    assert [n.value for n in again.numbers] == [n.value for n in first.numbers]


def test_the_list_of_lessons_is_the_folder() -> None:
    assert (PAGES / "README.md").read_text(encoding="utf-8") == index()
    assert {page.stem for page in PAGES.glob("*.md")} == {"README", *LESSONS}


def test_a_number_off_its_closed_form_would_be_seen() -> None:
    number = Number("a", 1.0 + 1e-6, 1.0, "1", 1e-9)
    lesson = Lesson("a", "A", ("text",), (number,), ("nobody",))
    assert not number.holds
    assert lesson.wrong == ("a: 1.000001, expected 1.0",)
    assert Number("nan", float("nan"), 1.0, "1", 1e9).holds is False
    assert dataclasses.replace(lesson, numbers=(dataclasses.replace(number, value=1.0),)).wrong == ()


def test_a_table_with_a_short_row_and_two_numbers_of_one_name_are_refused() -> None:
    with pytest.raises(ShapeError, match="2 columns, but a row of 1"):
        Table("t", ("a", "b"), ((1,),))
    number = Number("a", 1.0, 1.0, "1")
    with pytest.raises(ShapeError, match="come twice: a"):
        Lesson("l", "L", (), (number, number), ())


def test_an_unknown_lesson_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"Did you mean powers\?"):
        lesson_named("power")
    with pytest.raises(ConfigError, match="Lessons are: unrolling"):
        lesson_named("xyz")


if __name__ == "__main__":
    for one in sys.argv[1:] or LESSONS:
        written = made(one)
        print(one, written.wrong)
        (PAGES / f"{one}.md").write_text(markdown(written), encoding="utf-8")
        for picture in written.drawings:
            (PAGES / f"{picture.name}.svg").write_text(picture.svg, encoding="utf-8")
    (PAGES / "README.md").write_text(index(), encoding="utf-8")
