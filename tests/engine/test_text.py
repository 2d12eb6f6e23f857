"""Equations printed from a graph mean what the graph means."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from cellwright.cells import CELLS, GRU, LSTM, Cell, Elman, PeepholeLSTM
from cellwright.engine import cell_from_data, cell_to_data, interpret, trace
from cellwright.engine.text import graph_equations
from cellwright.ops import tanh

I, H = 3, 4


def run_text(text: str, held: dict[str, np.ndarray]) -> dict[str, Any]:
    """Evaluate printed equations by Python's own reading of them: the symbols are put back into operators."""
    space: dict[str, Any] = {name.replace(".", "_"): value for name, value in held.items()}
    space |= {"σ": lambda v: 1 / (1 + np.exp(-v)), "tanh": np.tanh, "relu": lambda v: np.maximum(v, 0)}
    space |= {"exp": np.exp, "sqrt": np.sqrt, "mean": np.mean, "cumsum": np.cumsum, "max": np.maximum}
    space |= {"softplus": lambda v: np.logaddexp(v, 0), "softmax": lambda v: np.exp(v) / np.exp(v).sum()}
    space |= {"concat": lambda *parts: np.concatenate(parts)}
    for line in text.splitlines():
        name, _, right = line.partition(" = ")
        right = right.replace("⊙", "*").replace("−", "-").replace("′", "_new").replace("√", "sqrt")
        right = re.sub(r"([WRPV]\w*) (\w+)", r"(\1 @ \2)", right)
        right = re.sub(r"([WRPV]\w*) (\w+|\()", r"\1 @ \2", right)
        space[name.replace("′", "_new")] = eval(right, {}, space)
    return space


@pytest.mark.parametrize("name", [n for n in CELLS if n not in ("Jordan", "LSTMP")])
def test_the_printed_equations_compute_the_cell(name: str) -> None:
    cell = CELLS[name]()
    graph = trace(cell, I, H)
    rng = np.random.default_rng(0)
    held = {"x": rng.normal(size=I), **{s: rng.normal(size=n) for s, n in cell.state_sizes(H).items()}}
    held |= {key: rng.normal(size=shape) for key, shape in cell.parameter_shapes(I, H).items()}
    states, _ = interpret(graph, held)
    found = run_text(graph_equations(graph), held)
    for state in cell.state_names:
        assert np.allclose(found[f"{state}_new"], states[state], rtol=0, atol=1e-14)


def test_brackets_stand_only_where_they_are_needed() -> None:
    class Odd(Cell):
        gates = "a"
        states = "h"

        def step(self, x, h, W, b):
            v = W.a @ x + b.a
            return tanh((v - (h - v)) * -(h + 1) / (v * h) + (h + (v + 2)))

    assert graph_equations(trace(Odd(), I, H)).splitlines() == [
        "v1 = W_a x + b_a",
        "h′ = tanh((v1 − (h − v1)) ⊙ −(h + 1) / (v1 ⊙ h) + h + v1 + 2)",
    ]


@pytest.mark.parametrize("cell", [LSTM(), GRU(), PeepholeLSTM("io"), Elman(output_size=2)], ids=lambda c: c.name)
def test_a_cell_read_from_a_file_prints_its_equations(cell: Cell) -> None:
    text = cell_from_data(cell_to_data(cell, I, H)).equations()
    assert all(f"{name}′ = " in text for name in cell.state_names)
    assert ("output = " in text) == (cell.output_name not in cell.state_names)
