"""Cells as numbers, with a point or, where the columns are not parted by commas, with a decimal comma."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cellwright.errors import DataError

__all__ = ["LARGEST", "decimal_comma", "finite", "is_gap", "with_point"]

LARGEST = float(np.finfo(np.float32).max)  # networks compute in float32
GAP = "Fill the gap, for instance with the value before it, or leave the row out."
GAPS = {"", "?", "-", "--", "na", "n/a", "#n/a", "nan", "null", "none"}
TRUTHS = {"true": "1", "false": "0", "yes": "1", "no": "0"}

_COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+),\d+(?:[eE][+-]?\d+)?")  # 1.234,5 or 1234,5
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+")  # 1.234.567
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")  # 1,234.5


def decimal_comma(cells: Iterable[str]) -> bool:
    """Whether any cell is written like 1.234,5 or 1234,5."""
    return any(_COMMA.fullmatch(cell) for cell in cells if "," in cell)


def with_point(text: str) -> str:
    """A number of a file with decimal commas as it is written with a point; other texts as they are."""
    if _COMMA.fullmatch(text) or _GROUPED.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    return text


def is_gap(text: str) -> bool:
    """Whether the cell says that there is no number."""
    return text.lower() in GAPS


def finite(text: str, path: Path, line: int, where: str) -> float:
    """The text as a finite number of float32. Raises DataError: empty, ?, nan, inf, 1e39 or no number."""
    try:
        value = float(text)
    except ValueError:
        found = "an empty cell" if not text else repr(text[:40])
        raise DataError(
            f"Expected a number in {where}, found {found}.", file=path, line=line, repair=_repair(text)
        ) from None
    if not abs(value) <= LARGEST:
        raise DataError(f"Expected a finite number in {where}, found {text[:40]}.", file=path, line=line, repair=GAP)
    return value


def _repair(text: str) -> str:
    if is_gap(text):
        return GAP
    if _THOUSANDS.fullmatch(text):
        return f"Write {text.replace(',', '')}: thousands are not parted."
    if text.lower() in TRUTHS:
        return f"Write {TRUTHS[text.lower()]} for {text}."
    return "Numbers are written as 12, -0.5 or 1e-3."
