"""Brings a matrix into the panels that `product` reads.

for panel:  for k in K:  for column in panel:   packed[panel][k][column] = matrix[column][k], 0 behind the matrix
"""

from __future__ import annotations

from llvmlite import ir

from cellwright.engine.lower.emit import Emitter
from cellwright.engine.lower.target import Target

__all__ = ["add_pack"]

I64 = ir.IntType(64)


def add_pack(module: ir.Module, target: Target) -> None:
    """Adds `pack`: (matrix, stride of a column of the result, stride along K, columns, K, panels, packed).

    Strides are in numbers; `packed` has room for panels · K · `Target.panel` numbers.
    """
    pointer = ir.PointerType()
    kind = ir.FunctionType(ir.VoidType(), [pointer, I64, I64, I64, I64, I64, pointer])
    function = ir.Function(module, kind, "pack")
    matrix, column_stride, depth_stride, columns, depth, panels, packed = function.args
    e = Emitter(function, target)
    b = e.builder
    panel_size = b.mul(depth, I64(target.panel))
    whole = b.udiv(columns, I64(target.panel))
    rest = b.urem(columns, I64(target.panel))
    contiguous = b.icmp_unsigned("==", column_stride, I64(1))
    with e.loop(panels) as panel:
        source = e.at(matrix, b.mul(b.mul(panel, I64(target.panel)), column_stride))
        out = e.at(packed, b.mul(panel, panel_size))
        full = b.icmp_unsigned("<", panel, whole)
        with b.if_else(full) as (many, few):
            with many, b.if_else(contiguous) as (rows, any_stride):
                with rows, e.loop(depth) as k:
                    for v in range(target.isa.tile[1]):
                        at = I64(v * target.lanes)
                        value = e.load_vector(e.at(e.at(source, b.mul(k, depth_stride)), at))
                        e.store_vector(value, e.at(e.at(out, b.mul(k, I64(target.panel))), at))
                with any_stride:
                    columns_at = [e.at(source, b.mul(column_stride, I64(j))) for j in range(target.panel)]
                    with e.loop(depth) as k:
                        at = b.mul(k, depth_stride)
                        for v in range(target.isa.tile[1]):
                            here = columns_at[v * target.lanes : (v + 1) * target.lanes]
                            value = e.joined([b.load(e.at(c, at), align=target.size, typ=target.element) for c in here])
                            e.store_vector(value, e.at(out, b.add(b.mul(k, I64(target.panel)), I64(v * target.lanes))))
            with few:
                here = b.select(b.icmp_unsigned("==", panel, whole), rest, I64(0))
                with e.loop(depth) as k:
                    row = e.at(out, b.mul(k, I64(target.panel)))
                    first = e.at(source, b.mul(k, depth_stride))
                    with e.loop(here) as j:
                        value = b.load(e.at(first, b.mul(j, column_stride)), align=target.size, typ=target.element)
                        b.store(value, e.at(row, j), align=target.size)
                    with e.loop(I64(target.panel), here) as j:
                        b.store(e.number(0.0), e.at(row, j), align=target.size)
    b.ret_void()
