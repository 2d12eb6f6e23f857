"""A result with what it was made by: command, date, machine, versions."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def cellwright(*arguments: str) -> str:
    """Run the command; its standard output, or an end with its own message."""
    done = subprocess.run(
        [sys.executable, "-m", "cellwright", *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"cellwright {' '.join(arguments)} ended with {done.returncode}")
    return done.stdout


def record(name: str, command: str, content: dict[str, Any]) -> None:
    """Write results/NAME.json."""
    head = {
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count()},
        "versions": {"python": platform.python_version()} | {p: version(p) for p in ("torch", "numpy", "tokenizers")},
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(
        json.dumps(head | content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def earlier_runs(name: str, table: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs that results/NAME.json has, each with its day.

    Ends with a message where `table`, what runs are made by, was another then.
    """
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        return []
    result = json.loads(path.read_text(encoding="utf-8"))
    before = result.get("table", {})
    for key in sorted(table.keys() | before.keys()):
        wanted, found = table.get(key), before.get(key)
        if key not in ("asked", "figure", "seeds") and wanted != found:
            sys.exit(f"{path.name}: expected runs with {key} = {wanted}, found {found}; make all seeds again")
    return [{"date": result["date"]} | run for run in result["runs"]]


def with_earlier(runs: list[dict[str, Any]], earlier: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`runs` and those of other seeds in `earlier`, by seed."""
    own = {run["seed"] for run in runs}
    return sorted(runs + [run for run in earlier if run["seed"] not in own], key=lambda run: int(run["seed"]))


def cpu_name() -> str:
    """The processor's model where the system tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
