"""`cellwright sweep`: settings chosen by a search, or the rest of one."""

from __future__ import annotations

import json as json_text
import sys
from pathlib import Path

from rich.console import Console

from cellwright.cli.choices import one_of, with_setting
from cellwright.errors import ConfigError
from cellwright.tasks.registry import TASKS, kind_named
from cellwright.tasks.sweep.definition import begin, define, reopen
from cellwright.tasks.sweep.run import run_sweep

__all__ = ["search_settings"]

DEFAULT = "slots"


def search_settings(
    task: str | None,
    config: Path | None,
    data: str | None,
    out: Path | None,
    trials: int | None,
    sets: list[str],
    resume: Path | None,
    json: bool,
) -> None:
    """Print a line to standard error as each run ends, then a table or one JSON object.

    Args:
        task: DEFAULT where None, or that of the sweep to resume.
    """
    if resume is not None:
        if config or data or out or sets:
            raise ConfigError(
                "Expected --resume FOLDER, with --trials at most, found other options beside it.",
                repair="A sweep keeps its settings and its space.",
            )
        folder, definition = resume, reopen(resume, trials)
        if task not in (None, definition.kind.name):
            raise ConfigError(
                f"Expected a sweep of {task}, found one of {definition.kind.name}.",
                file=resume,
                repair=f"cellwright sweep --resume {resume}",
            )
    elif out is None:
        raise ConfigError("Expected a folder for the sweep, found none.", repair="--out runs/sweep")
    else:
        kind = kind_named(one_of("the task", task or DEFAULT, TASKS))
        with_setting(sets, "data.path", "--data", data)
        folder, definition = out, define(kind, config, sets, data=data, trials=trials)
        begin(definition, folder)
    try:
        report = run_sweep(definition, folder, announce=announce, command=sys.argv)
    except KeyboardInterrupt as stop:
        said = f"{stop}\n" if stop.args else ""
        print(f"{said}go on with: cellwright sweep --resume {folder}", file=sys.stderr)
        sys.exit(130)
    if json:
        print(json_text.dumps(report.to_data(), ensure_ascii=False, indent=1))
    else:
        report.print(Console(markup=False))


def announce(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
