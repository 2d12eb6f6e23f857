"""The matrix product of a step: Z (rows, M) = A (rows, K) times packed matrices, in register tiles.

    for panel in M / (vectors · lanes):          the packed panel (K, vectors · lanes) stays in the nearest cache
      for tile of rows (at most `Isa.tile[0]`, evenly cut):
        accumulators (rows, vectors) = 0, or the bias of these columns
        for k in K:  accumulators += A[row, k] · panel[k]
        Z[tile, panel] = accumulators

One function a target, for all cells and sizes. The bits of a row do not depend on the rows beside it.

`share` is a thread's part of a product over many rows, block by block, so that the rows stay in the second cache.
"""

from __future__ import annotations

from llvmlite import ir

from cellwright.engine.lower.bfloat16 import pair_products, write_rounded
from cellwright.engine.lower.emit import Emitter
from cellwright.engine.lower.matrix_tiles import write_matrix_tiles
from cellwright.engine.lower.pack import add_pack
from cellwright.engine.lower.target import Target

__all__ = ["PRODUCT_TYPE", "product_module"]

I64 = ir.IntType(64)
UNROLL = 4


BLOCK = 48
POINTER = ir.PointerType()
# (A, row pitch of A, rows, packed, K, panels, Z, row pitch of Z, bias or 0) -> nothing; pitches in numbers
PRODUCT_TYPE = ir.FunctionType(ir.VoidType(), [POINTER, I64, I64, POINTER, I64, I64, POINTER, I64, POINTER])


def product_module(target: Target) -> ir.Module:
    """The module with the functions `product`, `share` and `pack`."""
    module = ir.Module(f"product_{target.isa.name}_{'bfloat16' if target.pairs else target.dtype}")
    module.triple = target.isa.triple
    function = ir.Function(module, PRODUCT_TYPE, "product")
    if target.pairs:
        tiles = ir.Function(module, PRODUCT_TYPE, "tiles")
        tiles.linkage = "internal"
        write = write_matrix_tiles if target.isa.matrix_tiles else _write_tiles
        write(tiles, target)
        write_rounded(function, target, tiles)
    else:
        _write_tiles(function, target)
    _add_share(module, function, target)
    add_pack(module, target)
    return module


def _write_tiles(function: ir.Function, target: Target) -> None:
    """The body of `product`; of pairs, K counts them, and A is rounded already."""
    for argument in (function.args[0], function.args[3]):
        argument.add_attribute("noalias")
    a, lda, rows, packed, depth, panels, z, ldz, bias = function.args
    e = Emitter(function, target)
    b = e.builder
    most = target.tile[0]
    tiles = b.udiv(b.add(rows, I64(most - 1)), I64(most))
    even, longer = b.udiv(rows, tiles), b.urem(rows, tiles)
    panel_size = b.mul(depth, I64(target.panel))
    quarter = b.udiv(panel_size, I64(UNROLL))
    done_panels = e.variable(I64, I64(0))
    # without a bias, what is loaded in its place is not used
    unbiased = b.icmp_unsigned("==", b.ptrtoint(bias, I64), I64(0))
    begin = b.select(unbiased, packed, bias)

    def first_sums(panel: ir.Value, vectors: int) -> list[ir.Value]:
        at = e.at(begin, b.mul(panel, I64(target.panel)))
        values = [e.load_vector(e.at(at, I64(v * target.lanes))) for v in range(vectors)]
        return [b.select(unbiased, e.splat(e.number(0.0)), value) for value in values]

    for height in range(1, most // 2 + 1):  # few rows: several panels side by side, to fill the accumulators
        side = most // height
        with e.when(b.icmp_unsigned("==", rows, I64(height))), e.loop(b.udiv(panels, I64(side))) as group:
            panel = b.mul(group, I64(side))
            matrices = [e.at(packed, b.mul(b.add(panel, I64(k)), panel_size)) for k in range(side)]
            sums = first_sums(panel, side * target.tile[1])
            _tile(e, height, a, lda, matrices, depth, e.at(z, b.mul(panel, I64(target.panel))), ldz, sums)
            b.store(b.add(panel, I64(side)), done_panels)
    with e.loop(panels, b.load(done_panels, typ=I64)) as panel:
        matrix = e.at(packed, b.mul(panel, panel_size))
        out = e.at(z, b.mul(panel, I64(target.panel)))
        ahead = e.at(matrix, panel_size)
        sums = first_sums(panel, target.tile[1])
        first = e.variable(I64, I64(0))
        with e.loop(tiles) as tile:
            count = b.add(even, b.zext(b.icmp_unsigned("<", tile, longer), I64))
            row = b.load(first, typ=I64)
            here = e.at(a, b.mul(row, lda))
            there = e.at(out, b.mul(row, ldz))
            done = function.append_basic_block("done")
            switch = b.switch(count, done)
            for height in range(1, most + 1):
                block = function.append_basic_block(f"rows{height}")
                switch.add_case(I64(height), block)
                b.position_at_end(block)
                next_part = e.at(ahead, b.mul(tile, quarter))
                _tile(e, height, here, lda, [matrix], depth, there, ldz, sums, next_part)
                b.branch(done)
            b.position_at_end(done)
            b.store(b.add(row, count), first)
    b.ret_void()


def _add_share(module: ir.Module, product: ir.Function, target: Target) -> None:
    """Adds `share`: (the arguments of `product` as 64-bit numbers, thread, threads, together), as a kernel has.

    There must be rows.
    """
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER, I64, I64, I64]), "share")
    arguments, thread, threads, _ = function.args
    e = Emitter(function, target)
    b = e.builder
    values = [b.load(e.at(arguments, I64(k), I64), typ=I64) for k in range(len(PRODUCT_TYPE.args))]
    a, lda, rows, packed, depth, panels, z, ldz, bias = (
        b.inttoptr(value, POINTER) if kind == POINTER else value
        for value, kind in zip(values, PRODUCT_TYPE.args, strict=True)
    )
    turns = _rounded_up(b, rows, b.mul(threads, I64(BLOCK)))
    block = _rounded_up(b, rows, b.mul(threads, turns))  # at most BLOCK, and as much for each thread
    blocks = _rounded_up(b, rows, block)
    mine = b.udiv(b.sub(b.add(blocks, b.sub(threads, I64(1))), thread), threads)
    with e.loop(mine) as turn:
        first = b.mul(b.add(thread, b.mul(turn, threads)), block)
        left = b.sub(rows, first)
        count = b.select(b.icmp_unsigned("<", left, block), left, block)
        here, there = e.at(a, b.mul(first, lda)), e.at(z, b.mul(first, ldz))
        b.call(product, [here, lda, count, packed, depth, panels, there, ldz, bias])
    b.ret_void()


