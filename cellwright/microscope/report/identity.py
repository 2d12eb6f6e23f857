"""How the left side of a figure's identity is made of the figure's own arrays, so that the page can make it again."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from cellwright.microscope.figure import Figure

__all__ = ["recipe"]


def recipe(figure: Figure) -> dict[str, Any] | None:
    """{"how": "sum", "array", "over": axes} | {"how": "entries", "array"} | {"how": "stack"}; None where the left side
    is none of these. Then the page compares both sides as written, and each array with its sum.
    """
    if figure.check is None:
        return None
    left = np.asarray(figure.check.left, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        for name, array in figure.arrays.items():
            values = np.asarray(array, np.float64)
            if _same(values, left):
                return {"how": "entries", "array": name}
            for count in range(1, values.ndim + 1):
                for over in combinations(range(values.ndim), count):
                    if _same(values.sum(axis=over), left):
                        return {"how": "sum", "array": name, "over": list(over)}
        if len({np.shape(array) for array in figure.arrays.values()}) == 1 and _same(
            np.stack([np.asarray(array, np.float64) for array in figure.arrays.values()]), left
        ):
            return {"how": "stack"}
    return None


def _same(made: Any, left: Any) -> bool:
    made = np.asarray(made)
    if made.shape != left.shape or not made.size or not np.isfinite(made).all() or not np.any(left):
        return False
    return bool(np.allclose(made, left, rtol=1e-13, atol=1e-15))
