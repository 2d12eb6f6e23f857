"""A value that is no number and a disk that refuses: what was good on disk stays good, and the message says where."""

from __future__ import annotations

import errno
import math
import os
from pathlib import Path

import pytest
import torch

from cellwright.errors import DataError, StorageError, TrainingError
from cellwright.tasks.storage.atomic import read_folder
from cellwright.tasks.storage.tensors import read_tensors
from cellwright.tasks.training.numbers import first_bad_gradient, first_bad_value
from cellwright.tasks.training.task import Callback

STEPS = 36


def run_toy(toy, folder: Path, *sets: str, task=None, callbacks=(), resume: bool = False):
    """Like toy.train, but with a task that the test may have changed; returns the task and the error or result."""
    config = toy.toy_config(*sets)
    toy.prepare(config.train)
    run = toy.RunFolder.open(folder, config, command=["toy"], resume=resume)
    task = (task or toy.ToyTask)(config)
    for callback in callbacks:
        callback.task = task
    try:
        return task, toy.fit(task, config, run, callbacks=callbacks)
    except (TrainingError, StorageError) as error:
        return task, error


class Poison(Callback):
    """Puts a nan into a weight after a step."""

    def __init__(self, step: int, value: float = math.nan) -> None:
        self.step, self.value = step, value
        self.task = None

    def on_step(self, report) -> None:
        if report.step == self.step:
            with torch.no_grad():
                self.task.model.head.weight[1, 2] = self.value


def finite_steps(folder: Path) -> list[int]:
    """The checkpoints there, each read and checked to hold no nan or inf."""
    found = []
    for path in sorted((folder / "checkpoints").iterdir()):
        stored = read_folder(path, kind="checkpoint")
        tensors = read_tensors(stored["state.safetensors"])
        assert all(bool(torch.isfinite(t).all()) for t in tensors.values())
        found.append(stored.info["step"])
    return found


def best_is_finite(folder: Path) -> bool:
    tensors = read_tensors(read_folder(folder / "best", kind="model")["weights.safetensors"])
    return all(bool(torch.isfinite(t).all()) for t in tensors.values())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_weight_that_is_no_number_stops_at_the_next_step_and_is_named(toy, tmp_path, value):
    _, error = run_toy(toy, tmp_path / "run", callbacks=[Poison(16, value)])
    assert isinstance(error, TrainingError)
    assert "at step 17 (epoch 2, batch 5)" in error.message
    assert "First bad tensor: the weight head.weight (3, 16)" in error.message
    assert error.file == str(tmp_path / "run/checkpoints")
    assert finite_steps(tmp_path / "run") == [12, 15]
    assert best_is_finite(tmp_path / "run")


def test_a_weight_that_is_no_number_is_never_saved_as_a_checkpoint(toy, tmp_path):
    _, error = run_toy(toy, tmp_path / "run", callbacks=[Poison(18)])
    assert isinstance(error, TrainingError)
    assert "after step 18" in error.message
    assert "model.head.weight" in error.message
    assert finite_steps(tmp_path / "run") == [12, 15]


@pytest.mark.parametrize("average", ["train.average=0", "train.average=0.9"])
@pytest.mark.parametrize("at", [12, 24, 36])
def test_a_weight_that_is_no_number_at_an_epochs_end_is_never_saved_as_the_best_model(toy, tmp_path, average, at):
    """argmax of nan is a class like any other, so the accuracy alone does not tell."""
    folder = tmp_path / "run"
    _, error = run_toy(toy, folder, average, callbacks=[Poison(at)])
    assert isinstance(error, TrainingError)
    assert f"step {at}" in error.message
    assert "head.weight" in error.message
    assert finite_steps(folder) == [at - 6, at - 3]
    assert not (folder / "best").exists() or best_is_finite(folder)
    assert (folder / "best").exists() or at == 12


def test_a_time_limit_does_not_save_a_model_that_is_no_number(toy, tmp_path):
    folder = tmp_path / "run"
    _, error = run_toy(toy, folder, "train.max_minutes=1e-9", "train.average=0", callbacks=[Poison(1)])
    assert isinstance(error, TrainingError)
    assert not (folder / "best").exists()


def test_a_step_size_that_is_far_too_large_ends_in_a_training_error(toy, tmp_path):
    sets = ["train.learning_rate=1e6", "train.weight_decay=10", "train.schedule=constant", "train.warmup=0"]
    _, error = run_toy(toy, tmp_path / "run", *sets, "train.clip=0", "train.average=0", "train.epochs=30")
    assert isinstance(error, TrainingError)
    assert "step" in error.message
    assert "learning_rate" in error.repair
    finite_steps(tmp_path / "run")
    assert not (tmp_path / "run/best").exists() or best_is_finite(tmp_path / "run")


def test_after_the_cause_is_gone_the_run_goes_on_from_the_last_good_checkpoint(toy, reference, same_run, tmp_path):
    run_toy(toy, tmp_path / "run", callbacks=[Poison(16)])
    toy.train(tmp_path / "run", resume=True)
    same_run(tmp_path / "run", reference)


def test_a_gradient_that_is_no_number_is_named_before_any_weight_changes(toy, tmp_path):
    class RootTask(toy.ToyTask):
        def loss(self, batch):
            loss, tokens = super().loss(batch)
            zero = self.model.head.bias - self.model.head.bias.detach()
            return loss + zero.abs().sqrt().sum(), tokens  # 0, with the slope inf · 0

    task, error = run_toy(toy, tmp_path / "run", task=RootTask)
    assert isinstance(error, TrainingError)
    assert "at step 1 (epoch 1, batch 1), found gradient norm nan" in error.message
    assert "the gradient of head.bias (3,)" in error.message
    assert all(bool(torch.isfinite(p).all()) for p in task.model.parameters())


