"""Who takes part in a row, and times that are taken in turns: A B A B …"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

SAMPLE = 2e-3
"""Seconds a sample lasts at least: a shorter call is repeated in it."""


class NotBuilt(Exception):
    """Ours does not have this yet."""


class Missing(Exception):
    """A peer cannot run here, and why."""


@dataclass(slots=True)
class Contestant:
    """One who takes part.

    Attributes:
        call: the work, once.
        results: what `call` gave → numbers by name, in the layout of everybody else's.
        units: valid steps of one call; ratios are per unit.
        flop: floating-point operations of one call.
        first: seconds of the first call, code generation included.
    """

    name: str
    call: Callable[[], Any]
    results: Callable[[Any], dict[str, Any]] | None = None
    units: float = 1.0
    flop: float = 0.0
    first: float = math.nan
    times: list[float] = field(default_factory=list)

    def begin(self) -> Any:
        """The first call, timed."""
        started = time.perf_counter()
        given = self.call()
        self.first = time.perf_counter() - started
        return given

    def summary(self) -> dict[str, Any]:
        p20, p50, p80 = percentiles(self.times)
        result = {"p20": p20, "p50": p50, "p80": p80, "repeats": len(self.times), "first_call": self.first}
        return result | ({"gflops": self.flop / p50 / 1e9} if self.flop else {})


def percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    """20, 50 and 80 %."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    cuts = statistics.quantiles(values, n=10, method="inclusive")
    return cuts[1], statistics.median(values), cuts[7]


def interleave(contestants: Sequence[Contestant], repeats: int, seconds: float) -> None:
    """Times all in turns, each after an untimed call of its own: at least `repeats` turns, and `seconds` each or four
    times the turns."""
    counts = {}
    for one in contestants:
        one.call()
        once = timed(one, 1)
        counts[one.name] = max(1, math.ceil(SAMPLE / once))
    gc.collect()
    gc.disable()
    try:
        turns = 0
        while turns < repeats or (turns < 4 * repeats and min(sum(one.times) for one in contestants) < seconds):
            for one in contestants:
                one.call()  # its data back in the cache, its threads awake
                one.times.append(timed(one, counts[one.name]))
            turns += 1
    finally:
        gc.enable()


def timed(one: Contestant, count: int) -> float:
    """Seconds a call, over `count` calls."""
    call = one.call
    started = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - started) / count


def ratio(ours: Contestant, other: Contestant) -> dict[str, Any]:
    """other's time / our time, per unit: of the medians, of the fast fifths, and the spread over the turns."""
    scale = ours.units / other.units
    mine, theirs = percentiles(ours.times), percentiles(other.times)
    low, _, high = percentiles([scale * b / a for a, b in zip(ours.times, other.times, strict=True)])
    return {"value": scale * theirs[1] / mine[1], "of_p20": scale * theirs[0] / mine[0], "spread": [low, high]}
