"""Ops that only gradients need: rows of the same form as cellwright.ops, beside the op list that users write."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.ops import OPS, Op

__all__ = ["ADJOINT_OPS", "ALL_OPS"]

Shape = tuple[int, ...]
Array = NDArray[Any]


def _transposed_shape(a: Shape, b: Shape) -> Shape:
    if len(a) == 2 and len(b) == 1 and a[0] == b[0]:
        return (a[1],)
    raise ValueError(f"the transpose of a matrix (m, n) times a vector (m), got {a}ᵀ @ {b}")


def _pad_shape(shape: Shape, *, start: int, size: int) -> Shape:
    if len(shape) != 1 or not 0 <= start <= size - shape[0]:
        raise ValueError(f"a vector of shape {shape} does not fit at {start} into {size}")
    return (size,)


def _pad(x: Array, *, start: int, size: int) -> Array:
    out = np.zeros(size, x.dtype)
    out[start : start + len(x)] = x
    return out


def _spread_shape(shape: Shape, *, size: int) -> Shape:
    if shape not in ((), (1,)):
        raise ValueError(f"only one number can be spread, got shape {shape}")
    return (size,)


def _same(shape: Shape) -> Shape:
    return shape


def _common(*shapes: Shape) -> Shape:
    return OPS["add"].shape(*shapes)


_ROWS = [
    Op("matmul_t", 2, _transposed_shape, lambda a, b: a.T @ b, (), "{0}ᵀ {1}"),
    Op("eq", 2, _common, np.equal, (), "{0} = {1}"),
    Op("spread", 1, _spread_shape, lambda x, *, size: np.full(size, x)),
    Op("pad", 1, _pad_shape, _pad),
    Op("suffix_sum", 1, _same, lambda x: np.cumsum(x[::-1])[::-1]),
]

ADJOINT_OPS: dict[str, Op] = {row.name: row for row in _ROWS}
ALL_OPS: dict[str, Op] = {**OPS, **ADJOINT_OPS}
