"""One step of a stack of cells as one foreign call: everything is placed once, a step only runs.

    for each layer:   streams = [x, 1] · [W | b]        the product's own tile, so that a row's bits never depend on
                      kernel for one step               which rows or steps are computed beside it

Axes: B batch, I input, O output, S size of one state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cellwright.engine.lower.team import CHAIN_CALL
from cellwright.engine.run.compiled import Compiled
from cellwright.engine.run.prepared import product_code
from cellwright.engine.run.tables import tables_for
from cellwright.engine.run.team import chain
from cellwright.engine.spots import padded
from cellwright.errors import BackendError

__all__ = ["OwnProduct", "Steps", "own_streams"]


class OwnProduct:
    """A stream made by the kernels' own product: its weights packed, its result in place.

    Args:
        x_one: (R, I + 1), the last column 1 where there is a bias: it is one more row of the matrix.
    """

    def __init__(self, compiled: Compiled, matrix: Tensor, bias: Tensor | None, x_one: Tensor) -> None:
        target = compiled.target
        parts = [matrix] if bias is None else [matrix, bias[:, None]]
        stacked = torch.cat([part.detach() for part in parts], dim=1).contiguous()
        rows, self.depth = stacked.shape
        self.panels = padded(rows, target.panel) // target.panel
        self.packed = torch.empty(self.panels * self.depth * target.panel, dtype=compiled.dtype)
        _, self.address, pack = product_code(target)
        pack(stacked.data_ptr(), self.depth, 1, rows, self.depth, self.panels, self.packed.data_ptr())
        self.operand = x_one
        self.whole = torch.empty((len(x_one), self.panels * target.panel), dtype=compiled.dtype)
        self.result = self.whole[:, :rows]

    def arguments(self) -> list[int]:
        """Of `product`."""
        return [
            self.operand.data_ptr(), self.operand.stride(0), len(self.operand), self.packed.data_ptr(), self.depth,
            self.panels, self.whole.data_ptr(), self.whole.stride(0),
        ]  # fmt: skip


class OwnLinear(torch.autograd.Function):
    """x Wᵀ + b by our own product: each row's bits are its own. The gradient is torch's."""

    @staticmethod
    def forward(ctx: Any, compiled: Compiled, x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, matrix)
        ctx.with_bias = bias is not None
        x_one = torch.cat([x, x.new_ones((len(x), 1))], dim=1) if bias is not None else x.contiguous()
        product = OwnProduct(compiled, matrix, bias, x_one)
        run_product(product)
        return product.result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (g,), (x, matrix) = gradients, ctx.saved_tensors
        return None, g @ matrix, g.t() @ x, g.sum(0) if ctx.with_bias else None


def own_streams(compiled: Compiled, x: Tensor, parameters: Mapping[str, Tensor]) -> list[Tensor]:
    """Every stream by our own product.

    Raises:
        BackendError: a product reads a function of x.
    """
    if not compiled.streams.reads_x_alone:
        raise BackendError(
            f'deterministic="any-split" of {compiled.graph.cell}: a product reads a function of x, not x itself.',
            repair="Leave deterministic away.",
        )
    return [
        OwnLinear.apply(compiled, x, *compiled.streams.weights(stream, parameters))  # type: ignore[no-untyped-call]
        if stream.rows
        else x.contiguous()
        for stream in compiled.plan.hoisted.streams
    ]


def run_product(product: OwnProduct) -> None:
    """Runs one product, on the thread that calls."""
    call = np.array([0, product.address, *product.arguments()], np.int64)
    if len(product.operand):
        chain()(call.ctypes.data, 1)


class Steps:
    """One direction of stacked cells, a step at a time, states updated in place.

    Args:
        layers: (compiled cell, its stored parameters) from the bottom up; every stream reads x alone.
        states: of each layer, one (B, S) a state; written over by every step.

    Attributes:
        x, y: (B, I) and (B, O): what a step reads and what it leaves; the same memory in every step.
    """

    def __init__(
        self,
        layers: Sequence[tuple[Compiled, Mapping[str, Tensor]]],
        states: Sequence[Sequence[Tensor]],
        batch: int,
        input_size: int,
    ) -> None:
        dtype = layers[0][0].dtype
        below = torch.ones((batch, input_size + 1), dtype=dtype)
        self.x = below[:, :-1]
        self.keep: list[object] = []
        calls: list[int] = []
        tables = tables_for("time", 1, batch, None, None, False)
        for (compiled, parameters), own in zip(layers, states, strict=True):
            inside = {name: parameters[name].detach().contiguous() for name in compiled.inside}
            streams = []
            for stream in compiled.plan.hoisted.streams:
                if not stream.rows:
                    streams.append(below[:, :-1])
                    continue
                product = OwnProduct(compiled, *compiled.streams.weights(stream, parameters), below)
                streams.append(product.result)
                calls += [0, product.address, *product.arguments()]
                self.keep.append(product)
            y_one = torch.ones((batch, compiled.plan.output + 1), dtype=dtype)
            call = compiled.inference.call([*streams, y_one[:, :-1]], own, own, inside, (), tables, 1, None)
            calls += [1, call.job[0], call.job[1]] + [0] * (CHAIN_CALL - 3)
            self.keep.append(call)
            below = y_one
        self.y = below[:, :-1]
        self.calls = np.array(calls, np.int64)
        self.address, self.count = self.calls.ctypes.data, len(calls) // CHAIN_CALL
        self.chain = chain()

    def run(self) -> None:
        """One step: reads x, writes y and the states."""
        self.chain(self.address, self.count)
