"""Which row of which tensor each step of each sequence reads and writes.

Axes: T time, B batch, N valid steps of all sequences, S local steps (the longest sequence).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

__all__ = ["Tables", "dense_tables", "ragged_tables"]


@dataclass(frozen=True, slots=True)
class Tables:
    """Sequences sorted from the longest to the shortest; a local step counts from each sequence's own beginning.

    Attributes:
        counts: (S) sequences still running; offsets: (S) where a local step begins in z and y.
        z, y: (N) row in the streams, row in the output (T·B), of each local step and sequence.
        order: (B) place of each sequence in the batch.
        rows: (N) row of x (T·B) of each row of the streams; None if they are the same.
    """

    counts: Tensor
    offsets: Tensor
    z: Tensor
    y: Tensor
    order: Tensor
    rows: Tensor | None

    @property
    def steps(self) -> int:
        return len(self.counts)


@lru_cache(maxsize=64)
def dense_tables(steps: int, batch: int, reverse: bool) -> Tables:
    """All sequences have T steps."""
    t_T = torch.arange(steps - 1, -1, -1) if reverse else torch.arange(steps)
    z = (t_T[:, None] * batch + torch.arange(batch)).flatten()
    offsets = torch.arange(steps) * batch
    return Tables(torch.full((steps,), batch), offsets, z, z, torch.arange(batch), None)


def ragged_tables(lengths_B: Tensor, steps: int, batch: int, reverse: bool) -> Tables:
    """Each sequence has its own length; streams hold the valid steps only."""
    lengths, order = torch.sort(lengths_B.cpu(), descending=True, stable=True)
    longest = int(lengths[0]) if batch else 0
    t_S1 = torch.arange(longest)[:, None]
    valid_SB = t_S1 < lengths
    counts = valid_SB.sum(1)
    offsets = torch.cumsum(counts, 0) - counts
    rows = (t_S1 * batch + order)[valid_SB]
    if not reverse:
        return Tables(counts, offsets, torch.arange(len(rows)), rows, order, rows)
    back_SB = (lengths - 1 - t_S1)[valid_SB]
    place_SB = torch.arange(batch).expand(longest, batch)[valid_SB]
    return Tables(counts, offsets, offsets[back_SB] + place_SB, back_SB * batch + order[place_SB], order, rows)
