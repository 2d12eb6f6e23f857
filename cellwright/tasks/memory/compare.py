"""Any cells on the same problem with the same settings: accuracy by gap."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from cellwright.tasks.memory.config import MemoryConfig
from cellwright.tasks.memory.measure import Row, measure, report_of
from cellwright.tasks.memory.predict import TrainedMemory
from cellwright.tasks.memory.problems import problem_of, table_of
from cellwright.tasks.memory.task import MemoryTask
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.report import Report
from cellwright.tasks.training.loop import fit, prepare
from cellwright.tasks.training.run_folder import RunFolder
from cellwright.tasks.training.side_by_side import train_each

__all__ = ["compare", "train_network"]


def compare(
    config: MemoryConfig, networks: Sequence[str], processes: int, announce: Callable[[str], None] | None
) -> Report:
    """Train each network; one line each, then chance."""

    def known(name: str, row: Row) -> None:
        if announce is not None:
            shares = "  ".join(f"gap {g.gap}: {100 * g.accuracy.value:.1f}" for g in row.gaps)
            announce(f"{name}: {shares}, {row.seconds:.0f} s")

    rows = train_each(networks, partial(train_network, config=config), processes, known)
    return report_of(list(rows.values()), problem_of(config.data), config.data, "test")


def train_network(name: str, config: MemoryConfig) -> Row:
    """Train one network and measure its best epoch on test.

    Args:
        name: of a cell, FILE.py:NAME, or PerToken.
    """
    own = config.model_copy(update={"model": config.model.model_copy(update={"cell": name})})
    started = time.perf_counter()
    prepare(own.train)
    task = MemoryTask(own, choose_cell(name))
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder.open(Path(folder) / "run", own)
        fit(task, own, run)
        best = TrainedMemory.load(run.best)
    figures = measure(best.network, best.problem, table_of(best.problem, best.vocabulary), own.data, "test")
    parameters = sum(p.numel() for p in task.network.parameters())
    return Row(name, figures, parameters, round(time.perf_counter() - started, 1))
