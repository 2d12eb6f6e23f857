"""Disks that fail: each is given to `use_disk` and taken back after the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cellwright.tasks.storage.atomic import Disk, use_disk


class Killed(BaseException):
    """The process ends here: no handler of OSError runs, nothing is cleaned up."""


class FailingDisk(Disk):
    """Raises `error` at call number `at` (from 1), at later calls too if `forever`; a write leaves half its bytes."""

    def __init__(self, error: BaseException, at: int, forever: bool = False) -> None:
        self.error, self.at, self.forever = error, at, forever
        self.calls = 0

    @property
    def failed(self) -> bool:
        return self.calls >= self.at

    def _fails(self) -> bool:
        self.calls += 1
        return self.calls == self.at or (self.forever and self.calls > self.at)

    def _count(self) -> None:
        if self._fails():
            raise self.error

    def make_folder(self, path: Path) -> None:
        self._count()
        super().make_folder(path)

    def write(self, path: Path, data: bytes) -> None:
        if self._fails():
            path.write_bytes(data[: len(data) // 2])
            raise self.error
        super().write(path, data)

    def append(self, path: Path, data: bytes) -> None:
        self._count()
        super().append(path, data)

    def truncate(self, path: Path, size: int) -> None:
        self._count()
        super().truncate(path, size)

    def sync_folder(self, path: Path) -> None:
        self._count()
        super().sync_folder(path)

    def rename(self, old: Path, new: Path) -> None:
        self._count()
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        if self._fails():
            if path.is_dir():  # killed in the middle of deleting
                for file in sorted(path.iterdir())[:1]:
                    file.unlink()
            raise self.error
        super().remove(path)


@pytest.fixture
def failing_disk() -> Iterator[Callable[..., FailingDisk]]:
    """failing_disk(error, at, forever=False) puts a failing disk in place; failing_disk(None) the real one."""

    def put(error: BaseException | None, at: int = 1, forever: bool = False) -> FailingDisk | Disk:
        new = Disk() if error is None else FailingDisk(error, at, forever)
        use_disk(new)
        return new

    before = use_disk(Disk())
    yield put
    use_disk(before)


@pytest.fixture
def killed() -> type[BaseException]:
    return Killed
