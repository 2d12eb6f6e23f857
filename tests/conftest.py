"""Where real data is, and a seed for every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data: CELLWRIGHT_DATA, or shared/data beside the project. Skips where there is none."""
    named = os.environ.get("CELLWRIGHT_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is no folder; name one with CELLWRIGHT_DATA")
    return folder
