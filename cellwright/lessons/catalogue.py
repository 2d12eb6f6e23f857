"""The lessons by name; each is made when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from cellwright.errors import ConfigError
from cellwright.nearest import nearest

if TYPE_CHECKING:
    from cellwright.lessons.lesson import Lesson

__all__ = ["LESSONS", "lesson_named"]

LESSONS: dict[str, str] = {
    "unrolling": "A recurrent network, folded and unrolled",
    "lag-sum": "The gradient of a recurrent weight is a sum over lags",
    "weight": "A recurrent weight below, at and above 1",
    "powers": "One factor a day: 0.99 and 1.01 to the power of 365, and where float32 ends",
    "steps": "How large a step is: learning rate, number of steps, overshoot",
    "sigmoid": "The sigmoid as a filter, and its companion tanh",
    "gate-table": "Two gates, four meanings: keep, blend, clear, replace",
    "forget-bias": "What a forget bias means in steps",
    "carry-path": "The carry path: what the LSTM solves, and what it does not",
    "peepholes": "Peepholes: gates that see the cell state",
    "bidirectional": "Two directions: 我 爱 中国",
    "memory-ledger": "The memory ledger: who wrote what is still there",
    "number-unit": "A number unit: 小明 … 同学们 …",
    "counts": "How many numbers a recurrent layer has",
    "corrections": "What is commonly taught wrong",
}
"""Name -> title. The lesson `gate-table` is made by `lesson()` of `cellwright/lessons/gate_table.py`."""


def lesson_named(name: str) -> Lesson:
    """Works a lesson out. Raises ConfigError for a name that is none."""
    if name not in LESSONS:
        near = nearest(name, LESSONS)
        raise ConfigError(
            f"Expected a lesson, found {name!r}.",
            repair=f"Did you mean {near}?" if near else f"Lessons are: {', '.join(LESSONS)}.",
        )
    module = importlib.import_module(f"cellwright.lessons.{name.replace('-', '_')}")
    made: Lesson = module.lesson()
    return made
