"""`cases`: tests/cells/cases.py; `make`: a test with it runs once for every cell there; `library`: not the user's.
`evaluate`: the meaning of a list of nodes, those of gradients and parts of parameters included; `meant`: meant.py."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

torch.set_num_threads(1)


def loaded(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_cases = loaded("cellwright_engine_cases", Path(__file__).parents[1] / "cells" / "cases.py")
_meant = loaded("cellwright_engine_meant", Path(__file__).with_name("meant.py"))


@pytest.fixture
def cases() -> ModuleType:
    return _cases


@pytest.fixture
def meant() -> ModuleType:
    return _meant


@pytest.fixture
def evaluate() -> Callable[..., list[Any]]:
    return _meant.meaning_of  # type: ignore[no-any-return]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for argument, cells in (("make", _cases.ALL), ("library", _cases.LIBRARY)):
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, list(cells.values()), ids=list(cells))
