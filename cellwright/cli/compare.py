"""`cellwright compare`: one table of networks."""

from __future__ import annotations

import json as json_text
import os
import sys
from pathlib import Path

from rich.console import Console

from cellwright.cli.choices import one_of, parted, with_setting
from cellwright.errors import ConfigError
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.registry import check_set, kind_named
from cellwright.tasks.training.config import load_config

__all__ = ["run_comparison"]


def run_comparison(
    task: str, data: str | None, config: Path | None, sets: list[str], networks: str | None, json: bool
) -> None:
    """Print a line to standard error as each network is done, then the table or one JSON object."""
    kind = kind_named(task)
    with_setting(sets, "data.path", "--data", data)
    if not kind.networks:
        raise ConfigError(f"Expected a task with a comparison, found {task}.", repair="cellwright compare slots")
    chosen = list(kind.networks) if networks is None else parted("--networks", networks)
    for name in chosen:
        if kind.any_cell:
            choose_cell(name)
        else:
            one_of("--networks", name, kind.networks)
    values = kind.comparison(data if data is not None else kind.embedded[0])
    resolved = load_config(config, sets, schema=kind.config, values=values)
    check_set(kind, resolved.data.path)
    processes = min(len(chosen), max(1, (os.cpu_count() or 1) // max(1, resolved.train.threads)))
    try:
        result = kind.compare(resolved, chosen, processes=processes, announce=announce)
    except KeyboardInterrupt:
        print("Stopped; a comparison keeps nothing that could be resumed.", file=sys.stderr)
        sys.exit(130)
    if json:
        print(json_text.dumps(result.to_data(), ensure_ascii=False, indent=1))
    else:
        result.print(Console(markup=False))


def announce(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
