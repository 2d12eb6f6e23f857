"""The toy task, a reference run that nothing disturbed, and disks that fail."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from cellwright.tasks.storage.atomic import Disk, read_folder, use_disk
from cellwright.tasks.training.checkpoint import Counters
from cellwright.tasks.training.task import Callback

TOY = Path(__file__).with_name("toy_task.py")


class Notes(Callback):
    """Remembers what the loop said; `act` is called with each step's report."""

    def __init__(self, act: Callable | None = None) -> None:
        self.act = act
        self.steps: list[int] = []
        self.epochs: list[int] = []
        self.notes: list[str] = []
        self.ended = 0

    def on_step(self, report) -> None:
        self.steps.append(report.step)
        if self.act is not None:
            self.act(report)

    def on_epoch(self, report) -> None:
        self.epochs.append(report.epoch)

    def on_note(self, text: str) -> None:
        self.notes.append(text)

    def on_end(self) -> None:
        self.ended += 1


class WatchedDisk(Disk):
    """Asks `fails(call, path)` before each change; an error it returns is raised, and a write leaves half its bytes."""

    def __init__(self, fails: Callable[[str, Path], BaseException | None]) -> None:
        self.fails = fails

    def _ask(self, call: str, path: Path, data: bytes = b"") -> None:
        error = self.fails(call, path)
        if error is not None:
            if data and path.parent.is_dir():
                with open(path, "ab") as file:
                    file.write(data[: len(data) // 2])
            raise error

    def make_folder(self, path: Path) -> None:
        self._ask("make_folder", path)
        super().make_folder(path)

    def write(self, path: Path, data: bytes) -> None:
        self._ask("write", path, data)
        super().write(path, data)

    def append(self, path: Path, data: bytes) -> None:
        self._ask("append", path, data)
        super().append(path, data)

    def truncate(self, path: Path, size: int) -> None:
        self._ask("truncate", path)
        super().truncate(path, size)

    def sync_folder(self, path: Path) -> None:
        self._ask("sync_folder", path)
        super().sync_folder(path)

    def rename(self, old: Path, new: Path) -> None:
        self._ask("rename", new)
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        self._ask("remove", path)
        super().remove(path)


@pytest.fixture(scope="session")
def toy() -> Iterator[ModuleType]:
    """toy_task.py as a module; torch's threads are put back after the tests."""
    spec = importlib.util.spec_from_file_location("toy_task", TOY)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    threads = torch.get_num_threads()
    spec.loader.exec_module(module)
    yield module
    torch.set_num_threads(threads)
    del sys.modules[spec.name]


@pytest.fixture(scope="session")
def reference(toy, tmp_path_factory) -> Path:
    """The folder of a run from start to end in one go, with the toy's settings. Not to be changed."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    toy.train(folder)
    return folder


@pytest.fixture
def notes() -> type[Notes]:
    return Notes


@pytest.fixture
def watch_disk() -> Iterator[Callable]:
    """watch_disk(fails) puts a disk in place that asks `fails`; watch_disk(None) the real one."""

    def put(fails: Callable[[str, Path], BaseException | None] | None) -> None:
        use_disk(Disk() if fails is None else WatchedDisk(fails))

    before = use_disk(Disk())
    yield put
    use_disk(before)


def outcome(folder: Path) -> tuple[bytes, bytes, dict, bytes, dict]:
    """All that two equal runs must have in common, byte for byte: records, best model, last state without its times."""
    best = read_folder(folder / "best", kind="model")
    last = read_folder(max((folder / "checkpoints").glob("step-*")), kind="checkpoint")
    clocks = ("seconds", "epoch_began", "times_bytes")
    counters = {name: value for name, value in last.info.items() if name not in clocks}
    assert set(clocks) | set(counters) == set(vars(Counters()))
    return (
        (folder / "metrics.jsonl").read_bytes(),
        best["weights.safetensors"],
        best.info,
        last["state.safetensors"],
        counters,
    )


@pytest.fixture
def same_run() -> Callable[[Path, Path], None]:
    """Asserts that two finished runs are equal byte for byte."""

    def check(found: Path, expected: Path) -> None:
        for ours, theirs in zip(outcome(found), outcome(expected), strict=True):
            assert ours == theirs

    return check
