"""`cellwright lesson`: a lesson worked out anew, as text or JSON; without a name, the list."""

from __future__ import annotations

import json as json_text

from cellwright.lessons.catalogue import LESSONS, lesson_named

__all__ = ["run_lesson"]


def run_lesson(name: str | None, json: bool) -> None:
    """Print the lesson, or the list of lessons."""
    if name is None:
        if json:
            print(json_text.dumps(LESSONS, ensure_ascii=False))
            return
        width = max(map(len, LESSONS))
        for key, title in LESSONS.items():
            print(f"{key:{width}}  {title}")
        return
    lesson = lesson_named(name)
    if json:
        print(json_text.dumps(lesson.to_data(), ensure_ascii=False))
        return
    from rich.console import Console

    from cellwright.lessons.pages import print_lesson

    print_lesson(lesson, Console())
