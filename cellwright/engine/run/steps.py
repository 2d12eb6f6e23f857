"""One step of a stack of cells as one foreign call: everything is placed once, a step only runs.

    for each layer:   streams = x Wᵀ + b        by the kernels' own product
                      kernel for one step

Axes: B batch, I input, O output, S size of one state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from cellwright.engine.lower.team import CHAIN_CALL
from cellwright.engine.run.compiled import Compiled
from cellwright.engine.run.linear import OwnProduct
from cellwright.engine.run.tables import tables_for
from cellwright.engine.run.team import chain

__all__ = ["Steps"]


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
        self.x = below = torch.zeros((batch, input_size), dtype=dtype, device="cpu")
        self.keep: list[object] = []
        calls: list[int] = []
        tables = tables_for("time", 1, batch, None, None, False)
        for (compiled, parameters), own in zip(layers, states, strict=True):
            inside = {name: parameters[name].detach().contiguous() for name in compiled.inside}
            streams = []
            for stream in compiled.plan.hoisted.streams:
                if not stream.rows:
                    streams.append(below)
                    continue
                product = OwnProduct(compiled.target, below, *compiled.streams.weights(stream, parameters))
                streams.append(product.result)
                calls += [0, product.address, *product.arguments()]
                self.keep.append(product)
            y = torch.zeros((batch, compiled.plan.output), dtype=dtype, device="cpu")
            call = compiled.inference.call([*streams, y], own, own, inside, (), tables, 1, None)
            calls += [1, call.job[0], call.job[1]] + [0] * (CHAIN_CALL - 3)
            self.keep.append(call)
            below = y
        self.y = below
        self.calls = np.array(calls, np.int64)
        self.address, self.count = self.calls.ctypes.data, len(calls) // CHAIN_CALL
        self.chain = chain()

    def run(self) -> None:
        """One step: reads x, writes y and the states."""
        self.chain(self.address, self.count)
