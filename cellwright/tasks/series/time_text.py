"""Times as people and spreadsheets write them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from pathlib import Path

from cellwright.errors import DataError
from cellwright.tasks.series.time_axis import Time

__all__ = ["UNIX", "is_date", "read_time"]

UNIX = "unix"  # seconds since 1970

_CLOCK = r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})[-/.年](\d{{1,2}})(?:[-/.月](\d{{1,2}})?)?日?{_CLOCK}")  # 2023/1/5 0:00, 2023-01
_DOTS = re.compile(rf"(\d{{1,2}})\.(\d{{1,2}})\.(\d{{4}}){_CLOCK}")  # 5.1.2023 0:00
_DIGITS = re.compile(r"(?:19|20)\d{6}")  # 20230105
_SLASHES = re.compile(r"(\d{1,2})([-/])(\d{1,2})[-/](\d{4}|\d{2})(?:( +)(\d{1,2}):(\d{2})(:\d{2})?( ?[AaPp][Mm])?)?")


def read_time(text: str, path: Path, line: int, format: str = "") -> Time:
    """A date and time, a date, a month, or a number.

    Args:
        format: of `datetime.strptime`, or UNIX; "" reads the year first with - / . or 年月日 between, day.month.year,
            and ISO 8601.

    Raises DataError: another form; 1/2/2023 has none of its own.
    """
    if format:
        return _formatted(text, path, line, format)
    if (date := _date(text)) is not None:
        return date
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    raise DataError(
        f"Expected a time such as 2016-07-01 13:00:00, or a number, found {text[:40]!r}.",
        file=path,
        line=line,
        repair=_repair(text),
    )


def is_date(text: str, format: str = "") -> bool:
    """Whether `read_time` finds a date in the text."""
    try:
        return isinstance(read_time(text, Path(), 0, format), datetime)
    except DataError:
        return False


def _date(text: str) -> datetime | None:
    try:
        if match := _YEAR_FIRST.fullmatch(text):
            year, month, day, hour, minute, second = match.groups()
        elif match := _DOTS.fullmatch(text):
            day, month, year, hour, minute, second = match.groups()
        elif _DIGITS.fullmatch(text) or not text.isdigit():
            return datetime.fromisoformat(text)
        else:
            return None
        return datetime(int(year), int(month), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return None


def _formatted(text: str, path: Path, line: int, format: str) -> Time:
    try:
        if format == UNIX:
            return datetime.fromtimestamp(float(text), UTC).replace(tzinfo=None)
        return datetime.strptime(text, format)
    except (ValueError, OverflowError, OSError) as error:
        raise DataError(
            f"Expected a time as data.time_format says ({format}), found {text[:40]!r}: {error}.",
            file=path,
            line=line,
            repair=_repair(text),
        ) from None


def _repair(text: str) -> str:
    """How to say the form of 1/2/2023: only the user knows which is the month."""
    match = _SLASHES.fullmatch(text)
    if not match:
        return "Write times as year-month-day hour:minute:second, or say how they are written: data.time_format."
    dash, year = match[2], "%Y" if len(match[4]) == 4 else "%y"
    clock = ""
    if match[5]:
        clock = " " + ("%I:%M" if match[9] else "%H:%M") + (":%S" if match[8] else "")
        clock += match[9].replace(match[9].strip(), "%p") if match[9] else ""
    ways = [f"--set 'data.time_format={a}{dash}{b}{dash}{year}{clock}'" for a, b in (("%m", "%d"), ("%d", "%m"))]
    return f"{ways[0]} where the month is first, {ways[1]} where the day is."
