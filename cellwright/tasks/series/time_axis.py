"""Times: checked for order, continued into the future, and turned into features of the calendar."""

from __future__ import annotations

import math
from calendar import monthrange
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    "Months",
    "Step",
    "Time",
    "calendar_features",
    "check_order",
    "continued",
    "is_step",
    "loaded_step",
    "named_time",
    "same_step",
    "step_of",
    "stored_step",
]

Time = datetime | float


@dataclass(frozen=True, slots=True)
class Months:
    """A step of calendar months.

    Attributes:
        end: from the last day of a month to the last of another.
    """

    count: int
    end: bool = False

    def after(self, date: datetime, steps: int) -> datetime:
        """The date so many steps later; where its month is too short for the day, the last day."""
        month = date.month - 1 + steps * self.count
        year, month = date.year + month // 12, month % 12 + 1
        last = monthrange(year, month)[1]
        return date.replace(year=year, month=month, day=last if self.end else min(date.day, last))

    def __str__(self) -> str:
        return f"{self.count} month{'s' * (self.count > 1)}"


Step = timedelta | Months | float

CALENDAR = ("hour", "weekday", "day", "month")
TIMES = (
    "date",
    "time",
    "timestamp",
    "datetime",
    "ds",
    "datum",
    "日期",
    "时间",
)  # names of a time column
EPSILON = 1e-9  # of a step: times that are numbers are rounded
AGAIN = "Leave one of the rows out, or take their mean."


def named_time(header: Sequence[str]) -> int | None:
    """Index of the first column that is called as times are; None where there is none."""
    return next((k for k, column in enumerate(header) if column.lower() in TIMES), None)


def check_order(times: Sequence[Time], path: Path, lines: Sequence[int], again: str = AGAIN) -> None:
    """Raises DataError: times of two kinds, a time that is before the one above it, or the same.

    Args:
        again: how to repair a time that stands there twice.
    """
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
                repair=again,
            )  # fmt: skip
        if now < before:  # type: ignore[operator]
            raise DataError(
                f"Expected rows in the order of time, found {now} after {before}.", file=path, line=lines[k],
                repair="Sort the file by its time column.",
            )  # fmt: skip


def step_of(times: Sequence[Time]) -> tuple[Step, int]:
    """(the commonest step between rows, how many steps differ from it)."""
    dates = [time for time in times if isinstance(time, datetime)]
    if dates and (months := _months(dates)):
        return months
    steps: list[Any] = [after - before for before, after in pairwise(times)]  # type: ignore[operator]
    if not steps:
        return 1.0, 0
    if isinstance(steps[0], timedelta):
        step, often = Counter(steps).most_common(1)[0]
        return step, len(steps) - often
    numbers = np.array(steps, dtype=float)
    middle = float(np.median(numbers))
    return middle, int((np.abs(numbers - middle) > EPSILON * max(1.0, abs(middle))).sum())


def is_step(before: Time, now: Time, step: Step) -> bool:
    """Whether two times are one step apart."""
    if isinstance(before, float) and isinstance(now, float) and isinstance(step, float):
        return abs(now - before - step) <= EPSILON * max(1.0, abs(step))
    return continued([before], step, 1) == [now]


def same_step(one: Step, other: Step) -> bool:
    """Whether two steps are the same; numbers up to rounding."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6)
    return one == other


def stored_step(step: Step) -> dict[str, Any]:
    """The step as numbers for a file; `loaded_step` reads them."""
    if isinstance(step, Months):
        return {"step": float(step.count), "dates": True, "months": "end" if step.end else "day"}
    dates = isinstance(step, timedelta)
    return {"step": step.total_seconds() if isinstance(step, timedelta) else step, "dates": dates}


def loaded_step(info: Mapping[str, Any]) -> Step:
    """Raises KeyError, TypeError, ValueError or OverflowError: not what `stored_step` gives."""
    if "months" in info:
        return Months(int(info["step"]), info["months"] == "end")
    return timedelta(seconds=float(info["step"])) if info["dates"] else float(info["step"])


def continued(times: Sequence[Time], step: Step, count: int) -> list[Time]:
    """The next `count` times."""
    if isinstance(step, Months):
        return [step.after(times[-1], k + 1) for k in range(count)]  # type: ignore[arg-type]
    return [times[-1] + step * (k + 1) for k in range(count)]  # type: ignore[operator]


def _months(dates: Sequence[datetime]) -> tuple[Months, int] | None:
    """The same for dates at the same place of their months, the first day or the last, for instance."""
    ends = all(_last_day(date) for date in dates)
    places = {(0 if ends else date.day, date.time()) for date in dates}
    if len(dates) < 2 or len(places) > 1:
        return None
    steps = [12 * (b.year - a.year) + b.month - a.month for a, b in pairwise(dates)]
    step, often = Counter(steps).most_common(1)[0]
    return Months(step, ends), len(steps) - often


def _last_day(date: datetime) -> bool:
    return (date + timedelta(days=1)).month != date.month


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