def _rounded_up(b: ir.IRBuilder, number: ir.Value, by: ir.Value) -> ir.Value:
    """number / by, rounded up."""
    return b.udiv(b.add(number, b.sub(by, I64(1))), by)


def _tile(
    e: Emitter,
    height: int,
    a: ir.Value,
    lda: ir.Value,
    matrices: list[ir.Value],
    depth: ir.Value,
    z: ir.Value,
    ldz: ir.Value,
    first: list[ir.Value],
    ahead: ir.Value | None = None,
) -> None:
    """One register tile over all of K: `height` rows, and the panels of `matrices` side by side.

    Args:
        first: what the sums of each row begin with.
        ahead: a part of the next panel, fetched into the second cache meanwhile.
    """
    b, vectors = e.builder, e.target.tile[1] * len(matrices)
    rows = [e.at(a, b.mul(lda, I64(row))) for row in range(height)]
    start = b.block
    sums = [list(first) for _ in range(height)]

    def chain(k: ir.Value, sums: list[list[ir.Value]]) -> list[list[ir.Value]]:
        """In an order in which the registers that the sums leave are enough."""
        at = [e.at(matrix, b.mul(k, I64(e.target.panel))) for matrix in matrices]
        each = e.target.tile[1]
        places = [e.at(at[v // each], I64(v % each * e.target.lanes)) for v in range(vectors)]
        if e.target.pairs:
            return pair_products(e, rows, places, k, sums)

        def one(row: ir.Value) -> ir.Value:
            return e.splat(b.load(e.at(row, k), typ=e.target.element))

        if len(matrices) == 1:  # many rows: one after another
            columns = [e.load_vector(place) for place in places]
            return [
                [e.fma(value, c, total) for c, total in zip(columns, held, strict=True)]
                for value, held in zip(map(one, rows), sums, strict=True)
            ]
        ones = [one(row) for row in rows]
        new: list[list[ir.Value]] = [[] for _ in rows]
        for v, place in enumerate(places):
            here = e.load_vector(place)
            for value, held, row in zip(ones, sums, new, strict=True):
                row.append(e.fma(value, here, held[v]))
        return new

    whole = b.and_(depth, I64(-UNROLL))
    for end, stride in ((whole, UNROLL), (depth, 1)):
        head = e.function.append_basic_block("k")
        body = e.function.append_basic_block("products")
        after = e.function.append_basic_block("after")
        b.branch(head)
        b.position_at_end(head)
        k = b.phi(I64)
        held = [[b.phi(e.vector) for _ in range(vectors)] for _ in range(height)]
        k.add_incoming(I64(0) if stride > 1 else whole, start)
        for phis, values in zip(held, sums, strict=True):
            for phi, value in zip(phis, values, strict=True):
                phi.add_incoming(value, start)
        b.cbranch(b.icmp_unsigned("<", k, end), body, after)
        b.position_at_end(body)
        new = held
        if ahead is not None and stride > 1:
            e.prefetch(e.at(ahead, b.mul(k, I64(e.target.panel // UNROLL))))
        for step in range(stride):
            new = chain(b.add(k, I64(step)), new)
        k.add_incoming(b.add(k, I64(stride)), b.block)
        for phis, values in zip(held, new, strict=True):
            for phi, value in zip(phis, values, strict=True):
                phi.add_incoming(value, b.block)
        b.branch(head)
        b.position_at_end(after)
        start, sums = after, held
    for row, values in enumerate(sums):
        target = e.at(z, b.mul(ldz, I64(row)))
        for v, value in enumerate(values):
            e.store_vector(value, e.at(target, I64(v * e.target.lanes)))
