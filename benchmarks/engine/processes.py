"""Rows that need processes of their own: time to compile, with and without code on disk, and memory."""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from case import new_layer
from clock import NotBuilt
from suite import Row

PROCESSES = 7
MIB = 1 << 20


def in_child(call: str, row: Row, cache: str = "off") -> dict[str, float]:
    """What a function of this file, `call`, gives in a new process."""
    script = f"import json, processes, suite; row = {row!r}\nprint(json.dumps(processes.{call}))".replace(
        "row = Row(", "row = suite.Row("
    )
    environment = os.environ | {"CELLWRIGHT_CACHE": cache, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr else f"ended with {done.returncode}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compile_seconds(row: Row, threads: int) -> dict[str, float]:
    """First call, forward and backward, less a later one. Torch's own first calls are made before, and Python has
    looked for garbage among what imports left: it would look during this call or a later one, as it happens."""
    torch.set_num_threads(threads)
    layer = new_layer(row)
    x, dy = torch.randn(4, 4, row.I, requires_grad=True), torch.randn(4, 4, row.H)
    warm = torch.nn.Linear(row.I, row.H)
    for _ in range(3):
        warm(x).backward(dy)
    gc.collect()
    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        layer(x, backend="cpu")[0].backward(dy)
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds[0] - statistics.median(seconds[1:])}


COMPILING = {  # work: (cells compiled before, in processes of their own that share a folder with it; who)
    "compile first": ((), "nothing on disk"),
    "compile": (("Elman",), "new cell"),  # another cell left the products and the team
    "compile cached": (("Elman", ""), "from disk"),
}


def compiling(row: Row, quick: bool) -> tuple[dict[str, list[float]], dict[str, float]]:
    """({who: seconds in each process}, {figure: its value}); "" is the row's own cell."""
    before, who = COMPILING[row.work]
    call = f"compile_seconds(row, {torch.get_num_threads()})"
    times = []
    for _ in range(1 if quick else PROCESSES):
        with tempfile.TemporaryDirectory() as folder:
            for cell in before:
                in_child(call, dataclasses.replace(row, cell=cell or row.cell), os.path.join(folder, "cache"))
            times.append(in_child(call, row, os.path.join(folder, "cache"))["seconds"])
    return {who: times}, {"seconds": statistics.median(times)}


def training_memory(row: Row, threads: int, segments: bool) -> dict[str, float]:
    """Seconds of a training step, and the most MiB beyond x, y and their gradients during it, as the system counts."""
    torch.set_num_threads(threads)
    layer = segmented(row) if segments else new_layer(row)
    for steps in (64, row.T):  # torch imports, allocates and compiles at first calls; the last data stay
        x, dy = torch.randn(steps, row.B, row.I, requires_grad=True), torch.randn(steps, row.B, row.H)
        if steps != row.T:
            layer(x, backend="cpu")[0].backward(dy)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    started = time.perf_counter()
    y, _ = layer(x, backend="cpu")
    y.backward(dy)
    seconds = time.perf_counter() - started
    shared = (x.numel() + y.numel()) * x.element_size() / MIB  # dx and y: x and dy were there before
    return {"seconds": seconds, "mib": max(resident("VmHWM") - before - shared, 0.0)}


def resident(name: str) -> float:
    """MiB, by a name of /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def segmented(row: Row) -> Any:
    """A layer that keeps √T states in training."""
    layer: Any = new_layer(row)
    if not hasattr(layer, "checkpoint_segments"):
        raise NotBuilt("layers have no checkpoint_segments yet")
    layer.checkpoint_segments = round(row.T**0.5)
    return layer


def checkpointing(row: Row, quick: bool) -> tuple[dict[str, list[float]], dict[str, float]]:
    """As `compiling`: seconds with and without segments; how many times less memory, and how many times the time."""
    found: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    for _ in range(1 if quick else 3):
        for segments, results in found.items():
            results.append(in_child(f"training_memory(row, {torch.get_num_threads()}, {segments})", row))
    times = {name: [one["seconds"] for one in found[on]] for name, on in (("ours", True), ("without", False))}
    memory = {on: statistics.median(one["mib"] for one in results) for on, results in found.items()}
    seconds = {name: statistics.median(values) for name, values in times.items()}
    return times, {
        "without checkpoint_segments": memory[False] / max(memory[True], 1.0),
        "mib": memory[True],
        "mib without": memory[False],
        "time of without": seconds["without"] / seconds["ours"],
    }


PROCESS_WORKS = {**dict.fromkeys(COMPILING, compiling), "checkpoint": checkpointing}
