"""What the user sees while training: a live bar on a terminal, otherwise one plain line an epoch."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from cellwright.tasks.training.task import Callback, EpochReport, StepReport, Task

__all__ = ["LiveProgress", "PlainProgress", "epoch_line", "figures_text", "progress_for"]

SMOOTHING = 0.98  # of the shown loss and speed, a step


def progress_for(stream: TextIO | None = None) -> Callback:
    """The live bar if `stream` (default: stderr) is a terminal, plain lines otherwise."""
    stream = sys.stderr if stream is None else stream
    return LiveProgress(stream) if stream.isatty() else PlainProgress(stream)


def epoch_line(report: EpochReport) -> str:
    """One epoch in one line: loss, figures on valid (the metric first, with * where it is the best), speed, time."""
    star = "*" if report.is_best else " "
    first = {report.metric: report.valid[report.metric]}
    metric, *others = figures_text(first | dict(report.valid)).split("  ")
    return "  ".join(
        [
            f"epoch {report.epoch}/{report.epochs}",
            f"loss {report.loss:.4f}",
            f"valid: {metric}{star}",
            *others,
            f"{report.tokens_per_second:,.0f} tokens/s",
            _clock(report.seconds),
        ]
    )


def figures_text(valid: Mapping[str, float]) -> str:
    """Figures on the validation split, as they are."""
    return "  ".join(f"{name} {value:.4f}" for name, value in valid.items())


class PlainProgress(Callback):
    """One line an epoch, for logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream

    def on_epoch(self, report: EpochReport) -> None:
        print(epoch_line(report), file=self.stream, flush=True)

    def on_note(self, text: str) -> None:
        print(f"note: {text}", file=self.stream, flush=True)


class LiveProgress(Callback):
    """A bar over all steps with loss, metric, tokens/s and time left; finished epochs stay above it as lines."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.console = Console(file=sys.stderr if stream is None else stream)
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn(
                "loss {task.fields[loss]}  {task.fields[metric]}  {task.fields[speed]} tokens/s  "
                "{task.fields[left]} left"
            ),
            console=self.console,
            transient=True,
        )
        self.line: TaskID | None = None
        self.loss = self.rate = self.pace = 0.0  # loss; tokens a second; seconds a step, each smoothed
        self.weight = 0.0
        self.last = 0.0

    def on_start(self, task: Task, steps: int, step: int) -> None:
        empty: dict[str, Any] = {"epoch": "…", "loss": "…", "metric": task.metric + " …", "speed": "…", "left": "…"}
        self.line = self.bar.add_task("", total=steps, completed=step, **empty)
        self.last = time.monotonic()
        self.bar.start()

    def on_step(self, report: StepReport) -> None:
        if self.line is None:
            return
        now = time.monotonic()
        pace, self.last = now - self.last, now  # from step to step: evaluation and saving count too
        self.weight = SMOOTHING * self.weight + 1 - SMOOTHING
        self.loss += (1 - SMOOTHING) / self.weight * (report.loss - self.loss)
        self.pace += (1 - SMOOTHING) / self.weight * (pace - self.pace)
        self.rate += (1 - SMOOTHING) / self.weight * (report.tokens / max(report.seconds, 1e-9) - self.rate)
        self.bar.update(
            self.line,
            completed=report.step,
            epoch=f"{report.epoch}/{report.epochs}",
            loss=f"{self.loss:.4f}",
            speed=f"{self.rate:,.0f}",
            left=_clock(self.pace * (report.steps - report.step)),
        )

    def on_epoch(self, report: EpochReport) -> None:
        self.console.print(escape(epoch_line(report)), highlight=False)
        if self.line is not None:
            self.bar.update(self.line, metric=f"{report.metric} {report.valid[report.metric]:.4f}")

    def on_note(self, text: str) -> None:
        self.console.print(f"[yellow]note:[/yellow] {escape(text)}", highlight=False)

    def on_end(self) -> None:
        self.bar.stop()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
