"""What this machine does with a layer, beside what it does with a matrix product and a copy: medians of one run.

Axes: T time, B batch, I input.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from cellwright.cells import Cell
from cellwright.engine.cache import loads
from cellwright.engine.explain_tables import Kernel, Measured
from cellwright.engine.lower.target import host_isas
from cellwright.engine.run.registry import force_isa
from cellwright.engine.run.team import thread_count
from cellwright.errors import ConfigError
from cellwright.nn.compiled import computed_in
from cellwright.nn.recurrent import Recurrent

__all__ = ["available_threads", "measure"]

REPEATS = 15
SIDE = 1024
COPIED = 128 << 20


def available_threads() -> int:
    """Threads of a layer's call."""
    return thread_count()


def measure(
    cell: Cell, input_size: int, hidden_size: int, batch: int, steps: int, dtype: str, isa: str, *, bidirectional: bool
) -> Measured:
    """Runs a layer on torch's threads.

    Raises:
        ConfigError: this machine does not run `isa`.
    """
    if isa not in host_isas():
        raise ConfigError(
            f"Expected an instruction set that this machine runs, found {isa}.",
            repair=f"It runs {', '.join(host_isas())}; leave out --measure for others.",
        )
    kind = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}[dtype]
    wide = computed_in(kind)  # of states and sums
    before = len(loads)
    with force_isa(isa):
        layer = Recurrent(cell, input_size, hidden_size, bidirectional=bidirectional, dtype=kind)
        x_TBI = torch.randn(steps, batch, input_size, dtype=kind, requires_grad=True)

        def forward() -> Tensor:
            with torch.no_grad():
                y: Tensor = layer(x_TBI, backend="cpu")[0]
                return y

        dy = torch.randn_like(forward())

        def training() -> None:
            layer.zero_grad()
            x_TBI.grad = None
            layer(x_TBI, backend="cpu")[0].backward(dy)

        training()
        kernels = tuple(Kernel(load.name, load.seconds, not load.compiled) for load in loads[before:])
        a, b = torch.randn(SIDE, SIDE, dtype=wide), torch.randn(SIDE, SIDE, dtype=wide)
        source = torch.ones(COPIED // a.element_size(), dtype=kind)
        target = torch.empty_like(source)
        product = torch.empty_like(a)
        seconds = _medians([lambda: torch.mm(a, b, out=product), lambda: target.copy_(source), forward, training])
    return Measured(
        thread_count(),
        REPEATS,
        2 * SIDE**3 / seconds[0],
        2 * COPIED / seconds[1],
        seconds[2],
        seconds[3],
        layer.path,
        kernels,
    )


def _medians(runs: list[Callable[[], object]]) -> list[float]:
    """Seconds of each, run in turn, so that what else the machine does falls on all alike."""
    for run in runs:
        run()
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(REPEATS):
        for run, taken in zip(runs, times, strict=True):
            start = time.perf_counter()
            run()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]
