"""A program of the plan as LLVM IR: the whole time loop of one direction for one thread's sequences.

    kernel(arguments, thread, threads, together):
        states from where they begin
        for s in local steps (backward: from the last):
            n = sequences of this thread that are still running
            resets
            for phase in phases:
                Product:  one call for all n rows; or, by units, for this thread's panels and all rows that run
                Rows:     for j in n: sections
        states to where they end

Sequences are dealt to threads in turn, so that each thread has long and short ones. A step in which few run is shared
by units (engine.units): then all threads wait for each other before a product, as its operand must be there, and behind
it, as its results are everybody's and its operand may be written over. This needs threads that run at once: `together`.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from cellwright.engine.lower.arguments import Slots
from cellwright.engine.lower.barrier import BARRIER_BYTES, add_barrier
from cellwright.engine.lower.emit import Emitter
from cellwright.engine.lower.product import PRODUCT_TYPE
from cellwright.engine.lower.row import RowWriter
from cellwright.engine.lower.target import Target
from cellwright.engine.plan import Product, Program, Rows
from cellwright.engine.spots import Spot, padded, width
from cellwright.engine.units import waits_around

__all__ = ["Layout", "program_module"]

I8, I64 = ir.IntType(8), ir.IntType(64)
LINE = 64  # bytes of a cache line
SPARE = 64


class Layout:
    """Where buffers lie in the scratch memory, in numbers.

    First the barrier; then each thread's own part, with a row for each of its sequences; then rows that all threads
    share, for the sequences that run in steps shared by units, by their place in `order`.
    """

    def __init__(self, program: Program, target: Target) -> None:
        self.program, self.size = program, target.size
        self.whole = max(target.panel, LINE // target.size)
        lanes = target.lanes
        self.states = [self.pitch(size) for _, size in program.states]
        self.kept = list(self.states) if program.backward else []
        self.scratch = [self.pitch(columns) for columns in program.scratch]
        self.rows = [padded(columns, lanes) for columns in program.rows]
        self.grads = [padded(width(program.nodes[node].shape), lanes) for node in program.grads]

    def pitch(self, columns: int) -> int:
        """Columns with room for a product's last tile, in whole cache lines, as threads share rows."""
        return padded(columns, self.whole)

    @property
    def shared_row(self) -> int:
        """Numbers of a sequence's row in the part that threads share."""
        return sum(self.states) + sum(self.scratch)

    @property
    def own_row(self) -> int:
        """Numbers of a sequence's row in its thread's part."""
        return self.shared_row + sum(self.kept)

    @property
    def own(self) -> int:
        """Numbers that each thread needs besides."""
        return padded(sum(self.rows) + sum(self.grads) + SPARE, SPARE)

    def scratch_size(self, batch: int, threads: int, unit_rows: int) -> int:
        """Numbers of it all."""
        part = self.own + -(-batch // threads) * self.own_row
        shared = min(batch, unit_rows) * self.shared_row
        return BARRIER_BYTES // self.size + padded(threads * part + shared + SPARE, SPARE)


def program_module(program: Program, target: Target) -> ir.Module:
    """The module with the function `kernel`."""
    module = ir.Module(program.name)
    module.triple = target.isa.triple
    kind = ir.FunctionType(ir.VoidType(), [ir.PointerType(), I64, I64, I64])
    function = ir.Function(module, kind, "kernel")
    ProgramWriter(program, target, function, add_barrier(module, target)).write()
    return module


class ProgramWriter:
    def __init__(self, program: Program, target: Target, function: ir.Function, barrier: ir.Function) -> None:
        self.program, self.target, self.barrier = program, target, barrier
        self.e = Emitter(function, target)
        self.arguments, self.thread, self.threads, self.together = function.args
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
            few = b.icmp_signed("<=", running, self.unit_rows)
            # an empty batch has steps too: nobody waits in them, as without unit rows the barrier is not set up
            few = b.and_(few, b.icmp_signed(">", running, I64(0)))
            self.by_units = b.and_(few, b.icmp_unsigned("!=", self.together, I64(0)))
            self.move_states(count)
            if not program.backward:
                self.reset(count)
            for phase, (before, behind) in zip(program.phases, waits_around(program.phases), strict=True):
                if isinstance(phase, Product):
                    self.wait(before)
                    self.product(phase, count, running)
                    self.wait(behind)
                else:
                    self.row_phase(phase, count)
            if program.backward:
                self.reset(count)
        self.by_units = ir.Constant(ir.IntType(1), 0)
        self.move_states(mine)
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
        self.unit_rows, self.give_way = self.argument(header("unit_rows")), self.argument(header("give_way"))
        self.call = self.e.builder.inttoptr(self.argument(header("product")), PRODUCT_TYPE.as_pointer())
        self.arrays = [
            (self.pointer(slots.array(k)), self.argument(slots.array(k) + 1)) for k in range(len(program.arrays))
        ]
        self.ends = [
            (self.pointer(slots.state(k)), self.pointer(slots.state(k) + 1)) for k in range(len(program.states))
        ]
        self.packed = [
            (self.pointer(slots.packed(k)), self.argument(slots.packed(k) + 1)) for k in range(len(program.products))
        ]
        self.vectors = [self.pointer(slots.vector(k)) for k in range(len(program.vectors))]

    def place_buffers(self) -> None:
        """Addresses of the thread's own buffers, and of those that all share."""
        e, b, layout = self.e, self.e.builder, self.layout
        self.meeting = self.pointer(self.slots.header("scratch"))
        parts = e.at(self.meeting, I64(BARRIER_BYTES // self.target.size))
        limit = b.udiv(b.add(self.rows, b.sub(self.threads, I64(1))), self.threads)
        part = b.add(I64(layout.own), b.mul(limit, I64(layout.own_row)))
        base = e.at(parts, b.mul(self.thread, part))

        def take(columns: int, rows: ir.Value) -> ir.Value:
            nonlocal base
            here, base = base, e.at(base, b.mul(rows, I64(columns)))
            return here

        self.row_buffers = [take(columns, I64(1)) for columns in layout.rows]
        self.grads = [take(columns, I64(1)) for columns in layout.grads]
        base = e.at(parts, b.add(b.mul(self.thread, part), I64(layout.own)))
        self.states = [take(columns, limit) for columns in layout.states]
        self.kept = [take(columns, limit) for columns in layout.kept]
        self.scratch = [take(columns, limit) for columns in layout.scratch]
        base = e.at(parts, b.mul(self.threads, part))
        few = b.select(b.icmp_signed("<", self.rows, self.unit_rows), self.rows, self.unit_rows)
        self.shared_states = [take(columns, few) for columns in layout.states]
        self.shared_scratch = [take(columns, few) for columns in layout.scratch]
        self.moved = e.variable(I64, I64(0))
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
                        inside = self.row_at(row, self.states, self.shared_states, self.layout.states)[k]
                        if not self.program.backward:
                            self.copy(e.at(self.ends[k][0], b.mul(place, I64(size))), inside, size, from_outside=True)
                            continue
                        kept = e.at(self.kept[k], b.mul(row, I64(self.layout.kept[k])))
                        whole = padded(size, self.target.lanes)
                        self.copy(inside, kept, whole, from_outside=False, plus=kept)
                        self.clear(inside, whole)

    def wait(self, needed: bool) -> None:
        """All threads of a job meet, in a step that is shared by units."""
        if needed:
            with self.e.when(self.by_units):
                self.e.builder.call(self.barrier, [self.meeting, self.threads, self.give_way])

    def product(self, phase: Product, count: ir.Value, running: ir.Value) -> None:
        """One call: the thread's rows and all panels; by units, all rows that run and the thread's panels."""
        e, b = self.e, self.e.builder
        depth = phase.blocks[0] if len(phase.blocks) == 1 else sum(padded(n, self.target.lanes) for n in phase.blocks)
        columns = sum(padded(size, self.target.lanes) for size in phase.sizes)
        panels = I64(padded(columns, self.target.panel) // self.target.panel)
        first = b.udiv(b.mul(panels, self.thread), self.threads)
        last = b.udiv(b.mul(panels, b.add(self.thread, I64(1))), self.threads)

        def chosen(by_units: ir.Value, by_rows: ir.Value) -> ir.Value:
            return b.select(self.by_units, by_units, by_rows)

        rows, panel = chosen(running, count), chosen(first, I64(0))
        packed, panel_bytes = self.packed[self.program.products.index(phase)]
        packed = e.at(packed, b.mul(panel, panel_bytes), I8)
        operand, pitch = self.matrix(phase.operand)
        result, result_pitch = self.matrix(phase.result)
        result = e.at(result, b.mul(panel, I64(self.target.panel)))
        with e.when(b.icmp_signed(">", rows, I64(0))):
            none = ir.Constant(ir.PointerType(), None)
            mine = chosen(b.sub(last, first), panels)
            b.call(self.call, [operand, I64(pitch), rows, packed, I64(depth), mine, result, I64(result_pitch), none])

    def matrix(self, spot: Spot) -> tuple[ir.Value, int]:
        """Address of the first row of a product's operand or result, the thread's or by units all rows', and the pitch
        of its rows."""
        own, shared, pitches = (
            (self.states, self.shared_states, self.layout.states)
            if spot.kind == "state"
            else (self.scratch, self.shared_scratch, self.layout.scratch)
        )
        pointer = self.e.builder.select(self.by_units, shared[spot.index], own[spot.index])
        return self.e.at(pointer, I64(spot.column)), pitches[spot.index]

    def row_at(
        self, row: ir.Value, own: Sequence[ir.Value], shared: Sequence[ir.Value], pitches: Sequence[int]
    ) -> list[ir.Value]:
        """Addresses of a row of the thread, where it lies in this step."""
        e, b = self.e, self.e.builder
        place = b.select(self.by_units, self.sequence(row), row)
        starts = (b.select(self.by_units, there, here) for here, there in zip(own, shared, strict=True))
        return [e.at(start, b.mul(place, I64(pitch))) for start, pitch in zip(starts, pitches, strict=True)]

    def move_states(self, count: ir.Value) -> None:
        """Brings the states of the thread's first `count` rows to where this step reads them: by units, to the rows
        that all threads share, else back."""
        e, b = self.e, self.e.builder
        moved = b.load(self.moved, typ=I64)
        most = b.select(b.icmp_signed(">", count, moved), count, moved)
        there = b.select(self.by_units, most, I64(0))
        back = b.select(self.by_units, I64(0), moved)
        for start, end, to_shared in ((moved, there, True), (I64(0), back, False)):
            with e.loop(end, start) as row:
                sequence = self.sequence(row)
                for k, ((_, size), pitch) in enumerate(zip(self.program.states, self.layout.states, strict=True)):
                    own = e.at(self.states[k], b.mul(row, I64(pitch)))
                    shared = e.at(self.shared_states[k], b.mul(sequence, I64(pitch)))
                    source, target = (own, shared) if to_shared else (shared, own)
                    self.copy(source, target, padded(size, self.target.lanes), from_outside=False)
        b.store(there, self.moved)

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
                "state": self.row_at(row, self.states, self.shared_states, self.layout.states),
                "scratch": self.row_at(row, self.scratch, self.shared_scratch, self.layout.scratch),
                "row": self.row_buffers,
                "vector": self.vectors,
                "grad": self.grads,
            }
            RowWriter(e, self.program, places).write(phase.sections)
