"""Watching changes nothing, says what a record says, goes on where a run stopped; a bad number has its cause."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from cellwright import nn as cwnn
from cellwright.errors import ConfigError, StorageError, TrainingError
from cellwright.microscope.gradients import gradient_by_lag
from cellwright.microscope.record import inspect
from cellwright.microscope.watch import BadNumberCause, Watch, watched
from cellwright.tasks.storage.atomic import Disk, use_disk
from cellwright.tasks.training.loop import fit, prepare
from cellwright.tasks.training.run_folder import RunFolder
from cellwright.tasks.training.task import Callback, StepReport

torch.set_num_threads(1)
TOY = Path(__file__).parents[1] / "tasks" / "training" / "toy_task.py"


@pytest.fixture(scope="module")
def toy() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cellwright_watched_toy", TOY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


Train = Callable[..., Any]


@pytest.fixture
def train(toy: ModuleType) -> Train:
    """train(folder, *callbacks, resume=False): the toy task with a layer of cellwright."""

    def run(folder: Path, *callbacks: Callback, **options: Any) -> Any:
        config = toy.toy_config()
        prepare(config.train)
        task = toy.ToyTask(config)
        torch.manual_seed(3)
        task.model.recurrent = cwnn.LSTM(8, toy.HIDDEN, num_layers=2, dropout=0.3, batch_first=True, bidirectional=True)
        task.model.head = torch.nn.Linear(2 * toy.HIDDEN, toy.CLASSES)
        fit(task, config, RunFolder.open(folder, config, command=["toy"], **options), callbacks=callbacks)
        return task

    return run


class At(Callback):
    """Does something at one step."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self.step, self.act = step, act

    def on_step(self, report: StepReport) -> None:
        if report.step == self.step:
            self.act()


