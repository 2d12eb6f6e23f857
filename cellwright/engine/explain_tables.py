"""Costs, memory and measured times as lines of text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cellwright.engine.explain_costs import OPERATIONS, Costs, Memory

__all__ = ["Kernel", "Measured", "cost_lines", "limit_seconds", "measured_lines", "memory_lines"]


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel as this process got it: seconds to compile, or to load from the folder of compiled code."""

    name: str
    seconds: float
    cached: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """What this machine does, medians.

    Attributes:
        operations, bytes: a second: of a large matrix product, of a copy of a large array (both its ends).
        forward, training: seconds of a layer's call without gradients; of one with its backward pass.
        path: what ran, in the layer's words.
    """

    threads: int
    repeats: int
    operations: float
    bytes: float
    forward: float
    training: float
    path: str
    kernels: tuple[Kernel, ...]

    @property
    def balance(self) -> float:
        return self.operations / self.bytes


def cost_lines(forward: Costs, backward: Costs, a_step: int, a_call: int) -> list[str]:
    """Operations and bytes, of a step and of a call.

    Args:
        a_step, a_call: rows of each: sequences and directions, and steps.
    """
    lines = [f"{'':34}{'forward':>32}{'backward':>32}", f"{'':34}" + f"{'a step':>14}{'a call':>18}" * 2]

    def row(name: str, value: Callable[[Costs], int], scale: bool = True) -> None:
        cells = ""
        for costs in (forward, backward):
            one = f"{value(costs) * a_step:,}" if scale else "–"
            cells += f"{one:>14}{value(costs) * (a_call if scale else 1):>18,}"
        lines.append(f"{name:34}{cells}")

    lines.append("operations")
    row("  products in the loop", lambda c: c.products)
    row("  elementwise in the loop", lambda c: c.elementwise)
    row("  products before and after", lambda c: c.outside)
    row("  all", lambda c: c.loop_operations + c.outside)
    lines.append("bytes that must move")
    row("  streams", lambda c: c.streams)
    row("  y, dy", lambda c: c.outputs)
    row("  saved", lambda c: c.saved)
    row("  gradients", lambda c: c.gradients)
    row("  before and after the loop", lambda c: c.around)
    row("  parameters, once a call", lambda c: c.weights, scale=False)
    counted = ", ".join(f"{op} {count}" for op, count in OPERATIONS.items())
    return [*lines, f"a multiply-add counts 2, an elementwise operation 1; {counted}"]


def memory_lines(memory: Memory) -> list[str]:
    """Bytes held during a call."""
    rows = [
        ("saved for backward", memory.saved),
        ("gradients until they are summed", memory.gradients),
        ("scratch of a direction, forward", memory.forward_scratch),
        ("scratch of a direction, backward", memory.backward_scratch),
        ("packed weights, forward", memory.forward_packed),
        ("packed weights, backward", memory.backward_packed),
    ]
    lines = ["memory planned, bytes", *(f"  {name:32}{value:>14,}" for name, value in rows)]
    return [*lines, "each thread reads the packed weights of a direction at every step, from cache where they fit"]


def limit_seconds(costs: Costs, rows: int, measured: Measured) -> float:
    """The least time of a pass: the loop at its limit, then what stands around it, the parameters read once."""

    def slower(operations: int, moved: int) -> float:
        return max(operations / measured.operations, moved / measured.bytes)

    loop = slower(costs.loop_operations, costs.loop_bytes)
    return rows * (loop + slower(costs.outside, costs.around)) + costs.weights / measured.bytes


def measured_lines(measured: Measured, inference: Costs, forward: Costs, backward: Costs, rows: int) -> list[str]:
    """Measured against the limit."""
    plural = "s" if measured.threads > 1 else ""
    lines = [
        f"measured in this run on {measured.threads} thread{plural}, medians of {measured.repeats}; {measured.path}",
        f"  matrix product {measured.operations / 1e9:.1f} GFLOP/s, copy {measured.bytes / 1e9:.1f} GB/s",
    ]
    training = limit_seconds(forward, rows, measured) + limit_seconds(backward, rows, measured)
    for name, expected, found in (
        ("forward", limit_seconds(inference, rows, measured), measured.forward),
        ("training step", training, measured.training),
    ):
        share = f"{100 * expected / found:.0f} % of the limit"
        share += ", arrays stayed in a cache" if expected > found else ""
        lines.append(f"  {name:14} expected at least {1e3 * expected:.3f} ms, measured {1e3 * found:.3f} ms: {share}")
    for kernel in measured.kernels:
        how = "loaded from the folder of compiled code" if kernel.cached else "compiled"
        lines.append(f"  kernel {kernel.name:10} {how} in {1e3 * kernel.seconds:.1f} ms")
    return lines
