"""bfloat16 in products: rounding, pairs of k side by side, and the dot product of a pair.

A pair is 32 bits: k even in the low half, k + 1 in the high one; behind an odd K stands a zero. So a packed matrix is
one of K / 2 rows of 32-bit numbers, and lies as one of float32 does. AMX multiplies it as it is (lower.matrix_tiles);
it takes 16 pairs at a time, so there as many zeros stand behind K as are needed. Elsewhere the dot product of a pair,

    sum += odd(a) · odd(w);   sum += even(a) · even(w)        in float32; a product of two bfloat16 is exact there

has two lowerings: VDPBF16PS, which takes denormal numbers for 0; and, on any instruction set, pairs widened by shift
and mask and two fused multiply-adds (without them a product and a sum, which round alike).
"""

from __future__ import annotations

from llvmlite import ir

from cellwright.engine.lower.emit import Emitter, declared
from cellwright.engine.lower.target import Target

__all__ = ["WIDEST", "packed_pair", "pair_products", "write_rounded"]

I16, I32, I64, POINTER = ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.PointerType()
UPPER = -(1 << 16)
QUIET = 1 << 22
WIDEST = 1 << 16
"""Largest K: numbers of a rounded operand on the stack, 256 KiB."""


class BFloat16(ir.Type):  # type: ignore[misc]
    """LLVM's `bfloat`, which llvmlite has no name for; here only of vectors."""

    def __str__(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BFloat16)

    def __hash__(self) -> int:
        return hash(BFloat16)


def every(kind: ir.Type, value: int) -> ir.Constant:
    """A number, or a vector of it."""
    return ir.Constant(kind, [value] * kind.count if isinstance(kind, ir.VectorType) else value)


def rounded(e: Emitter, value: ir.Value) -> ir.Value:
    """float32 as bits whose upper half is the nearest bfloat16, ties to even, the lower half 0; a NaN stays a NaN."""
    b = e.builder
    kind = ir.VectorType(I32, value.type.count) if isinstance(value.type, ir.VectorType) else I32
    bits = b.bitcast(value, kind)
    last = b.and_(b.lshr(bits, every(kind, 16)), every(kind, 1))
    near = b.add(bits, b.add(last, every(kind, (1 << 15) - 1)))
    quiet = b.or_(bits, every(kind, QUIET))  # its payload may be in what is cut off alone
    return b.and_(b.select(b.fcmp_unordered("uno", value, value), quiet, near), every(kind, UPPER))


def packed_pair(e: Emitter, values: list[ir.Value]) -> ir.Value:
    """float32 of k and of k + 1, or of k alone, as pairs."""
    b, words = e.builder, [rounded(e, value) for value in values]
    low = b.lshr(words[0], every(words[0].type, 16))
    return b.or_(low, words[1]) if len(words) > 1 else low


def write_rounded(function: ir.Function, target: Target, tiles: ir.Function) -> None:
    """The body of `product`: as many rows as there is room for are rounded, then multiplied by `tiles`."""
    rounding = _add_rounding(function.module, target)
    a, lda, rows, packed, depth, panels, z, ldz, bias = function.args
    e = Emitter(function, target)
    b = e.builder
    pairs = e.packed_depth(depth)
    pitch = operand_pitch(e, pairs)
    room = e.variable(ir.ArrayType(e.target.element, WIDEST))
    some = b.udiv(I64(WIDEST), pitch)
    with e.loop(b.udiv(b.add(rows, b.sub(some, I64(1))), some)) as block:
        first = b.mul(block, some)
        left = b.sub(rows, first)
        count = b.select(b.icmp_unsigned("<", left, some), left, some)
        b.call(rounding, [e.at(a, b.mul(first, lda)), lda, count, depth, room])
        b.call(tiles, [room, pitch, count, packed, pairs, panels, e.at(z, b.mul(first, ldz)), ldz, bias])
    b.ret_void()


def operand_pitch(e: Emitter, pairs: ir.Value) -> ir.Value:
    """32-bit numbers from one row of a rounded operand to the next: pairs, or two float32 a pair."""
    return pairs if e.target.isa.multiplies_pairs else e.builder.mul(pairs, I64(2))


