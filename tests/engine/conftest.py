"""`cases`: tests/cells/cases.py; `make`: a test with it runs once for every cell there; `library`: not the user's.
`evaluate`: the meaning of a list of nodes, those of gradients and parts of parameters included; `meant`: meant.py."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from cellwright.engine.adjoint_ops import ALL_OPS
from cellwright.engine.graph import Node

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


def meaning_of(nodes: Sequence[Node], values: Mapping[str, Any]) -> list[Any]:
    """Every node's value by its op's NumPy meaning; leaves by their names."""
    results: list[Any] = []
    for node in nodes:
        attrs, args = dict(node.attrs), [results[arg] for arg in node.args]
        if node.op == "constant":
            results.append(np.float64(attrs["value"]))
        elif not node.args:
            value = np.asarray(values[node.name])
            for axis, name in enumerate(("row", "col")[: value.ndim]):
                if f"{name}0" in attrs:
                    value = value.take(range(int(attrs[f"{name}0"]), int(attrs[f"{name}1"])), axis)
            results.append(value)
        elif node.op == "matmul_t":  # of several blocks: their sum
            pairs = zip(args[0::2], args[1::2], strict=True)
            results.append(np.sum([matrix.T @ v for matrix, v in pairs], axis=0))
        else:
            results.append(np.asarray(ALL_OPS[node.op].numpy(*args, **{k: int(v) for k, v in node.attrs})))
    return results


@pytest.fixture
def evaluate() -> Callable[[Sequence[Node], Mapping[str, Any]], list[Any]]:
    return meaning_of


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for argument, cells in (("make", _cases.ALL), ("library", _cases.LIBRARY)):
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, list(cells.values()), ids=list(cells))
