"""Runs kernels on the threads that torch already has: one OpenMP region, no thread pool of our own.

team(call):   call = parallel, thread number, number of threads, threads to ask for, shares, jobs,
                     then for each job: kernel, arguments, first share, shares
Every thread runs its share of every job; if the region gets fewer threads than there are shares, they run the rest too,
one after another. A kernel is told whether all of its shares run at once, as only then they may wait for each other.
"""

from __future__ import annotations

from llvmlite import ir

from cellwright.engine.lower.emit import Emitter
from cellwright.engine.lower.product import PRODUCT_TYPE
from cellwright.engine.lower.target import Target

__all__ = ["CHAIN_CALL", "TEAM_HEADER", "TEAM_JOB", "team_module"]

TEAM_HEADER, TEAM_JOB, CHAIN_CALL = 6, 4, 11
I32, I64, POINTER, VOID = ir.IntType(32), ir.IntType(64), ir.PointerType(), ir.VoidType()


def team_module(target: Target) -> ir.Module:
    """The module with the functions `team` and `chain`."""
    module = ir.Module("team")
    module.triple = target.isa.triple
    body = ir.Function(module, ir.FunctionType(VOID, [POINTER]), "share")
    _share(Emitter(body, target))
    team = ir.Function(module, ir.FunctionType(VOID, [POINTER]), "team")
    e = Emitter(team, target)
    b = e.builder
    call = team.args[0]
    threads = b.load(e.at(call, I64(3), I64), typ=I64)
    alone = b.icmp_signed("<=", threads, I64(1))
    with b.if_else(alone) as (one, many):
        with one:
            jobs = b.load(e.at(call, I64(5), I64), typ=I64)
            with e.loop(jobs) as job:
                at = b.add(I64(TEAM_HEADER), b.mul(job, I64(TEAM_JOB)))
                kernel, arguments, count = (b.load(e.at(call, b.add(at, I64(k)), I64), typ=I64) for k in (0, 1, 3))
                with e.loop(count) as thread:
                    _run(b, kernel, arguments, thread, count, I64(0))
        with many:
            kind = ir.FunctionType(VOID, [POINTER, POINTER, I32, I32]).as_pointer()
            parallel = b.inttoptr(b.load(call, typ=I64), kind)
            b.call(parallel, [b.bitcast(body, POINTER), call, b.trunc(threads, I32), I32(0)])
    b.ret_void()
    _chain(Emitter(ir.Function(module, ir.FunctionType(VOID, [POINTER, I64]), "chain"), target))
    return module


def _chain(e: Emitter) -> None:
    """Calls in order."""
    b, (calls, count) = e.builder, e.function.args
    with e.loop(count) as call:
        at = b.mul(call, I64(CHAIN_CALL))
        kind, function, *rest = (b.load(e.at(calls, b.add(at, I64(k)), I64), typ=I64) for k in range(CHAIN_CALL))
        with b.if_else(b.icmp_unsigned("==", kind, I64(0))) as (product, kernel):
            with product:
                values = [
                    b.inttoptr(value, wanted) if wanted == POINTER else value
                    for value, wanted in zip(rest, PRODUCT_TYPE.args, strict=True)
                ]
                b.call(b.inttoptr(function, PRODUCT_TYPE.as_pointer()), values)
            with kernel:
                _run(b, function, rest[0], I64(0), I64(1), I64(0))
    b.ret_void()


def _share(e: Emitter) -> None:
    """What one thread of the region does."""
    b, call = e.builder, e.function.args[0]

    def ask(slot: int) -> ir.Value:
        function = b.inttoptr(b.load(e.at(call, I64(slot), I64), typ=I64), ir.FunctionType(I32, []).as_pointer())
        return b.zext(b.call(function, []), I64)

    me, present = ask(1), ask(2)
    shares = b.load(e.at(call, I64(4), I64), typ=I64)
    jobs = b.load(e.at(call, I64(5), I64), typ=I64)
    rounds = b.udiv(b.sub(b.add(shares, b.sub(present, I64(1))), me), present)
    together = b.zext(b.icmp_unsigned("<=", shares, present), I64)
    with e.loop(rounds) as turn:
        share = b.add(me, b.mul(turn, present))
        with e.loop(jobs) as job:
            at = b.add(I64(TEAM_HEADER), b.mul(job, I64(TEAM_JOB)))
            kernel, arguments, first, count = (b.load(e.at(call, b.add(at, I64(k)), I64), typ=I64) for k in range(4))
            mine = b.sub(share, first)
            with e.when(b.icmp_unsigned("<", mine, count)):
                _run(b, kernel, arguments, mine, count, together)
    b.ret_void()


def _run(
    b: ir.IRBuilder, kernel: ir.Value, arguments: ir.Value, thread: ir.Value, count: ir.Value, together: ir.Value
) -> None:
    kind = ir.FunctionType(VOID, [POINTER, I64, I64, I64]).as_pointer()
    b.call(b.inttoptr(kernel, kind), [b.inttoptr(arguments, POINTER), thread, count, together])