def test_watching_changes_no_number_of_the_training(train: Train, tmp_path: Path) -> None:
    watch = Watch(tmp_path / "watched", 5)
    ours, plain = train(tmp_path / "watched", watch), train(tmp_path / "plain")
    for name, weight in plain.model.state_dict().items():
        assert torch.equal(ours.model.state_dict()[name], weight), name
    assert (tmp_path / "watched" / "metrics.jsonl").read_bytes() == (tmp_path / "plain" / "metrics.jsonl").read_bytes()
    assert not (tmp_path / "plain" / "watch.jsonl").exists()
    assert 0 < watch.seconds < watch.total
    records = watched(tmp_path / "watched")
    assert [record["step"] for record in records] == [0, 5, 10, 15, 20, 25, 30, 35]
    assert [(run["layer"], run["direction"]) for run in records[0]["runs"]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert records[0] != records[-1]
    for record in records:
        for run in record["runs"]:
            assert run["gates"].keys() == {"i", "f", "o"}
            assert all(0 <= share <= 1 for gate in run["gates"].values() for share in gate.values())


def test_a_line_says_what_a_record_of_the_same_batch_says(train: Train, toy: ModuleType, tmp_path: Path) -> None:
    watch = Watch(tmp_path / "run", 1000)
    train(tmp_path / "run", watch)
    line = watched(tmp_path / "run")[0]
    config = toy.toy_config()
    prepare(config.train)
    task = toy.ToyTask(config)
    torch.manual_seed(3)
    layer = cwnn.LSTM(8, toy.HIDDEN, num_layers=2, dropout=0.3, batch_first=True, bidirectional=True)
    x = task.model.embedding(task.batch(task.order(0, 0)[0][:8], np.random.default_rng(0))[0])
    mean = toy.HIDDEN**-0.5
    record = inspect(layer, x, target=lambda y: mean * y[:, -1, : toy.HIDDEN].sum())  # forward half, top layer
    curves = [gradient_by_lag(record, 1, 0, sequence).arrays["norm"] for sequence in range(len(x))]
    run = next(run for run in line["runs"] if (run["layer"], run["direction"]) == (1, 0))
    np.testing.assert_allclose(run["gradient_by_lag"], np.mean(curves, axis=0), rtol=1e-5)
    forget = record.run(1, 0).values["f"]
    assert run["gates"]["f"]["mean"] == pytest.approx(forget.mean(), rel=1e-5)
    assert run["slope"] == pytest.approx(
        np.polyfit(range(len(curves[0])), np.log10(np.mean(curves, axis=0)), 1)[0], rel=1e-4
    )


def test_a_stopped_run_goes_on_with_the_same_lines(train: Train, tmp_path: Path) -> None:
    train(tmp_path / "whole", Watch(tmp_path / "whole", 2))

    def stop() -> None:
        raise OSError("the power went")

    with pytest.raises(OSError, match="power"):
        train(tmp_path / "cut", Watch(tmp_path / "cut", 2), At(11, stop))  # the last checkpoint is of step 9
    file = tmp_path / "cut" / "watch.jsonl"
    with file.open("ab") as half:
        half.write(b'{"step": 12, "ep')
    train(tmp_path / "cut", Watch(tmp_path / "cut", 2), resume=True)
    assert file.read_bytes() == (tmp_path / "whole" / "watch.jsonl").read_bytes()


@pytest.fixture
def full_disk() -> Iterator[list[bool]]:
    """A disk that refuses to append to watch.jsonl, after half of the bytes, while the list holds True."""
    full = [True]

    class Full(Disk):
        def append(self, path: Path, data: bytes, durable: bool = True) -> None:
            if path.name == "watch.jsonl" and full[0]:
                with path.open("ab") as file:
                    file.write(data[: len(data) // 2])
                raise OSError(28, "No space left on device")
            super().append(path, data, durable)

    before = use_disk(Full())
    yield full
    use_disk(before)


def test_a_full_disk_costs_no_line_and_leaves_no_half_one(train: Train, tmp_path: Path, full_disk: list[bool]) -> None:
    told: list[str] = []
    sizes: list[int] = []

    def free() -> None:
        sizes.append((tmp_path / "run" / "watch.jsonl").stat().st_size)
        full_disk[0] = False

    train(tmp_path / "run", Watch(tmp_path / "run", 4, told.append), At(6, free))
    assert sizes == [0]
    assert "No space left" in told[0]
    assert [record["step"] for record in watched(tmp_path / "run")] == list(range(0, 37, 4))


def test_a_network_without_our_layers_is_trained_and_told(toy: ModuleType, tmp_path: Path) -> None:
    told: list[str] = []
    toy.train(tmp_path / "run", callbacks=[Watch(tmp_path / "run", 3, told.append)])
    assert "no recurrent layers" in told[0]
    assert all(record["runs"] == [] for record in watched(tmp_path / "run"))


def test_a_run_that_was_watched_can_be_replaced(train: Train, tmp_path: Path) -> None:
    train(tmp_path / "run", Watch(tmp_path / "run", 10))
    train(tmp_path / "run", overwrite=True)
    assert watched(tmp_path / "run") == []


def test_what_is_no_record_and_no_number_of_steps_is_named(tmp_path: Path) -> None:
    (tmp_path / "watch.jsonl").write_text(json.dumps({"step": 0, "epoch": 0, "runs": []}) + "\nnothing\n")
    with pytest.raises(StorageError, match=r"watch\.jsonl:2"):
        watched(tmp_path)
    with pytest.raises(ConfigError, match="found --watch 0"):
        Watch(tmp_path, 0)


def test_a_weight_gone_bad_stops_the_training_with_its_cause(train: Train, tmp_path: Path) -> None:
    held: list[Any] = []

    class Keep(Callback):
        def on_start(self, task: Any, steps: int, step: int) -> None:
            held.append(task.model.recurrent)

    def spoil() -> None:
        with torch.no_grad():
            held[0].weight_hh_l1[5, 2] = torch.inf

    with pytest.raises(TrainingError, match=r"(?s)step 5 .*Cause: forward, layer 1, at step 1 .*R\.i\[\d+\] is inf"):
        train(tmp_path / "run", Keep(), BadNumberCause(), At(4, spoil))


def test_a_gradient_gone_bad_has_its_cause_too() -> None:
    layer = cwnn.RNN(1, 1)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        layer.weight_hh_l0.fill_(3e19)
    x = torch.zeros(3, 1, 1)
    cause = BadNumberCause().on_bad_number(layer, lambda: layer(x)[0][-1].sum())
    assert cause.startswith("backward, layer 0, at step 2")
    assert BadNumberCause().on_bad_number(torch.nn.Linear(1, 1), lambda: x.sum()) == ""
    assert BadNumberCause().on_bad_number(cwnn.RNN(1, 1), lambda: layer(x)[0].sum()) == ""
