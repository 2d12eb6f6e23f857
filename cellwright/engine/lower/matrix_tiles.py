"""Products of bfloat16 in AMX's tiles: 16 rows of 64 bytes each, eight of them.

    for block of at most 32 rows:  for panel of 32 columns:
      four tiles of sums (two of rows, two of columns) = 0, or the bias of these columns
      for 16 pairs of k:  two tiles of A, two of the panel;  sums += A · panel, four times
      Z[block, panel] = sums

TDPBF16PS sums the 16 products with even k and the 16 with odd k apart, in float32 and in their order, then adds both
and the sum so far; it takes denormal numbers for 0. The bits of a row do not depend on the rows beside it.
"""

from __future__ import annotations

from llvmlite import ir

from cellwright.engine.lower.emit import Emitter, declared
from cellwright.engine.lower.target import Target

__all__ = ["write_matrix_tiles"]

I8, I64, POINTER, VOID = ir.IntType(8), ir.IntType(64), ir.PointerType(), ir.VoidType()
ROWS = 16  # of a tile
WIDTH = 16  # 32-bit numbers of a tile's row
BYTES, HEIGHT = 16, 48  # where a configuration holds the bytes of each tile's row, two for each, and the rows
SUMS, OPERAND, MATRIX = ((0, 1), (2, 3)), (4, 5), (6, 7)  # numbers of the tiles
INSTRUCTIONS = {  # name: the kinds of its arguments; a tile's number must be a constant
    "ldtilecfg": (POINTER,),
    "tilerelease": (),
    "tileloadd64": (I8, POINTER, I64),
    "tilestored64": (I8, POINTER, I64),
    "tdpbf16ps": (I8, I8, I8),
}


def write_matrix_tiles(function: ir.Function, target: Target) -> None:
    """The body of `tiles`: K counts pairs and is a multiple of 16, A is rounded already."""
    a, lda, rows, packed, depth, panels, z, ldz, bias = function.args
    e = Emitter(function, target)
    b = e.builder
    none = ir.ArrayType(e.target.element, target.panel)
    zeros, configuration = e.variable(none, ir.Constant(none, None)), _configuration(e)
    unbiased = b.icmp_unsigned("==", b.ptrtoint(bias, I64), I64(0))
    most = target.tile[0]
    with e.loop(b.udiv(b.add(rows, I64(most - 1)), I64(most))) as block:
        first = b.mul(block, I64(most))
        left = b.sub(rows, first)
        two = b.icmp_unsigned(">", left, I64(ROWS))
        upper = b.select(two, I64(ROWS), left)
        below = b.sub(left, I64(ROWS))
        lower = b.select(two, b.select(b.icmp_unsigned("<", below, I64(ROWS)), below, I64(ROWS)), upper)
        _configure(e, configuration, upper, lower)
        here, there = e.at(a, b.mul(first, lda)), e.at(z, b.mul(first, ldz))
        with e.loop(panels) as panel:
            at = b.mul(panel, I64(target.panel))
            begin = b.select(unbiased, zeros, e.at(bias, at))
            matrix, out = e.at(packed, b.mul(depth, at)), e.at(there, at)
            with b.if_else(two) as (both, one):
                with both:
                    _block(e, 2, here, lda, matrix, depth, out, ldz, begin)
                with one:
                    _block(e, 1, here, lda, matrix, depth, out, ldz, begin)
    _call(e, "tilerelease")
    b.ret_void()


def _call(e: Emitter, name: str, *arguments: ir.Value) -> None:
    """An instruction on tiles."""
    e.builder.call(declared(e.builder.module, f"llvm.x86.{name}", VOID, INSTRUCTIONS[name]), arguments)


def _configuration(e: Emitter) -> ir.Value:
    """What `ldtilecfg` reads, but for the rows of sums and operand: palette 1, bytes and number of a tile's rows."""
    layout = [0] * 64
    layout[0] = 1
    for tile in range(8):
        layout[BYTES + 2 * tile] = 4 * WIDTH
    for tile in MATRIX:
        layout[HEIGHT + tile] = ROWS
    kind = ir.ArrayType(I8, len(layout))
    return e.variable(kind, ir.Constant(kind, layout))


def _configure(e: Emitter, configuration: ir.Value, upper: ir.Value, lower: ir.Value) -> None:
    """`upper` rows in the first tiles of sums and operand, `lower` in the second."""
    b = e.builder
    for tiles, operand, height in zip(SUMS, OPERAND, (upper, lower), strict=True):
        for tile in (*tiles, operand):
            b.store(b.trunc(height, I8), b.gep(configuration, [I64(0), I64(HEIGHT + tile)]))
    _call(e, "ldtilecfg", configuration)


def _block(
    e: Emitter,
    height: int,
    a: ir.Value,
    lda: ir.Value,
    matrix: ir.Value,
    depth: ir.Value,
    z: ir.Value,
    ldz: ir.Value,
    begin: ir.Value,
) -> None:
    """`height` tiles of rows times one panel, over all of K; each row of sums begins as `begin`."""
    b = e.builder
    down, across = range(height), range(len(MATRIX))
    pitch, out_pitch = b.mul(lda, I64(4)), b.mul(ldz, I64(4))

    def sums_at(row: int, column: int) -> ir.Value:
        return e.at(e.at(z, b.mul(ldz, I64(row * ROWS))), I64(column * WIDTH))

    for row in down:
        for column in across:  # the same row again and again: 0 bytes from one to the next
            _call(e, "tileloadd64", I8(SUMS[row][column]), e.at(begin, I64(column * WIDTH)), I64(0))
    with e.loop(b.udiv(depth, I64(WIDTH))) as part:
        k = b.mul(part, I64(WIDTH))
        for column in across:
            source = e.at(matrix, b.add(b.mul(k, I64(e.target.panel)), I64(column * WIDTH)))
            _call(e, "tileloadd64", I8(MATRIX[column]), source, I64(4 * e.target.panel))
        for row in down:
            _call(e, "tileloadd64", I8(OPERAND[row]), e.at(e.at(a, b.mul(lda, I64(row * ROWS))), k), pitch)
            for column in across:
                _call(e, "tdpbf16ps", I8(SUMS[row][column]), I8(OPERAND[row]), I8(MATRIX[column]))
    for row in down:
        for column in across:
            _call(e, "tilestored64", I8(SUMS[row][column]), sums_at(row, column), out_pitch)
