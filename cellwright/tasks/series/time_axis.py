"""Time stamps: read, checked for order, continued into the future, and turned into features of the calendar."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError

__all__ = [
    "CALENDAR",
    "TIMES",
    "Time",
    "calendar_features",
    "check_order",
    "continued",
    "named_time",
    "read_time",
    "same_step",
    "step_of",
]

Time = datetime | float

CALENDAR = ("hour", "weekday", "day", "month")
TIMES = ("date", "time", "timestamp", "datetime", "ds")  # names by which a time column is found
EPSILON = 1e-9  # of a step: times that are numbers are rounded


def named_time(header: Sequence[str]) -> int | None:
    """Index of the first column that is called as times are; None where there is none."""
    return next((k for k, column in enumerate(header) if column.lower() in TIMES), None)


def read_time(text: str, path: Path, line: int) -> Time:
    """A date and time as 2016-07-01 13:00:00 or 2016-07-01T13:00, a date, or a number. Raises DataError."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise DataError(
            f"Expected a time such as 2016-07-01 13:00:00, or a number, found {text[:40]!r}.",
            file=path, line=line, repair="Write times as year-month-day hour:minute:second.",
        ) from None  # fmt: skip


def check_order(times: Sequence[Time], path: Path, lines: Sequence[int]) -> None:
    """Raises DataError: times of two kinds, a time that is before the one above it, or the same."""
    for k in range(1, len(times)):
        before, now = times[k - 1], times[k]
        if isinstance(before, float) or isinstance(now, float):
            same_kind = isinstance(before, float) and isinstance(now, float)
        else:
            same_kind = (before.tzinfo is None) == (now.tzinfo is None)
        if not same_kind:
            raise DataError(
                f"Expected times of one kind, found {before} and {now}.", file=path, line=lines[k],
                repair="Write all of them as dates, with or without a zone, or all as numbers.",
            )  # fmt: skip
        if now == before:
            raise DataError(
                f"Expected each time once, found {now} again.", file=path, line=lines[k],
                repair="Leave one of the rows out, or take their mean.",
            )  # fmt: skip
        if now < before:  # type: ignore[operator]
            raise DataError(
                f"Expected rows in the order of time, found {now} after {before}.", file=path, line=lines[k],
                repair="Sort the file by its time column.",
            )  # fmt: skip


def step_of(times: Sequence[Time]) -> tuple[timedelta | float, int]:
    """(the commonest step between rows, how many steps differ from it)."""
    steps: list[Any] = [after - before for before, after in pairwise(times)]  # type: ignore[operator]
    if not steps:
        return 1.0, 0
    if isinstance(steps[0], timedelta):
        step, often = Counter(steps).most_common(1)[0]
        return step, len(steps) - often
    numbers = np.array(steps, dtype=float)
    middle = float(np.median(numbers))
    return middle, int((np.abs(numbers - middle) > EPSILON * max(1.0, abs(middle))).sum())


def same_step(one: timedelta | float, other: timedelta | float) -> bool:
    """Whether two steps are the same; numbers up to rounding."""
    if isinstance(one, timedelta) or isinstance(other, timedelta):
        return one == other
    return math.isclose(one, other, rel_tol=1e-6)


def continued(times: Sequence[Time], step: timedelta | float, count: int) -> list[Time]:
    """The next `count` times."""
    return [times[-1] + step * (k + 1) for k in range(count)]  # type: ignore[operator]


def calendar_features(times: Sequence[Time], names: Sequence[str]) -> NDArray[np.float32]:
    """(T, 2 · names): sine and cosine of the place within the day, the week, the month or the year.

    Raises DataError: times that are numbers have no calendar.
    """
    if not names:
        return np.zeros((len(times), 0), dtype=np.float32)
    dates = [time for time in times if isinstance(time, datetime)]
    if len(dates) < len(times):
        raise DataError(
            f"Expected dates for {', '.join(names)}, found times that are numbers.", repair="--set data.calendar=[]"
        )
    turns = {
        "hour": [(t.hour + t.minute / 60 + t.second / 3600) / 24 for t in dates],
        "weekday": [(t.weekday() + t.hour / 24) / 7 for t in dates],
        "day": [(t.day - 1) / 31 for t in dates],
        "month": [(t.month - 1 + (t.day - 1) / 31) / 12 for t in dates],
    }
    angles = 2 * np.pi * np.array([turns[name] for name in names])
    return np.concatenate([np.sin(angles), np.cos(angles)]).T.astype(np.float32)
