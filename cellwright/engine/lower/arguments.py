"""What a kernel is handed: one array of 64-bit numbers and addresses, in this order.

steps, rows           local steps S; sequences B
counts, offsets       (S): sequences that are still running at each local step; where its rows begin in the tables
z, y                  (N): the row of each (local step, sequence) in the streams, in the outputs
order                 (B): the place of each sequence in the states
resets                a byte for each row of the streams, or 0: 1 where a state begins anew
scratch               address (program.Layout); it begins with the barrier's counters, 0 before the first call
unit_rows             most running sequences with which a step is shared by units (engine.units)
give_way              address of sched_yield, or 0
product               address of the product's function
arrays                address, row pitch in numbers: each array of the program
states                address before, address after: each state, rows of its size
packed                address, bytes of a panel: matrices of each product
vectors               address: each vector or scalar parameter
grads                 address: one row a thread, each gradient
"""

from __future__ import annotations

from dataclasses import dataclass

from cellwright.engine.plan import Program

__all__ = ["HEADER", "Slots"]

HEADER = (
    "steps", "rows", "counts", "offsets", "z", "y", "order", "resets",
    "scratch", "unit_rows", "give_way", "product",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slots:
    """Positions in a program's argument array."""

    program: Program

    def header(self, name: str) -> int:
        return HEADER.index(name)

    def array(self, index: int) -> int:
        return len(HEADER) + 2 * index

    def state(self, index: int) -> int:
        return self.array(len(self.program.arrays)) + 2 * index

    def packed(self, index: int) -> int:
        return self.state(len(self.program.states)) + 2 * index

    def vector(self, index: int) -> int:
        return self.packed(len(self.program.products)) + index

    def grad(self, index: int) -> int:
        return self.vector(len(self.program.vectors)) + index

    @property
    def count(self) -> int:
        return self.grad(len(self.program.grads))
