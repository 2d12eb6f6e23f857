"""Where the threads of a job wait for each other, as LLVM IR.

    barrier(place, threads, give_way):
        turn = turns
        if I am the last of `threads` to arrive:   arrived = 0; turns += 1
        else:                                      wait until turns ≠ turn

Both counters lie in the scratch memory, on lines of their own. After a barrier `arrived` is 0 again, so one memory
serves any number of calls. A thread that waits for long lets others run, as there may be fewer cores than threads.
"""

from __future__ import annotations

from llvmlite import ir

from cellwright.engine.lower.target import Target

__all__ = ["BARRIER_BYTES", "add_barrier"]

I32, I64, POINTER, VOID = ir.IntType(32), ir.IntType(64), ir.PointerType(), ir.VoidType()
LINE = 128  # of two cache lines: processors fetch them in pairs
BARRIER_BYTES = 2 * LINE
SPINS = 1000  # turns, some 40 µs: longer than any thread that runs keeps the others waiting


def add_barrier(module: ir.Module, target: Target) -> ir.Function:
    """Adds `barrier`: (address of the counters, threads, address of sched_yield or 0)."""
    function = ir.Function(module, ir.FunctionType(VOID, [POINTER, I64, I64]), "barrier")
    function.linkage = "internal"
    place, threads, give_way = function.args
    begin, last, others, again, leave, gone = (
        function.append_basic_block(name) for name in ("begin", "last", "others", "again", "leave", "gone")
    )
    b = ir.IRBuilder(begin)
    turns = b.gep(place, [I64(LINE // 8)], source_etype=I64)
    turn = b.load_atomic(turns, "acquire", 8, typ=I64)
    arrived = b.atomic_rmw("add", place, I64(1), "acq_rel")
    b.cbranch(b.icmp_unsigned("==", b.add(arrived, I64(1)), threads), last, others)
    b.position_at_end(last)
    b.atomic_rmw("xchg", place, I64(0), "monotonic")
    b.atomic_rmw("add", turns, I64(1), "release")
    b.branch(gone)
    b.position_at_end(others)
    spins = b.phi(I64)
    spins.add_incoming(I64(0), begin)
    now = b.load_atomic(turns, "acquire", 8, typ=I64)
    b.cbranch(b.icmp_unsigned("!=", now, turn), gone, again)
    b.position_at_end(again)
    _pause(b, target)
    more = b.add(spins, I64(1))
    spins.add_incoming(more, again)
    patient = b.icmp_unsigned("<", more, I64(SPINS))
    b.cbranch(b.or_(patient, b.icmp_unsigned("==", give_way, I64(0))), others, leave)
    b.position_at_end(leave)
    b.call(b.inttoptr(give_way, ir.FunctionType(I32, []).as_pointer()), [])
    spins.add_incoming(more, leave)
    b.branch(others)
    b.position_at_end(gone)
    b.ret_void()
    return function


def _pause(b: ir.IRBuilder, target: Target) -> None:
    """Tells the processor that this is a loop that waits."""
    x86 = target.isa.triple.startswith("x86_64")
    name, kinds = ("llvm.x86.sse2.pause", []) if x86 else ("llvm.aarch64.hint", [I32])
    hint = ir.Function(b.module, ir.FunctionType(VOID, kinds), name)
    b.call(hint, [I32(1)] if kinds else [])  # 1 is yield
