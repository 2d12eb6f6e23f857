"""What every lowering writes: loops, variables, addresses, vectors with a ragged end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from llvmlite import ir

from cellwright.engine.lower.target import Target

__all__ = ["Emitter", "declared"]

I1, I32, I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)


def declared(module: ir.Module, name: str, result: ir.Type, arguments: Sequence[ir.Type]) -> ir.Function:
    """LLVM's function of that name, declared in the module once."""
    function = module.globals.get(name)
    return function if function is not None else ir.Function(module, ir.FunctionType(result, arguments), name)


class Emitter:
    """Writes into one function."""

    def __init__(self, function: ir.Function, target: Target) -> None:
        self.function, self.target = function, target
        self.entry = function.append_basic_block("entry")
        start = function.append_basic_block("start")
        self.variables = ir.IRBuilder(self.entry)
        self.variables.branch(start)
        self.builder = ir.IRBuilder(start)
        self.vector = ir.VectorType(target.element, target.lanes)

    def number(self, value: float) -> ir.Constant:
        return ir.Constant(self.target.element, value)

    def splat(self, value: ir.Value) -> ir.Value:
        """One number in every lane."""
        if isinstance(value, ir.Constant):
            return ir.Constant(self.vector, [value.constant] * self.target.lanes)
        kind = ir.VectorType(value.type, self.target.lanes)
        first = self.builder.insert_element(ir.Constant(kind, ir.Undefined), value, I32(0))
        mask = ir.Constant(ir.VectorType(I32, self.target.lanes), [0] * self.target.lanes)
        return self.builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), mask)

    def joined(self, values: Sequence[ir.Value]) -> ir.Value:
        """Numbers side by side in a vector."""
        result = ir.Constant(self.vector, ir.Undefined)
        for k, value in enumerate(values):
            result = self.builder.insert_element(result, value, I32(k))
        return result

    def transposed(self, rows: Sequence[ir.Value]) -> list[ir.Value]:
        """As many vectors as one has lanes, as the columns of a square: each round deals two halves in turn."""
        lanes, b = self.target.lanes, self.builder
        low = [k // 2 + k % 2 * lanes for k in range(lanes)]
        masks = [ir.Constant(ir.VectorType(I32, lanes), [k + half for k in low]) for half in (0, lanes // 2)]
        turned = list(rows)
        for _ in range(lanes.bit_length() - 1):
            pairs = zip(turned[: lanes // 2], turned[lanes // 2 :], strict=True)
            turned = [b.shuffle_vector(x, y, mask) for x, y in pairs for mask in masks]
        return turned

    def fma(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """a · b + c: fused where the host can, else two roundings."""
        if not self.target.isa.fused:
            return self.builder.fadd(self.builder.fmul(a, b), c)
        name = f"llvm.fma.v{self.target.lanes}f{self.target.size * 8}"
        return self.builder.call(declared(self.builder.module, name, self.vector, [self.vector] * 3), [a, b, c])

    def variable(self, kind: ir.Type, value: ir.Value | None = None) -> ir.Value:
        """A place on the stack, set to `value` here."""
        self.variables.position_before(self.entry.terminator)
        place = self.variables.alloca(kind)
        if value is not None:
            self.builder.store(value, place)
        return place

    def at(self, pointer: ir.Value, index: ir.Value, kind: ir.Type | None = None) -> ir.Value:
        """The address of a number, `index` numbers behind `pointer`."""
        return self.builder.gep(pointer, [index], source_etype=kind or self.target.element)

    def packed_depth(self, depth: ir.Value) -> ir.Value:
        """`Target.packed_depth` of a K known at run time."""
        b, together = self.builder, self.target.isa.pairs_at_a_time
        if not self.target.pairs:
            return depth
        return b.mul(b.udiv(b.add(depth, I64(2 * together - 1)), I64(2 * together)), I64(together))

    def prefetch(self, pointer: ir.Value) -> None:
        """Brings a line towards the second cache; any address will do."""
        kinds = [ir.PointerType(), I32, I32, I32]
        function = declared(self.builder.module, "llvm.prefetch.p0", ir.VoidType(), kinds)
        self.builder.call(function, [pointer, I32(0), I32(2), I32(1)])

    def load_vector(self, pointer: ir.Value) -> ir.Value:
        return self.builder.load(pointer, align=self.target.size, typ=self.vector)

    def store_vector(self, value: ir.Value, pointer: ir.Value) -> None:
        self.builder.store(value, pointer, align=self.target.size)

    def load_part(self, pointer: ir.Value, count: int) -> ir.Value:
        """`count` numbers, then zeros: nothing behind them is read."""
        b, lanes = self.builder, self.target.lanes
        result, at = ir.Constant(self.vector, [0.0] * lanes), 0
        for size in _powers(count):
            # vectors of one number make LLVM's VectorCombine fail
            kind = ir.VectorType(self.target.element, size) if size > 1 else self.target.element
            piece = b.load(self.at(pointer, I64(at)), align=self.target.size, typ=kind)
            for k in range(size):
                one = b.extract_element(piece, I32(k)) if size > 1 else piece
                result = b.insert_element(result, one, I32(at + k))
            at += size
        return result

    def store_part(self, value: ir.Value, pointer: ir.Value, count: int) -> None:
        """The first `count` numbers: nothing behind them is written."""
        b, at = self.builder, 0
        for size in _powers(count):
            if size > 1:
                mask = ir.Constant(ir.VectorType(I32, size), list(range(at, at + size)))
                piece = b.shuffle_vector(value, ir.Constant(self.vector, ir.Undefined), mask)
            else:
                piece = b.extract_element(value, I32(at))
            b.store(piece, self.at(pointer, I64(at)), align=self.target.size)
            at += size

    def only(self, value: ir.Value, count: int, other: float = 0.0) -> ir.Value:
        """The first `count` lanes of a vector, `other` in the rest."""
        lanes = self.target.lanes
        mask = ir.Constant(ir.VectorType(I1, lanes), [k < count for k in range(lanes)])
        return self.builder.select(mask, value, ir.Constant(self.vector, [other] * lanes))

    @contextmanager
    def loop(self, end: ir.Value, start: ir.Value | None = None, down: bool = False) -> Iterator[ir.Value]:
        """for i in start … end − 1, or from end − 1 down to start."""
        b, first = self.builder, start if start is not None else I64(0)
        count = b.sub(end, first)
        head = self.function.append_basic_block("head")
        body = self.function.append_basic_block("body")
        after = self.function.append_basic_block("after")
        before = b.block
        b.branch(head)
        b.position_at_end(head)
        i = b.phi(I64)
        i.add_incoming(I64(0), before)
        b.cbranch(b.icmp_signed("<", i, count), body, after)
        b.position_at_end(body)
        yield b.sub(b.sub(end, I64(1)), i) if down else b.add(first, i)
        i.add_incoming(b.add(i, I64(1)), b.block)
        b.branch(head)
        b.position_at_end(after)

    @contextmanager
    def when(self, condition: ir.Value) -> Iterator[None]:
        """A branch taken if `condition` holds."""
        inside = self.function.append_basic_block("when")
        after = self.function.append_basic_block("after")
        self.builder.cbranch(condition, inside, after)
        self.builder.position_at_end(inside)
        yield
        self.builder.branch(after)
        self.builder.position_at_end(after)


def _powers(count: int) -> list[int]:
    """`count` as a sum of powers of two, the largest first."""
    return [1 << bit for bit in range(count.bit_length() - 1, -1, -1) if count >> bit & 1]
