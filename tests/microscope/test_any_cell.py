"""Every measure of memory and of the gradient's ways, on every library cell and on cells drawn from the whole op list:
two layers, both directions, with lengths. Each line holds, and turns red when one entry is 1e-6 off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch

from cellwright.cells import CELLS, Cell
from cellwright.microscope.arrival import arrival_by_gate
from cellwright.microscope.bounds import step_bound
from cellwright.microscope.carry import carry_gradient, paths_of
from cellwright.microscope.detours import detours
from cellwright.microscope.events import forgetting_events, gate_kinds
from cellwright.microscope.figure import Figure
from cellwright.microscope.gates import half_life
from cellwright.microscope.jacobian import jacobians, singular_values, state_jacobian, transition_norms
from cellwright.microscope.ledger import ledger, notebook, ring
from cellwright.microscope.lyapunov import lyapunov_spectrum
from cellwright.microscope.ranges import ranges
from cellwright.microscope.reading import read
from cellwright.microscope.record import inspect
from cellwright.microscope.runs import Record, Run
from cellwright.microscope.steps import node_values, run_leaves
from cellwright.nn import Recurrent

LENGTHS = [3, 5]
WITHOUT_CARRY = ("Elman", "Jordan", "IndRNN")


@pytest.fixture
def record(every_cell: str, layer_of: Callable[..., Recurrent]) -> Record:
    return recorded(every_cell, layer_of)


@lru_cache(maxsize=64)
def recorded(name: str, layer_of: Callable[..., Recurrent]) -> Record:
    layer = layer_of(name, num_layers=2, bidirectional=True)
    torch.manual_seed(2)
    return inspect(layer, torch.randn(5, 2, layer.input_size), lengths=LENGTHS)


def places(record: Record) -> list[tuple[Run, dict[str, int]]]:
    """Every layer and direction, with one of the sequences."""
    return [
        (run, {"layer": run.layer, "direction": run.direction, "sequence": (run.layer + run.direction) % 2})
        for run in record.runs
    ]


def turns_red(figure: Figure) -> bool:
    check = figure.check
    assert check is not None
    left = np.array(check.left, float)
    left.flat[left.size // 2] += 1e-6
    return check.holds and not replace(check, left=left).holds


def test_the_gradient_by_detours_and_by_gate(record: Record) -> None:
    for run, given in places(record):
        for rows in ("states", "target"):
            assert turns_red(detours(record, rows=rows, most=2, **given))
        for state in run.state_names:
            assert turns_red(arrival_by_gate(record, state=state, **given))


def test_jacobians_their_products_and_exponents(record: Record) -> None:
    for _, given in places(record):
        for measure in (state_jacobian, singular_values, transition_norms):
            assert turns_red(measure(record, **given))
        spectrum = lyapunov_spectrum(record, **given)
        assert spectrum.check is not None
        assert spectrum.check.holds
        assert not np.isnan(spectrum.arrays["exponent"]).any()
        assert (np.diff(np.nan_to_num(spectrum.arrays["exponent"], neginf=-1e9)) <= 0).all()


def test_a_bound_holds_wherever_there_is_one(record: Record) -> None:
    for _, given in places(record):
        reading = read(record, **given)
        bound = step_bound(reading)
        if bound.value is None:
            assert bound.reason.endswith("depends on the state itself.")
        else:
            assert np.linalg.norm(jacobians(reading), 2, axis=(1, 2)).max() <= bound.value * (1 + 1e-12)


def test_values_stay_in_the_ranges_of_their_ops(record: Record) -> None:
    for run in record.runs:
        for value, (low, high) in zip(node_values(run.graph, run_leaves(run)), ranges(run.graph), strict=True):
            assert low - 1e-12 <= float(value.double().min())
            assert float(value.double().max()) <= high + 1e-12


def check_memory(record: Record) -> None:
    for run, given in places(record):
        carries = paths_of(run).carries
        assert carries
        for state in carries:
            for measure in (ledger, ring, notebook, gate_kinds, forgetting_events):
                assert turns_red(measure(record, state=state, **given))
            for measure in (half_life, carry_gradient):
                figure = measure(record, state=state, **given)
                assert figure.check is not None
                assert figure.check.holds


@pytest.mark.parametrize("name", [name for name in CELLS if name not in WITHOUT_CARRY])
def test_the_memory_of_cells_that_carry(name: str, layer_of: Callable[..., Recurrent]) -> None:
    check_memory(recorded(name, layer_of))


@pytest.mark.parametrize("seed", range(20))
def test_the_memory_of_drawn_cells_that_carry(seed: int, cell_of: Callable[[str], Cell]) -> None:
    layer = with_carry(cell_of(f"grammar-{seed}"))
    torch.manual_seed(2)
    check_memory(inspect(layer, torch.randn(5, 2, layer.input_size), lengths=LENGTHS, gradients=False))


def with_carry(drawn: Any) -> Recurrent:
    """A drawn cell whose every state is also carried: s′ = ½ (1 + n) ⊙ s + n, n the state that was drawn."""

    class Carried(type(drawn)):  # type: ignore[misc]
        def step(self, x: Any, *states: Any, **params: Any) -> Any:
            *new, y = super().step(x, *states, **params)
            return (*(0.5 * (1 + n) * s + n for n, s in zip(new, states, strict=True)), y)

    torch.manual_seed(0)
    layer = Recurrent(Carried(drawn.program), drawn.program.input_size, 3, dtype=torch.float64, bidirectional=True)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.uniform_(-1, 1).div_(max(1, weight.shape[-1] if weight.dim() > 1 else 1) ** 0.5)
    return layer
