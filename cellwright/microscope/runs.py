"""A record: every gate, candidate and state of every step of a run, and the gradient of one number by each of them.

Axes: T time, B batch, I input, O output, S size of one state, n features of a named value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cellwright.cells import Cell
from cellwright.engine.graph import Graph
from cellwright.errors import ConfigError
from cellwright.microscope.figure import Array

__all__ = ["Record", "Run"]


@dataclass(frozen=True, slots=True)
class Run:
    """One layer in one direction, in float64. Index t of every array is the position in the sequence, also of the
    backward direction; beyond a sequence's length all is 0.

    Attributes:
        layer: counted from 0, in the order in which a model runs them.
        direction: 0 forward, 1 backward.
        graph: one step of `cell`; `names` says which of its nodes each named value is.
        weights: by the names of `cell.parameter_shapes`: "W.i", "R.i", "b.i", extras.
        x_TBI, y_TBO: what went into this layer and direction, and what came out.
        initial: state name -> (B, S).
        values: each name that `step` assigns, and each declared state -> (T, B, n). A state is the one after the step.
        gradients: d target / d value, by the same names and of the same shapes, counting every way from the value to
            the target; empty when no target was asked for, as are those that follow.
        state_gradients: by each state's name d target / d state, (T, B, S), of the state that a step hands on, as the
            steps after it see it: no way through what the same step does with it counts.
        dx_TBI, dy_TBO: d target / d x, of this direction alone, and d target / d y as what reads y sees it.
        weight_gradients: d target / d weight by the names of `weights`, as autograd gives them.
        lengths_B: valid steps of each sequence.
        words: those of each sequence, of a layer that reads another text than the record's; else empty.
    """

    layer: int
    direction: int
    cell: Cell
    graph: Graph
    names: Mapping[str, int]
    weights: dict[str, Array]
    x_TBI: Array
    y_TBO: Array
    initial: dict[str, Array]
    values: dict[str, Array]
    lengths_B: Array
    gradients: dict[str, Array] = field(default_factory=dict)
    state_gradients: dict[str, Array] = field(default_factory=dict)
    weight_gradients: dict[str, Array] = field(default_factory=dict)
    dx_TBI: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))
    dy_TBO: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))
    words: tuple[tuple[str, ...], ...] = ()

    @property
    def state_names(self) -> tuple[str, ...]:
        return self.cell.state_names

    def positions(self, b: int) -> range:
        """Positions of sequence `b` in the order in which this direction reads them."""
        length = int(self.lengths_B[b])
        return range(length - 1, -1, -1) if self.direction else range(length)

    def before(self, state: str) -> Array:
        """(T, B, S): at each position the state that its step begins with."""
        found = self.values[state]
        held = np.zeros_like(found)
        for b in range(found.shape[1]):
            read = self.positions(b)
            for at, t in enumerate(read):
                held[t, b] = self.initial[state][b] if at == 0 else found[read[at - 1], b]
        return held

    def final(self, state: str) -> Array:
        """(B, S): the state after the last step of each sequence; the initial one where there is no step."""
        ends = [self.positions(b) for b in range(len(self.lengths_B))]
        rows = [self.values[state][read[-1], b] if read else self.initial[state][b] for b, read in enumerate(ends)]
        return np.stack(rows)


@dataclass(frozen=True, slots=True)
class Record:
    """All runs of one call.

    Attributes:
        runs: layer after layer, forward before backward.
        y_TBO: output of the last layer, both directions joined.
        lengths_B: valid steps of each sequence, as the first layer reads it.
        words: those of each sequence; empty for plain arrays. A layer that reads another text has its own.
        target: what the gradients are of, in words; "" if of nothing.
    """

    runs: tuple[Run, ...]
    y_TBO: Array
    lengths_B: Array
    words: tuple[tuple[str, ...], ...] = ()
    target: str = ""

    def words_of(self, run: Run) -> tuple[tuple[str, ...], ...]:
        """The words of each sequence as a layer reads them; empty for plain arrays."""
        return run.words or self.words

    def run(self, layer: int = 0, direction: int = 0) -> Run:
        """One layer in one direction. Raises ConfigError where there is none."""
        for run in self.runs:
            if (run.layer, run.direction) == (layer, direction):
                return run
        places = ", ".join(f"({run.layer}, {run.direction})" for run in self.runs)
        raise ConfigError(f"Expected a (layer, direction) of {places}, found ({layer}, {direction}).")
