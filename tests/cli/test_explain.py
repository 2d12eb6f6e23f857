"""`cellwright explain`, run as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cellwright.cells import LSTM
from cellwright.engine.explain import explain
from cellwright.engine.lower.target import host_isas

CELL = """
import torch
from cellwright import Cell


class Mine(Cell):
    gates = "a"
    states = "h"

    def step(self, x, h, W, R, b):
        return torch.{function}(W.a @ x + R.a @ h + b.a)
"""


def test_it_prints_what_the_function_gives(cellwright) -> None:
    options = ("--input", "3", "--hidden", "4", "--batch", "5", "--steps", "6", "--isa", "neon", "--dtype", "float64")
    done = cellwright("explain", "LSTM", *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{explain(LSTM(), 3, 4, 5, 6, 'float64', isa='neon')}\n"
    data = json.loads(cellwright("explain", "LSTM", *options, "--bidirectional", "--json").stdout)
    assert (data["directions"], data["isa"], data["why_not"]) == (2, "neon", None)


def test_a_cell_in_a_file_of_the_users(cellwright, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CELL.format(function="tanh"))
    done = cellwright("explain", "mine.py:Mine", "--isa", "avx2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "h′ = tanh(s0.a[t,b,j] + z.a[b,j])" in done.stdout


def test_the_plain_loop_is_explained_too(cellwright, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CELL.format(function="erf"))
    done = cellwright("explain", "mine.py:Mine", "--measure", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Mine runs in the plain loop" in done.stdout
    assert "mine.py:11:  return torch.erf(" in done.stdout


@pytest.mark.skipif(not host_isas(), reason="no kernels for this machine")
def test_measure_runs_the_layer(cellwright, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLWRIGHT_CACHE", str(tmp_path / "kept"))
    options = ("--input", "8", "--hidden", "8", "--measure")
    first, again = (cellwright("explain", "MGU", *options) for _ in range(2))
    assert first.returncode == 0, first.stderr
    for word in ("matrix product", "copy", "forward   ", "training step", "% of the limit", "compiled kernels of MGU"):
        assert word in first.stdout
    for kernel in ("product", "inference", "forward", "backward"):
        assert f"kernel {kernel:10} compiled in" in first.stdout
        assert f"kernel {kernel:10} loaded from the folder of compiled code in" in again.stdout


def test_the_environment_names_the_instruction_set(cellwright, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLWRIGHT_ISA", "baseline")
    assert ", baseline, " in cellwright("explain", "LSTM").stdout.splitlines()[0]
    assert ", avx512, " in cellwright("explain", "LSTM", "--isa", "avx512").stdout.splitlines()[0]
    monkeypatch.setenv("CELLWRIGHT_ISA", "avx1024")
    assert "Expected CELLWRIGHT_ISA to be one of amx" in cellwright("explain", "LSTM").stderr
    monkeypatch.setenv("CELLWRIGHT_ISA", "avx2")
    monkeypatch.setenv("CELLWRIGHT_PRODUCTS", "int8")
    assert "Expected CELLWRIGHT_PRODUCTS to be one of auto, bfloat16, float32" in cellwright("explain", "LSTM").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("LSTMM",), "Did you mean LSTM?"),
        (("LSTM", "--dtype", "float16"), "one of float32, float64, bfloat16, found 'float16'"),
        (("LSTM", "--isa", "avx1024"), "one of amx, avx512bf16, avx512, avx2, baseline, neon, found 'avx1024'"),
        (("none.py:Mine",), "Expected a Python file with the cell Mine, found none."),
        (("LSTMP",), "needs arguments of its own"),
    ],
)
def test_a_mistake_gets_a_message(cellwright, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = cellwright("explain", *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.skipif(not host_isas(), reason="no kernels for this machine")
def test_only_what_runs_here_is_measured(cellwright) -> None:
    foreign = "neon" if "neon" not in host_isas() else "avx512"
    done = cellwright("explain", "LSTM", "--isa", foreign, "--measure")
    assert done.returncode == 1
    assert f"Expected an instruction set that this machine runs, found {foreign}." in done.stderr
