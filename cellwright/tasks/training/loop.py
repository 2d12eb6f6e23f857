"""The one training loop: plain torch, resumable bit for bit at any step, never saving a value that is no number."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import numpy as np
import torch
from torch import Tensor

from cellwright.engine.run.registry import multiplies_bfloat16
from cellwright.errors import ConfigError, DataError, StorageError, TrainingError
from cellwright.tasks.training.checkpoint import (
    Counters,
    expected_tensors,
    latest_checkpoint,
    restore,
    save_checkpoint,
)
from cellwright.tasks.training.config import Config, TrainSection
from cellwright.tasks.training.numbers import first_bad_gradient, first_bad_value, first_bad_weight
from cellwright.tasks.training.order import batch_rng
from cellwright.tasks.training.ranks import Ranks
from cellwright.tasks.training.run_folder import RunFolder
from cellwright.tasks.training.schedule import WeightAverage, learning_rate, make_optimizer
from cellwright.tasks.training.stop_signal import StopSignal
from cellwright.tasks.training.task import Callback, EpochReport, StepReport, StreamTask, Task, loss_mean_over

__all__ = ["FitResult", "fit", "prepare"]

METRICS = "metrics.jsonl"
TIMES = "times.jsonl"


@dataclass(frozen=True, slots=True)
class FitResult:
    """How a run ended: `stopped` is "epochs", "patience" or "max_minutes" (the last can be resumed)."""

    metric: str
    best: float
    best_epoch: int
    best_metrics: dict[str, float]
    epochs: int
    steps: int
    seconds: float
    stopped: str


def prepare(train: TrainSection) -> None:
    """Threads and torch's seed; call before building the model, so that its first weights depend on the seed alone."""
    if train.threads:
        torch.set_num_threads(train.threads)
    torch.manual_seed(train.seed)


def fit(
    task: Task,
    config: Config,
    run: RunFolder,
    *,
    callbacks: Sequence[Callback] = (),
    ranks: Ranks | None = None,
) -> FitResult:
    """Train `task.model`, keeping the best model in `run.best` and resumable checkpoints in `run.checkpoints`.

    A `run` opened with resume=True goes on from its newest whole checkpoint, bit for bit. The model object is left
    with the newest weights; the best (averaged, if train.average is on) are on disk.

    Args:
        ranks: the processes that share out each batch, of which the first alone writes; this one alone if not given.

    Raises:
        ConfigError: several processes, and a task whose batches cannot be shared out.
        TrainingError: loss, gradient, weight or metric is nan or inf; names the step and the first bad tensor.
        StorageError: the last state could not be saved, or no checkpoint can be read.
        KeyboardInterrupt: after SIGINT or SIGTERM, when the running step is finished and saved.
    """
    return _Run(task, config.train, run, callbacks, ranks or Ranks(0, 1)).go()


