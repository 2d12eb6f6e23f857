"""A run that was stopped in any way and resumed equals one that nobody disturbed, byte for byte."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from cellwright.errors import ConfigError, StorageError
from cellwright.tasks.storage.atomic import read_folder

EVERY, BATCHES, EPOCHS = 3, 12, 3  # of toy_config; 96 examples in batches of 8
STEPS = BATCHES * EPOCHS


class Killed(BaseException):
    """The process ends here: nothing but `finally` runs."""


def die(at: int):
    def act(report) -> None:
        if report.step == at:
            raise Killed

    return act


def checkpoints(folder: Path) -> list[int]:
    return sorted(int(p.name[5:]) for p in (folder / "checkpoints").iterdir() if re.fullmatch(r"step-\d+", p.name))


def test_two_runs_of_the_same_settings_are_equal_and_another_seed_is_not(toy, reference, same_run, tmp_path):
    toy.train(tmp_path / "again")
    same_run(tmp_path / "again", reference)
    toy.train(tmp_path / "other", "train.seed=2")
    assert (tmp_path / "other/metrics.jsonl").read_bytes() != (reference / "metrics.jsonl").read_bytes()


def test_the_toy_learns_and_reports_what_is_on_disk(toy, tmp_path):
    result = toy.train(tmp_path / "run")
    assert (result.stopped, result.steps, result.epochs) == ("epochs", STEPS, EPOCHS)
    records = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [r["epoch"] for r in records] == [1, 2, 3]
    assert records[-1]["loss"] < records[0]["loss"]
    best = max(records, key=lambda r: (r["valid"]["accuracy"], -r["epoch"]))
    assert (result.best, result.best_epoch) == (best["valid"]["accuracy"], best["epoch"])
    assert read_folder(tmp_path / "run/best", kind="model").info == {"metrics": result.best_metrics}


@pytest.mark.parametrize("at", [1, 2, 3, 4, 11, 12, 13, 23, 24, 25, 35, 36])
def test_a_run_that_died_at_any_step_and_was_resumed_is_equal(toy, reference, same_run, tmp_path, notes, at):
    with pytest.raises(Killed):
        toy.train(tmp_path / "run", callbacks=[notes(die(at))])
    after = notes()
    toy.train(tmp_path / "run", callbacks=[after], resume=True)
    assert after.steps[0] > at - EVERY  # at most one interval is done again
    assert after.steps == list(range(after.steps[0], STEPS + 1))
    same_run(tmp_path / "run", reference)


def test_a_run_that_died_many_times_is_equal(toy, reference, same_run, tmp_path, notes):
    for count, at in enumerate((5, 6, 14, 15, 29)):
        with pytest.raises(Killed):
            toy.train(tmp_path / "run", callbacks=[notes(die(at))], resume=count > 0)
    toy.train(tmp_path / "run", resume=True)
    same_run(tmp_path / "run", reference)


def test_a_run_that_died_at_any_change_of_the_disk_is_equal(toy, reference, same_run, tmp_path, watch_disk):
    calls = []

    def kill_at(at: int | None):
        calls.clear()

        def fails(call: str, path: Path) -> BaseException | None:
            calls.append(call)
            # Before config.toml is there, there is nothing to resume; that is the first few calls.
            return Killed() if len(calls) == at else None

        return fails

    watch_disk(kill_at(None))
    toy.train(tmp_path / "all")
    total = len(calls)
    assert total > 50
    for at in range(8, total + 1, 17):
        folder = tmp_path / str(at)
        watch_disk(kill_at(at))
        with pytest.raises(Killed):
            toy.train(folder)
        watch_disk(None)
        toy.train(folder, resume=True)
        same_run(folder, reference)


def test_a_time_limit_stops_resumably_and_leaves_a_model(toy, reference, same_run, tmp_path):
    result = toy.train(tmp_path / "run", "train.max_minutes=1e-9")
    assert (result.stopped, result.steps) == ("max_minutes", 1)
    read_folder(tmp_path / "run/best", kind="model")
    result = toy.train(tmp_path / "run", "train.max_minutes=1e-9", resume=True)
    assert (result.stopped, result.steps) == ("max_minutes", 2)
    assert toy.train(tmp_path / "run", resume=True).stopped == "epochs"
    same_run(tmp_path / "run", reference)


def test_another_checkpoint_interval_changes_nothing_but_the_checkpoints(toy, reference, same_run, tmp_path, notes):
    with pytest.raises(Killed):
        toy.train(tmp_path / "run", "train.checkpoint_every=0", callbacks=[notes(die(20))])
    assert checkpoints(tmp_path / "run") == [BATCHES]  # 0 = at each epoch's end only
    toy.train(tmp_path / "run", "train.checkpoint_every=5", resume=True)
    same_run(tmp_path / "run", reference)


def test_a_finished_run_resumed_does_nothing(toy, reference, same_run, tmp_path, notes):
    toy.train(tmp_path / "run")
    after = notes()
    result = toy.train(tmp_path / "run", callbacks=[after], resume=True)
    assert after.steps == []
    assert (result.stopped, result.steps) == ("epochs", STEPS)
    same_run(tmp_path / "run", reference)


def test_patience_stops_at_the_same_epoch_after_a_resume(toy, same_run, tmp_path, notes):
    sets = ["train.patience=1", "train.epochs=40", "train.learning_rate=1e-9"]
    whole = toy.train(tmp_path / "whole", *sets)
    assert whole.stopped == "patience"
    assert whole.epochs < 40
    with pytest.raises(Killed):
        toy.train(tmp_path / "run", *sets, callbacks=[notes(die(whole.steps - 4))])
    assert toy.train(tmp_path / "run", *sets, resume=True).stopped == "patience"
    same_run(tmp_path / "run", tmp_path / "whole")


def test_resuming_before_the_first_checkpoint_starts_again_with_a_note(toy, reference, same_run, tmp_path, notes):
    with pytest.raises(Killed):
        toy.train(tmp_path / "run", callbacks=[notes(die(2))])
    assert checkpoints(tmp_path / "run") == []
    after = notes()
    toy.train(tmp_path / "run", callbacks=[after], resume=True)
    assert after.notes == ["No checkpoint yet: training starts from the beginning."]
    same_run(tmp_path / "run", reference)


def test_the_last_two_checkpoints_are_kept(toy, reference, tmp_path, notes):
    kept = []

    def look(report) -> None:  # a step's own checkpoint comes after its report
        kept.append(checkpoints(tmp_path / "run"))

    toy.train(tmp_path / "run", callbacks=[notes(look)])
    due = list(range(EVERY, STEPS + 1, EVERY))
    assert kept == [[s for s in due if s < step][-2:] for step in range(1, STEPS + 1)]
    assert checkpoints(tmp_path / "run") == [33, 36]
    assert sorted(p.name for p in (tmp_path / "run/checkpoints").iterdir()) == ["step-000000033", "step-000000036"]


def test_leftovers_of_killed_writers_are_deleted(toy, tmp_path, notes):
    with pytest.raises(Killed):
        toy.train(tmp_path / "run", callbacks=[notes(die(8))])
    leftover = tmp_path / "run/checkpoints/.step-000000009.tmp-99"
    leftover.mkdir()
    (leftover / "state.safetensors").write_bytes(b"half")
    toy.train(tmp_path / "run", resume=True)
    assert not leftover.exists()


def damage_flip(path: Path) -> None:
    data = bytearray((path / "state.safetensors").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "state.safetensors").write_bytes(data)


def damage_cut(path: Path) -> None:
    data = (path / "state.safetensors").read_bytes()
    (path / "state.safetensors").write_bytes(data[:-1])


def damage_manifest(path: Path) -> None:
    (path / "manifest.json").write_bytes(b"")


def damage_missing(path: Path) -> None:
    (path / "state.safetensors").unlink()


@pytest.mark.parametrize("damage", [damage_flip, damage_cut, damage_manifest, damage_missing])
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(toy, reference, same_run, tmp_path, notes, damage):
    folder = tmp_path / "run"
    with pytest.raises(Killed):
        toy.train(folder, callbacks=[notes(die(20))])
    assert checkpoints(folder) == [15, 18]
    damage(folder / "checkpoints/step-000000018")
    after = notes()
    toy.train(folder, callbacks=[after], resume=True)
    assert after.steps[0] == 16
    assert len(after.notes) == 1
    assert "step-000000018 is damaged" in after.notes[0]
    assert (folder / "checkpoints/broken-step-000000018").is_dir()  # kept to be looked at
    same_run(folder, reference)


def test_a_damaged_checkpoint_of_an_epochs_end_takes_its_records_with_it(toy, reference, same_run, tmp_path, notes):
    folder = tmp_path / "run"
    with pytest.raises(Killed):
        toy.train(folder, callbacks=[notes(die(13))])
    assert checkpoints(folder) == [9, 12]
    damage_flip(folder / "checkpoints/step-000000012")
    toy.train(folder, resume=True)
    same_run(folder, reference)


def test_when_every_checkpoint_is_damaged_nothing_is_touched(toy, tmp_path, notes):
    folder = tmp_path / "run"
    with pytest.raises(Killed):
        toy.train(folder, callbacks=[notes(die(20))])
    for path in (folder / "checkpoints").iterdir():
        damage_flip(path)
    metrics = (folder / "metrics.jsonl").read_bytes()
    with pytest.raises(StorageError, match="step-000000018"):
        toy.train(folder, resume=True)
    assert checkpoints(folder) == [15, 18]
    assert (folder / "metrics.jsonl").read_bytes() == metrics


def test_a_checkpoint_of_another_model_is_refused_by_name(toy, tmp_path, notes):
    folder = tmp_path / "run"
    with pytest.raises(Killed):
        toy.train(folder, callbacks=[notes(die(7))])
    config = toy.toy_config()
    run = toy.RunFolder.open(folder, config, command=["toy"], resume=True)
    task = toy.ToyTask(config)
    task.model.head = toy.nn.Linear(toy.HIDDEN, toy.CLASSES + 1)
    with pytest.raises(StorageError, match=r"head\.bias as \(4,\) torch\.float32, found \(3,\)"):
        toy.fit(task, config, run)


def test_other_data_is_refused_on_resume(toy, tmp_path, notes):
    folder = tmp_path / "run"
    with pytest.raises(Killed):
        toy.train(folder, callbacks=[notes(die(7))])
    config = toy.toy_config()
    run = toy.RunFolder.open(folder, config, command=["toy"], resume=True)
    with pytest.raises(StorageError, match=r"96 training examples this run began with, found 80"):
        toy.fit(toy.ToyTask(config, examples=80), config, run)


def test_changed_settings_are_refused_on_resume(toy, tmp_path, notes):
    folder = tmp_path / "run"
    with pytest.raises(Killed):
        toy.train(folder, callbacks=[notes(die(4))])
    before = (folder / "config.toml").read_bytes()
    with pytest.raises(ConfigError, match=r"train\.learning_rate = 0\.01, found 0\.02"):
        toy.train(folder, "train.learning_rate=0.02", resume=True)
    assert (folder / "config.toml").read_bytes() == before
    toy.train(folder, "train.max_minutes=60", "train.checkpoint_every=7", resume=True)


def test_random_numbers_drawn_while_evaluating_do_not_change_training(toy, reference, tmp_path):
    class Drawing(toy.ToyTask):
        def evaluate(self):
            toy.torch.rand(7)
            assert not self.model.training
            return super().evaluate()

    config = toy.toy_config()
    toy.prepare(config.train)
    task = Drawing(config)
    toy.fit(task, config, toy.RunFolder.open(tmp_path / "run", config, command=["toy"]))
    assert task.model.training
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == (reference / "metrics.jsonl").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at", [1, 5, 12, 13])
def test_a_signal_saves_the_running_step_and_no_later_one(toy, reference, same_run, tmp_path, notes, number, at):
    def act(report) -> None:
        if report.step == at:
            os.kill(os.getpid(), number)

    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    told = notes(act)
    with pytest.raises(KeyboardInterrupt, match=f"stopped after step {at}; saved in"):
        toy.train(tmp_path / "run", callbacks=[told])
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before
    assert told.steps[-1] == max(checkpoints(tmp_path / "run")) == at
    assert told.ended == 1
    toy.train(tmp_path / "run", resume=True)
    same_run(tmp_path / "run", reference)


def test_a_signal_during_the_last_evaluation_does_not_undo_a_finished_run(toy, reference, same_run, tmp_path, notes):
    class Signalled(toy.ToyTask):
        def evaluate(self):
            if self.saved_epochs == 2:
                os.kill(os.getpid(), signal.SIGINT)
            self.saved_epochs += 1
            return super().evaluate()

        saved_epochs = 0

    config = toy.toy_config()
    toy.prepare(config.train)
    result = toy.fit(Signalled(config), config, toy.RunFolder.open(tmp_path / "run", config, command=["toy"]))
    assert result.stopped == "epochs"
    same_run(tmp_path / "run", reference)


# Real processes. Each start costs seconds, so there are few of them.

DRIVER = """
import importlib.util, sys, time
from cellwright.tasks.training.task import Callback
path, folder, resume, slow_from = sys.argv[1:5]
spec = importlib.util.spec_from_file_location("toy_task", path)
toy = importlib.util.module_from_spec(spec); sys.modules["toy_task"] = toy; spec.loader.exec_module(toy)
class Tell(Callback):
    def on_step(self, report):
        print(report.step, flush=True)
        if report.step >= int(slow_from): time.sleep(0.2)  # so that the run does not end before it is killed
