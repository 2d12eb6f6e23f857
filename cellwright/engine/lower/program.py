"""A program of the plan as LLVM IR: the whole time loop of one direction for one thread's sequences.

    kernel(arguments, thread, threads):
        states from where they begin
        for s in local steps (backward: from the last):
            n = sequences of this thread that are still running
            resets
            for phase in phases:
                Product:  one call for all n rows
                Rows:     for j in n: sections
        states to where they end

Sequences are dealt to threads in turn, so that each thread has long and short ones.
"""

from __future__ import annotations

from llvmlite import ir

from cellwright.engine.lower.arguments import Slots
from cellwright.engine.lower.emit import Emitter
from cellwright.engine.lower.product import PRODUCT_TYPE
from cellwright.engine.lower.row import RowWriter
from cellwright.engine.lower.target import Target
from cellwright.engine.plan import Product, Program, Rows
from cellwright.engine.spots import Spot, padded, width

__all__ = ["Layout", "program_module"]

I8, I64 = ir.IntType(8), ir.IntType(64)


class Layout:
    """Where the buffers of one thread lie in its share of the scratch memory, in numbers."""

    def __init__(self, program: Program, target: Target) -> None:
        self.program, self.panel = program, target.panel
        lanes = target.lanes
        self.states = [self.pitch(size) for _, size in program.states]
        self.kept = list(self.states) if program.backward else []
        self.scratch = [self.pitch(columns) for columns in program.scratch]
        self.rows = [padded(columns, lanes) for columns in program.rows]
        self.grads = [padded(width(program.nodes[node].shape), lanes) for node in program.grads]

    def pitch(self, columns: int) -> int:
        """Columns with room for a product's last tile."""
        return padded(columns, self.panel)

    @property
    def a_row(self) -> int:
        """Numbers that each sequence of a thread needs."""
        return sum(self.states) + sum(self.kept) + sum(self.scratch)

    @property
    def once(self) -> int:
        """Numbers that a thread needs besides."""
        return sum(self.rows) + sum(self.grads)


def program_module(program: Program, target: Target) -> ir.Module:
    """The module with the function `kernel`."""
    module = ir.Module(program.name)
    module.triple = target.isa.triple
    kind = ir.FunctionType(ir.VoidType(), [ir.PointerType(), I64, I64])
    function = ir.Function(module, kind, "kernel")
    ProgramWriter(program, target, function).write()
    return module