def _add_rounding(module: ir.Module, target: Target) -> ir.Function:
    """Adds `round_rows`: (A, row pitch of A, rows, K, rounded) with rows of `rounded` side by side, as the dot product
    reads them: pairs, or float32 with bfloat16's digits, zeros behind K."""
    kind = ir.FunctionType(ir.VoidType(), [POINTER, I64, I64, I64, POINTER])
    function = ir.Function(module, kind, "round_rows")
    function.linkage = "internal"
    a, lda, rows, depth, out = function.args
    e = Emitter(function, target)
    b, paired = e.builder, e.target.isa.multiplies_pairs
    pairs = e.packed_depth(depth)
    pitch = operand_pitch(e, pairs)
    element = I16 if paired else I32
    whole = b.udiv(depth, I64(e.target.lanes))

    def kept(value: ir.Value) -> ir.Value:
        bits = rounded(e, value)
        if not paired:
            return bits
        several = isinstance(bits.type, ir.VectorType)
        return b.trunc(b.lshr(bits, every(bits.type, 16)), ir.VectorType(I16, bits.type.count) if several else I16)

    with e.loop(rows) as row:
        source, target_row = e.at(a, b.mul(row, lda)), e.at(out, b.mul(row, pitch))
        with e.loop(whole) as v:
            k = b.mul(v, I64(e.target.lanes))
            b.store(kept(e.load_vector(e.at(source, k))), e.at(target_row, k, element), align=2 if paired else 4)
        with e.loop(depth, b.mul(whole, I64(e.target.lanes))) as k:
            b.store(kept(b.load(e.at(source, k), typ=e.target.element)), e.at(target_row, k, element))
        with e.loop(b.mul(pairs, I64(2)), depth) as k:
            b.store(element(0), e.at(target_row, k, element))
    b.ret_void()
    return function


def pair_products(
    e: Emitter, rows: list[ir.Value], columns: list[ir.Value], k: ir.Value, sums: list[list[ir.Value]]
) -> list[list[ir.Value]]:
    """Sums (rows, vectors of columns) with the dot products of pair `k` added.

    Args:
        rows: addresses of the rows of a rounded operand.
        columns: addresses of the pairs of each vector of columns.
    """
    add = _dots if e.target.isa.pair_dot else _widened
    if len(columns) <= len(rows):
        return add(e, rows, columns, k, sums)
    # few rows: a vector of columns after another, or registers would not be enough
    parts = [add(e, rows, [column], k, [[held[v]] for held in sums]) for v, column in enumerate(columns)]
    return [[part[row][0] for part in parts] for row in range(len(rows))]


def _dots(
    e: Emitter, rows: list[ir.Value], columns: list[ir.Value], k: ir.Value, sums: list[list[ir.Value]]
) -> list[list[ir.Value]]:
    """By the instruction."""
    b, pairs = e.builder, ir.VectorType(BFloat16(), 2 * e.target.lanes)
    dot = declared(b.module, e.target.isa.pair_dot, e.vector, [e.vector, pairs, pairs])
    packed = [b.load(column, align=4, typ=pairs) for column in columns]
    new = []
    for row, held in zip(rows, sums, strict=True):
        one = b.bitcast(e.splat(b.load(e.at(row, k, I32), typ=I32)), pairs)
        new.append([b.call(dot, [total, one, words]) for words, total in zip(packed, held, strict=True)])
    return new


def _widened(
    e: Emitter, rows: list[ir.Value], columns: list[ir.Value], k: ir.Value, sums: list[list[ir.Value]]
) -> list[list[ir.Value]]:
    """By two multiply-adds of float32."""
    b, kind = e.builder, ir.VectorType(I32, e.target.lanes)
    packed = [b.load(column, align=4, typ=kind) for column in columns]
    odd = [b.and_(words, every(kind, UPPER)) for words in packed]
    even = [b.shl(words, every(kind, 16)) for words in packed]
    for part, place in ((odd, 1), (even, 0)):
        wide = [b.bitcast(words, e.vector) for words in part]
        new = []
        for row, held in zip(rows, sums, strict=True):
            one = e.splat(b.load(e.at(row, b.add(b.mul(k, I64(2)), I64(place))), typ=e.target.element))
            new.append([e.fma(one, column, total) for column, total in zip(wide, held, strict=True)])
        sums = new
    return sums
