"""`cellwright compare`: one table of networks."""

from __future__ import annotations

import json as json_text
import os
import sys

from rich.console import Console

from cellwright.cli.choices import one_of
from cellwright.tasks.slots.compare import NETWORKS, SETTINGS, Row, compare
from cellwright.tasks.slots.config import SlotsConfig
from cellwright.tasks.slots.corpora import EMBEDDED
from cellwright.tasks.slots.report import percent, print_comparison
from cellwright.tasks.training.config import load_config

__all__ = ["run_comparison"]


def run_comparison(task: str, data: str, sets: list[str], networks: str | None, json: bool) -> None:
    """Print a line to standard error as each network is done, then the table or one JSON object."""
    one_of("the task", task, ("slots",))
    chosen = list(NETWORKS) if networks is None else [n.strip() for n in networks.split(",")]
    for name in chosen:
        one_of("--networks", name, NETWORKS)
    values = {**SETTINGS, "data.path": data}
    if data not in EMBEDDED:
        del values["data.size"]  # all of the user's sentences
    config = load_config(None, sets, schema=SlotsConfig, values=values)
    processes = min(len(chosen), max(1, (os.cpu_count() or 1) // max(1, config.train.threads)))
    try:
        result = compare(config, chosen, processes=processes, on_row=announce)
    except KeyboardInterrupt:
        print("Stopped; a comparison keeps nothing that could be resumed.", file=sys.stderr)
        sys.exit(130)
    if json:
        print(json_text.dumps(result.to_data(), ensure_ascii=False, indent=1))
    else:
        print_comparison(result, Console(markup=False))


def announce(row: Row) -> None:
    print(f"{row.name}: slot F1 {percent(row.scores.slots.f1)}, {row.seconds:.0f} s", file=sys.stderr, flush=True)
