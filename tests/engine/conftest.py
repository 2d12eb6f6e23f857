"""`cases`: tests/cells/cases.py; `make`: a test with it runs once for every cell there; `library`: not the user's."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch

torch.set_num_threads(1)
_spec = importlib.util.spec_from_file_location(
    "cellwright_engine_cases", Path(__file__).parents[1] / "cells" / "cases.py"
)
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
