"""The mean −ln P of targets under a softmax over many rows, which never holds the scores of all positions at once.

Scores, probabilities and their gradients of a language model with 10,000 words are 45 MB each in a usual step, fetched
from the system and given back every time. Here they are made for some positions at a time, and the gradients of
features and weights with them, so that nothing is computed twice.

Legend: N positions, F features, V rows of the vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

__all__ = ["AT_A_TIME", "LEAST", "mean_loss"]

AT_A_TIME = 2 << 20
"""Scores that are held at a time."""
LEAST = 64
"""Positions at a time at least: with fewer, products would read the weights too often."""


def mean_loss(y_NF: Tensor, target_N: Tensor, weight_VF: Tensor, bias_V: Tensor) -> Tensor:
    """cross_entropy(linear(y, weight, bias), target), a number; its gradient has no gradient."""
    loss: Tensor = _MeanLoss.apply(y_NF, target_N, weight_VF, bias_V)  # type: ignore[no-untyped-call]
    return loss


class _MeanLoss(torch.autograd.Function):
    """Gradients are made for a loss that is passed on as it is, and scaled by what comes back."""

    @staticmethod
    def forward(ctx: Any, y_NF: Tensor, target_N: Tensor, weight_VF: Tensor, bias_V: Tensor) -> Tensor:
        device = y_NF.device.type
        low = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight_VF.dtype
        with torch.autocast(device, enabled=False):
            y, weight, bias = y_NF.to(low), weight_VF.to(low), bias_V.to(low)
            sums = torch.float64 if low == torch.float64 else torch.float32
            total = torch.zeros((), dtype=sums, device=y.device)
            grads = (torch.empty_like(y_NF), torch.zeros_like(weight, dtype=sums), torch.zeros_like(bias, dtype=sums))
            some = max(LEAST, AT_A_TIME // len(bias))
            for start in range(0, len(y), some):
                here = slice(start, start + some)
                log_p_SV = functional.linear(y[here], weight, bias).to(sums).log_softmax(-1)
                target_S1 = target_N[here, None]
                total -= log_p_SV.gather(1, target_S1).sum()
                over_SV = log_p_SV.exp_()  # P − 1 at the target, P elsewhere: the gradient of the scores
                over_SV.scatter_add_(1, target_S1, torch.full_like(target_S1, -1, dtype=sums))
                grads[2].add_(over_SV.sum(0))
                over_SV = over_SV.to(low)
                grads[0][here] = over_SV @ weight
                if low == sums:
                    grads[1].addmm_(over_SV.t(), y[here])
                else:
                    grads[1].add_(over_SV.t() @ y[here])
        count = len(y)
        ctx.save_for_backward(*(grad.div_(count) for grad in grads))
        ctx.dtypes = (y_NF.dtype, weight_VF.dtype, bias_V.dtype)
        return total.div_(count)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        y, weight, bias = ((grad * own).to(dtype) for own, dtype in zip(ctx.saved_tensors, ctx.dtypes, strict=True))
        return y, None, weight, bias
