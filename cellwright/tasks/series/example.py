"""One series with its class. Legend: T steps, C channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Series"]


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers, all finite, and what they are an example of.

    Attributes:
        values: (T, C), at least one step.
        label: its class; "" where it is not known.
        place: file and line.
    """

    values: NDArray[np.float32]
    label: str
    place: str = ""