class ProgramWriter:
    def __init__(self, program: Program, target: Target, function: ir.Function) -> None:
        self.program, self.target = program, target
        self.e = Emitter(function, target)
        self.arguments, self.thread, self.threads = function.args
        self.slots, self.layout = Slots(program), Layout(program, target)

    def argument(self, slot: int) -> ir.Value:
        return self.e.builder.load(self.e.at(self.arguments, I64(slot), I64), typ=I64)

    def pointer(self, slot: int) -> ir.Value:
        return self.e.builder.inttoptr(self.argument(slot), ir.PointerType())

    def write(self) -> None:
        e, b, program, slots = self.e, self.e.builder, self.program, self.slots
        self.load_arguments()
        self.place_buffers()
        mine = self.count_of(self.rows)
        self.copy_states(mine, before=True)
        with e.loop(self.steps, down=program.backward) as step:
            running = b.load(e.at(self.counts, step, I64), typ=I64)
            self.offset = b.load(e.at(self.offsets, step, I64), typ=I64)
            self.last_place = self.end_of_tables()
            count = self.count_of(running)
            if not program.backward:
                self.reset(count)
            for phase in program.phases:
                if isinstance(phase, Product):
                    self.product(phase, count)
                else:
                    self.row_phase(phase, count)
            if program.backward:
                self.reset(count)
        self.copy_states(mine, before=False)
        for k, size in enumerate(self.layout.grads):
            out = e.at(self.pointer(slots.grad(k)), b.mul(self.thread, I64(size)))
            with e.loop(I64(size // self.target.lanes)) as v:
                at = b.mul(v, I64(self.target.lanes))
                e.store_vector(e.load_vector(e.at(self.grads[k], at)), e.at(out, at))
        b.ret_void()

    def load_arguments(self) -> None:
        header, program, slots = self.slots.header, self.program, self.slots
        self.steps, self.rows = self.argument(header("steps")), self.argument(header("rows"))
        self.counts, self.offsets = self.pointer(header("counts")), self.pointer(header("offsets"))
        self.tables = {"z": self.pointer(header("z")), "y": self.pointer(header("y"))}
        self.order = self.pointer(header("order"))
        self.resets = self.argument(header("resets"))
        self.row_limit = self.argument(header("row_limit"))
        self.call = self.e.builder.inttoptr(self.argument(header("product")), PRODUCT_TYPE.as_pointer())
        self.arrays = [
            (self.pointer(slots.array(k)), self.argument(slots.array(k) + 1)) for k in range(len(program.arrays))
        ]
        self.ends = [
            (self.pointer(slots.state(k)), self.pointer(slots.state(k) + 1)) for k in range(len(program.states))
        ]
        self.packed = [self.pointer(slots.packed(k)) for k in range(len(program.products))]
        self.vectors = [self.pointer(slots.vector(k)) for k in range(len(program.vectors))]

    def place_buffers(self) -> None:
        """Addresses of the thread's own buffers."""
        e, b, layout = self.e, self.e.builder, self.layout
        base = b.inttoptr(
            b.add(
                self.argument(self.slots.header("scratch")),
                b.mul(self.thread, self.argument(self.slots.header("scratch_size"))),
            ),
            ir.PointerType(),
        )

        def take(columns: int, rows: ir.Value) -> ir.Value:
            nonlocal base
            here, base = base, e.at(base, b.mul(rows, I64(columns)))
            return here

        one = I64(1)
        self.row_buffers = [take(columns, one) for columns in layout.rows]
        self.grads = [take(columns, one) for columns in layout.grads]
        self.states = [take(columns, self.row_limit) for columns in layout.states]
        self.kept = [take(columns, self.row_limit) for columns in layout.kept]
        self.scratch = [take(columns, self.row_limit) for columns in layout.scratch]
        for pointer, columns in zip(self.grads, layout.grads, strict=True):
            with e.loop(I64(columns // self.target.lanes)) as v:
                e.store_vector(e.splat(e.number(0.0)), e.at(pointer, b.mul(v, I64(self.target.lanes))))

    def count_of(self, running: ir.Value) -> ir.Value:
        """Sequences of this thread among the first `running`."""
        b = self.e.builder
        ahead = b.sub(b.add(running, b.sub(self.threads, I64(1))), self.thread)
        return b.udiv(ahead, self.threads)

    def sequence(self, row: ir.Value) -> ir.Value:
        """The place of the thread's row among all sequences, the longest first."""
        return self.e.builder.add(self.thread, self.e.builder.mul(row, self.threads))

    def copy_states(self, count: ir.Value, before: bool) -> None:
        """Between the states' tensors and the thread's buffers; backward, what resets kept is added at the end."""
        e, b = self.e, self.e.builder
        with e.loop(count) as row:
            place = b.load(e.at(self.order, self.sequence(row), I64), typ=I64)
            for k, (_, size) in enumerate(self.program.states):
                outside = e.at(self.ends[k][0 if before else 1], b.mul(place, I64(size)))
                inside = e.at(self.states[k], b.mul(row, I64(self.layout.states[k])))
                kept = e.at(self.kept[k], b.mul(row, I64(self.layout.kept[k]))) if self.layout.kept else None
                if before:
                    self.copy(outside, inside, size, from_outside=True)
                    if kept is not None:
                        self.clear(kept, self.layout.kept[k])
                else:
                    self.copy(inside, outside, size, from_outside=False, plus=kept)

    def copy(
        self, source: ir.Value, target: ir.Value, size: int, *, from_outside: bool, plus: ir.Value | None = None
    ) -> None:
        """`size` numbers; a tensor outside is not touched behind them, a buffer inside gets zeros there."""
        e, b, lanes = self.e, self.e.builder, self.target.lanes
        with e.loop(I64(size // lanes)) as v:
            at = b.mul(v, I64(lanes))
            value = e.load_vector(e.at(source, at))
            if plus is not None:
                value = b.fadd(value, e.load_vector(e.at(plus, at)))
            e.store_vector(value, e.at(target, at))
        rest, at = size % lanes, I64(size - size % lanes)
        if rest and from_outside:
            e.store_vector(e.load_part(e.at(source, at), rest), e.at(target, at))
        elif rest:
            value = e.load_vector(e.at(source, at))
            if plus is not None:
                value = b.fadd(value, e.load_vector(e.at(plus, at)))
            e.store_part(value, e.at(target, at), rest)

    def clear(self, pointer: ir.Value, size: int) -> None:
        e, b = self.e, self.e.builder
        with e.loop(I64(size // self.target.lanes)) as v:
            e.store_vector(e.splat(e.number(0.0)), e.at(pointer, b.mul(v, I64(self.target.lanes))))

    def reset(self, count: ir.Value) -> None:
        """Forward: a state begins anew where a reset says so. Backward: its gradient goes to the initial state."""
        e, b = self.e, self.e.builder
        with e.when(b.icmp_unsigned("!=", self.resets, I64(0))):
            flags = b.inttoptr(self.resets, ir.PointerType())
            with e.loop(count) as row:
                sequence = self.sequence(row)
                step_row = b.load(e.at(self.tables["z"], b.add(self.offset, sequence), I64), typ=I64)
                flag = b.load(e.at(flags, step_row, I8), typ=I8)
                with e.when(b.icmp_unsigned("!=", flag, I8(0))):
                    place = b.load(e.at(self.order, sequence, I64), typ=I64)
                    for k, (_, size) in enumerate(self.program.states):
                        inside = e.at(self.states[k], b.mul(row, I64(self.layout.states[k])))
                        if not self.program.backward:
                            self.copy(e.at(self.ends[k][0], b.mul(place, I64(size))), inside, size, from_outside=True)
                            continue
                        kept = e.at(self.kept[k], b.mul(row, I64(self.layout.kept[k])))
                        whole = padded(size, self.target.lanes)
                        self.copy(inside, kept, whole, from_outside=False, plus=kept)
                        self.clear(inside, whole)

    def product(self, phase: Product, count: ir.Value) -> None:
        """One call for all rows; none when nothing runs."""
        e, b = self.e, self.e.builder
        depth = phase.blocks[0] if len(phase.blocks) == 1 else sum(padded(n, self.target.lanes) for n in phase.blocks)
        columns = sum(padded(size, self.target.lanes) for size in phase.sizes)
        panels = padded(columns, self.target.panel) // self.target.panel
        packed = self.packed[self.program.products.index(phase)]
        operand, pitch = self.thread_buffer(phase.operand)
        result, result_pitch = self.thread_buffer(phase.result)
        with e.when(b.icmp_signed(">", count, I64(0))):
            none = ir.Constant(ir.PointerType(), None)
            values = [operand, I64(pitch), count, packed, I64(depth), I64(panels), result, I64(result_pitch), none]
            b.call(self.call, values)

    def thread_buffer(self, spot: Spot) -> tuple[ir.Value, int]:
        """Address of the first row of a buffer of the thread, and its pitch."""
        if spot.kind == "state":
            pointer, pitch = self.states[spot.index], self.layout.states[spot.index]
        else:
            pointer, pitch = self.scratch[spot.index], self.layout.scratch[spot.index]
        return self.e.at(pointer, I64(spot.column)), pitch

    def end_of_tables(self) -> ir.Value:
        """The last place in the tables of rows."""
        e, b = self.e, self.e.builder
        step = b.sub(self.steps, I64(1))
        offset, running = (b.load(e.at(table, step, I64), typ=I64) for table in (self.offsets, self.counts))
        return b.sub(b.add(offset, running), I64(1))

    def array_rows(self, position: ir.Value) -> list[ir.Value]:
        """The row of each array at a place of the tables."""
        e, b = self.e, self.e.builder
        at = {name: b.load(e.at(table, position, I64), typ=I64) for name, table in self.tables.items()}
        return [
            e.at(pointer, b.mul(at[array.table], pitch))
            for (pointer, pitch), array in zip(self.arrays, self.program.arrays, strict=True)
        ]

    def row_phase(self, phase: Rows, count: ir.Value) -> None:
        """All rows, one after another."""
        e, b = self.e, self.e.builder
        with e.loop(count) as row:
            position = b.add(self.offset, self.sequence(row))
            following = b.add(position, self.threads)
            following = b.select(b.icmp_signed("<", following, self.last_place), following, self.last_place)
            arrays, ahead = self.array_rows(position), self.array_rows(following)
            places = {
                "array": arrays,
                "ahead": ahead,
                "state": [e.at(p, b.mul(row, I64(n))) for p, n in zip(self.states, self.layout.states, strict=True)],
                "scratch": [
                    e.at(p, b.mul(row, I64(n))) for p, n in zip(self.scratch, self.layout.scratch, strict=True)
                ],
                "row": self.row_buffers,
                "vector": self.vectors,
                "grad": self.grads,
            }
            RowWriter(e, self.program, places).write(phase.sections)
