"""Zoneout and recurrent dropout of a layer: which states at which rate, and the masks, drawn before the loop.

Axes: T time, B batch, S size of one state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from cellwright.cells import Cell
from cellwright.engine.masks import Masking, mask_name, product_states
from cellwright.engine.trace import trace
from cellwright.errors import ConfigError, UnsupportedOp

__all__ = ["Rates", "StateMasks", "state_masks"]

Rates = float | Mapping[str, float]


class StateMasks:
    """What is masked in every step of a layer, and how masks are drawn.

    Args:
        sizes: size of each state.
        zoneout, dropout: probability by state; none at 0.

    Attributes:
        training, evaluation: what the step is made of; None where it is the cell's own.
    """

    def __init__(
        self, cell: Cell, sizes: Mapping[str, int], zoneout: Mapping[str, float], dropout: Mapping[str, float]
    ) -> None:
        self.sizes, self.zoneout, self.dropout = dict(sizes), dict(zoneout), dict(dropout)
        output = cell.output_name if cell.output_name in cell.state_names else ""
        self.training = Masking(tuple(zoneout), tuple(dropout), (), output)
        self.evaluation = Masking(expected=tuple(zoneout.items()), output=output) if zoneout else None

    def draw(self, steps: int, batch: int, like: Tensor, resets_TB: Tensor | None) -> dict[str, Tensor]:
        """The masks of one layer in one direction, (T, B, S), from torch's generator, by the names of their leaves.

        Zoneout: 1 where a unit keeps its value, drawn for every step. Dropout: 0 or 1 / (1 − p), one for a whole
        sequence; a reset begins a new sequence.

        Args:
            like: a tensor of the masks' type and device.
        """
        found: dict[str, Tensor] = {}
        for state, rate in self.zoneout.items():
            found[mask_name("zoneout", state)] = like.new_empty((steps, batch, self.sizes[state])).bernoulli_(rate)
        for state, rate in self.dropout.items():
            shape = (steps if resets_TB is not None else 1, batch, self.sizes[state])
            drawn = like.new_empty(shape).bernoulli_(1 - rate).div_(1 - rate)
            if resets_TB is None:
                found[mask_name("dropout", state)] = drawn.expand(steps, -1, -1)
                continue
            begin_TB = torch.where(resets_TB, torch.arange(steps, device=like.device)[:, None], 0)
            begin_TB = begin_TB.cummax(0).values if steps else begin_TB
            found[mask_name("dropout", state)] = drawn.gather(0, begin_TB[..., None].expand(drawn.shape))
        return found


def state_masks(
    cell: Cell, input_size: int, hidden_size: int, bias: bool, zoneout: Rates, recurrent_dropout: Rates
) -> StateMasks | None:
    """The masks of a layer of `cell`; None if there are none.

    Args:
        zoneout: probability that a unit keeps its value, of all states or by state.
        recurrent_dropout: probability that a unit is dropped, of all states that products read, or by state.

    Raises:
        ConfigError: a rate is no probability, a name is no state, or no product reads the state.
    """
    sizes = cell.state_sizes(hidden_size)
    kept = read_rates(cell.name, "zoneout", zoneout, sizes)
    dropped: dict[str, float] = {}
    if recurrent_dropout:
        try:
            readable = product_states(trace(cell, input_size, hidden_size, bias))
        except UnsupportedOp as unsupported:
            raise ConfigError(
                f"recurrent_dropout of {cell.name}: which products read a state is not known: {unsupported}"
            ) from None
        if not readable:
            raise ConfigError(
                f"recurrent_dropout={recurrent_dropout} of {cell.name}: no product of this cell reads a state.",
                repair="Use zoneout=, or dropout= between layers.",
            )
        dropped = read_rates(cell.name, "recurrent_dropout", recurrent_dropout, readable)
        for state, rate in dropped.items():
            if rate == 1:
                raise ConfigError(f"recurrent_dropout=1 of {cell.name} drops all of {state}.", repair="Choose below 1.")
    return StateMasks(cell, sizes, kept, dropped) if kept or dropped else None


def read_rates(cell: str, what: str, given: Rates, states: Iterable[str]) -> dict[str, float]:
    """Probability by state, without zeros."""
    names = list(states)
    rates = dict(given) if isinstance(given, Mapping) else dict.fromkeys(names, given)
    for name, rate in rates.items():
        if name not in names:
            raise ConfigError(f"{what}={given} of {cell}: {name!r} is none of its states {', '.join(names)}.")
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise ConfigError(f"{what}={given!r} of {cell} is no probability.", repair="Choose 0 to 1.")
    return {name: float(rates[name]) for name in names if rates.get(name)}
