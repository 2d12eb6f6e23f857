"""What is compiled for a cell, in words: its schedule, its loops, what they cost, and what limits them.

    print(explain(LSTM(), 60, 100))             # the same as `cellwright explain LSTM --input 60 --hidden 100`

Everything is read off the plan (engine.joint) that the kernels are lowered from; nothing is known of any cell by name.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from dataclasses import asdict, dataclass, replace

from cellwright.cells.cell import Cell
from cellwright.cells.stepping import checked_cell
from cellwright.engine.explain_costs import Costs, Memory, costs_of, memory_of
from cellwright.engine.explain_loops import ProgramText, plan_lines, stream_text
from cellwright.engine.explain_names import Parts, name_forward, sections_of
from cellwright.engine.explain_tables import Measured, cost_lines, measured_lines, memory_lines
from cellwright.engine.joint import JointPlan, make_plan
from cellwright.engine.lower.choice import choose
from cellwright.engine.lower.target import Target, host_isas, target_of
from cellwright.engine.plan import Program
from cellwright.engine.sections import REDUCTIONS, SCANS
from cellwright.engine.serial import cell_to_data
from cellwright.engine.spots import width
from cellwright.engine.stored import stored_graph, stored_names
from cellwright.engine.trace import trace
from cellwright.engine.units import schedule_of
from cellwright.engine.unused import unused_warnings
from cellwright.errors import ConfigError, UnsupportedOp

__all__ = ["Explanation", "explain"]

DTYPES = ("float32", "float64", "bfloat16")
COUNTS = ("no", "one", "two", "three", "four", "five", "six")


@dataclass(slots=True)
class Explanation:
    """What runs for a cell at one size.

    Attributes:
        isa: instruction set; empty where no kernel is written.
        threads: of a call; each direction gets `threads_each`.
        why_not: why the plain loop runs instead of kernels; None if kernels run.
        unit_rows, unit_rows_backward: the most running sequences with which threads share a step's products by hidden
            units; 0 if they never do.
        schedule: what the loop is made of and why.
        products: of bfloat16 weights, what the loop's products read and why; empty for others.
        hoisted: what is computed before the loop, a line a stream.
        loops: the plan, forward and backward, to be read.
        balance: operations a byte above which products are the limit, not memory; as stated or as measured.
        measured: what this machine took, if it was asked.
        warnings: what the cell declares and does not use, a line each.
    """

    cell: str
    input_size: int
    hidden_size: int
    batch: int
    steps: int
    dtype: str
    directions: int
    threads: int
    threads_each: int
    isa: str = ""
    why_not: str | None = None
    unit_rows: int = 0
    unit_rows_backward: int = 0
    schedule: str = ""
    hoisted: tuple[str, ...] = ()
    loops: tuple[str, ...] = ()
    inference: Costs | None = None
    forward: Costs | None = None
    backward: Costs | None = None
    memory: Memory | None = None
    balance: float = 0.0
    measured: Measured | None = None
    products: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Cell, sizes, type, instruction set and threads, in one line."""
        each = f" ({self.threads_each} a direction)" if self.directions > 1 else ""
        return (
            f"{self.cell}({self.input_size} → {self.hidden_size}), {self.steps} steps of {self.batch} sequences, "
            f"{self.dtype}, {self.isa or platform.machine()}, "
            f"{self.threads} thread{'s' if self.threads > 1 else ''}{each}"
            f"{', both directions at once' if self.directions > 1 else ''}"
        )

    def __str__(self) -> str:
        if self.why_not is not None:
            return f"{self.title}\n{self.cell} runs in the plain loop, a step at a time in torch: {self.why_not}"
        inference, forward, backward, memory = self.inference, self.forward, self.backward, self.memory
        if inference is None or forward is None or backward is None or memory is None:
            return self.title
        rows = self.steps * self.batch * self.directions
        parts = [
            [
                self.title,
                *self.warnings,
                f"schedule: {self.schedule}",
                *([f"products: {self.products}; states and sums are float32"] if self.products else []),
                f"hoisted: {'; '.join(self.hoisted) or 'nothing'}",
            ],
            list(self.loops),
            cost_lines(forward, backward, self.batch * self.directions, rows),
            memory_lines(memory),
            [self.limit(forward, "forward"), self.limit(backward, "backward"), self.balance_text()],
        ]
        if self.measured:
            parts.append(measured_lines(self.measured, inference, forward, backward, rows))
        return "\n\n".join("\n".join(part) for part in parts)

    def limit(self, costs: Costs, name: str) -> str:
        """Which limit binds a loop."""
        binds = costs.intensity >= self.balance
        limit = "memory" if not binds else "products" if costs.products else "elementwise operations"
        return f"limit of the {name} loop: {limit}, at {costs.intensity:.1f} operations a byte"

    def balance_text(self) -> str:
        if self.measured:
            return f"memory is the limit below {self.balance:.1f} operations a byte, as measured on this machine"
        return (
            f"memory is taken as the limit below {self.balance:g} operations a byte: two vector operations and 4 bytes "
            "a cycle; --measure takes this machine's own figures"
        )

    def to_json(self) -> str:
        """All of it, for programs."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)


def explain(
    cell: Cell,
    input_size: int,
    hidden_size: int,
    batch: int = 32,
    steps: int = 50,
    dtype: str = "float32",
    *,
    bidirectional: bool = False,
    threads: int = 1,
    isa: str | None = None,
    bias: bool = True,
    products: str = "auto",
) -> Explanation:
    """Explains one layer of `cell`; compiles and runs nothing.

    Args:
        threads: of a call, shared between the directions.
        isa: instruction set by name; this machine's fastest if not given.
        products: of bfloat16 weights, what is asked for: "auto", "bfloat16" or "float32" (lower.choice).

    Raises:
        ConfigError: a size below 1, an unknown dtype, instruction set or kind of products.
        CellError: the cell's step is wrong on any backend.
    """
    sizes = {"input": input_size, "hidden": hidden_size, "batch": batch, "steps": steps, "threads": threads}
    for name, size in sizes.items():
        if size < 1:
            raise ConfigError(f"Expected {name} of at least 1, found {size}.")
    if dtype not in DTYPES:
        raise ConfigError(f"Expected dtype to be one of {', '.join(DTYPES)}, found {dtype!r}.")
    cell = checked_cell(cell)
    directions = 2 if bidirectional else 1
    most = max(1, threads // directions)
    each = min(most, batch)
    result = Explanation(
        cell.name, input_size, hidden_size, batch, steps, dtype, directions, each * directions, each, isa or ""
    )
    if isa is None and not host_isas():
        result.why_not = f"no kernels are written for {platform.machine()}"
        return result
    target = target_of("float32" if dtype == "bfloat16" else dtype, isa)
    result.isa = target.isa.name
    try:
        cell_to_data(cell, input_size, hidden_size, bias)
    except UnsupportedOp as unsupported:
        result.why_not = str(unsupported)
        return result
    shapes = cell.parameter_shapes(input_size, hidden_size, bias)
    traced = trace(cell, input_size, hidden_size, bias)
    result.warnings = unused_warnings(cell, traced)
    graph = stored_graph(traced, shapes)
    plan, parts = make_plan(graph, target.lanes, stored_names(shapes)), Parts(shapes)
    if dtype == "bfloat16":
        choice = choose((plan.forward, plan.backward), target, products)
        result.products, target = str(choice), replace(target, pairs=choice.bfloat16)
    shared = schedule_of(plan.forward, target.size)
    result.threads_each = each = shared.team_size(batch, most)
    result.threads = each * directions
    result.unit_rows, result.unit_rows_backward = (
        schedule_of(program, target.size).unit_rows(each) for program in (plan.forward, plan.backward)
    )
    result.schedule = f"{_schedule(plan, parts)}; {_sharing(result, shared.waits)}"
    result.hoisted = tuple(
        stream_text(plan, parts, stream).split("  #")[0]
        + f" ({plan.hoisted.before[stream.operand].shape[0]} → {stream.size})" * bool(stream.rows)
        for stream in plan.hoisted.streams
    )
    result.loops = tuple(plan_lines(plan, parts, (target.tile[0], target.panel)))
    result.inference, result.forward, result.backward = (
        costs_of(plan, program, target.size) for program in (plan.without, plan.forward, plan.backward)
    )
    result.memory = memory_of(plan, target, batch=batch, steps=steps, threads=each, directions=directions)
    result.balance = nominal_balance(target)
    return result


def nominal_balance(target: Target) -> float:
    """Operations a byte at which both limits are equal: two vector operations and 4 bytes a cycle."""
    return 2 * target.lanes * (2 if target.isa.fused else 1) / 4


def _schedule(plan: JointPlan, parts: Parts) -> str:
    program = plan.forward
    names = name_forward(plan, program, parts)
    text = ProgramText(program, names, parts, (0, 0))
    products = program.products
    clauses = []
    if not products:
        clauses.append("no product in the loop, elementwise alone, so memory is the likely limit")
    elif len(products) == 1:
        (product,) = products
        sizes = f"{sum(product.blocks)} → {sum(product.sizes)}"
        clauses.append(f"one product of {text.plain(product)} ({sizes}) in the loop, elementwise part behind it")
    else:
        waits = [
            f"{', '.join(parts.gate(node) or parts.name(node) for node in product.matrices)} "
            f"({sum(product.blocks)} → {sum(product.sizes)}) waits for {text.plain(product)}"
            for product in products
            if product.level > 1
        ]
        count = COUNTS[len(products)] if len(products) < len(COUNTS) else str(len(products))
        chained = f"in a chain: {'; '.join(waits)}" if waits else "side by side, elementwise part behind them"
        clauses.append(f"{count} products {chained}")
    return "; ".join(clauses + _row_work(program))


def _sharing(result: Explanation, waits: int) -> str:
    """What a step's threads share, and why."""
    ahead, back = result.unit_rows, result.unit_rows_backward
    if not ahead and not back:
        return "sequences are dealt to threads, which never wait for each other"
    most = f"{ahead} run" if ahead == back else f"{ahead} (backward {back}) run"
    return (
        f"sequences are dealt to threads; where at most {most}, threads share a step's products by units, as reading"
        f" the matrices is what takes the time, and wait {waits} times for each other"
    )


def _row_work(program: Program) -> list[str]:
    """Reductions and running sums over a row, which cut its loops."""
    inside = [program.nodes[k] for section in sections_of(program) for k in section.nodes]
    found = Counter(
        node.op
        for node in inside
        if node.op in SCANS or (node.op in REDUCTIONS and width(program.nodes[node.args[0]].shape) > 1)
    )
    words = {"sum": "sums", "amax": "maxima", "cumsum": "running sums", "suffix_sum": "running sums from the end"}
    counts = [f"{words[op]} {count}" for op, count in sorted(found.items())]
    return [f"row reductions ({', '.join(counts)}), each of which ends one loop over the features"] if counts else []
