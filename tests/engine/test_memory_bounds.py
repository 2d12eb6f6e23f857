"""Kernels touch no byte outside the tensors they are handed, and reach rows beyond 2³¹ numbers."""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from cellwright.cells import LSTM
from cellwright.engine.lower.product import product_module
from cellwright.engine.lower.program import program_module
from cellwright.engine.lower.target import target_of
from cellwright.engine.run.registry import cell_key, compiled_for
from cellwright.engine.run.tables import tables_for
from cellwright.engine.run.team import run_jobs

GUARDED = Path(__file__).with_name("guarded.py")
linux = pytest.mark.skipif(sys.platform != "linux", reason="guard pages are made with Linux's numbers")


def guarded(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(GUARDED), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


@linux
@pytest.mark.parametrize("place", ["end", "start"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_no_kernel_touches_what_lies_beside_its_tensors(place: str, dtype: str) -> None:
    done = guarded(place, dtype, CELLWRIGHT_PRODUCTS="bfloat16")
    assert done.returncode == 0, f"exit code {done.returncode} (-11: a page beside a tensor was touched)\n{done.stderr}"
    assert done.stdout == "all inside\n"


@linux
def test_the_guard_catches_a_kernel_that_reads_whole_vectors() -> None:
    done = guarded("end", "float32", "broken", CELLWRIGHT_CACHE="off")  # or the whole kernels would be found
    assert done.returncode == -signal.SIGSEGV


@linux
def test_the_guard_catches_a_product_that_writes_behind_its_result() -> None:
    assert guarded("end", "float32", "narrow").returncode == -signal.SIGSEGV


@pytest.mark.parametrize("name", ["LSTM", "mixed", "ONLSTM"])
def test_all_addresses_are_computed_in_64_bits(name: str, cases: Any) -> None:
    compiled = compiled_for(cell_key(cases.ALL[name](), 2, 3, True), torch.float32)
    modules = [program_module(program, compiled.target) for program in (compiled.plan.forward, compiled.plan.backward)]
    products = [product_module(replace(compiled.target, pairs=pairs)) for pairs in (False, True)]
    for module in (*modules, *products):
        text = str(module)
        indices = re.findall(r"getelementptr [^\n]*, (\w+) [^ \n]+$", text, re.MULTILINE)
        assert len(indices) > 50
        assert set(indices) == {"i64"}
        assert set(re.findall(r"inttoptr (\w+) ", text)) <= {"i64"}


@linux
def test_a_row_beyond_two_to_the_31_numbers_is_reached() -> None:
    """Rows of x's products and of y lie 2³¹ + 64 numbers apart, in memory of which only the pages used exist."""
    cell, size, pitch = LSTM(), 5, 2**31 + 64
    compiled = compiled_for(cell_key(cell, 3, size, True), torch.float32)
    columns = compiled.plan.hoisted.streams[0].size
    tables = tables_for("time", 2, 1, None, None, False)
    parameters = {"R": torch.randn(4 * size, size)}
    streams, states = torch.randn(2, columns), [torch.randn(1, size) for _ in range(2)]
    # MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE
    space = mmap.mmap(-1, 4 * (2 * pitch + 128), flags=0x02 | 0x20 | 0x4000)
    numbers = torch.frombuffer(space, dtype=torch.float32)
    far_streams = numbers.as_strided((2, columns), (pitch, 1))
    far_y = numbers.as_strided((2, size), (pitch, 1), 64)
    far_streams.copy_(streams)
    near_y = torch.empty(2, size)
    for inputs, y in ((streams, near_y), (far_streams, far_y)):
        call, _, _ = compiled.forward([inputs], states, parameters, tables, y, save=False, threads=1)
        run_jobs([call.job])
    assert torch.equal(far_y, near_y)
    assert far_y.data_ptr() + 4 * pitch == far_y[1].data_ptr()
    del far_streams, far_y, numbers, inputs, y, call


def test_the_host_has_a_target() -> None:
    assert ctypes.sizeof(ctypes.c_void_p) == 8
    assert target_of("float32").lanes >= 4
