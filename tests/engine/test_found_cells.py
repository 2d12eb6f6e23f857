"""The smallest cells of each bug that random cells have found: compiled, they equal the plain loop."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch import Tensor

from cellwright import ops
from cellwright.cells import Cell
from cellwright.nn import Recurrent

I, H, T, B = 3, 4, 4, 3


class Sized(Cell):
    """With letters of one's own: K and N."""

    K, N = 1, 17


class ScanOfOneNumber(Sized):
    """A running sum of one number, which a later section reads too."""

    states = "h d"
    sizes: ClassVar = {"d": "K"}
    params: ClassVar = {"V": "K H"}

    def step(self, x, h, d, V):
        q = ops.tanh(V @ h)
        return ops.tanh(h + d), ops.cumsum(q) * d


class LargestBesideAWideVector(Sized):
    """A maximum over all lanes beside a tail of one number."""

    sizes: ClassVar = {"y": "N"}
    params: ClassVar = {"p": "N"}
    output = "y"

    def step(self, x, h, p):
        return ops.tanh(h), p + ops.amax(h)


class PartOfAScanAsOperand(Sized):
    params: ClassVar = {"P": "H K"}

    def step(self, x, h, P):
        return P @ ops.cumsum(h)[1:2]


class PartOfAProductAsOperand(Sized):
    sizes: ClassVar = {"y": "N"}
    params: ClassVar = {"P": "H H", "Q": "M K"}
    output = "y"
    M, N = 3, 7

    def step(self, x, h, P, Q):
        v = P @ h
        return h, ops.concat(v, Q @ v[3:4])


class StateThatNothingReads(Sized):
    gates = "h"
    states = "h d"

    def step(self, x, h, d, W, b):
        return ops.tanh(W.h @ x + b.h), h * 0.5


class PartsOfOneProduct(Sized):
    params: ClassVar = {"W": "N I", "R": "N H", "b": "N"}
    N = 2 * H

    def step(self, x, h, W, R, b):
        z, n = (W @ x + R @ h + b).chunk(2)
        return ops.sigmoid(z) * h + b[1:5] * ops.tanh(n)


CELLS = [ScanOfOneNumber, LargestBesideAWideVector, PartOfAScanAsOperand, PartOfAProductAsOperand,
         StateThatNothingReads, PartsOfOneProduct]  # fmt: skip


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.__name__)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_cell_found_by_chance_equals_its_plain_loop(cell: type[Cell], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = Recurrent(cell(), I, H, dtype=dtype, bidirectional=True)
    x = torch.randn(T, B, I, dtype=dtype, requires_grad=True)
    states = [torch.randn(2, B, n, dtype=dtype, requires_grad=True) for n in layer.state_sizes.values()]
    found: list[list[Tensor]] = []
    for backend in ("cpu", "reference"):
        y, ends = layer(x, states, backend=backend)
        loss = y.sin().sum() + sum(end.cos().sum() for end in ends)
        gradients = torch.autograd.grad(
            loss, [x, *states, *layer.parameters()], allow_unused=True, materialize_grads=True
        )
        found.append([y, *ends, *gradients])
    for ours, loop in zip(*found, strict=True):
        # values of a few units: some roundings of each side
        torch.testing.assert_close(ours, loop, rtol=0, atol=256 * torch.finfo(dtype).eps)
