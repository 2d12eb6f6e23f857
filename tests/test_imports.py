"""What importing costs: no socket, and no heavy library before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

GUARD = """
import socket, sys
class Refused(socket.socket):
    def __init__(self, *a, **k): raise SystemExit("a socket was opened")
socket.socket = Refused
"""


def python(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)


def test_no_import_opens_a_socket() -> None:
    names = "import cellwright as cw; cw.Cell, cw.nn.LSTM, cw.tasks, cw.train, cw.load\n"
    names += "import cellwright.tasks.slots.compare, cellwright.cli.application"
    done = python(GUARD + names)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_guard_sees_a_socket() -> None:
    assert python(GUARD + "import socket; socket.socket()").returncode != 0


LIGHT = ["cellwright", "cellwright.cells", "cellwright.ops", "cellwright.cli.application", "cellwright.cli.lesson"]
ENGINE = [f"cellwright.engine.{name}" for name in ("joint", "store", "stored", "cache", "lower.program", "explain")]


@pytest.mark.parametrize("module", [*LIGHT, *ENGINE])
def test_light_modules_load_no_torch(module: str) -> None:
    done = python(f"import {module}, sys; sys.exit('torch' in sys.modules)")
    assert done.returncode == 0
