"""The training-time view: how memory and gates change while a network learns, and why a number went bad.

Every N steps a fixed batch of the training data is run through the network as it stands; each recurrent layer and
direction gives one record, a line of JSON in the run's folder:

    {"step": 100, "epoch": 2, "runs": [{"layer": 0, "direction": 0, "cell": "LSTM", "gradient_by_lag": […],
     "slope": -0.05, "horizons": {"eps": 12, "half": 2, "mean": 2.9, "tau": 8.7},
     "gates": {"f": {"mean": 0.71, "shut": 0.0, "open": 0.04}, …}}]}

The gradient is that of the direction's own last output, in its mean direction, by its states k steps back: what the
layer can carry, whatever the heads above it ask for. Nothing that the training computes is changed.

Axes: T time, B batch, K lags, N all states side by side.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from cellwright.errors import CellwrightError, ConfigError, DataError, StorageError
from cellwright.microscope.back import run_from_output
from cellwright.microscope.figure import Array
from cellwright.microscope.first_bad import first_bad_in
from cellwright.microscope.horizon import horizons
from cellwright.microscope.ranges import gates_of
from cellwright.microscope.runs import Run
from cellwright.microscope.slope import slope_of
from cellwright.microscope.tracer import Made, Tracer
from cellwright.nn.kernels import KernelLayer
from cellwright.tasks.storage import atomic
from cellwright.tasks.training.run_folder import WATCH
from cellwright.tasks.training.task import Callback, StepReport, Task

__all__ = ["BadNumberCause", "Watch", "watched"]

SEQUENCES = 8  # of the probe batch
LAGS = 256  # recorded at most
DIGITS = 6
SHUT, OPEN = 0.1, 0.9
Call = tuple[KernelLayer, Any, Any, Any]  # layer, x, state, lengths


class Watch(Callback):
    """Records gradient by lag, horizons and gates every `every` steps, and before the first.

    Args:
        folder: the run's.
        tell: is given what the user should know: a line that could not be written.

    Attributes:
        seconds: that it took, of `total` since the training began.

    Raises ConfigError: `every` below 1.
    """

    def __init__(self, folder: Path, every: int, tell: Callable[[str], None] | None = None) -> None:
        if every < 1:
            raise ConfigError(f"Expected a number of steps from 1 up, found --watch {every}.")
        self.file, self.every, self.tell = Path(folder) / WATCH, every, tell or (lambda text: None)
        self.task: Task | None = None
        self.batch: Any = None
        self.unsaved = b""
        self.made: Made = {}
        self.seconds = self.total = self.began = 0.0

    def on_start(self, task: Task, steps: int, step: int) -> None:
        self.began = time.perf_counter()
        self.task = task
        self.batch = task.batch(task.order(0, 0)[0][:SEQUENCES], np.random.default_rng(0))
        _cut(self.file, step)
        if not any(isinstance(module, KernelLayer) for module in task.model.modules()):
            self.tell("--watch has nothing to look at: this network has no recurrent layers of cellwright.")
        elif step == 0:
            self._look(0, 0)

    def on_step(self, report: StepReport) -> None:
        if report.step % self.every == 0 and self.task is not None:
            self._look(report.step, report.epoch)

    def on_end(self) -> None:
        self._write(b"")
        self.total = time.perf_counter() - self.began

    def _look(self, step: int, epoch: int) -> None:
        assert self.task is not None
        task, began = self.task, time.perf_counter()
        try:
            with torch.random.fork_rng(devices=[]):
                runs = [_summary(run) for run in _probe(task.model, lambda: task.loss(self.batch), self.made)]
        except CellwrightError as error:  # a cell that no kernels run: training goes on as it would without
            self.tell(f"--watch stops: {error}")
            self.task = None
            return
        line = json.dumps({"step": step, "epoch": epoch, "runs": runs}, allow_nan=False).encode() + b"\n"
        self._write(line)
        self.seconds += time.perf_counter() - began

    def _write(self, line: bytes) -> None:
        self.unsaved += line
        if not self.unsaved:
            return
        size = self.file.stat().st_size if self.file.exists() else 0
        try:
            atomic.disk().append(self.file, self.unsaved, durable=False)
            self.unsaved = b""
        except OSError as error:
            if self.file.exists() and self.file.stat().st_size > size:
                os.truncate(self.file, size)  # takes back half a line; not through the disk that just failed
            self.tell(f"{self.file} could not be appended to ({error}); its line is kept and written with the next.")


class BadNumberCause(Callback):
    """Says where a bad number of the training came from: step, value and operands inside the recurrent layers."""

    def on_bad_number(self, model: nn.Module, loss: Callable[[], Tensor]) -> str:
        try:
            found = first_bad_in(model, loss)
        except CellwrightError:  # no recurrent layers, or none that kernels run: nothing to say of them
            return ""
        bad = [number for number in found if number.kind != "denormal"]
        return str(bad[0]) if bad else ""


def watched(folder: str | Path) -> list[dict[str, Any]]:
    """The records of a run, in order; none of a run that was not watched.

    Raises StorageError: a line that is no record.
    """
    file = Path(folder) / WATCH
    if not file.is_file():
        return []
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        record = _record(line)
        if record is None:
            raise StorageError("Expected a record of `train --watch`, found another line.", file=file, line=number)
        found.append(record)
    return found


def _probe(model: nn.Module, run: Callable[[], Any], made: Made) -> tuple[Run, ...]:
    """Each recurrent layer and direction by itself, on what it reads as the model stands. The model, its mode, its
    buffers and gradients are as before afterwards; `made` keeps what the next look can use again."""
    calls: list[Call] = []

    def look(layer: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        assert isinstance(layer, KernelLayer)
        calls.append(_first_sequences(layer, args, named))

    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]  # a carried state is one
    hooks = [m.register_forward_pre_hook(look, with_kwargs=True) for m in model.modules() if isinstance(m, KernelLayer)]
    try:
        model.eval()
        with torch.no_grad():
            run()
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes:
            module.training = training
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
    if not calls:
        return ()
    tracer = Tracer(True, calls[0][0].weight.dtype, checked=False, apart=True, made=made)
    with torch.enable_grad():
        for layer, x, state, lengths in calls:
            tracer(layer, x, state, lengths)
        torch.autograd.backward(tracer.last_outputs())
    return tracer.runs()


def _first_sequences(layer: KernelLayer, args: tuple[Any, ...], named: dict[str, Any]) -> Call:
    """What a call reads, of its first sequences."""
    given: dict[str, Any] = dict(zip(("x", "state", "lengths"), args, strict=False)) | named
    x = given["x"] if "x" in given else given["input"]
    state, lengths = given.get("state", given.get("hx")), given.get("lengths")
    states = None if state is None else (state,) if isinstance(state, Tensor) else tuple(state)
    if isinstance(x, PackedSequence) or x.dim() == 2:
        return layer, x, states, lengths
    x = x.detach()[:SEQUENCES] if layer.batch_first else x.detach()[:, :SEQUENCES]
    states = None if states is None else tuple(part.detach()[:, :SEQUENCES] for part in states)
    return layer, x, states, None if lengths is None else lengths[:SEQUENCES]


def _summary(run: Run) -> dict[str, Any]:
    curve = _mean_curve(run)
    try:
        found = horizons(curve)
        numbers = {"eps": found.eps, "half": found.half, "mean": found.mean, "tau": found.tau}
    except DataError:  # the curve is 0, or no number
        numbers = dict.fromkeys(("eps", "half", "mean", "tau"), math.nan)
    valid_TB = np.arange(run.y_TBO.shape[0])[:, None] < run.lengths_B
    gates = {}
    for name in gates_of(run.graph, dict(run.names)):
        values = run.values[name][valid_TB]
        gates[name] = {"mean": values.mean(), "shut": (values < SHUT).mean(), "open": (values > OPEN).mean()}
    return {
        "layer": run.layer,
        "direction": run.direction,
        "cell": run.cell.name,
        "gradient_by_lag": [_number(value) for value in curve[:LAGS]],
        "slope": _number(slope_of(curve).per_lag),
        "horizons": {name: _number(value) for name, value in numbers.items()},
        "gates": {name: {key: _number(value) for key, value in of.items()} for name, of in gates.items()},
    }


def _mean_curve(run: Run) -> Array:
    """(K,): ‖d last output / d states k steps back‖, the mean of the sequences that are that long."""
    whole_TBN = np.concatenate([run.state_gradients[name] for name in run.state_names], axis=2) + run_from_output(run)
    rows = []
    for b, length in enumerate(run.lengths_B):
        if length:
            read = list(run.positions(b))[::-1]
            rows.append(np.linalg.norm(whole_TBN[read, b].astype(np.float64), axis=1))
    longest = max((len(row) for row in rows), default=0)
    return np.array([np.mean([row[k] for row in rows if len(row) > k]) for k in range(longest)])


def _number(value: Any) -> float | None:
    """A few digits; JSON knows no inf and no nan."""
    return float(f"{float(value):.{DIGITS}g}") if math.isfinite(value) else None


def _cut(file: Path, step: int) -> None:
    """Drops records of steps behind `step`, which a resumed run takes again, and a line written in part."""
    if not file.exists():
        return
    kept = 0
    for line in file.read_bytes().splitlines(keepends=True):
        record = _record(line.decode("utf-8", "replace")) if line.endswith(b"\n") else None
        if record is None or record["step"] > step:
            break
        kept += len(line)
    if kept < file.stat().st_size:
        try:
            atomic.disk().truncate(file, kept)
        except OSError as error:
            atomic.raise_storage_error(error, file, "cut")


def _record(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(record, dict) and type(record.get("step")) is int and isinstance(record.get("runs"), list)
    return record if whole else None
