"""Compiled code is found again by all that it depends on, in this process and the next, and is never taken on trust."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from llvmlite import ir

from cellwright.engine import cache
from cellwright.engine.lower.target import ISAS, Target, host_isas, target_of
from cellwright.errors import SlowPathWarning

pytestmark = pytest.mark.skipif(
    not host_isas() or not hasattr(os, "getuid"), reason="no kernels for this machine, or files have no owners here"
)


def number_module(number: int) -> ir.Module:
    module = ir.Module("number")
    module.triple = target_of("float32").isa.triple
    function = ir.Function(module, ir.FunctionType(ir.IntType(64), []), "number")
    ir.IRBuilder(function.append_basic_block()).ret(ir.Constant(ir.IntType(64), number))
    return module


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], tuple[int, bool]]:
    """(what the code of `number` returns, whether it was compiled), as if in a new process."""
    monkeypatch.setenv("CELLWRIGHT_CACHE", str(tmp_path / "kept"))

    def load(number: int) -> tuple[int, bool]:
        built = []

        def build() -> ir.Module:
            built.append(number)
            return number_module(number)

        loaded = cache.load_module("number", str(number), build, target_of("float32"))
        value = ctypes.CFUNCTYPE(ctypes.c_int64)(loaded.address("number"))()
        return value, bool(built)

    return load


class TestLoading:
    def test_code_is_compiled_once(self, load) -> None:
        assert [load(7), load(7), load(8), load(7)] == [(7, True), (7, False), (8, True), (7, False)]

    @pytest.mark.parametrize("choice", ["", "off"])
    def test_without_a_folder_it_is_compiled_every_time(self, load, choice, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv("CELLWRIGHT_CACHE", choice)
        assert [load(7), load(7)] == [(7, True), (7, True)]
        assert not (tmp_path / "kept").exists()

    def test_where_nothing_can_be_written_it_still_runs(self, load, monkeypatch, tmp_path) -> None:
        (tmp_path / "file").write_bytes(b"")
        monkeypatch.setenv("CELLWRIGHT_CACHE", str(tmp_path / "file" / "kept"))
        with pytest.warns(SlowPathWarning):
            assert load(7) == (7, True)
        assert load(7) == (7, True)

    def test_what_is_foreign_or_damaged_is_never_run(self, load, tmp_path) -> None:
        load(7)
        (seven,) = (tmp_path / "kept").iterdir()
        load(8)
        (eight,) = set((tmp_path / "kept").iterdir()) - {seven}
        whole = seven.read_bytes()
        for damaged in (eight.read_bytes(), whole[:-1], whole[:-1] + b"x", b"", b"\x80\x04."):
            seven.write_bytes(damaged)
            assert load(7) == (7, True)
            assert load(7) == (7, False)
        assert seven.read_bytes() == whole

    def test_threads_compile_one_key_once_and_share_it(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("CELLWRIGHT_CACHE", "off")
        built, loaded = [], []
        begin = threading.Barrier(8)

        def build() -> ir.Module:
            built.append(1)
            return number_module(5)

        def run() -> None:
            begin.wait()
            loaded.append(cache.load_module("number", "threads", build, target_of("float32")))

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(built) == 1
        assert len(loaded) == 8
        assert len(set(map(id, loaded))) == 1


def test_whatever_the_code_depends_on_changes_the_key(monkeypatch) -> None:
    single, double = Target(ISAS["avx2"], "float32"), Target(ISAS["avx2"], "float64")
    keys = [cache._key(*what) for what in (
        ("a", "", single), ("a", "b", single), ("ab", "", single), ("a", "", double),
        ("a", "", Target(ISAS["avx512"], "float32")), ("a", "", Target(replace(ISAS["avx2"], features=""), "float32")),
    )]  # fmt: skip
    surroundings = cache._surroundings()
    for place in range(len(surroundings)):
        other = (*surroundings[:place], "other", *surroundings[place + 1 :])
        monkeypatch.setattr(cache, "_surroundings", lambda other=other: other)
        keys.append(cache._key("a", "", single))
    assert len(set(keys)) == len(keys)


def test_an_edited_lowering_has_other_keys(tmp_path, monkeypatch) -> None:
    shutil.copytree(Path(cache.__file__).parent, tmp_path / "engine")
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "engine" / "cache.py"))
    seen = {cache._sources()}
    assert seen == {cache.SOURCES}
    for name in ("lower/row.py", "lower/math.py", "lower/compile.py", "plan.py", "sections.py", "spots.py"):
        path = tmp_path / "engine" / name
        path.write_text(path.read_text() + "\n")
        seen.add(cache._sources())
    assert len(seen) == 7
    (tmp_path / "engine" / "plan.py").unlink()
    assert cache._sources() == ""


PROCESS = """
import gc, sys, time, torch
from cellwright.cells import LSTM
from cellwright.engine import cache
from cellwright.engine.lower.product import product_module
from cellwright.engine.lower.program import program_module
from cellwright.engine.run.registry import cell_key, compiled_for

def no_compiler(*_):
    raise AssertionError("compiled again")

if sys.argv[1] == "second":
    cache.compile_module = no_compiler
key = cell_key(LSTM(), 256, 256, True)
gc.collect()
begin = time.process_time()
cell = compiled_for(key, torch.float32)
kept = [cache.load_module("product", "", lambda: product_module(cell.target), cell.target)]
for program in (cell.plan.forward, cell.plan.backward):
    build = lambda: program_module(program, cell.target)
    kept.append(cache.load_module(program.name, repr(program), build, cell.target))
    kept[-1].address("kernel")
print(1e3 * (time.process_time() - begin))
"""


def test_a_second_process_has_its_kernels_within_50_ms(tmp_path: Path) -> None:
    def milliseconds(which: str) -> float:
        surroundings = {**os.environ, "CELLWRIGHT_CACHE": str(tmp_path / "kept"), "PYTHONHASHSEED": str(len(which))}
        command = [sys.executable, "-c", PROCESS, which]
        return float(subprocess.run(command, env=surroundings, check=True, stdout=subprocess.PIPE).stdout)

    milliseconds("first")
    assert milliseconds("second") <= 50
