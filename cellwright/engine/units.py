"""When threads share a step's products by hidden units, and not by sequences: a count of work.

By sequences, each thread multiplies its own rows by the whole packed matrix and waits for nobody. With few rows the
time goes into reading the matrix. By units, each thread multiplies all rows by its own panels of the matrix, and all
wait for each other before and behind a product. The sums, and so the bits, are the same.

Work is counted in multiply-adds of one row; K·M is that of a step's products.
    by sequences   max(READ, rows of a thread) · K·M
    by units       max(READ, all rows) · K·M / threads  +  waits · WAIT · threads / 2

The constants were measured on two cores with AVX2, of 0.5 MiB second and 32 MiB shared third cache. A choice that suits
another machine less costs time, never a bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellwright.engine.plan import Product, Program, Rows
from cellwright.engine.spots import padded

__all__ = ["Schedule", "schedule_of", "waits_around"]

READ = 3
"""Rows that are multiplied by a matrix in the time that it takes to bring it from the cache."""
FAR, READ_FAR = 12 << 20, 10
"""Bytes of matrices that two threads do not both find in the cache, and the rows in the time that memory takes."""
WAIT = 50_000
"""Multiply-adds of one row in the time that two threads need to meet, and to see what the other one wrote."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the steps of one program are shared.

    Attributes:
        work: multiply-adds of one row in the products of a step.
        size: bytes of a number.
        waits: how often threads meet in a step that is shared by units.
    """

    work: int
    size: int
    waits: int

    @property
    def read(self) -> int:
        """Rows below which reading the matrices is what takes the time."""
        return READ_FAR if self.work * self.size > FAR else READ

    def waiting(self, threads: int) -> int:
        """What the waits of a step cost; more threads take longer to meet."""
        return self.waits * WAIT * threads // 2

    def unit_rows(self, threads: int) -> int:
        """The most running sequences with which a step is shared by units; 0 if it never pays.

        Args:
            threads: of the job, all of which run at once.
        """
        if threads < 2 or not self.work:
            return 0
        most = threads * (self.read * self.work - self.waiting(threads)) // self.work
        return most if most >= self.read else 0

    def team_size(self, batch: int, threads: int) -> int:
        """Threads of a job that may have `threads`: one a sequence at most, more where units pay."""
        few = max(1, min(threads, batch))
        if few == threads or not batch or not self.work:
            return few
        costs = {few: self.read * self.work}
        for more in range(few + 1, threads + 1):
            if self.unit_rows(more) >= batch:
                costs[more] = max(self.read, batch) * self.work // more + self.waiting(more)
        return min(costs, key=lambda count: costs[count])


def schedule_of(program: Program, size: int) -> Schedule:
    """Counts a program's products and waits; a number takes `size` bytes."""
    lanes, work = program.lanes, 0
    for product in program.products:
        depth = product.blocks[0] if len(product.blocks) == 1 else sum(padded(n, lanes) for n in product.blocks)
        work += depth * sum(padded(n, lanes) for n in product.sizes)
    return Schedule(work, size, sum(before + behind for before, behind in waits_around(program.phases)))


def waits_around(phases: Sequence[Product | Rows]) -> list[tuple[bool, bool]]:
    """Of each phase, whether threads meet before and behind it: around products, once between two that follow each
    other, and not between those of one level, which read nothing of each other."""
    found = []
    for k, phase in enumerate(phases):
        before, behind = phases[k - 1] if k else None, phases[k + 1] if k + 1 < len(phases) else None
        product = isinstance(phase, Product)
        beside = isinstance(behind, Product) and behind.level == phase.level
        found.append((product and not isinstance(before, Product), product and not beside))
    return found