toy.train(toy.Path(folder), *sys.argv[5:], resume=resume == "resume", callbacks=[Tell()])
"""


def start(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def kill_after(toy, folder: Path, step: int, *sets: str, resume: bool, delay: float = 0.0, slow: bool = True) -> int:
    """Train in a process of its own, kill -9 it `delay` seconds after `step`; returns the last step it told of."""
    begin, slow_from = ("resume" if resume else "begin"), (step if slow else 10**9)
    process = start(["-c", DRIVER, toy.__file__, str(folder), begin, str(slow_from), *sets])
    last = 0
    for line in process.stdout:
        last = int(line)
        if last == step:
            time.sleep(delay)
            process.kill()
    errors = process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    assert process.wait() == -signal.SIGKILL, errors
    assert last >= step
    assert max(checkpoints(folder)) >= last - EVERY  # at most one interval is lost
    return last


def test_a_process_killed_twice_in_mid_epoch_and_resumed_is_equal(toy, reference, same_run, tmp_path):
    kill_after(toy, tmp_path / "run", 7, resume=False)
    kill_after(toy, tmp_path / "run", 20, resume=True)
    toy.train(tmp_path / "run", resume=True)
    same_run(tmp_path / "run", reference)


@pytest.mark.long
def test_a_process_killed_many_times_at_any_moment_is_equal(toy, same_run, tmp_path):
    sets = ["train.epochs=60", "train.checkpoint_every=3"]
    toy.train(tmp_path / "whole", *sets)
    random, last = Random(1), 3
    for count in range(8):
        delay = random.random() * 0.02
        last = kill_after(toy, tmp_path / "run", last + 20, *sets, resume=count > 0, delay=delay, slow=False)
    toy.train(tmp_path / "run", *sets, resume=True)
    same_run(tmp_path / "run", tmp_path / "whole")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_process_saves_and_exits_with_130(toy, tmp_path, number):
    folder = tmp_path / "run"
    process = start([toy.__file__, str(folder), "train.epochs=2000"])
    line = process.stderr.readline()  # the first epoch's line
    assert line.startswith("epoch 1/2000"), line
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    found = re.search(r"stopped after step (\d+); saved in (.*)", output)
    assert found, output
    assert found[2] == str(folder / "checkpoints")
    assert max(checkpoints(folder)) == int(found[1])
    read_folder(folder / "best", kind="model")
    result = toy.train(folder, "train.epochs=2000", "train.max_minutes=1e-9", resume=True)
    assert result.steps == int(found[1]) + 1
