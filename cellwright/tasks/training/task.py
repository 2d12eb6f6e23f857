"""What a task gives the training loop, and what the loop tells its callbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from torch import Tensor, nn

__all__ = ["Callback", "EpochReport", "MeanOver", "StepReport", "StreamTask", "Task", "loss_mean_over"]

MeanOver = Literal["examples", "tokens", "streams"]


class Task(Protocol):
    """A model with its data. Everything random comes from `rng` or from torch's generator, or resuming is not exact.

    A task may say what the loss of a batch is the mean over, for several processes that share it out, with an attribute
    `loss_mean_over`: "examples" (the default: indices of `batch`), "tokens", or "streams" if it is a StreamTask.
    """

    model: nn.Module
    metric: str  # the key of `evaluate` that is to grow

    def train_size(self) -> int:
        """Examples an epoch."""
        ...

    def order(self, epoch: int, seed: int) -> Sequence[Sequence[int]]:
        """Batches of indices; a pure function. The number of batches must not depend on `epoch`."""
        ...

    def batch(self, indices: Sequence[int], rng: np.random.Generator) -> Any:
        """One training batch; a pure function of its arguments."""
        ...

    def loss(self, batch: Any) -> tuple[Tensor, int]:
        """Mean loss of the batch (with its graph) and the number of tokens in it."""
        ...

    def evaluate(self) -> dict[str, float]:
        """Figures on the validation split, among them `metric`; of epochs alike in it the one with the lowest `loss`,
        where that is a figure, is kept. Called in eval mode, without gradients."""
        ...

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write the model as `folder`, with storage.write_folder, so that an older one is replaced only when whole."""
        ...


class StreamTask(Task, Protocol):
    """A task whose batches are all of the same streams, each with a state that is carried from batch to batch."""

    def read_streams(self, chosen: slice) -> int:
        """From now on batches, losses and states are of these streams alone; how many they are."""
        ...

    def carried(self) -> Sequence[Tensor]:
        """The states of all streams, (L, B, S) each: those that were not chosen stay as they are."""
        ...


def loss_mean_over(task: Task) -> MeanOver:
    """What the loss of a batch is the mean over."""
    found: MeanOver = getattr(task, "loss_mean_over", "examples")
    return found


@dataclass(frozen=True, slots=True)
class StepReport:
    """One optimizer step: counted from 1; `epoch` and `position` too."""

    step: int
    steps: int
    epoch: int
    epochs: int
    position: int
    batches: int
    loss: float
    gradient_norm: float
    learning_rate: float
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class EpochReport:
    """One epoch: mean loss, the validation figures, and whether they are the best so far."""

    epoch: int
    epochs: int
    step: int
    loss: float
    valid: Mapping[str, float]
    metric: str
    best: float
    is_best: bool
    tokens_per_second: float
    seconds: float


class Callback:
    """Base of callbacks; methods do nothing until overridden. They must not change the model or draw random numbers."""

    def on_start(self, task: Task, steps: int, step: int) -> None:
        """Training begins, or goes on after `step` of `steps`."""

    def on_step(self, report: StepReport) -> None:
        """After an optimizer step."""

    def on_epoch(self, report: EpochReport) -> None:
        """After an evaluation."""

    def on_note(self, text: str) -> None:
        """Something the user should know: a checkpoint that could not be read or written."""

    def on_bad_number(self, model: nn.Module, loss: Callable[[], Tensor]) -> str:
        """A value is no number and training stops: what is known of the cause, for the error; "" if nothing.

        Args:
            loss: the loss of the same batch again, with its graph and the same random draws.
        """
        return ""

    def on_end(self) -> None:
        """Training ends, also by an error."""
