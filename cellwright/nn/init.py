"""How weights begin: torch's uniform, orthogonal recurrent matrices, chrono biases, a chosen forget bias."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.engine.run.loop import run_loop
from cellwright.errors import ConfigError

__all__ = ["INITS", "check_init", "initialise", "keeping_gate", "uniform"]

INITS = ("torch", "chrono", "orthogonal")


def check_init(name: str, init: str, forget_bias: float | None, max_lag: int | None) -> None:
    """Raises ConfigError for settings that contradict each other."""
    if init not in INITS:
        raise ConfigError(f"{name} has no init={init!r}.", repair=f"Choose one of {', '.join(INITS)}.")
    if init == "chrono" and (max_lag is None or max_lag <= 2):
        raise ConfigError(
            f'init="chrono" of {name} needs max_lag above 2, the longest lag in steps; it is {max_lag}.',
            repair="Pass max_lag=, for instance the length of the longest training sequence.",
        )
    if init != "chrono" and max_lag is not None:
        raise ConfigError(
            f'max_lag={max_lag} of {name} belongs to init="chrono"; init is "{init}".',
            repair='Pass init="chrono" or leave max_lag out.',
        )
    if init == "chrono" and forget_bias is not None:
        raise ConfigError(
            f'{name} got init="chrono", which draws the forget bias, and forget_bias={forget_bias}.',
            repair="Leave one of the two out.",
        )


@torch.no_grad()
def initialise(
    name: str,
    cell: Cell,
    views: Mapping[str, Tensor],
    init: str,
    forget_bias: float | None,
    max_lag: int | None,
) -> None:
    """Sets the weights of one layer and direction in place; they already hold torch's uniform draw.

    Args:
        name: the layer in messages.
        views: "W.i", "R.i", "b.i" ... per gate; "bR.i" where a second bias is stored. Where a bias is
            set, it is set in b and the second one becomes 0: two set vectors would add up to twice the value.
        init: "orthogonal": each gate's R orthogonal, W Xavier-uniform, biases 0.
            "chrono": the bias of the gate that keeps the old state is ln u, u ~ U(1, max_lag - 1), that of
            a gate i is -ln u (Tallec & Ollivier 2018, arXiv:1804.11188v1).
        forget_bias: bias of the gate that keeps the old state; negated if that gate lets the new in.

    Raises:
        ConfigError: no gate with a bias keeps the old state.
    """
    if init == "orthogonal":
        for key, view in views.items():
            if key.startswith("R."):
                nn.init.orthogonal_(view)
            elif key.startswith("W."):
                nn.init.xavier_uniform_(view)
            elif key.startswith(("b.", "bR.")):
                view.zero_()
    if init != "chrono" and forget_bias is None:
        return
    keeping = keeping_gate(cell) if any(key.startswith("b.") for key in views) else None
    if keeping is None:
        setting = 'init="chrono"' if init == "chrono" else "forget_bias"
        raise ConfigError(
            f"{setting} of {name} needs a gate with a bias that keeps the old state; there is none.",
            repair=f"Leave {setting} out, or give the layer a gate as in h = f * h + (1 - f) * n.",
        )
    gate, sign = keeping
    if forget_bias is not None:
        set_bias(views, gate, torch.full_like(views[f"b.{gate}"], sign * forget_bias))
    if init == "chrono":
        assert max_lag is not None
        bias = torch.empty_like(views[f"b.{gate}"]).uniform_(1.0, max_lag - 1.0).log()
        set_bias(views, gate, sign * bias)
        if gate != "i" and "b.i" in views:
            set_bias(views, "i", -bias)


def set_bias(views: Mapping[str, Tensor], gate: str, value: Tensor) -> None:
    views[f"b.{gate}"].copy_(value)
    if f"bR.{gate}" in views:
        views[f"bR.{gate}"].zero_()


@lru_cache(maxsize=64)  # asked for by every layer and direction of a model
@torch.no_grad()
def keeping_gate(cell: Cell) -> tuple[str, float] | None:
    """The gate that decides how much of the old state is kept, and +1 if a high gate keeps, -1 if a low one.

    Found by running one unit of the cell with all weights 0: opening and closing that gate moves the
    slope of the new state in the old one between 0 and 1; another gate hardly moves it.
    """
    with torch.device("cpu"):  # the layer around it may be made without memory, on the meta device
        return _keeping_gate(cell)


def _keeping_gate(cell: Cell) -> tuple[str, float] | None:
    shapes = cell.parameter_shapes(1, 1)
    sizes = list(cell.state_sizes(1).values())

    def slope(gate: str, bias: float) -> float:
        weights = {key: torch.zeros(shape, dtype=torch.float64) for key, shape in shapes.items()}
        weights[f"b.{gate}"] += bias
        low_high = torch.tensor([[0.0], [0.5]], dtype=torch.float64)  # of the old state, as a batch of two
        states = tuple(low_high.repeat(1, size) for size in sizes)
        ends = run_loop(cell, weights, torch.zeros(1, 2, 1, dtype=torch.float64), states)[1]
        return max(float((end[1] - end[0]).mean()) / 0.5 for end in ends)

    gates = [key[2:] for key in shapes if key.startswith("b.")]
    moves = {gate: slope(gate, 40.0) - slope(gate, -40.0) for gate in gates}
    gate = max(moves, key=lambda gate: abs(moves[gate]), default=None)
    return None if gate is None or not abs(moves[gate]) > 0.5 else (gate, math.copysign(1.0, moves[gate]))


@torch.no_grad()
def uniform(parameters: list[Tensor], hidden_size: int) -> None:
    """torch.nn's draw: U(-1/√H, 1/√H) for every parameter, biases too."""
    bound = 1.0 / math.sqrt(hidden_size)
    for parameter in parameters:
        parameter.uniform_(-bound, bound)
