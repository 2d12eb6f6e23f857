"""One program of a plan, compiled: fills its argument array and packs its matrices."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cellwright.engine.cache import load_module
from cellwright.engine.graph import Node
from cellwright.engine.lower.arguments import Slots
from cellwright.engine.lower.barrier import BARRIER_BYTES
from cellwright.engine.lower.product import product_module
from cellwright.engine.lower.program import Layout, program_module
from cellwright.engine.lower.target import Target
from cellwright.engine.plan import Product, Program
from cellwright.engine.run.streams import part_of, stacked
from cellwright.engine.run.tables import Tables
from cellwright.engine.run.team import Job, give_way
from cellwright.engine.spots import padded, width
from cellwright.engine.units import schedule_of

__all__ = ["DTYPES", "Call", "Prepared"]

DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(slots=True)
class Call:
    """A program with everything it was handed; the tensors stay alive as long as it does."""

    job: Job
    keep: list[object]


@cache
def product_code(target: Target) -> tuple[object, int, Any, int]:
    """(loaded code, address of `product`, `pack` as a function, address of `share`): one for all cells of a target."""
    loaded = load_module("product", repr(target), lambda: product_module(target), target)
    pack = ctypes.CFUNCTYPE(None, *([ctypes.c_void_p] + [ctypes.c_int64] * 5 + [ctypes.c_void_p]))(
        loaded.address("pack")
    )
    return loaded, loaded.address("product"), pack, loaded.address("share")


class Packing:
    """How one product's matrices come into panels."""

    def __init__(self, product: Product, target: Target) -> None:
        lanes, panel = target.lanes, target.panel
        self.product, self.target, self.nodes = product, target, product.matrices
        heights = [node.shape[0] for node in self.nodes]
        several = len(heights) > 1
        if product.transposed:
            self.rows = [padded(height, lanes) for height in heights] if several else heights
            self.depth, self.columns = sum(self.rows), self.nodes[0].shape[1]
        else:
            self.rows = [padded(height, lanes) for height in heights[:-1]] + heights[-1:]
            self.depth, self.columns = self.nodes[0].shape[1], sum(self.rows)
        # with the last block's padding, what the kernel computes
        self.panels = padded(sum(padded(size, lanes) for size in product.sizes), panel) // panel
        self.panel_bytes = target.packed_depth(self.depth) * panel * target.size
        self.name = self._one_whole()

    def _one_whole(self) -> str | None:
        """The stored parameter that the matrices are, in its order and without gaps."""
        at = 0.0
        for node, rows in zip(self.nodes, self.rows, strict=True):
            attrs = dict(node.attrs)
            first = attrs.get("row0", 0.0)
            if node.name != self.nodes[0].name or first != at or rows != node.shape[0] or attrs.get("col0", 0.0):
                return None
            at += node.shape[0]
        return self.nodes[0].name

    def pack(self, parameters: Mapping[str, Tensor]) -> Tensor:
        """Panels (M / panel, K, panel), zeros where there is nothing."""
        whole = None if self.name is None else parameters[self.name]
        if whole is None or whole.shape != (sum(self.rows), self.nodes[0].shape[1]):
            parts = [part_of(parameters, node) for node in self.nodes]
            whole = stacked(parts, self.rows, self.nodes[0].shape[1])
        packed = torch.empty(self.panels * self.panel_bytes // self.target.size, dtype=whole.dtype, device="cpu")
        rows, columns = whole.stride()
        strides = (columns, rows) if self.product.transposed else (rows, columns)
        product_code(self.target)[2](
            whole.data_ptr(), *strides, self.columns, self.depth, self.panels, packed.data_ptr()
        )
        return packed


class Prepared:
    """A program's code and what is known of its arguments before any call.

    Args:
        bfloat16: whether products read bfloat16 (lower.choice).
    """

    def __init__(self, program: Program, target: Target, bfloat16: bool = False) -> None:
        self.program, self.target = program, target
        multiplied = replace(target, pairs=bfloat16)
        self.layout, self.count = Layout(program, target), Slots(program).count
        self.packings = [Packing(product, multiplied) for product in program.products]
        self.vectors: list[Node] = [program.nodes[k] for k in program.vectors]
        self.grads = [padded(width(program.nodes[node].shape), target.lanes) for node in program.grads]
        self.schedule = schedule_of(program, target.size)
        self.dtype = DTYPES[target.dtype]
        self.product = product_code(multiplied)[1]
        self.loaded = load_module(
            program.name, repr((program, target)), lambda: program_module(program, target), target
        )
        self.kernel = self.loaded.address("kernel")

    def call(
        self,
        arrays: Sequence[Tensor | None],
        before: Sequence[Tensor],
        after: Sequence[Tensor],
        parameters: Mapping[str, Tensor],
        grads: Sequence[Tensor],
        tables: Tables,
        threads: int,
        resets: Tensor | None,
    ) -> Call:
        """A call with these tensors: arrays (rows, columns) with any row pitch, None if not read; states (B, S)."""
        batch, unit_rows = len(tables.order), self.schedule.unit_rows(threads)
        scratch = torch.empty(self.layout.scratch_size(batch, threads, unit_rows), dtype=self.dtype, device="cpu")
        if unit_rows:
            scratch[: BARRIER_BYTES // self.target.size] = 0
        packed = [packing.pack(parameters) for packing in self.packings]
        vectors = [parameters[node.name].contiguous() for node in self.vectors]
        rows = tables.rows.data_ptr()
        values = [
            tables.steps, batch, tables.counts.data_ptr(), tables.offsets.data_ptr(), rows, rows,
            tables.order.data_ptr(), 0 if resets is None else resets.data_ptr(), scratch.data_ptr(), unit_rows,
            give_way(), self.product,
        ]  # fmt: skip
        for array in arrays:
            values += (0, 0) if array is None else (array.data_ptr(), array.stride(0))
        for start, end in zip(before, after, strict=True):
            values += (start.data_ptr(), end.data_ptr())
        for packing, tensor in zip(self.packings, packed, strict=True):
            values += (tensor.data_ptr(), packing.panel_bytes)
        values += [tensor.data_ptr() for tensor in (*vectors, *grads)]
        assert len(values) == self.count, (len(values), self.count)
        arguments = np.array(values, np.int64)
        keep = [arguments, scratch, packed, vectors, arrays, before, after, grads, tables, resets]
        return Call((self.kernel, arguments.ctypes.data, threads), keep)
