"""What a plan costs: operations and bytes of one step of one sequence, and the memory it holds.

A multiply-add is two operations; an elementwise op is one a feature, but those of OPERATIONS. Bytes are the fewest that
must pass between memory and the core: each array once for each pass over it; what fits the caches is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cellwright.engine.explain_names import sections_of
from cellwright.engine.graph import Node
from cellwright.engine.joint import JointPlan
from cellwright.engine.lower.program import Layout
from cellwright.engine.lower.target import Target
from cellwright.engine.plan import Product, Program
from cellwright.engine.spots import padded, width
from cellwright.engine.units import schedule_of

__all__ = ["OPERATIONS", "Costs", "Memory", "costs_of", "memory_of", "packed_numbers", "scratch_numbers"]

# of one feature: what lower.math writes for float32; float64 takes about a third more
OPERATIONS = {"sigmoid": 27, "tanh": 35, "exp": 26, "log": 36, "softplus": 43}
FREE = frozenset(["slice", "concat", "pad", "spread", "identity"])


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one pass (inference, forward or backward), for one step of one sequence in one direction.

    Attributes:
        products, elementwise: operations in the loop.
        outside: operations of products before or after the loop, for all steps at once.
        streams, outputs, saved, gradients: bytes that the loop reads or writes: streams; y or dy; what forward leaves
            for backward; gradients of streams and products, on their way to what follows.
        around: bytes read and written before or after the loop.
        weights: bytes of parameters, once a call; backward, their gradients too.
    """

    products: int
    elementwise: int
    outside: int
    streams: int
    outputs: int
    saved: int
    gradients: int
    around: int
    weights: int

    @property
    def loop_operations(self) -> int:
        return self.products + self.elementwise

    @property
    def loop_bytes(self) -> int:
        return self.streams + self.outputs + self.saved + self.gradients

    @property
    def intensity(self) -> float:
        """Operations a byte in the loop."""
        return self.loop_operations / self.loop_bytes


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes held during a call.

    Attributes:
        saved: for backward, all steps and directions.
        forward_scratch, backward_scratch: of one direction, all its threads.
        forward_packed, backward_packed: matrices in the order of the register tiles, of one direction.
        gradients: gradients of streams and products until they are summed, all steps and directions.
    """

    saved: int
    forward_scratch: int
    backward_scratch: int
    forward_packed: int
    backward_packed: int
    gradients: int


def costs_of(plan: JointPlan, program: Program, size: int) -> Costs:
    """Costs of one of a plan's programs.

    Args:
        size: bytes of a number.
    """
    streams = [stream.size for stream in plan.hoisted.streams]
    read = {int(node.name[1:]) for node in program.nodes if node.op == "stream"}
    arrays = {array.name: array.columns for array in program.arrays}
    input_size = next(node.shape[0] for node in plan.hoisted.before if node.op == "input")
    hoisted = sum(2 * width(row.matrix.shape) for stream in plan.hoisted.streams for row in stream.rows)
    computed = [stream.size for stream in plan.hoisted.streams if stream.rows]
    weights = sum(_parameter_sizes(plan))
    outside, around, gradients = hoisted, input_size * bool(computed) + sum(computed), 0
    if program.backward:
        written = {name: columns for name, columns in arrays.items() if name not in ("dy", "saved") and "d_" in name}
        written |= {name: columns for name, columns in arrays.items() if name.startswith("operand")}
        gradients = sum(written.values())
        kept = {outer.operand.index: outer.operand_size for outer in plan.outers}
        extra = sum(n for at, n in kept.items() if program.arrays[at].name == "saved")
        outside = 2 * hoisted + sum(2 * width(node.shape) for outer in plan.outers for node in outer.matrices)
        around = gradients + extra + 2 * input_size
        weights *= 2
    return Costs(
        products=sum(_product_operations(product) for product in program.products),
        elementwise=sum(_node_operations(program, node) for node in _computed(program)) + _summed(program),
        outside=outside,
        streams=size * sum(streams[k] for k in read),
        outputs=size * arrays["dy" if program.backward else "y"],
        saved=size * arrays.get("saved", 0),
        gradients=size * gradients,
        around=size * around,
        weights=size * weights,
    )


def _parameter_sizes(plan: JointPlan) -> Iterator[int]:
    yield from (width(node.shape) for node in plan.graph.nodes if node.op == "parameter")


def _product_operations(product: Product) -> int:
    if product.transposed:
        return 2 * sum(product.blocks) * product.sizes[0]
    return 2 * product.blocks[0] * sum(product.sizes)


def _computed(program: Program) -> Iterator[Node]:
    for section in sections_of(program):
        yield from (program.nodes[k] for k in section.nodes)


def _node_operations(program: Program, node: Node) -> int:
    if node.op in FREE:
        return 0
    features = max([width(node.shape), *(width(program.nodes[a].shape) for a in node.args)])
    return OPERATIONS.get(node.op, 1) * features


def _summed(program: Program) -> int:
    """Gradients of vectors, added up in the loop."""
    return sum(width(program.nodes[k].shape) for k in program.grads)


def memory_of(plan: JointPlan, target: Target, *, batch: int, steps: int, threads: int, directions: int) -> Memory:
    """Bytes held.

    Args:
        threads: of one direction.
    """
    rows = batch * steps * directions * target.size
    gradients = plan.backward.arrays[len(plan.hoisted.streams) + 2 :]
    return Memory(
        saved=rows * plan.saved,
        forward_scratch=target.size * scratch_numbers(plan.forward, target, batch, threads),
        backward_scratch=target.size * scratch_numbers(plan.backward, target, batch, threads),
        forward_packed=target.size * packed_numbers(plan.forward, target),
        backward_packed=target.size * packed_numbers(plan.backward, target),
        gradients=rows * sum(array.columns for array in gradients),
    )


def scratch_numbers(program: Program, target: Target, batch: int, threads: int) -> int:
    """Numbers of the buffers of all threads of a direction."""
    unit_rows = schedule_of(program, target.size).unit_rows(threads)
    return Layout(program, target).scratch_size(batch, threads, unit_rows)


def packed_numbers(program: Program, target: Target) -> int:
    """Numbers of all packed matrices."""
    total = 0
    for product in program.products:
        heights = [node.shape[0] for node in product.matrices]
        depth = product.matrices[0].shape[1]
        if product.transposed:
            depth = sum(padded(n, target.lanes) for n in heights) if len(heights) > 1 else heights[0]
        total += target.packed_depth(depth) * padded(sum(padded(n, target.lanes) for n in product.sizes), target.panel)
    return total
