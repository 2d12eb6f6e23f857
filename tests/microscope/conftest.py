"""Cells and layers to look at: every library cell, and cells drawn from the whole op list."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cellwright.cells import CELLS, Cell
from cellwright.nn import Recurrent

_spec = importlib.util.spec_from_file_location(
    "cellwright_microscope_programs", Path(__file__).parents[1] / "engine" / "test_random_programs.py"
)
assert _spec is not None
assert _spec.loader is not None
_programs = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _programs
_spec.loader.exec_module(_programs)

GRAMMAR = 20
EVERY_CELL = [*CELLS, *(f"grammar-{seed}" for seed in range(GRAMMAR))]


def make_cell(name: str) -> Cell:
    """A library cell by name, with 2 outputs where the output has a size of its own; or "grammar-7"."""
    if name.startswith("grammar-"):
        return _programs.Drawn(_programs.Writer(int(name.removeprefix("grammar-"))).draw())
    return CELLS[name](2) if name in ("Jordan", "LSTMP") else CELLS[name]()  # type: ignore[call-arg]


def make_layer(name: str, input_size: int = 3, hidden_size: int = 4, **options: Any) -> Recurrent:
    """A float64 layer of any cell with weights of moderate size; a drawn cell has an input size of its own, and two
    layers only where its output fits it."""
    cell = make_cell(name)
    if name.startswith("grammar-"):
        program = cell.program  # type: ignore[attr-defined]
        input_size, hidden_size = program.input_size, 3
        width = program.output_size * (2 if options.get("bidirectional") else 1)
        if width != input_size:
            options["num_layers"] = 1
    torch.manual_seed(len(name) + hidden_size)
    layer = Recurrent(cell, input_size, hidden_size, dtype=torch.float64, **options)
    if name.startswith("grammar-"):
        with torch.no_grad():
            for weight in layer.parameters():
                weight.uniform_(-1, 1).div_(max(1, weight.shape[-1] if weight.dim() > 1 else 1) ** 0.5)
    return layer


@pytest.fixture
def cell_of() -> Callable[[str], Cell]:
    return make_cell


class LinearNumbers(Cell):
    """S′ = Wx x + Ws S + b1, O = Wo S′ + b2: one number each."""

    states = "S"
    output = "O"
    sizes = {"O": "H"}  # noqa: RUF012
    params = dict.fromkeys(("Wx", "Ws", "Wo", "b1", "b2"), "")

    def step(self, x: Any, S: Any, Wx: Any, Ws: Any, Wo: Any, b1: Any, b2: Any) -> Any:
        S = Wx * x + Ws * S + b1
        O = Wo * S + b2
        return S, O


@pytest.fixture
def linear_numbers() -> Callable[..., Recurrent]:
    """linear_numbers(Ws=0.9, Wx=…, Wo=…, b1=…, b2=…): the linear network of three steps, of any length."""

    def make(**weights: float) -> Recurrent:
        layer = Recurrent(LinearNumbers(), 1, 1, dtype=torch.float64)
        with torch.no_grad():
            for name, view in layer.views(0).items():
                view.fill_({"Ws": 0.9, "Wx": 0.7, "Wo": 1.3, "b1": 0.1, "b2": -0.2, **weights}[name])
        return layer

    return make


@pytest.fixture
def layer_of() -> Callable[..., Recurrent]:
    """layer_of(name, input_size=3, hidden_size=4, **options of Recurrent)."""
    return make_layer


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `every_cell` runs once for each library cell and each drawn one."""
    if "every_cell" in metafunc.fixturenames:
        metafunc.parametrize("every_cell", EVERY_CELL)
