"""Brings a matrix into the panels that `product` reads.

for panel:  for k in K:  for column in panel:   packed[panel][k][column] = matrix[column][k], 0 behind the matrix

For products of bfloat16, k counts pairs, and a number is matrix[column][2k] and matrix[column][2k + 1], both rounded,
0 behind K.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from cellwright.engine.lower.bfloat16 import packed_pair
from cellwright.engine.lower.emit import Emitter
from cellwright.engine.lower.target import Target

__all__ = ["add_pack"]

I64 = ir.IntType(64)
ZERO = I64(0)


def add_pack(module: ir.Module, target: Target) -> None:
    """Adds `pack`: (matrix, stride of a column of the result, stride along K, columns, K, panels, packed).

    Strides are in numbers; `packed` has room for panels · `Target.packed_depth` · `Target.panel` numbers.
    """
    pointer = ir.PointerType()
    kind = ir.FunctionType(ir.VoidType(), [pointer, I64, I64, I64, I64, I64, pointer])
    PackWriter(ir.Function(module, kind, "pack"), target).write()


class PackWriter:
    """Writes `pack`. A row of a panel is packed from numbers `along` K: one number's offset, or those of a pair."""

    def __init__(self, function: ir.Function, target: Target) -> None:
        self.e, self.target = Emitter(function, target), target
        self.matrix, self.stride, self.depth_stride, self.columns, self.depth, self.panels, self.packed = function.args

    def write(self) -> None:
        e, b, target = self.e, self.e.builder, self.target
        whole = b.udiv(self.columns, I64(target.panel))
        rest = b.urem(self.columns, I64(target.panel))
        contiguous = b.icmp_unsigned("==", self.stride, I64(1))
        upright = b.icmp_unsigned("==", self.depth_stride, I64(1))
        panel_size = b.mul(e.packed_depth(self.depth), I64(target.panel))
        with e.loop(self.panels) as panel:
            self.source = e.at(self.matrix, b.mul(b.mul(panel, I64(target.panel)), self.stride))
            self.out = e.at(self.packed, b.mul(panel, panel_size))
            full = b.icmp_unsigned("<", panel, whole)
            with b.if_else(full) as (many, few):
                with many, b.if_else(contiguous) as (rows, any_stride):
                    with rows:
                        self.each_row(self.beside)
                    with any_stride:
                        self.starts = [e.at(self.source, b.mul(self.stride, I64(j))) for j in range(target.panel)]
                        blocks = b.select(upright, b.udiv(self.depth, I64(target.lanes)), I64(0))
                        self.turn(blocks)
                        self.each_row(self.gathered, b.mul(blocks, I64(target.lanes)))
                with few:
                    self.here = b.select(b.icmp_unsigned("==", panel, whole), rest, I64(0))
                    self.each_row(self.ragged)
        b.ret_void()

    def row(self, k: ir.Value) -> ir.Value:
        """The address of a panel's row."""
        return self.e.at(self.out, self.e.builder.mul(k, I64(self.target.panel)))

    def each_row(self, body: Callable[[ir.Value, list[ir.Value]], None], start: ir.Value = ZERO) -> None:
        """body(address of a panel's row, along) for all of K from an even `start` on."""
        e, b, row = self.e, self.e.builder, self.row
        if not self.target.pairs:
            with e.loop(self.depth, start) as k:
                body(row(k), [b.mul(k, self.depth_stride)])
            return
        pairs = b.udiv(self.depth, I64(2))
        with e.loop(pairs, b.udiv(start, I64(2))) as k:
            first = b.mul(b.mul(k, I64(2)), self.depth_stride)
            body(row(k), [first, b.add(first, self.depth_stride)])
        odd = b.and_(self.depth, I64(1))
        with e.when(b.icmp_unsigned("==", odd, I64(1))):
            body(row(pairs), [b.mul(b.sub(self.depth, I64(1)), self.depth_stride)])
        with e.loop(e.packed_depth(self.depth), b.add(pairs, odd)) as k:
            for v in range(self.target.tile[1]):
                e.store_vector(e.splat(e.number(0.0)), e.at(row(k), I64(v * self.target.lanes)))

    def word(self, values: list[ir.Value]) -> ir.Value:
        return packed_pair(self.e, values) if self.target.pairs else values[0]

    def number(self, address: ir.Value) -> ir.Value:
        return self.e.builder.load(address, align=self.target.size, typ=self.target.element)

    def beside(self, row: ir.Value, along: list[ir.Value]) -> None:
        """Columns next to each other: whole vectors."""
        e = self.e
        for v in range(self.target.tile[1]):
            at = I64(v * self.target.lanes)
            e.store_vector(self.word([e.load_vector(e.at(e.at(self.source, k), at)) for k in along]), e.at(row, at))

    def turn(self, blocks: ir.Value) -> None:
        """The first `blocks` times as many of K as a vector has lanes, where those of a column are side by side."""
        e, b, lanes = self.e, self.e.builder, self.target.lanes
        numbers = 2 if self.target.pairs else 1
        with e.loop(blocks) as block:
            k = b.mul(block, I64(lanes))
            for v in range(self.target.tile[1]):
                starts = self.starts[v * lanes : (v + 1) * lanes]
                turned = e.transposed([e.load_vector(e.at(start, k)) for start in starts])
                for j in range(0, lanes, numbers):
                    row = self.row(b.udiv(b.add(k, I64(j)), I64(numbers)))
                    e.store_vector(self.word(turned[j : j + numbers]), e.at(row, I64(v * lanes)))

    def gathered(self, row: ir.Value, along: list[ir.Value]) -> None:
        """Columns anywhere."""
        e, lanes = self.e, self.target.lanes
        for v in range(self.target.tile[1]):
            starts = self.starts[v * lanes : (v + 1) * lanes]
            values = [e.joined([self.number(e.at(start, k)) for start in starts]) for k in along]
            e.store_vector(self.word(values), e.at(row, I64(v * lanes)))

    def ragged(self, row: ir.Value, along: list[ir.Value]) -> None:
        """The columns that are left, then zeros."""
        e, b = self.e, self.e.builder
        with e.loop(self.here) as j:
            column = e.at(self.source, b.mul(j, self.stride))
            b.store(self.word([self.number(e.at(column, k)) for k in along]), e.at(row, j), align=self.target.size)
        with e.loop(I64(self.target.panel), self.here) as j:
            b.store(e.number(0.0), e.at(row, j), align=self.target.size)
