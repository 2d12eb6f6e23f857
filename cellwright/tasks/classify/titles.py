"""Whether the first line of two columns names them, where it has no name that we know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cellwright.tasks.data.csv_cells import is_number

__all__ = ["titles"]

LONGEST = 40  # characters of a name


def titles(rows: Sequence[Sequence[str]], label: int) -> tuple[bool, str]:
    """Whether the first row holds the columns' names, and a note where the user should check that; "" = no doubt.

    It does if its class is that of no other row, the other rows' classes come again (or are numbers, and it is none),
    and both its cells are a single word: a first example would have to be a text of one word and the only one of its
    class. Where the class alone speaks for it, the row is an example, and the note says so.

    Args:
        rows: of two cells.
        label: the column of the classes.
    """
    first, text = rows[0][label].strip(), rows[0][1 - label].strip()
    others = Counter(row[label].strip() for row in rows[1:])
    numbers = all(is_number(name) for name in others) and not is_number(first)
    if first in others or not others or not (numbers or min(others.values()) > 1):
        return False, ""
    if all(_name(cell) for cell in (first, text)):
        return True, (
            f"the first line, {text} and {first}, is taken as the names of the columns. If it is an example: "
            f"--set data.text_column={2 - label} --set data.label_column={label + 1}"
        )
    return False, (
        f"the first line is taken as an example: text={_short(text)}, label={_short(first)}, a class of no other line. "
        "If it names the columns, call them text and label there"
    )


def _name(cell: str) -> bool:
    return 0 < len(cell) <= LONGEST and len(cell.split()) == 1 and not is_number(cell)


def _short(cell: str) -> str:
    return cell if len(cell) <= LONGEST else f"{cell[:LONGEST]}…"
