"""`cellwright lesson`: a lesson worked out anew, as text or JSON; without a name, the list."""

from __future__ import annotations

import json as json_text
from pathlib import Path

from cellwright.errors import ConfigError
from cellwright.lessons.catalogue import LESSONS, lesson_named
from cellwright.tasks.storage.atomic import make_folder, write_file

__all__ = ["run_lesson"]


def run_lesson(name: str | None, json: bool, svg: str | None) -> None:
    """Print the lesson, or the list of lessons; or write its drawings into the folder `svg`."""
    if json and svg is not None:
        raise ConfigError("Expected --json or --svg, found both.", repair="Leave one of them out.")
    if name is None:
        if svg is not None:
            raise ConfigError("Expected a lesson to draw, found none.", repair="cellwright lesson sigmoid --svg .")
        if json:
            print(json_text.dumps(LESSONS, ensure_ascii=False))
            return
        width = max(map(len, LESSONS))
        for key, title in LESSONS.items():
            print(f"{key:{width}}  {title}")
        return
    lesson = lesson_named(name)
    if svg is not None:
        if not lesson.drawings:
            raise ConfigError(f"Expected a lesson with drawings, found {name}.", repair="Take out --svg.")
        make_folder(Path(svg))
        for drawing in lesson.drawings:
            place = Path(svg) / f"{drawing.name}.svg"
            write_file(place, drawing.svg.encode())
            print(place)
        return
    if json:
        print(json_text.dumps(lesson.to_data(), ensure_ascii=False))
        return
    from rich.console import Console

    from cellwright.lessons.pages import print_lesson

    print_lesson(lesson, Console())
