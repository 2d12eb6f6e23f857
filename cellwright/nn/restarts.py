"""A piece of time with resets as a batch of more and shorter sequences without them.

A piece begins with states that are not its sequences' initial ones, so that a reset inside it cannot go back to where
the piece began. Each sequence is cut before every flag instead; what stands between two cuts is a sequence of its own,
which begins with the initial state, or, where the piece cuts it, with the state that the piece before left.

    one sequence of a piece, a flag before its third step       held → x₀ x₁ │ initial → x₂ x₃ x₄

Axes: T time, B batch, N sequences between cuts, R rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cellwright.engine.run.tables import valid_rows
from cellwright.nn.compiled import Rows

__all__ = ["Restarts", "restarts_of"]


@dataclass(frozen=True, slots=True)
class Restarts:
    """One piece cut at its resets.

    Attributes:
        rows: of the N sequences, without their data.
        index: (R) where each of their rows stands in the piece.
        owner: (N) sequence of the batch that each is a part of.
        held: (N) whether it begins with the state that the piece before left.
        last: (B) which of them ends each sequence's piece.
    """

    rows: Rows
    index: Tensor
    owner: Tensor
    held: Tensor
    last: Tensor

    def begin(self, held: Sequence[Tensor], initial: Sequence[Tensor]) -> list[Tensor]:
        """The states that the N sequences begin with, each (N, S)."""
        held_N1 = self.held[:, None]
        return [torch.where(held_N1, h[self.owner], i[self.owner]) for h, i in zip(held, initial, strict=True)]

    def end(self, states: Sequence[Tensor]) -> list[Tensor]:
        """The states behind the piece, (B, S), of those behind the N sequences."""
        return [state[self.last] for state in states]

    def back(self, y_RO: Tensor) -> Tensor:
        """Rows of y in the piece's own order."""
        return torch.empty_like(y_RO).index_copy(0, self.index, y_RO)


def restarts_of(rows: Rows, flags_TB: Tensor, start: int, stop: int, reverse: bool) -> Restarts | None:
    """How the piece of the steps `start` to `stop` is cut; None where no flag concerns it.

    Args:
        rows: of the piece.
        flags_TB: whether a new sequence begins before step t, over all time; nothing beyond a length.
        reverse: of the direction that runs.
    """
    # forward, a flag at the first step counts here; read backwards, it is the one behind the last step
    here = flags_TB[start + 1 : stop + 1] if reverse else flags_TB[start:stop]
    if not bool(here.any()):
        return None
    steps, batch = rows.steps, rows.batch
    lengths_B = torch.full((batch,), steps, device=flags_TB.device) if rows.lengths is None else rows.lengths
    first_TB = flags_TB[start:stop].clone()
    first_TB[0] = True
    owner, begin = first_TB.t().nonzero(as_tuple=True)
    following = torch.cat([begin[1:], begin.new_zeros(1)])
    ends = torch.cat([owner[1:] != owner[:-1], owner.new_ones(1).bool()])
    length = torch.where(ends, lengths_B[owner], following) - begin
    anew_B = torch.zeros(batch, dtype=torch.bool, device=flags_TB.device)
    if not reverse:
        anew_B = flags_TB[start]
    elif stop < len(flags_TB):
        anew_B = flags_TB[stop]
    opens = ends if reverse else begin == 0
    held = opens & ~anew_B[owner]
    order = torch.argsort(length, descending=True, stable=True)
    padded = valid_rows(length, order, len(owner))
    local, own = padded // len(owner), padded % len(owner)
    index = row_numbers(rows)[begin[own] + local, owner[own]]
    closes = begin == 0 if reverse else ends
    cut = Rows(rows.data[:0], int(length.max()), len(owner), "compact", length, order)
    return Restarts(cut, index, owner, held, closes.nonzero()[:, 0])


def row_numbers(rows: Rows) -> Tensor:
    """(T, B): the row of each step of each sequence, −1 beyond a length."""
    if rows.lengths is None:
        return torch.arange(rows.steps * rows.batch, device=rows.data.device).view(rows.steps, rows.batch)
    assert rows.order is not None
    numbers = torch.full((rows.steps * rows.batch,), -1, device=rows.data.device)
    found = valid_rows(rows.lengths, rows.order, rows.batch)
    numbers[found] = torch.arange(len(found), device=found.device)
    return numbers.view(rows.steps, rows.batch)
