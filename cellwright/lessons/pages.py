"""A lesson as text: for the terminal through rich, and as a page of the docs in Markdown."""

from __future__ import annotations

from functools import singledispatch

from rich.console import Console
from rich.table import Table as RichTable

from cellwright.lessons.lesson import Drawing, Lesson, Number, Part, Table, said
from cellwright.microscope.figure import Figure
from cellwright.microscope.tables import figure_table

__all__ = ["markdown", "print_lesson"]

NUMBERS = ("number", "now", "expected", "from")


def numbers_table(numbers: tuple[Number, ...]) -> Table:
    """Every number beside what it must be."""
    rows = tuple((n.name, n.shown, said(n.expected, n.digits), n.closed_form) for n in numbers)
    return Table("The numbers of this lesson", NUMBERS, rows)


def markdown(lesson: Lesson) -> str:
    """The page. Of figures it has the formula and the identity: their numbers are in the tables, as far as they are
    the same on every machine."""
    lines = [f"# {lesson.title}", "", f"`cellwright lesson {lesson.name}` works these numbers out anew.", ""]
    for part in (*lesson.parts, numbers_table(lesson.numbers)):
        lines += [*_lines(part), ""]
    lines += ["Sources: " + "; ".join(lesson.sources) + "."]
    return "\n".join(lines) + "\n"


@singledispatch
def _lines(part: Part) -> list[str]:
    return [str(part)]


@_lines.register
def _(part: Table) -> list[str]:
    head = f"| {' | '.join(map(_cell, part.columns))} |"
    body = [f"| {' | '.join(map(_cell, row))} |" for row in part.texts()]
    return [f"**{part.title}**", "", head, "|" + "---|" * len(part.columns), *body]


@_lines.register
def _(part: Figure) -> list[str]:
    adds_up = f" Adds up: {part.check.identity}." if part.check is not None and part.check.holds else ""
    return [f"Figure `{part.name}`: {part.title}. {part.formula}.{adds_up} ({part.source})"]


@_lines.register
def _(part: Drawing) -> list[str]:
    return [f"![{part.title}]({part.name}.svg)", "", f"{part.title}: `{part.command}`."]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def print_lesson(lesson: Lesson, console: Console) -> None:
    """Print it."""
    console.print(f"[bold]{lesson.title}[/bold]\n", highlight=False)
    for part in (*lesson.parts, numbers_table(lesson.numbers)):
        if isinstance(part, Table):
            console.print(_rich(part))
        elif isinstance(part, Figure):
            console.print(figure_table(part))
        elif isinstance(part, Drawing):
            console.print(f"{part.title}: {part.command}", highlight=False, markup=False)
        else:
            console.print(part.replace("`", ""), highlight=False, markup=False)
        console.print()
    console.print("Sources: " + "; ".join(lesson.sources) + ".", style="dim", highlight=False, markup=False)


def _rich(part: Table) -> RichTable:
    table = RichTable(box=None, pad_edge=False, header_style="bold", title=part.title, title_justify="left")
    for place, column in enumerate(part.columns):
        numeric = any(not isinstance(row[place], str) for row in part.rows)
        table.add_column(column, justify="right" if numeric else "left")
    for row in part.texts():
        table.add_row(*(text.replace("[", "\\[") for text in row))
    return table
