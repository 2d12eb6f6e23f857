"""One torch row an op, on batched values: a vector is (B, n), a scalar (B,), a parameter has no batch axis.

The loop aligns scalars with vectors before it calls an elementwise row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["TORCH_ROWS"]


def _matmul(a: Tensor, b: Tensor) -> Tensor:
    """A matrix (m, n) times vectors (B, n), or one vector (n)."""
    return functional.linear(b, a)


def _where(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return torch.where(condition if condition.dtype == torch.bool else condition != 0, a, b)


def _number(compare: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A comparison as 1 or 0 of the type that is compared: sums of them count, where torch's bool says "or"."""

    def row(a: Any, b: Any) -> Tensor:
        like: Tensor = a if isinstance(a, Tensor) else b
        return compare(a, b).to(like.dtype)

    return row


TORCH_ROWS: dict[str, Callable[..., Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.true_divide,
    "neg": torch.neg,
    "matmul": _matmul,
    "concat": lambda *parts: torch.cat(parts, dim=-1),
    "slice": lambda x, *, start, stop: x[..., start:stop],
    "identity": lambda x: x,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    "minimum": torch.minimum,
    "maximum": torch.maximum,
    "lt": _number(torch.lt),
    "le": _number(torch.le),
    "gt": _number(torch.gt),
    "ge": _number(torch.ge),
    "where": _where,
    "sum": lambda x: x.sum(-1),
    "mean": lambda x: x.mean(-1),
    "amax": lambda x: x.amax(-1),
    "softmax": lambda x: torch.softmax(x, -1),
    "cumsum": lambda x: torch.cumsum(x, -1),
    "spread": lambda x, *, size: x.unsqueeze(-1).expand(*x.shape, size),
}
