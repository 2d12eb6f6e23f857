"""Which row of which tensor each step of each sequence reads and writes.

Layers work on rows: x is (R, I), y is (R, O), one row a step of a sequence. Four forms:
    time      R = T·B, row t·B + b
    batch     R = T·B, row b·T + t
    compact   R = N, valid steps only, sorted as in a PackedSequence
    padded    R = T·B, row t·B + b, valid steps only are read and written (for compilers that cannot count them)

Axes: T time, B batch, N valid steps of all sequences, S local steps (the longest sequence).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import ParamSpec

import torch
from torch import Tensor

__all__ = ["FORMS", "Tables", "tables_for", "valid_rows"]

FORMS = ("time", "batch", "compact", "padded")


P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Tables:
    """Sequences sorted from the longest to the shortest; a local step counts from each sequence's own beginning.

    Attributes:
        counts: (S) sequences still running; offsets: (S) where a local step begins in `rows`.
        rows: (N) row of each local step and sequence.
        order: (B) place of each sequence in the batch.
        whole: every row is some step's.
    """

    counts: Tensor
    offsets: Tensor
    rows: Tensor
    order: Tensor
    whole: bool

    @property
    def steps(self) -> int:
        return len(self.counts)


def tables_for(
    form: str,
    steps: int,
    batch: int,
    lengths_B: Tensor | None,
    order_B: Tensor | None,
    reverse: bool,
    threads: int = 1,
) -> Tables:
    """Tables of one direction.

    Args:
        lengths_B, order_B: of compact and padded forms: valid steps of each sequence, and the places of the sequences
            from the longest to the shortest.
        threads: of the run. Kernels deal sequences out in turn; dense ones stand so that a thread gets neighbours, as
            memory is fetched ahead in order.
    """
    if lengths_B is None or order_B is None:
        return _dense(form, steps, batch, reverse, threads)
    lengths, order = tuple(lengths_B.tolist()), tuple(order_B.tolist())
    return _ragged(form, batch, lengths, order, reverse)


def on_cpu_for_any_call(make: Callable[P, Tables]) -> Callable[P, Tables]:
    """Tables outlive the call that made them: whoever made them under `inference_mode`, or with another default device,
    must not leave tables that autograd or a kernel cannot read."""

    @wraps(make)
    def made(*args: P.args, **named: P.kwargs) -> Tables:
        with torch.inference_mode(False), torch.device("cpu"):
            return make(*args, **named)

    return made


@lru_cache(maxsize=64)
@on_cpu_for_any_call
def _dense(form: str, steps: int, batch: int, reverse: bool, threads: int) -> Tables:
    t_T1 = (torch.arange(steps - 1, -1, -1) if reverse else torch.arange(steps))[:, None]
    blocks = torch.arange(batch).tensor_split(threads)  # the first ones longer, as in dealing
    b_B = torch.nn.utils.rnn.pad_sequence(list(blocks), padding_value=-1).flatten()
    b_B = b_B[b_B >= 0]
    rows = (b_B * steps + t_T1 if form == "batch" else t_T1 * batch + b_B).flatten()
    return Tables(torch.full((steps,), batch), torch.arange(steps) * batch, rows, b_B, True)


@lru_cache(maxsize=64)
@on_cpu_for_any_call
def _ragged(form: str, batch: int, lengths: tuple[int, ...], order: tuple[int, ...], reverse: bool) -> Tables:
    order_B = torch.tensor(order, dtype=torch.int64)
    sorted_B = torch.tensor(lengths, dtype=torch.int64)[order_B]
    t_S1 = torch.arange(int(sorted_B[0]) if batch else 0)[:, None]
    valid_SB = t_S1 < sorted_B
    counts = valid_SB.sum(1)
    offsets = torch.cumsum(counts, 0) - counts
    time = ((sorted_B - 1 - t_S1) if reverse else t_S1.expand(valid_SB.shape))[valid_SB]
    place = torch.arange(batch).expand(valid_SB.shape)[valid_SB]
    rows = offsets[time] + place if form == "compact" else time * batch + order_B[place]
    return Tables(counts, offsets, rows, order_B, form == "compact")


def valid_rows(lengths_B: Tensor, order_B: Tensor, batch: int) -> Tensor:
    """(N) rows t·B + b of x's valid steps, in compact order."""
    return tables_for("padded", 0, batch, lengths_B, order_B, False).rows
