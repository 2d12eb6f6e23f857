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


def cpu_name() -> str:
    """The processor's model where the system tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