def test_a_validation_figure_that_is_no_number_is_named(toy, tmp_path):
    class BadFigure(toy.ToyTask):
        def evaluate(self):
            return {**super().evaluate(), "perplexity": math.inf}

    _, error = run_toy(toy, tmp_path / "run", task=BadFigure)
    assert isinstance(error, TrainingError)
    assert "perplexity = inf" in error.message


def test_no_training_example_is_a_data_error(toy, tmp_path):
    config = toy.toy_config()
    run = toy.RunFolder.open(tmp_path / "run", config, command=["toy"])
    with pytest.raises(DataError, match="training examples"):
        toy.fit(toy.ToyTask(config, examples=0), config, run)


class Root(torch.nn.Module):
    def forward(self, x):
        return x.sqrt()


def test_the_first_module_whose_output_is_no_number_is_named():
    model = torch.nn.Sequential(torch.nn.Identity(), Root(), torch.nn.Tanh())
    assert first_bad_value(model, lambda: model(-torch.ones(2))) == "the output of 1 (Root)"
    assert first_bad_value(model, lambda: model(torch.tensor([math.nan]))) == "the input of 0 (Identity)"
    assert first_bad_value(model, lambda: model(torch.ones(2))) == "the loss"
    assert not any(module._forward_hooks for module in model.modules())


def test_the_first_bad_gradient_is_named_and_a_good_one_is_not():
    model = torch.nn.Linear(2, 3)
    model(torch.ones(2)).sum().backward()
    assert first_bad_gradient(model) is None
    model.bias.grad[1] = math.inf
    assert first_bad_gradient(model) == "the gradient of bias (3,)"


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_full_for_a_while_costs_checkpoints_but_not_training(
    toy, reference, same_run, tmp_path, notes, watch_disk
):
    now = [0]
    watch_disk(lambda call, path: full() if 10 <= now[0] < 30 and "checkpoints" in path.parts else None)

    def tell(report) -> None:
        now[0] = report.step

    told = notes(tell)
    toy.train(tmp_path / "run", callbacks=[told])
    assert told.steps == list(range(1, STEPS + 1))
    missed = [12, 15, 18, 21, 24, 27]
    assert [note.split(";")[0] for note in told.notes] == [f"No checkpoint after step {step}" for step in missed]
    assert all(os.strerror(errno.ENOSPC) in note for note in told.notes)
    same_run(tmp_path / "run", reference)


def test_a_disk_full_to_the_end_is_an_error_then_and_loses_nothing_in_memory(
    toy, reference, same_run, tmp_path, notes, watch_disk
):
    now = [0]
    watch_disk(lambda call, path: full() if now[0] >= 20 else None)

    def tell(report) -> None:
        now[0] = report.step

    folder = tmp_path / "run"
    told = notes(tell)
    told.task = None
    task, error = run_toy(toy, folder, callbacks=[told])
    assert isinstance(error, StorageError)
    assert os.strerror(errno.ENOSPC) in error.message
    assert told.steps[-1] == STEPS
    assert told.ended == 1
    last = read_tensors(read_folder(reference / "checkpoints/step-000000036", kind="checkpoint")["state.safetensors"])
    assert all(torch.equal(last[f"model.{name}"], tensor) for name, tensor in task.model.state_dict().items())
    assert finite_steps(folder) == [15, 18]
    assert best_is_finite(folder)
    watch_disk(None)
    toy.train(folder, resume=True)
    same_run(folder, reference)


def test_a_disk_that_fails_once_at_any_call_changes_no_number(toy, reference, same_run, tmp_path, watch_disk):
    """A failure while saving a best model may cost that model, so only the other files fail here."""
    count = [0]

    def fail_at(at: int | None):
        count[0] = 0

        def fails(call: str, path: Path) -> OSError | None:
            if "checkpoints" not in path.parts and call != "append":
                return None
            count[0] += 1
            return full() if count[0] == at else None

        return fails

    watch_disk(fail_at(None))
    toy.train(tmp_path / "all")
    total = count[0]
    assert total > 50
    raised = 0
    for at in range(2, total + 1, 13):
        folder = tmp_path / str(at)
        watch_disk(fail_at(at))
        _, end = run_toy(toy, folder)
        watch_disk(None)
        if isinstance(end, StorageError):
            raised += 1
            toy.train(folder, resume=True)
        same_run(folder, reference)
    assert raised <= 4  # only the last checkpoint is required


def test_a_record_written_in_part_is_taken_back_and_written_whole_later(toy, reference, tmp_path, notes, watch_disk):
    count = [0]

    def fails(call: str, path: Path) -> OSError | None:
        count[0] += call == "append"
        return full() if call == "append" and count[0] in (1, 2, 3) else None

    watch_disk(fails)
    told = notes()
    toy.train(tmp_path / "run", callbacks=[told])
    assert any("The line is kept" in note for note in told.notes)
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == (reference / "metrics.jsonl").read_bytes()
    assert len((tmp_path / "run/times.jsonl").read_text().splitlines()) == 3


def test_a_best_model_that_cannot_be_saved_keeps_the_one_before(toy, tmp_path, notes, watch_disk):
    folder = tmp_path / "run"
    epoch = [1]

    def tell(report) -> None:
        epoch[0] = report.epoch

    watch_disk(
        lambda call, path: full() if epoch[0] > 1 and ("best" in path.name or "best" in path.parent.name) else None
    )
    told = notes(tell)
    result = toy.train(folder, callbacks=[told])
    assert result.best_epoch == 1
    assert any("best model could not be saved" in note for note in told.notes)
    assert read_folder(folder / "best", kind="model").info == {"metrics": result.best_metrics}
    assert result.stopped == "epochs"
