"""x Wᵀ + b by the kernels' own product: each row's bits are its own, whatever rows are computed beside it.

Axes: R rows, I input, M columns of the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from cellwright.engine.lower.target import Target
from cellwright.engine.run.memory import empty
from cellwright.engine.run.prepared import product_code
from cellwright.engine.run.team import run_jobs, thread_count
from cellwright.engine.spots import padded

__all__ = ["OwnProduct", "own_linear"]

# Multiply-adds that pay for a thread: less takes about as long as the team needs to gather.
WORTH_A_THREAD = 200_000


class OwnProduct:
    """A product with its matrix packed and its result in place.

    Args:
        x: (R, K), columns next to each other.
        matrix: (M, K), or (K, M) if `transposed`; read now.
        bias: (M).

    Attributes:
        result: (R, M), not computed yet.
    """

    def __init__(
        self, target: Target, x: Tensor, matrix: Tensor, bias: Tensor | None = None, transposed: bool = False
    ) -> None:
        columns, self.depth = matrix.shape[::-1] if transposed else matrix.shape
        strides = matrix.stride()[::-1] if transposed else matrix.stride()
        self.panels = padded(columns, target.panel) // target.panel
        self.packed = torch.empty(self.panels * self.depth * target.panel, dtype=matrix.dtype, device="cpu")
        _, self.address, pack, self.share = product_code(target)
        pack(matrix.data_ptr(), *strides, columns, self.depth, self.panels, self.packed.data_ptr())
        whole = self.panels * target.panel
        self.operand, self.bias = x, bias
        if bias is not None and columns < whole:
            self.bias = torch.nn.functional.pad(bias.detach(), (0, whole - columns))
        elif bias is not None:
            self.bias = bias.detach().contiguous()
        self.whole = empty((len(x), whole), matrix.dtype)
        self.result = self.whole[:, :columns]

    def arguments(self) -> list[int]:
        """Of `product`."""
        return [
            self.operand.data_ptr(), self.operand.stride(0), len(self.operand), self.packed.data_ptr(), self.depth,
            self.panels, self.whole.data_ptr(), self.whole.stride(0), 0 if self.bias is None else self.bias.data_ptr(),
        ]  # fmt: skip

    def run(self) -> Tensor:
        """The result, rows shared out to torch's threads."""
        if len(self.operand):
            arguments = np.array(self.arguments(), np.int64)
            work = self.operand.shape[0] * self.packed.numel()
            threads = max(1, min(thread_count(), work // WORTH_A_THREAD))  # a row's bits do not depend on it
            run_jobs([(self.share, arguments.ctypes.data, threads)])
        return self.result


def own_linear(target: Target, x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    """functional.linear by our own product."""
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, matrix, bias)):
        result: Tensor = OwnLinear.apply(target, x, matrix, bias)  # type: ignore[no-untyped-call]
        return result
    return OwnProduct(target, in_rows(x), matrix, bias).run()


def in_rows(x: Tensor) -> Tensor:
    """x with its columns next to each other."""
    return x if x.stride(-1) == 1 else x.contiguous()


class OwnLinear(torch.autograd.Function):
    """`own_linear` with its gradient; the second derivative goes through torch's products."""

    @staticmethod
    def forward(ctx: Any, target: Target, x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, matrix)
        ctx.target = target
        return OwnProduct(target, in_rows(x), matrix, bias).run()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (g,), (x, matrix) = gradients, ctx.saved_tensors
        _, for_x, for_matrix, for_bias = ctx.needs_input_grad
        dx = None
        if for_x:
            own = not torch.is_grad_enabled()
            dx = OwnProduct(ctx.target, in_rows(g), matrix, transposed=True).run() if own else g @ matrix
        return None, dx, g.t() @ x if for_matrix else None, g.sum(0) if for_bias else None
