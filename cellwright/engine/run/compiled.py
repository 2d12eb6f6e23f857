"""A cell at one size, type and instruction set, compiled: packs matrices, hands tensors to kernels, adds up gradients.

Axes: T time, B batch, N valid steps of all sequences, S size of one state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from cellwright.engine.cache import load_module
from cellwright.engine.graph import Graph, Node
from cellwright.engine.joint import Plan, make_plan
from cellwright.engine.lower.arguments import HEADER, Slots
from cellwright.engine.lower.compile import Loaded
from cellwright.engine.lower.product import product_module
from cellwright.engine.lower.program import Layout, program_module
from cellwright.engine.lower.target import Target
from cellwright.engine.plan import Product, Program
from cellwright.engine.run.streams import part_of, stacked
from cellwright.engine.run.tables import Tables
from cellwright.engine.run.team import Job, run_jobs
from cellwright.engine.spots import padded, width

__all__ = ["Call", "Compiled", "Gradients"]

DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(slots=True)
class Call:
    """A program with everything it was handed; the tensors stay alive as long as it does."""

    job: Job
    keep: list[object]


@dataclass(slots=True)
class Gradients:
    """What a backward run gives."""

    streams: list[Tensor]
    states: list[Tensor]
    parameters: dict[str, Tensor] = field(default_factory=dict)


class Compiled:
    """One cell at one size, compiled on first use.

    Args:
        graph: the traced step.
        order: names of the parameters as they are stored.
    """

    def __init__(self, graph: Graph, order: Sequence[str], target: Target) -> None:
        self.graph, self.target = graph, target
        self.plan: Plan = make_plan(graph, target.lanes, order)
        self.dtype = DTYPES[target.dtype]
        self.loaded: dict[str, Loaded] = {}
        inside = {node.name for node in self.plan.hoisted.graph.nodes if node.op == "parameter"}
        self.stored = tuple(order)
        self.inside = tuple(name for name in order if name in inside)

    @cached_property
    def product(self) -> int:
        """Address of the product's function."""
        self.loaded["product"] = load_module("product", "", lambda: product_module(self.target), self.target)
        return self.loaded["product"].address("product")

    def kernel(self, program: Program) -> int:
        """Address of a program's function, compiled now if need be."""
        if program.name not in self.loaded:
            self.loaded[program.name] = load_module(
                program.name, repr(program), lambda: program_module(program, self.target), self.target
            )
        return self.loaded[program.name].address("kernel")

    def named(self, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        """The stored parameters that the loop reads, by name."""
        return dict(zip(self.inside, tensors, strict=True))

    def forward(
        self,
        streams: Sequence[Tensor],
        states: Sequence[Tensor],
        parameters: Mapping[str, Tensor],
        tables: Tables,
        y_RO: Tensor,
        *,
        save: bool,
        threads: int,
        resets: Tensor | None = None,
    ) -> tuple[Call, list[Tensor], Tensor]:
        """Prepares one direction, which will fill y: (what to run, final states, what backward needs (R, columns))."""
        program = self.plan.forward if save else self.plan.without
        make = torch.empty if tables.whole else torch.zeros
        saved = make((len(y_RO), self.plan.saved if save else 0), dtype=self.dtype)
        states = [state.contiguous() for state in states]
        finals = [torch.empty_like(state) for state in states]
        arrays = [*streams, y_RO, *([saved] if save and self.plan.saved else [])]
        return self.call(program, arrays, states, finals, parameters, [], tables, threads, resets), finals, saved

    def backward(
        self,
        dy_RO: Tensor,
        d_finals: Sequence[Tensor],
        streams: Sequence[Tensor],
        saved: Tensor,
        parameters: Mapping[str, Tensor],
        tables: Tables,
        *,
        threads: int,
        resets: Tensor | None = None,
    ) -> tuple[Call, Pending]:
        """Prepares the gradient of one direction; `Pending.gradients` after the run adds up what is left."""
        plan, program = self.plan, self.plan.backward
        count = len(dy_RO)
        outs = [torch.empty((count, array.columns), dtype=self.dtype) for array in program.arrays[len(streams) + 2 :]]
        if not tables.whole:
            for out in outs:
                out.zero_()
        for out, stream, parts in zip(outs, streams, plan.stream_parts, strict=False):
            if sum(stop - start for start, stop in parts) < stream.shape[1]:
                out.zero_()
        d_states = [torch.empty_like(state) for state in d_finals]
        grads = [
            torch.empty((threads, padded(width(node.shape), self.target.lanes)), dtype=self.dtype)
            for node in plan.grads
        ]
        arrays = [*streams, dy_RO, saved, *outs]
        call = self.call(program, arrays, d_finals, d_states, parameters, grads, tables, threads, resets)
        return call, Pending(self, arrays, outs[: len(streams)], d_states, grads, parameters)

    def call(
        self,
        program: Program,
        arrays: Sequence[Tensor],
        before: Sequence[Tensor],
        after: Sequence[Tensor],
        parameters: Mapping[str, Tensor],
        grads: Sequence[Tensor],
        tables: Tables,
        threads: int,
        resets: Tensor | None,
    ) -> Call:
        """Fills a program's argument array."""
        slots, layout = Slots(program), Layout(program, self.target)
        batch = len(tables.order)
        limit = max(-(-batch // threads), 1)
        share = padded(limit * layout.a_row + layout.once + 64, 64) * self.target.size
        scratch = torch.empty(share * threads // self.target.size, dtype=self.dtype)
        packed = [self.pack(product, parameters) for product in program.products]
        vectors = [parameters[program.nodes[k].name].contiguous() for k in program.vectors]
        header = {
            "steps": tables.steps, "rows": batch, "counts": tables.counts, "offsets": tables.offsets,
            "z": tables.rows, "y": tables.rows, "order": tables.order, "resets": 0 if resets is None else resets, "scratch": scratch,
            "scratch_size": share, "row_limit": limit, "product": self.product,
        }  # fmt: skip
        values = [_address(header[name]) for name in HEADER]
        for array in arrays:
            values += [array.data_ptr(), array.stride(0) if array.dim() > 1 else 0]
        for start, end in zip(before, after, strict=True):
            values += [start.data_ptr(), end.data_ptr()]
        values += [tensor.data_ptr() for tensor in (*packed, *vectors, *grads)]
        assert len(values) == slots.count, (len(values), slots.count)
        arguments = np.array(values, np.int64)
        keep = [arguments, scratch, *packed, *vectors, *arrays, *before, *after, *grads, tables, resets]
        return Call((self.kernel(program), arguments.ctypes.data, threads), keep)

    def pack(self, product: Product, parameters: Mapping[str, Tensor]) -> Tensor:
        """A product's matrices as panels (M / panel, K, panel), zeros where there is nothing."""
        lanes, panel = self.target.lanes, self.target.panel
        parts = [part_of(parameters, node) for node in product.matrices]
        if product.transposed:
            rows = [padded(part.shape[0], lanes) if len(parts) > 1 else part.shape[0] for part in parts]
            dense_KM = stacked(parts, rows, padded(product.sizes[0], panel))
            return dense_KM.view(dense_KM.shape[0], -1, panel).transpose(0, 1).contiguous()
        rows = [padded(part.shape[0], lanes) for part in parts]
        rows[-1] += -sum(rows) % panel
        dense_MK = stacked(parts, rows, parts[0].shape[1])
        return dense_MK.view(-1, panel, dense_MK.shape[1]).transpose(1, 2).contiguous()


@dataclass(slots=True)
class Pending:
    """A gradient whose kernel has run, or will."""

    compiled: Compiled
    arrays: list[Tensor]
    streams: list[Tensor]
    states: list[Tensor]
    grads: list[Tensor]
    parameters: Mapping[str, Tensor]

    def gradients(self) -> Gradients:
        """All gradients: products over all steps, and sums over threads, in a fixed order."""
        shapes = {name: tensor.shape for name, tensor in self.parameters.items()}
        result = Gradients(self.streams, self.states)
        for outer in self.compiled.plan.outers:
            cotangents = self.arrays[outer.cotangents.index]
            operand = self.arrays[outer.operand.index]
            operand = operand[:, outer.operand.column : outer.operand.column + outer.operand_size]
            first = outer.cotangents.column
            last = outer.columns[-1] + outer.matrices[-1].shape[0]
            whole = cotangents[:, first : first + last].t() @ operand
            if _is_all_of(outer.matrices, shapes[outer.matrices[0].name], len(whole)):
                result.parameters[outer.matrices[0].name] = whole
                continue
            for node, column in zip(outer.matrices, outer.columns, strict=True):
                add_part(result.parameters, node, whole[column : column + node.shape[0]], shapes)
        for node, grad in zip(self.compiled.plan.grads, self.grads, strict=True):
            total = grad.sum(0)[: width(node.shape)]
            add_part(result.parameters, node, total.reshape(node.shape), shapes)
        return result


def _is_all_of(matrices: Sequence[Node], shape: torch.Size, rows: int) -> bool:
    """Whether matrices, one below the other, are one whole stored tensor."""
    at = 0.0
    for node in matrices:
        attrs = dict(node.attrs)
        if node.name != matrices[0].name or attrs.get("row0", 0.0) != at or node.shape[1] != shape[1]:
            return False
        at += node.shape[0]
    return at == shape[0] == rows


def add_part(total: dict[str, Tensor], node: Node, gradient: Tensor, shapes: Mapping[str, torch.Size]) -> None:
    """Adds a node's gradient to its parameter's."""
    attrs = dict(node.attrs)
    if "row0" not in attrs:
        total[node.name] = total[node.name] + gradient if node.name in total else gradient
        return
    if node.name not in total:
        total[node.name] = gradient.new_zeros(shapes[node.name])
    part_of(total, node).add_(gradient)


def _address(value: object) -> int:
    return value.data_ptr() if isinstance(value, Tensor) else int(value)  # type: ignore[call-overload,no-any-return]


def run_calls(calls: Sequence[Call]) -> None:
    """Runs prepared programs side by side."""
    run_jobs([call.job for call in calls])
