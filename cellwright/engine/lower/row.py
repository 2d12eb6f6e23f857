"""One row of a row phase as LLVM IR: its sections, one after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from llvmlite import ir

from cellwright.engine.lower.emit import Emitter
from cellwright.engine.lower.math import BINARY, UNARY, Math
from cellwright.engine.plan import Program
from cellwright.engine.sections import REDUCTIONS, Section
from cellwright.engine.spots import Spot, padded, width

__all__ = ["LLVM_ROWS", "RowWriter"]

I1, I32, I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)
COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "=="}

Emit = Callable[[Math, ir.IRBuilder, Sequence[ir.Value]], ir.Value]


def _fneg(math: Math, b: ir.IRBuilder, args: Sequence[ir.Value]) -> ir.Value:
    return b.fneg(args[0])


def _spread(emit: Callable[..., ir.Value]) -> Emit:
    """A function of the arguments one by one, as a row of the table."""
    return lambda math, b, args: emit(math, b, *args)


# op -> LLVM on vectors or single numbers; comparisons, where, reductions and moves are written by RowWriter
LLVM_ROWS: dict[str, Emit] = {
    "add": lambda math, b, a: b.fadd(a[0], a[1]),
    "sub": lambda math, b, a: b.fsub(a[0], a[1]),
    "mul": lambda math, b, a: b.fmul(a[0], a[1]),
    "div": lambda math, b, a: b.fdiv(a[0], a[1]),
    "neg": _fneg,
    "identity": lambda math, b, a: a[0],
    **{op: _spread(emit) for op, emit in (UNARY | BINARY).items()},
}


class RowWriter:
    """Writes the sections of one row.

    Args:
        places: addresses of this row in every buffer, by kind of spot; under "ahead", of the next row of every array.
    """

    def __init__(self, e: Emitter, program: Program, places: Mapping[str, Sequence[ir.Value]]) -> None:
        self.e, self.program, self.places = e, program, places
        self.nodes = program.nodes
        self.math = Math(fused=e.target.isa.fused)
        self.numbers: dict[int, ir.Value] = {}

    def write(self, sections: Sequence[Section]) -> None:
        for section in sections:
            getattr(self, section.kind)(section)

    def address(self, spot: Spot, column: ir.Value | None = None) -> ir.Value:
        base = self.places[spot.kind][spot.index]
        if spot.column:
            base = self.e.at(base, I64(spot.column))
        return base if column is None else self.e.at(base, column)

    def spot(self, index: int) -> Spot | None:
        """Where a value lies, or the part that a slice takes of one."""
        node = self.nodes[index]
        if index in self.program.spots:
            found = self.program.spots[index]
            return found.at(int(dict(node.attrs).get("row0", 0))) if found.kind == "vector" else found
        if node.op == "slice" and (inner := self.spot(node.args[0])) is not None:
            return inner.at(int(dict(node.attrs)["start"]))
        return None

    def size(self, index: int) -> int:
        return width(self.nodes[index].shape)

    # numbers

    def number(self, index: int) -> ir.Value:
        """A scalar of this row, loaded once."""
        if index not in self.numbers:
            node = self.nodes[index]
            if node.op == "constant":
                self.numbers[index] = self.e.number(float(dict(node.attrs)["value"]))
            else:
                spot = self.spot(index)
                assert spot is not None, (self.program.name, index, str(node))
                self.numbers[index] = self.e.builder.load(
                    self.address(spot), align=self.e.target.size, typ=self.e.target.element
                )
        return self.numbers[index]

    def scalars(self, section: Section) -> None:
        for index in section.nodes:
            node = self.nodes[index]
            if node.op in (*REDUCTIONS, "spread"):  # of one number
                self.numbers[index] = self.as_float(self.number(node.args[0]))
            else:
                self.numbers[index] = self.compute(index, self.number)
        values = [self.as_float(self.number(index)) for index, _ in section.stores]
        for value, (_, spot) in zip(values, section.stores, strict=True):
            place = self.address(spot)
            if spot.kind == "grad":
                held = self.e.builder.load(place, align=self.e.target.size, typ=self.e.target.element)
                value = self.e.builder.fadd(held, value)
            if spot.kind == "scratch":  # a product may read the whole vector
                self.e.store_vector(self.e.only(self.e.splat(value), 1), place)
            else:
                self.e.builder.store(value, place, align=self.e.target.size)

    # vectors

    def loop(self, section: Section) -> None:
        e, b, lanes = self.e, self.e.builder, self.e.target.lanes
        over = [k for k in section.nodes if self.nodes[k].op in REDUCTIONS]
        sums = {}
        for index in over:
            start = 0.0 if self.nodes[index].op == "sum" else float("-inf")
            sums[index] = e.variable(e.vector, e.splat(e.number(start)))
        # numbers used inside are loaded before the loop
        for index in section.nodes:
            for arg in self.nodes[index].args:
                if self.size(arg) == 1:
                    self.number(arg)
        whole, rest = section.size // lanes, section.size % lanes
        if whole == 1:
            self.vector_step(section, sums, I64(0), lanes)
        elif whole:
            with e.loop(I64(whole)) as v:
                self.vector_step(section, sums, b.mul(v, I64(lanes)), lanes)
        if rest:
            self.vector_step(section, sums, I64(whole * lanes), rest)
        for index in over:
            self.numbers[index] = self.across(self.nodes[index].op, b.load(sums[index], typ=e.vector))

    def vector_step(self, section: Section, sums: Mapping[int, ir.Value], column: ir.Value, count: int) -> None:
        """All nodes of a loop for one vector of features; `count` of its lanes are real."""
        e, b, lanes = self.e, self.e.builder, self.e.target.lanes
        values: dict[int, ir.Value] = {}

        def value(index: int) -> ir.Value:
            if self.size(index) == 1:
                return e.splat(self.number(index))
            if index not in values:
                values[index] = self.load(index, column, count)
            return values[index]

        for index in section.nodes:
            node = self.nodes[index]
            if node.op in REDUCTIONS:
                more = self.as_float(value(node.args[0]))
                if count < lanes:
                    more = e.only(more, count, 0.0 if node.op == "sum" else float("-inf"))
                held = b.load(sums[index], typ=e.vector)
                b.store(b.fadd(held, more) if node.op == "sum" else self.math.maximum(b, held, more), sums[index])
            elif node.op == "spread":
                values[index] = e.splat(self.as_float(self.number(node.args[0])))
            else:
                values[index] = self.compute(index, value)
        ready = [(self.as_float(value(index)), spot) for index, spot in section.stores]
        for result, spot in ready:
            self.store(result, spot, column, count)

    def load(self, index: int, column: ir.Value, count: int) -> ir.Value:
        spot = self.spot(index)
        assert spot is not None, (self.program.name, index, str(self.nodes[index]))
        pointer = self.address(spot, column)
        self.bring_next(spot, column)
        outside = spot.kind == "vector" or (spot.kind == "array" and not self.program.arrays[spot.index].whole)
        if count < self.e.target.lanes and (outside or self.nodes[index].op == "slice"):
            return self.e.load_part(pointer, count)
        return self.e.load_vector(pointer)

    def bring_next(self, spot: Spot, column: ir.Value) -> None:
        """Fetches the same columns of the array's next row: a row is too short for the processor to foresee its end."""
        if spot.kind == "array":
            self.e.prefetch(self.e.at(self.places["ahead"][spot.index], self.e.builder.add(I64(spot.column), column)))

    def store(self, value: ir.Value, spot: Spot, column: ir.Value, count: int) -> None:
        e, lanes = self.e, self.e.target.lanes
        pointer = self.address(spot, column)
        self.bring_next(spot, column)
        if spot.kind == "grad":
            value = e.builder.fadd(e.load_vector(pointer), value)
        if count == lanes:
            e.store_vector(value, pointer)
        elif spot.kind == "array" and not self.program.arrays[spot.index].whole:
            e.store_part(value, pointer, count)
        else:
            e.store_vector(e.only(value, count), pointer)

    def across(self, op: str, value: ir.Value) -> ir.Value:
        """The sum or maximum of all lanes."""
        e, b, count = self.e, self.e.builder, self.e.target.lanes
        while count > 1:
            count //= 2
            mask = ir.Constant(
                ir.VectorType(I32, self.e.target.lanes),
                [(k + count) % self.e.target.lanes for k in range(self.e.target.lanes)],
            )
            turned = b.shuffle_vector(value, ir.Constant(e.vector, ir.Undefined), mask)
            value = b.fadd(value, turned) if op == "sum" else self.math.maximum(b, value, turned)
        return b.extract_element(value, I32(0))

    # ops

    def compute(self, index: int, value: Callable[[int], ir.Value]) -> ir.Value:
        node, b = self.nodes[index], self.e.builder
        if node.op in COMPARISONS:
            left, right = (self.as_float(value(arg)) for arg in node.args)
            return b.fcmp_ordered(COMPARISONS[node.op], left, right)
        if node.op == "where":
            condition, first, second = (value(arg) for arg in node.args)
            return b.select(self.as_mask(condition), self.as_float(first), self.as_float(second))
        return LLVM_ROWS[node.op](self.math, b, [self.as_float(value(arg)) for arg in node.args])

    def as_float(self, value: ir.Value) -> ir.Value:
        """A comparison as 0 or 1."""
        kind = value.type.element if isinstance(value.type, ir.VectorType) else value.type
        if kind != I1:
            return value
        return self.e.builder.uitofp(
            value, self.e.vector if isinstance(value.type, ir.VectorType) else self.e.target.element
        )

    def as_mask(self, value: ir.Value) -> ir.Value:
        """A number as a condition: not 0."""
        kind = value.type.element if isinstance(value.type, ir.VectorType) else value.type
        if kind == I1:
            return value
        return self.e.builder.fcmp_unordered(
            "!=", value, ir.Constant(value.type, 0.0 if value.type == kind else [0.0] * value.type.count)
        )

    # moves

    def copy(self, section: Section) -> None:
        """concat, pad: parts from where they lie to the whole."""
        e, (index,) = self.e, section.nodes
        node, target = self.nodes[index], self.program.spots[index]
        starts = [0]
        if node.op == "pad":
            with e.loop(I64(padded(section.size, e.target.lanes) // e.target.lanes)) as v:
                e.store_vector(e.splat(e.number(0.0)), self.address(target, e.builder.mul(v, I64(e.target.lanes))))
            starts = [int(dict(node.attrs)["start"])]
        for arg in node.args:
            self.move(arg, target.at(starts[-1]))
            starts.append(starts[-1] + self.size(arg))

    def move(self, index: int, target: Spot) -> None:
        """One value into a buffer, without touching what lies behind it."""
        e, size = self.e, self.size(index)
        if size == 1:
            e.builder.store(self.as_float(self.number(index)), self.address(target), align=e.target.size)
            return
        spot = self.spot(index)
        assert spot is not None, (self.program.name, index, str(self.nodes[index]))
        self.move_numbers(spot, target, size)

    def move_numbers(self, source: Spot, target: Spot, size: int) -> None:
        e, b, lanes = self.e, self.e.builder, self.e.target.lanes
        if size >= lanes:
            with e.loop(I64(size // lanes)) as v:
                at = b.mul(v, I64(lanes))
                e.store_vector(e.load_vector(self.address(source, at)), self.address(target, at))
        if size % lanes:
            at = I64(size - size % lanes)
            e.store_part(e.load_part(self.address(source, at), size % lanes), self.address(target, at), size % lanes)

    def scan(self, section: Section) -> None:
        """A running sum, one feature after another."""
        e, b, (index,) = self.e, self.e.builder, section.nodes
        node, target = self.nodes[index], self.program.spots[index]
        total = e.variable(e.target.element, e.number(0.0))
        source = self.spot(node.args[0])
        # a number is loaded before the loop: what follows reads it too
        number = self.as_float(self.number(node.args[0])) if section.size == 1 or source is None else None
        with e.loop(I64(section.size), down=node.op == "suffix_sum") as k:
            one = number
            if one is None:
                assert source is not None
                one = b.load(self.address(source, k), align=e.target.size, typ=e.target.element)
            sum_ = b.fadd(b.load(total, typ=e.target.element), one)
            b.store(sum_, total)
            b.store(sum_, self.address(target, k), align=e.target.size)

    def commit(self, section: Section) -> None:
        """New states over the old ones."""
        for source, target, size in section.commits:
            self.move_numbers(source, target, size)
