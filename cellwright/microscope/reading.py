"""One sequence of a record as one layer and direction reads it: what most measures begin with.

Axes: L steps of this sequence in reading order, I input, S size of one state, N all states side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cellwright.engine.graph import Graph, Node
from cellwright.errors import ConfigError, DataError
from cellwright.microscope.figure import Array
from cellwright.microscope.runs import Record, Run
from cellwright.microscope.steps import node_values

__all__ = ["Reading", "read"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One sequence in reading order: a backward direction begins at the sequence's last step.

    Attributes:
        steps: what each step reads: its word, or its position as text.
        x_LI: (L, I).
        before, after: state name -> (L, S): as each step finds it, and as it leaves it.
    """

    run: Run
    sequence: int
    steps: tuple[str, ...]
    x_LI: Tensor
    before: dict[str, Tensor]
    after: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def places(self) -> dict[str, slice]:
        """Where each state stands in the vector of all states, in the cell's order."""
        found, at = {}, 0
        for name, held in self.before.items():
            found[name] = slice(at, at + held.shape[1])
            at += held.shape[1]
        return found

    @property
    def width(self) -> int:
        """N: the size of all states together."""
        return sum(held.shape[1] for held in self.before.values())

    @property
    def units(self) -> tuple[str, ...]:
        """Names of the N units: "c 0", "c 1" …"""
        return tuple(f"{name} {j}" for name, held in self.before.items() for j in range(held.shape[1]))

    @property
    def weights(self) -> dict[str, Tensor]:
        return {name: torch.from_numpy(weight) for name, weight in self.run.weights.items()}

    def first(self, steps: int) -> Reading:
        """The first `steps` steps alone."""
        before = {name: held[:steps] for name, held in self.before.items()}
        after = {name: held[:steps] for name, held in self.after.items()}
        return Reading(self.run, self.sequence, self.steps[:steps], self.x_LI[:steps], before, after)

    def leaves(self) -> dict[str, Tensor]:
        """What the step's graph reads, all steps at once."""
        return {"x": self.x_LI, **self.before, **self.weights}

    def values(self, graph: Graph, more: Mapping[str, Tensor] | None = None) -> list[Tensor]:
        """The value of every node of a graph over these leaves, and over `more`, for all steps at once."""
        return node_values(graph, {**self.leaves(), **(more or {})})

    def wide(self, value: Tensor, node: Node, size: int) -> Tensor:
        """A node's value as (L, size): a scalar of each step, or what parameters alone made, is repeated."""
        column = value[:, None] if not node.shape and value.dim() else value
        return column.expand(len(self), size)

    def rows(self, value: Tensor, node: Node) -> Tensor:
        """A node's value with the axis of steps, (L, n) or (L,), also where parameters alone made it."""
        return value if value.dim() > len(node.shape) else value.expand(len(self), *value.shape)

    def named(self, name: str) -> Array:
        """(L, n): a named value as the engine recorded it, in reading order."""
        found = self.run.values[name]
        return found[list(self.run.positions(self.sequence))[: len(self)], self.sequence]


def read(record: Record, layer: int = 0, direction: int = 0, sequence: int = 0) -> Reading:
    """Sequence number `sequence` of a record as (layer, direction) reads it.

    Raises:
        ConfigError: no such layer, direction or sequence.
        DataError: the sequence has no steps.
    """
    run = record.run(layer, direction)
    if not 0 <= sequence < len(run.lengths_B):
        raise ConfigError(f"Expected a sequence of 0 to {len(run.lengths_B) - 1}, found {sequence}.")
    order = list(run.positions(sequence))
    if not order:
        raise DataError(f"Expected a sequence of one step or more, found sequence {sequence} of length 0.")
    words = texts[sequence] if (texts := record.words_of(run)) else ()
    steps = tuple(words[t] if len(words) == len(order) else str(t) for t in order)
    before = {name: torch.from_numpy(run.before(name)[order, sequence]) for name in run.state_names}
    after = {name: torch.from_numpy(run.values[name][order, sequence]) for name in run.state_names}
    return Reading(
        run, sequence, steps, torch.from_numpy(np.ascontiguousarray(run.x_TBI[order, sequence])), before, after
    )
