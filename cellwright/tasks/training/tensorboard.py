"""A run's curves as TensorBoard reads them: `cellwright train --tensorboard`, then `tensorboard --logdir runs`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cellwright.errors import ConfigError
from cellwright.tasks.training.run_folder import TENSORBOARD
from cellwright.tasks.training.task import Callback, EpochReport, StepReport, Task

__all__ = ["TensorBoard"]


class TensorBoard(Callback):
    """Writes scalars into the run's folder: `train/…` every `every` steps, `valid/…` each epoch.

    Args:
        folder: the run's.
        every: steps between two points of the training curves.
        tell: is given what the user should know: a disk that refuses. Training goes on without curves then.

    A run that goes on from a checkpoint replaces the points after it.

    Raises ConfigError: the package tensorboard is not installed; `every` below 1.
    """

    def __init__(self, folder: str | Path, every: int = 10, tell: Callable[[str], None] | None = None) -> None:
        if every < 1:
            raise ConfigError(f"Expected a number of steps from 1 up, found {every}.")
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise ConfigError(
                "Expected tensorboard, which writes a run's curves, found it not installed.",
                repair="pip install 'cellwright[tensorboard]'",
            ) from None
        self.folder, self.every, self.tell = Path(folder) / TENSORBOARD, every, tell or (lambda text: None)
        self._make: Any = SummaryWriter
        self._writer: Any = None

    def on_start(self, task: Task, steps: int, step: int) -> None:
        self._do(lambda: self._open(step))

    def on_step(self, report: StepReport) -> None:
        if report.step % self.every == 0:
            speed = report.tokens / max(report.seconds, 1e-9)
            self._write(
                report.step,
                {
                    "train/loss": report.loss,
                    "train/gradient_norm": report.gradient_norm,
                    "train/learning_rate": report.learning_rate,
                    "train/tokens_per_second": speed,
                },
            )

    def on_epoch(self, report: EpochReport) -> None:
        figures = {f"valid/{name}": value for name, value in report.valid.items()}
        self._write(report.step, {"epoch/loss": report.loss, **figures})
        if self._writer is not None:
            self._do(self._writer.flush)

    def on_end(self) -> None:
        if self._writer is not None:
            self._do(self._writer.close)
            self._writer = None

    def _open(self, step: int) -> None:
        self._writer = self._make(str(self.folder), purge_step=step + 1)  # points of a start that died are hidden

    def _write(self, step: int, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            if self._writer is not None:
                self._do(lambda name=name, value=value: self._writer.add_scalar(name, value, step))  # type: ignore[misc]

    def _do(self, action: Callable[[], None]) -> None:
        """A disk that refuses costs the curves, not the training."""
        try:
            action()
        except OSError as error:
            self._writer = None
            self.tell(f"No more curves for TensorBoard: {self.folder}: {error.strerror or error}")
