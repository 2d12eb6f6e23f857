"""One call into machine code on torch's own threads."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cellwright.engine.cache import load_module
from cellwright.engine.lower.target import target_of
from cellwright.engine.lower.team import team_module

__all__ = ["Job", "chain", "give_way", "run_jobs", "thread_count"]

Job = tuple[int, int, int]
_forked = False


def _after_fork() -> None:
    global _forked
    _forked = True


os.register_at_fork(after_in_child=_after_fork)


@cache
def openmp() -> tuple[int, int, int] | None:
    """Addresses of GOMP_parallel, omp_get_thread_num and omp_get_num_threads in torch's OpenMP library."""
    loaded: list[str] = []
    maps = Path("/proc/self/maps")
    if maps.exists():
        paths = {line.split(maxsplit=5)[-1] for line in maps.read_text().splitlines() if "omp" in line}
        loaded = sorted(path for path in paths if Path(path).name.startswith(("libgomp", "libomp", "libiomp")))
    for path in loaded:
        library = ctypes.CDLL(path)
        try:
            names = (library.GOMP_parallel, library.omp_get_thread_num, library.omp_get_num_threads)
        except AttributeError:
            continue
        one, two, three = (ctypes.cast(function, ctypes.c_void_p).value for function in names)
        if one and two and three:
            return one, two, three
    return None


@cache
def give_way() -> int:
    """Address of sched_yield, 0 where the system has none: a thread that waits then keeps its core."""
    try:
        return ctypes.cast(ctypes.CDLL(None).sched_yield, ctypes.c_void_p).value or 0
    except (AttributeError, OSError, TypeError):
        return 0


def thread_count() -> int:
    """Threads of a call: torch's number; one where torch's team cannot be entered (after a fork, no OpenMP)."""
    if _forked or openmp() is None:
        return 1
    return torch.get_num_threads()


@cache
def _team() -> tuple[object, Any, Any]:
    """(loaded code, `team`, `chain`)."""
    target = target_of("float32")
    loaded = load_module("team", "", lambda: team_module(target), target)
    team = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(loaded.address("team"))
    return loaded, team, ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(loaded.address("chain"))


def chain() -> Any:
    """The function that runs calls one after another: chain(address, count)."""
    return _team()[2]


def run_jobs(jobs: Sequence[Job]) -> None:
    """Runs kernels side by side.

    Args:
        jobs: (address of the kernel, address of its arguments, threads).
    """
    # two directions ask for a thread each, also where torch was given one: then they run one after the other
    shares = sum(job[2] for job in jobs)
    call = [*(openmp() or (0, 0, 0)), min(shares, thread_count()), shares, len(jobs)]
    first = 0
    for kernel, arguments, count in jobs:
        call += [kernel, arguments, first, count]
        first += count
    array = np.array(call, np.int64)
    _team()[1](array.ctypes.data)
