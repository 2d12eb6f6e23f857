"""The integral of a gradient along a straight way, as fine as the function asks for.

Axes: T steps, I input of the first recurrent layer, N inputs at once.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from cellwright.microscope.figure import Array
from cellwright.microscope.subject import Subject

__all__ = ["AT_ONCE", "LITTLE", "METHODS", "Method", "gradients_at", "integral", "integral_until_complete", "way"]

Method = Literal["gauss", "midpoint"]
METHODS = ("gauss", "midpoint")
POINTS, ENOUGH, MOST = 16, 256, 1024  # on a piece of the way; on all of it; and while more than LITTLE is left out
CLOSE, LITTLE = 1e-9, 0.01  # what a piece may leave out; what all may, of F(x) − F(x′), with ENOUGH points
AT_ONCE = 32  # inputs in one batch


def way(start_TI: Tensor, x_TI: Tensor, places: Sequence[float] | Array) -> Tensor:
    """(N, T, I): places on the way from the baseline, 0, to the input, 1."""
    return start_TI + torch.as_tensor(np.asarray(places))[:, None, None] * (x_TI - start_TI)


def gradients_at(asked: Subject, x_NTI: Tensor) -> Tensor:
    """(N, T, I): dF/dx at each of N inputs."""
    live = x_NTI.detach().clone().requires_grad_()
    total = asked.values_of(live).sum()
    if not total.requires_grad:  # a number that nothing moves
        return torch.zeros_like(live)
    return torch.autograd.grad(total, live, materialize_grads=True)[0]


def integral(asked: Subject, start_TI: Tensor, x_TI: Tensor, count: int, method: Method) -> Tensor:
    """(T, I): (x − x′) ⊙ ∫ dF/dx on the way from x′ to x, by `count` gradients.

    Args:
        method: "gauss": Gauss-Legendre points; "midpoint": the middles of equal pieces.
    """
    if method == "gauss":
        places, weights = np.polynomial.legendre.leggauss(count)
        places, weights = (places + 1) / 2, weights / 2
    else:
        places, weights = (np.arange(count) + 0.5) / count, np.full(count, 1 / count)
    total = torch.zeros_like(x_TI)
    for k in range(0, count, AT_ONCE):
        found_NTI = gradients_at(asked, way(start_TI, x_TI, places[k : k + AT_ONCE]))
        total += torch.einsum("n,nti->ti", torch.from_numpy(weights[k : k + AT_ONCE]), found_NTI)
    return (x_TI - start_TI) * total


def integral_until_complete(asked: Subject, start_TI: Tensor, x_TI: Tensor) -> tuple[Tensor, int]:
    """The integral over pieces as fine as F asks for, and how many gradients it took."""
    made = 0

    def value(place: float) -> float:
        with torch.no_grad():
            return float(asked.values_of(way(start_TI, x_TI, [place]))[0])

    def piece(low: float, high: float, before: float, after: float) -> tuple[float, int, Any]:
        nonlocal made
        made += 1
        first_TI, last_TI = way(start_TI, x_TI, [low, high])
        share_TI = integral(asked, first_TI, last_TI, POINTS, "gauss")
        return -abs(float(share_TI.sum()) - (after - before)), made, (low, high, before, after, share_TI)

    ends = value(0.0), value(1.0)
    pieces = [piece(0.0, 1.0, *ends)]
    while -pieces[0][0] > CLOSE:
        left_out = -sum(missing for missing, _, _ in pieces)
        if POINTS * (made + 2) > (MOST if left_out > LITTLE * abs(ends[1] - ends[0]) else ENOUGH):
            break
        low, high, before, after, _ = heapq.heappop(pieces)[2]  # the piece that leaves out most
        middle = (low + high) / 2
        between = value(middle)
        heapq.heappush(pieces, piece(low, middle, before, between))
        heapq.heappush(pieces, piece(middle, high, between, after))
    return torch.stack([held[-1] for _, _, held in pieces]).sum(0), POINTS * made
