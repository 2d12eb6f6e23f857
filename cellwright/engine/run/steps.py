"""One step of a stack of cells as one foreign call: everything is placed once, a step only runs.

    for each layer:   streams = [x, 1] · [W | b]        the product's own tile, so that a row's bits never depend on
                      kernel for one step               which rows or steps are computed beside it

Axes: B batch, I input, O output, S size of one state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from cellwright.engine.hoist import Stream
from cellwright.engine.lower.team import CHAIN_CALL
from cellwright.engine.run.compiled import Compiled
from cellwright.engine.run.prepared import product_code
from cellwright.engine.run.tables import tables_for
from cellwright.engine.run.team import chain
from cellwright.engine.spots import padded

__all__ = ["OwnProduct", "Steps"]


class OwnProduct:
    """A stream made by the kernels' own product: its weights packed, its result in place.

    Args:
        x_one: (R, I + 1), the last column 1: the bias is one more row of the matrix.
    """

    def __init__(self, compiled: Compiled, stream: Stream, x_one: Tensor, parameters: Mapping[str, Tensor]) -> None:
        target = compiled.target
        matrix, bias = compiled.streams.weights(stream, parameters)
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
                product = OwnProduct(compiled, stream, below, parameters)
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
