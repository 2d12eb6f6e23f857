"""Where real data is, and what all tests share: how threads wait, and one folder of compiled code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Threads that wait for each other sleep: several workers on few processors would spend most of their time turning
# round. Read when torch is first imported, which is later.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def pytest_configure(config: pytest.Config) -> None:
    """A cell is compiled once for all tests, workers and programs that tests start, and for the suite's next run."""
    cache = getattr(config, "cache", None)
    if "CELLWRIGHT_CACHE" not in os.environ and cache is not None:
        folder = cache.mkdir("kernels")
        folder.chmod(0o700)
        os.environ["CELLWRIGHT_CACHE"] = str(folder)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data: CELLWRIGHT_DATA, or shared/data beside the project. Skips where there is none."""
    named = os.environ.get("CELLWRIGHT_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is no folder; name one with CELLWRIGHT_DATA")
    return folder