class _Run:
    def __init__(
        self, task: Task, train: TrainSection, run: RunFolder, callbacks: Sequence[Callback], ranks: Ranks
    ) -> None:
        self.task = task
        self.model = task.model
        self.train = train
        self.run = run
        self.callbacks = callbacks
        self.ranks = ranks
        self.mean_over = loss_mean_over(task)
        self.streams = cast(StreamTask, task) if self.mean_over == "streams" and ranks.count > 1 else None
        self.own_streams = self.streams.read_streams(ranks.streams) if self.streams else 0
        self.optimizer = make_optimizer(task.model, train)
        self.average = WeightAverage(task.model, train.average, plain=train.non_monotone > 0)
        self.now = Counters(train_size=task.train_size())
        self.parameters = [p for p in task.model.parameters() if p.requires_grad]
        batches = len(task.order(0, train.seed))
        self.epochs = train.epochs_of(batches)
        self.steps = self.epochs * batches
        self.began = time.monotonic()
        self.lower = train.precision == "bfloat16" and multiplies_bfloat16()
        self.before = 0.0  # seconds of earlier starts
        self.stop_signal = StopSignal(patient=ranks.count > 1)

    def go(self) -> FitResult:
        if self.steps == 0:
            raise DataError("Expected training examples, found none.", repair="Check the training split of --data.")
        if self.streams and any(self.ranks.any(self.own_streams == 0)):
            raise ConfigError(
                f"Expected at least one stream for each of {self.ranks.count} processes, found train.batch_size lower.",
                repair="Set train.batch_size higher, or start fewer processes.",
            )
        # Apart from the seed of the initial weights, so that the stream does not depend on how many were drawn.
        torch.manual_seed(int(np.random.SeedSequence(self.train.seed, spawn_key=(0, 0, 0)).generate_state(1)[0]))
        if self.train.precision == "bfloat16" and not self.lower:
            self._note("this processor has no bfloat16 products: float32 ones are used")
        if self.run.resumed:
            self._resume()
        self._check_same()
        stopped = ""
        with self.stop_signal:
            try:
                for callback in self.callbacks:
                    callback.on_start(self.task, self.steps, self.now.step)
                while not self.now.finished and not stopped:
                    stopped = self._epoch()
            finally:
                for callback in self.callbacks:
                    callback.on_end()
        return FitResult(
            metric=self.task.metric,
            best=math.nan if self.now.best is None else self.now.best,
            best_epoch=self.now.best_epoch,
            best_metrics=dict(self.now.best_metrics),
            epochs=self.now.epoch,
            steps=self.now.step,
            seconds=self.now.seconds,
            stopped=self.now.finished or stopped,
        )

    def _resume(self) -> None:
        # The first process alone sets a damaged checkpoint aside; the others then find what it found.
        found = self.ranks.first_then_others(
            lambda: latest_checkpoint(
                self.run.checkpoints, lambda: expected_tensors(self.model, self.average.tensors), self._note
            )
        )
        if found is None:
            self._note("No checkpoint yet: training starts from the beginning.")
            found = self.now, {}
        counters, tensors = found
        if counters.train_size != self.now.train_size:
            raise StorageError(
                f"Expected the {counters.train_size:,} training examples this run began with, "
                f"found {self.now.train_size:,}.",
                file=self.run.path,
                repair="Resume with the same data, or start a new run with another --out.",
            )
        if tensors:
            restore(tensors, self.model, self.average.tensors, self.optimizer)
        self.now = counters
        self.average.since = counters.average_since
        self.before = counters.seconds
        for name, size in ((METRICS, counters.metrics_bytes), (TIMES, counters.times_bytes)):
            if self.ranks.first and not self.run.truncate(name, size):
                self._note(f"{name} is shorter than the checkpoint says: records of earlier epochs are missing.")

    def _epoch(self) -> str:
        """The rest of the current epoch; returns why the run must stop, or nothing."""
        now = self.now
        batches = self.task.order(now.epoch, self.train.seed)
        self.model.train()
        while now.position < len(batches):
            self._step(batches)
            late = bool(self.train.max_minutes) and self._seconds() > 60 * self.train.max_minutes
            stopped, late = self.ranks.any(self.stop_signal.received, late)
            if stopped:
                self._interrupted()
            if late:
                self._checkpoint(required=True)
                self._keep_some_model()
                return "max_minutes"
            every = self.train.checkpoint_every
            if every and now.step % every == 0 and now.position < len(batches):
                self._checkpoint()
        self._end_epoch()
        (stopped,) = self.ranks.any(self.stop_signal.received)
        if stopped and not now.finished:
            self._interrupted()
        return ""

    def _step(self, batches: Sequence[Sequence[int]]) -> None:
        now, began = self.now, time.perf_counter()
        self.ranks.begin_step(self.train.seed, now.step)
        self.optimizer.zero_grad(set_to_none=True)
        # a batch of streams is told by where it begins and ends, and each process reads its own streams of it
        share = batches[now.position] if self.streams else self.ranks.share(batches[now.position])
        value, weight, tokens, batch, random_state = 0.0, 0.0, 0, None, torch.get_rng_state()
        if len(share):
            batch = self.task.batch(share, batch_rng(self.train.seed, now.epoch, now.position, self.ranks.rank))
            random_state = torch.get_rng_state()
            with self._lower_precision():
                loss, tokens = self.task.loss(batch)
            parts = {"tokens": tokens, "examples": len(share), "streams": self.own_streams}
            value, weight = loss.item(), parts[self.mean_over]
            if not math.isfinite(value):
                torch.set_rng_state(random_state)  # the same dropout again, this time watched
                bad = first_bad_value(self.model, lambda: self.task.loss(batch))
                self._not_a_number(f"loss {value}", bad, self._cause(batch, random_state))
            torch.autograd.backward(loss)
        value, tokens = self.ranks.combine(self.parameters, value, weight, tokens)
        norm = self._clip(batch, random_state)
        rate = learning_rate(self.train, now.step, self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        now.step += 1
        now.position += 1
        now.loss_sum += value * tokens
        now.tokens += tokens
        self.average.update(now.step)
        if not self.callbacks:
            return
        report = StepReport(
            step=now.step,
            steps=self.steps,
            epoch=now.epoch + 1,
            epochs=self.epochs,
            position=now.position,
            batches=len(batches),
            loss=value,
            gradient_norm=norm,
            learning_rate=rate,
            tokens=tokens,
            seconds=time.perf_counter() - began,
        )
        for callback in self.callbacks:
            callback.on_step(report)

    def _clip(self, batch: Any, random_state: Tensor) -> float:
        """Norm of the whole gradient, which is cut to train.clip; checked before any weight changes."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        total = torch.nn.utils.get_total_norm(gradients)
        norm = total.item()
        if not math.isfinite(norm):
            bad = first_bad_gradient(self.model) or "the norm of the gradient (each entry is finite)"
            self._not_a_number(f"gradient norm {norm}", bad, self._cause(batch, random_state))
        if self.train.clip and norm > self.train.clip:
            torch.nn.utils.clip_grads_with_norm_(self.parameters, self.train.clip, total)
        return norm

    def _end_epoch(self) -> None:
        now = self.now
        loss = now.loss_sum / max(1, now.tokens)
        self._check_same()
        with self.average.in_place():
            valid = self.ranks.of_first(self._evaluate)
            metric = valid[self.task.metric]
            is_best = self._is_better(valid)
            if is_best and self.ranks.of_first(lambda: self._save_best(valid)):
                now.best, now.best_epoch, now.best_metrics = metric, now.epoch + 1, valid
                now.epochs_since_best = 0
            else:
                now.epochs_since_best += 1
        if self.train.non_monotone and not now.average_since and now.epochs_since_best >= self.train.non_monotone:
            now.average_since = self.average.since = now.step
            self._note(f"epoch {now.epoch + 1}: from here on the mean of the weights is evaluated")
        seconds = self._seconds()
        tokens_per_second = now.tokens / max(1e-9, seconds - now.epoch_began)
        self._record(
            METRICS, {"epoch": now.epoch + 1, "step": now.step, "loss": loss, "valid": valid, "best": now.best}
        )
        self._record(TIMES, {"epoch": now.epoch + 1, "seconds": seconds, "tokens_per_second": tokens_per_second})
        report = EpochReport(
            epoch=now.epoch + 1,
            epochs=self.epochs,
            step=now.step,
            loss=loss,
            valid=valid,
            metric=self.task.metric,
            best=metric if now.best is None else now.best,
            is_best=is_best,
            tokens_per_second=tokens_per_second,
            seconds=seconds,
        )
        now.epoch, now.position, now.loss_sum, now.tokens = now.epoch + 1, 0, 0.0, 0
        now.epoch_began = seconds
        if now.epoch >= self.epochs:
            now.finished = "epochs"
        elif self.train.patience and now.epochs_since_best >= self.train.patience:
            now.finished = "patience"
        self._checkpoint(required=bool(now.finished))
        for callback in self.callbacks:
            callback.on_epoch(report)

    def _evaluate(self) -> dict[str, float]:
        """The task's figures; torch's random state and the model's mode are as before afterwards."""
        random_state = torch.get_rng_state()
        self.model.eval()
        try:
            with torch.no_grad():
                valid = {name: float(value) for name, value in self.task.evaluate().items()}
        finally:
            self.model.train()
            torch.set_rng_state(random_state)
        for name, value in valid.items():
            if not math.isfinite(value):
                self._not_a_number(f"validation figure {name} = {value}", "the model's answers")
        return valid

    def _is_better(self, valid: dict[str, float]) -> bool:
        """Than the best epoch so far: the metric is higher, or as high with a lower loss. Few examples are soon all
        right, long before the network is sure of any."""
        metric, best = valid[self.task.metric], self.now.best
        if best is None or metric != best:
            return best is None or metric > best
        return valid.get("loss", math.inf) < self.now.best_metrics.get("loss", math.inf)

    def _save_best(self, valid: dict[str, float]) -> bool:
        if bad := first_bad_weight(self.model):  # the figures need not tell: argmax of nan is a class too
            raise TrainingError(
                f"Expected finite weights after step {self.now.step}, found nan or inf in {bad}.",
                file=self.run.checkpoints,
                repair="The checkpoints and best model there are from before. "
                "Lower train.learning_rate, or set train.clip.",
            )
        self.model.eval()
        try:
            self.task.save_model(self.run.best, valid)
        except StorageError as error:
            self._note(f"The best model could not be saved; the one before is kept. {error}")
            return False
        finally:
            self.model.train()
        return True

    def _keep_some_model(self) -> None:
        """A run stopped within its first epoch still leaves a model. Not counted as best: resuming stays exact."""
        if self.now.best is None and self.ranks.first:
            with self.average.in_place():
                self._save_best(self._evaluate())

    def _record(self, name: str, record: dict[str, Any]) -> None:
        if not self.ranks.first:
            return
        try:
            self.run.append(name, record)
        except StorageError as error:
            self._note(f"{error}\n    The line is kept and written with the next one.")

    def _lower_precision(self) -> torch.autocast:
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.lower)

    def _checkpoint(self, required: bool = False) -> None:
        """Save; a disk that refuses stops training only when this is the last chance."""
        if self.streams:
            self.ranks.complete(self.streams.carried())
        if not self.ranks.first:
            return
        now = self.now
        now.seconds = self._seconds()
        try:
            self.run.flush()
            now.metrics_bytes, now.times_bytes = self.run.size(METRICS), self.run.size(TIMES)
            save_checkpoint(self.run.checkpoints, now, self.model, self.average.tensors, self.optimizer)
        except StorageError as error:
            if required:
                raise
            self._note(f"No checkpoint after step {now.step}; training goes on and tries again later. {error}")

    def _check_same(self) -> None:
        """All processes hold the same weights, bit for bit."""
        if self.streams:
            self.ranks.complete(self.streams.carried())
        self.ranks.check_same("the weights", [*self.model.state_dict().values(), *self.average.tensors.values()])

    def _interrupted(self) -> NoReturn:
        self._checkpoint(required=True)
        raise KeyboardInterrupt(f"stopped after step {self.now.step}; saved in {self.run.checkpoints}")

    def _cause(self, batch: Any, random_state: Tensor) -> str:
        """What a callback knows of where a bad number of this batch comes from; `batch` None: from another process."""
        if batch is None:
            return ""

        def loss() -> Tensor:
            torch.set_rng_state(random_state)
            return self.task.loss(batch)[0]

        return next((cause for callback in self.callbacks if (cause := callback.on_bad_number(self.model, loss))), "")

    def _not_a_number(self, what: str, bad: str, cause: str = "") -> NoReturn:
        now = self.now
        raise TrainingError(
            f"Expected a finite number at step {now.step + 1} (epoch {now.epoch + 1}, batch {now.position + 1}), "
            f"found {what}.\n    First bad tensor: {bad}." + (f"\n    Cause: {cause}." if cause else ""),
            file=self.run.checkpoints,
            repair="The checkpoints and best model are from before. Lower train.learning_rate, or set train.clip.",
        )

    def _seconds(self) -> float:
        return self.before + time.monotonic() - self.began

    def _note(self, text: str) -> None:
        for callback in self.callbacks:
            callback.on_note(text)
