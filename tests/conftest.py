"""Where real data is; and the cells that tests of cells and engine run over.

`cases` is tests/cells/cases.py; a test with the argument `make` runs once for every cell there, one with `library` for
every cell but the user's.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest
import torch

torch.set_num_threads(1)
_spec = importlib.util.spec_from_file_location("cellwright_cases", Path(__file__).parent / "cells" / "cases.py")
assert _spec is not None
assert _spec.loader is not None
_cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_cases)


@pytest.fixture
def cases() -> ModuleType:
    return _cases


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for argument, cells in (("make", _cases.ALL), ("library", _cases.LIBRARY)):
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, list(cells.values()), ids=list(cells))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data: CELLWRIGHT_DATA, or shared/data beside the project. Skips where there is none."""
    named = os.environ.get("CELLWRIGHT_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is no folder; name one with CELLWRIGHT_DATA")
    return folder
