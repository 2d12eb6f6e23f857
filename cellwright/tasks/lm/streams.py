"""The batch-of-streams layout: the text is cut into streams that are read side by side, window after window.

Row b of every batch goes on where row b of the batch before stopped, so that the state is carried on and the whole
text stands to the left of a word, though gradients flow through one window only.

Legend: N tokens, B streams, T steps of a window.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellwright.errors import DataError

__all__ = ["ALL", "Rows", "Streams", "Window"]

ALL = slice(None)
GOLDEN = 0.6180339887498949


class Rows(Protocol):
    """A text's rows, in memory or not."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> NDArray[np.int64]: ...


@dataclass(frozen=True, slots=True)
class Window:
    """A batch: `y` holds the token after each of `x`.

    Attributes:
        start: place of the first token within each stream; 0 begins anew.
    """

    x_BT: Tensor
    y_BT: Tensor
    start: int


class Streams:
    """A text as B streams of equal length; what is left over at its end is not read.

    Raises DataError: fewer than two tokens a stream.
    """

    def __init__(self, rows: Rows, streams: int, steps: int) -> None:
        length = (len(rows) - 1) // streams
        if length < 1:
            raise DataError(
                f"Expected at least {2 * streams:,} tokens for {streams} streams, found {len(rows):,}.",
                repair="Give more text, or set train.batch_size lower.",
            )
        self.rows = rows
        self.starts = range(0, streams * length, length)
        self.steps = steps
        self.length = length

    def cuts(self, epoch: int = 0) -> list[tuple[int, int]]:
        """(start, stop) of the windows of an epoch: as many in every epoch, cut at other places.

        The first window is shortened by a share of the steps that differs from epoch to epoch (multiples of the golden
        ratio spread evenly); what that leaves at the end is not read. Epoch 0 cuts at multiples of the steps.
        """
        first = min(self.steps, self.length)
        shift = int(first * (epoch * GOLDEN % 1.0))
        starts = [0, *range(first - shift, self.length - shift, self.steps)]
        return [*itertools.pairwise(starts), (starts[-1], min(starts[-1] + self.steps, self.length))]

    def window(self, start: int, stop: int, streams: slice = ALL) -> Window:
        """Tokens from `start` to before `stop` of each stream, or of some of them."""
        found_BT = torch.from_numpy(np.stack([self.rows[k + start : k + stop + 1] for k in self.starts[streams]]))
        return Window(found_BT[:, :-1].contiguous(), found_BT[:, 1:].contiguous(), start)
