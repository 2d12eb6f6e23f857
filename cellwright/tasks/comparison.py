"""The argument of recurrence: networks that see one word, what stands before it, or both sides, on the same data."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cellwright.tasks.kind import TaskKind
from cellwright.tasks.networks.cell_choice import PER_TOKEN
from cellwright.tasks.report import Line, Report, shown
from cellwright.tasks.training.config import Config
from cellwright.tasks.training.loop import fit, prepare
from cellwright.tasks.training.run_folder import RunFolder
from cellwright.tasks.training.side_by_side import train_each

__all__ = ["NETWORKS", "compare_networks"]

NETWORKS: dict[str, tuple[str, bool]] = {  # name: (cell, bidirectional)
    "per-token": (PER_TOKEN, False),
    "Elman": ("Elman", False),
    "LSTM": ("LSTM", False),
    "GRU": ("GRU", False),
    "BiElman": ("Elman", True),
    "BiLSTM": ("LSTM", True),
    "BiGRU": ("GRU", True),
}


def compare_networks(
    kind: TaskKind[Any, Any],
    config: Config,
    networks: Sequence[str],
    processes: int,
    announce: Callable[[str], None] | None,
    split: str = "test",
) -> Report:
    """Train each network with the same settings but cell and direction; a line each, then the task's baselines.

    Args:
        kind: a task whose `[model]` has `cell` (and `bidirectional`), and whose evaluation is a `Report`.
        networks: names of NETWORKS, or of cells.
        processes: how many to train at a time.
        announce: told a line as each network is done.
        split: what the best epoch of each is evaluated on.
    """

    def known(name: str, report: Report) -> None:
        if announce is not None:
            key, value = next(iter(report.figures.items()))
            announce(f"{name}: {key.replace('_', ' ')} {shown(value, key in report.percent)}")

    rows = train_each(networks, partial(train_network, kind=kind, config=config, split=split), processes, known)
    last = rows[networks[-1]]
    last.lines = [Line(name, report.figures) for name, report in rows.items()] + [
        line for line in last.lines if not line.of_model
    ]
    last.sections = []
    return last


def train_network(name: str, kind: TaskKind[Any, Any], config: Config, split: str) -> Report:
    """Train one network and evaluate its best epoch; its line also says what it cost."""
    cell, bidirectional = NETWORKS.get(name, (name, False))
    update = {"cell": cell, "bidirectional": bidirectional}
    known = {key: value for key, value in update.items() if key in type(config.model).model_fields}
    own = config.model_copy(update={"model": config.model.model_copy(update=known)})
    started = time.perf_counter()
    prepare(own.train)
    task = kind.build(own)
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder.open(Path(folder) / "run", own)
        fit(task, own, run)
        report = kind.evaluate(kind.load(run.best), own.data, split)
    assert isinstance(report, Report)
    parameters = sum(p.numel() for p in task.model.parameters() if p.requires_grad)
    cost = {"parameters": parameters, "seconds": round(time.perf_counter() - started)}
    report.lines = [Line(name, {**report.figures, **cost}), *report.lines[1:]]
    return report
