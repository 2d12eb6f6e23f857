"""A cell at one size, type and instruction set, compiled on first use: forward and backward of one direction.

Axes: R rows (steps of sequences, see run.tables), B batch, S size of one state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from cellwright.engine.graph import Graph, Node
from cellwright.engine.joint import JointPlan, OuterProduct, make_plan
from cellwright.engine.lower.choice import Choice, choose
from cellwright.engine.lower.target import Target
from cellwright.engine.run.memory import empty, zeros
from cellwright.engine.run.prepared import DTYPES, Call, Prepared
from cellwright.engine.run.streams import StreamRunner, part_of
from cellwright.engine.run.tables import Tables
from cellwright.engine.spots import width
from cellwright.engine.units import schedule_of

__all__ = ["Compiled", "Gradients", "Pending"]


@dataclass(slots=True)
class Gradients:
    """What a backward run gives; no gradient of a mask's stream."""

    streams: list[Tensor | None]
    states: list[Tensor]
    parameters: dict[str, Tensor] = field(default_factory=dict)


class Compiled:
    """One cell at one size.

    Args:
        graph: the traced step, over stored parameters.
        order: names of the parameters as they are stored.
        products: of a program of bfloat16, whose states and sums are float32: which products are asked for.

    Attributes:
        dtype: of states and sums.
        choice: which products run; None where there is no choice.
    """

    def __init__(self, graph: Graph, order: Sequence[str], target: Target, products: str | None = None) -> None:
        self.graph, self.target = graph, target
        self.plan: JointPlan = make_plan(graph, target.lanes, order)
        self.schedule = schedule_of(self.plan.forward, target.size)
        self.dtype = DTYPES[target.dtype]
        programs = (self.plan.forward, self.plan.backward)
        self.choice: Choice | None = None if products is None else choose(programs, target, products)
        self.bfloat16 = self.choice is not None and self.choice.bfloat16
        inside = {node.name for node in self.plan.hoisted.graph.nodes if node.op == "parameter"}
        self.inside = tuple(name for name in order if name in inside)
        self.streams = StreamRunner(self.plan.hoisted)
        gaps = [
            sum(stop - start for start, stop in parts) < stream.size
            for stream, parts in zip(self.plan.hoisted.streams, self.plan.stream_parts, strict=True)
        ]
        self.read_streams = {int(n.name[1:]) for n in self.plan.backward.nodes if n.op == "stream"}
        fixed = [stream.fixed for stream in self.plan.hoisted.streams]
        self.partial_streams = [k for k, gap in enumerate(gaps) if gap and not fixed[k]]
        self.fixed_streams = {k for k, value in enumerate(fixed) if value}

    @cached_property
    def saving(self) -> Prepared:
        """Forward, leaving what backward needs."""
        return Prepared(self.plan.forward, self.target, self.bfloat16)

    @cached_property
    def inference(self) -> Prepared:
        """Forward alone."""
        return Prepared(self.plan.without, self.target, self.bfloat16)

    @cached_property
    def gradient(self) -> Prepared:
        """Backward."""
        return Prepared(self.plan.backward, self.target, self.bfloat16)

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
        prepared = self.saving if save else self.inference
        make = empty if tables.whole else zeros
        saved = make((len(y_RO), self.plan.saved if save else 0), self.dtype)
        states = [state.contiguous() for state in states]
        finals = [torch.empty_like(state) for state in states]
        arrays = [*streams, y_RO, *([saved] if save and self.plan.saved else [])]
        return prepared.call(arrays, states, finals, parameters, (), tables, threads, resets), finals, saved

    def backward(
        self,
        dy_RO: Tensor,
        d_finals: Sequence[Tensor],
        streams: Sequence[Tensor | None],
        saved: Tensor,
        parameters: Mapping[str, Tensor],
        tables: Tables,
        *,
        threads: int,
        resets: Tensor | None = None,
    ) -> tuple[Call, Pending]:
        """Prepares the gradient of one direction; `Pending.gradients` after the run adds up what is left.

        Args:
            streams: those of `read_streams` at least, None for others.
        """
        prepared, count = self.gradient, len(dy_RO)
        make = empty if tables.whole else zeros
        outs = [make((count, array.columns), self.dtype) for array in prepared.program.arrays[len(streams) + 2 :]]
        for k in self.partial_streams:
            outs[k].zero_()
        d_states = [torch.empty_like(state) for state in d_finals]
        grads = [torch.empty((threads, columns), dtype=self.dtype, device="cpu") for columns in prepared.grads]
        arrays = [*streams, dy_RO, saved, *outs]
        call = prepared.call(arrays, d_finals, d_states, parameters, grads, tables, threads, resets)
        d_streams = [None if k in self.fixed_streams else out for k, out in enumerate(outs[: len(streams)])]
        return call, Pending(self, arrays, d_streams, d_states, grads, parameters)


@dataclass(slots=True)
class Pending:
    """A gradient whose kernel has run, or will."""

    compiled: Compiled
    arrays: list[Tensor | None]
    streams: list[Tensor | None]
    states: list[Tensor]
    grads: list[Tensor]
    parameters: Mapping[str, Tensor]

    def gradients(self) -> Gradients:
        """All gradients: products over all steps, and sums over threads, in a fixed order."""
        result = Gradients(self.streams, self.states)
        for outer in self.compiled.plan.outers:
            self.add_outer(result.parameters, outer)
        for node, grad in zip(self.compiled.plan.grads, self.grads, strict=True):
            total = (grad[0] if len(grad) == 1 else grad.sum(0))[: width(node.shape)]
            self.add(result.parameters, node, total.reshape(node.shape))
        return result

    def add_outer(self, total: dict[str, Tensor], outer: OuterProduct) -> None:
        """The gradient of matrices that multiply one operand: one product over all steps."""
        arrays = self.arrays
        operand, cotangents = arrays[outer.operand.index], arrays[outer.cotangents.index]
        assert operand is not None
        assert cotangents is not None
        operand = operand[:, outer.operand.column : outer.operand.column + outer.operand_size]
        first = outer.cotangents.column
        last = outer.columns[-1] + outer.matrices[-1].shape[0]
        cotangents = cotangents[:, first : first + last]
        whole = cotangents.t() @ operand
        name = outer.matrices[0].name
        if name not in total and _is_all_of(outer.matrices, self.parameters[name].shape, len(whole)):
            total[name] = whole
            return
        for node, column in zip(outer.matrices, outer.columns, strict=True):
            self.add(total, node, whole[column : column + node.shape[0]])

    def add(self, total: dict[str, Tensor], node: Node, gradient: Tensor) -> None:
        """Adds a node's gradient to its parameter's."""
        if node.name not in total:
            total[node.name] = gradient.new_zeros(self.parameters[node.name].shape)
        part_of(total, node).add_(gradient)


def _is_all_of(matrices: Sequence[Node], shape: torch.Size, rows: int) -> bool:
    """Whether matrices, one below the other, are one whole stored tensor."""
    at = 0.0
    for node in matrices:
        attrs = dict(node.attrs)
        if node.name != matrices[0].name or attrs.get("row0", 0.0) != at or node.shape[1] != shape[1]:
            return False
        at += node.shape[0]
    return at == shape[0] == rows
