"""Elementary functions as LLVM IR: on <n x float>, <n x double> or one number, without a call, a branch or a table.

    math = Math(fused=True)                 # the host has fused multiply-add
    y = math.tanh(builder, x)               # or UNARY["tanh"](math, builder, x)

All rest on two reductions. e^x: x = n ln 2 + r (Cody and Waite, Software Manual for the Elementary Functions, 1980),
e^x = 2ⁿ (1 + r + r² q(r)); 2ⁿ is made by shifting n into the exponent. log: x = 2ᵉ (1 + f) with 1 + f in [√½, √2),
log(1 + f) = 2 atanh(s), s = f / (2 + f) (as in FreeBSD's msun, e_log.c). Polynomials: `lower.math_constants`.

Each docstring states a bound of the error in units in the last place (ulp), for float and for double, that
tests/engine/lower/test_math.py holds; without fused multiply-add 0.6 ulp more. inf and NaN go through as in NumPy.
A result of exp or softplus below the smallest normal number may be 0 instead of denormal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, log, nan, sqrt
from typing import TypeAlias

from llvmlite import ir

from cellwright.engine.lower.emit import declared
from cellwright.engine.lower.math_constants import DOUBLE, FLOAT, Format

__all__ = ["BINARY", "UNARY", "Math"]

Builder: TypeAlias = ir.IRBuilder
Value: TypeAlias = ir.Value
LN2 = log(2)


def _format(x: Value) -> Format:
    element = getattr(x.type, "element", x.type)
    return {ir.FloatType(): FLOAT, ir.DoubleType(): DOUBLE}[element]


def _constant(x: Value, value: float) -> Value:
    """`value` in every lane of x's type."""
    return ir.Constant(x.type, value)


def _integers(x: Value) -> ir.Type:
    """The type of the bits of x."""
    element = ir.IntType(_format(x).bits)
    return ir.VectorType(element, x.type.count) if isinstance(x.type, ir.VectorType) else element


def _intrinsic(builder: Builder, name: str, *args: Value) -> Value:
    """A call of the intrinsic `llvm.<name>` on values of one type: one instruction, not a library call."""
    kind = args[0].type
    lanes = f"v{kind.count}" if isinstance(kind, ir.VectorType) else ""
    full = f"llvm.{name}.{lanes}f{_format(args[0]).bits}"
    return builder.call(declared(builder.module, full, kind, [kind] * len(args)), args)


def _larger(builder: Builder, a: Value, b: Value) -> Value:
    """a > b ? a : b, which is b if either is NaN: one instruction."""
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _smaller(builder: Builder, a: Value, b: Value) -> Value:
    """a < b ? a : b, which is b if either is NaN: one instruction."""
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def _series(q: Sequence[float], factor: int = 1) -> tuple[float, ...]:
    """The coefficients of e^(factor · r) = 1 + factor · r + (factor · r)² q(factor · r), exact for -1, 2, -2."""
    return tuple(c * factor**k for k, c in enumerate((1.0, 1.0, *q)))


@dataclass(frozen=True, slots=True)
class Math:
    """Emits the functions for one host.

    Attributes:
        fused: use fused multiply-add; without the instruction it would become a slow library call.
    """

    fused: bool

    def _fma(self, builder: Builder, a: Value, b: Value | float, c: Value | float) -> Value:
        """a b + c."""
        b = b if isinstance(b, ir.Value) else _constant(a, b)
        c = c if isinstance(c, ir.Value) else _constant(a, c)
        return _intrinsic(builder, "fma", a, b, c) if self.fused else builder.fadd(builder.fmul(a, b), c)

    def _horner(self, builder: Builder, x: Value, coefficients: Sequence[float]) -> Value:
        """c₀ + c₁ x + c₂ x² + …"""
        *rest, last = coefficients
        result = _constant(x, last)
        for coefficient in reversed(rest):
            result = self._fma(builder, x, result, coefficient)
        return result

    def _reduce(
        self, builder: Builder, x: Value, factor: int, low: int, high: int | None, centre: float = 0.0, shift: int = 0
    ) -> tuple[Value, Value]:
        """r and 2^(n - shift), with e^(factor · x) = 2ⁿ e^(factor · r).

        n is `factor · x / ln 2 - centre`, held between low and high (None: x is never there), to the nearest integer.
        The power is 0 at n - shift = -bias and inf at bias + 1. NaN goes to r. The factor scales constants only.
        """
        form = _format(x)
        for n, end in ((low, factor < 0), (high, factor > 0)):
            if n is not None:
                bound = _constant(x, (n + centre) * LN2 / factor)
                x = _smaller(builder, bound, x) if end else _larger(builder, bound, x)
        # in x + 1.5 · 2^mantissa the fraction is rounded off and the lowest bits hold the integer
        magic = _constant(x, 1.5 * 2**form.mantissa + form.bias - shift)
        scaled = self._fma(builder, x, factor / LN2, -centre if centre else magic)
        shifted = builder.fadd(scaled, magic) if centre else scaled
        n_float = builder.fsub(shifted, magic)
        for part in form.ln2:
            x = self._fma(builder, n_float, -part / factor, x)
        integers = _integers(x)
        power = builder.shl(builder.bitcast(shifted, integers), ir.Constant(integers, form.mantissa))
        return x, builder.bitcast(power, x.type)

    def _log1p_term(self, builder: Builder, f: Value) -> tuple[Value, Value]:
        """s and g with log(1 + f) = f - s g, for f in [√½ - 1, 1]."""
        s = builder.fdiv(f, builder.fadd(f, _constant(f, 2.0)))
        z = builder.fmul(s, s)
        T = self._horner(builder, z, _format(f).atanh)
        return s, self._fma(builder, builder.fneg(z), T, f)

    def exp(self, builder: Builder, x: Value) -> Value:
        """e^x = 2ⁿ (1 + r + r² q(r)), r in [0, ln 2]: 2ⁿ overflows only where e^x does. Error: 1.6, 1.7 ulp."""
        form = _format(x)
        r, power = self._reduce(builder, x, 1, -form.bias, form.bias + 1, centre=0.5)
        return builder.fmul(self._horner(builder, r, _series(form.exp)), power)

    def log(self, builder: Builder, x: Value) -> Value:
        """e ln 2 + log(1 + f), x = 2ᵉ (1 + f); -inf at 0, NaN below. Error: 1.0, 1.0 ulp."""
        form = _format(x)
        integers = _integers(x)

        def whole(value: int) -> Value:
            return ir.Constant(integers, value)

        # a denormal number is scaled up first
        tiny = builder.fcmp_ordered("<", x, _constant(x, 2.0 ** (1 - form.bias)))
        normal = builder.select(tiny, builder.fmul(x, _constant(x, 2.0**form.mantissa)), x)
        root = form.pattern(sqrt(0.5))
        shifted = builder.add(builder.bitcast(normal, integers), whole(form.pattern(1.0) - root))
        # e + bias, put into the lowest bits of 2^mantissa, is 2^mantissa + e + bias
        magic = 2.0**form.mantissa
        exponent = builder.or_(builder.lshr(shifted, whole(form.mantissa)), whole(form.pattern(magic)))
        offset = builder.select(tiny, _constant(x, magic + form.bias + form.mantissa), _constant(x, magic + form.bias))
        e = builder.fsub(builder.bitcast(exponent, x.type), offset)
        fraction = builder.add(builder.and_(shifted, whole((1 << form.mantissa) - 1)), whole(root))
        f = builder.fsub(builder.bitcast(fraction, x.type), _constant(x, 1.0))

        s, g = self._log1p_term(builder, f)
        high, low = form.ln2
        rest = self._fma(builder, builder.fneg(s), g, builder.fmul(e, _constant(x, low)))
        result = self._fma(builder, e, high, builder.fadd(f, rest))

        zero = _constant(x, 0.0)
        below = builder.select(builder.fcmp_ordered("==", x, zero), _constant(x, -inf), _constant(x, nan))
        result = builder.select(builder.fcmp_ordered("<", x, _constant(x, inf)), result, x)
        return builder.select(builder.fcmp_ordered("<=", x, zero), below, result)

    def sigmoid(self, builder: Builder, x: Value) -> Value:
        """1 / (1 + e^-x), e^-x = 2ⁿ + 2ⁿ v, v = -r + r² q(-r). Error: 2.0, 2.1 ulp.

        Above and below the line stands a factor 2^-(mantissa + 1): the power then never overflows before the result
        is 0.
        """
        form = _format(x)
        shift = form.mantissa + 1
        r, power = self._reduce(builder, x, -1, -shift - 3, form.bias + shift, shift=shift)
        v = builder.fmul(r, self._horner(builder, r, _series(form.expm1, -1)[1:]))
        one = _constant(x, 0.5**shift)
        return builder.fdiv(one, builder.fadd(power, self._fma(builder, power, v, one)))

    def tanh(self, builder: Builder, x: Value) -> Value:
        """h / (1 - h), h = (1 - e^-2|x|) / 2 = 2ⁿ (r - 2r² q(-2r)) + (1 - 2ⁿ) / 2, with the sign of x.

        h keeps its relative accuracy near 0, where n = 0. Odd to the last bit, -0 too. Error: 2.0, 2.1 ulp.
        """
        form = _format(x)
        r, power = self._reduce(builder, self.absolute(builder, x), -2, -form.mantissa - 4, None)
        q = self._horner(builder, r, tuple(c / -2 for c in _series(form.expm1, -2)[2:]))
        p = self._fma(builder, builder.fmul(r, r), q, r)
        above = self._fma(builder, power, p, self._fma(builder, power, -0.5, 0.5))
        below = self._fma(builder, builder.fneg(power), p, self._fma(builder, power, 0.5, 0.5))
        y = builder.fdiv(above, below)
        integers = _integers(x)
        sign = builder.and_(builder.bitcast(x, integers), ir.Constant(integers, 1 << (form.bits - 1)))
        return builder.bitcast(builder.or_(builder.bitcast(y, integers), sign), x.type)

    def softplus(self, builder: Builder, x: Value) -> Value:
        """log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), relatively accurate at both ends. Error: 1.8, 1.8 ulp."""
        form = _format(x)
        r, power = self._reduce(builder, self.absolute(builder, x), -1, -form.bias, None)
        u = builder.fmul(self._horner(builder, r, _series(form.expm1, -1)), power)
        s, g = self._log1p_term(builder, u)
        return builder.fadd(self.relu(builder, x), self._fma(builder, builder.fneg(s), g, u))

    def sqrt(self, builder: Builder, x: Value) -> Value:
        """√x, the instruction: exact to the last bit, NaN below 0."""
        return _intrinsic(builder, "sqrt", x)

    def absolute(self, builder: Builder, x: Value) -> Value:
        """|x|: clears the sign bit."""
        return _intrinsic(builder, "fabs", x)

    def relu(self, builder: Builder, x: Value) -> Value:
        """max(x, 0); NaN stays NaN."""
        return _larger(builder, _constant(x, 0.0), x)

    def minimum(self, builder: Builder, a: Value, b: Value) -> Value:
        """The smaller of a and b; NaN if either is."""
        return builder.select(builder.fcmp_unordered("uno", a, a), a, _smaller(builder, a, b))

    def maximum(self, builder: Builder, a: Value, b: Value) -> Value:
        """The larger of a and b; NaN if either is."""
        return builder.select(builder.fcmp_unordered("uno", a, a), a, _larger(builder, a, b))


# op of cellwright.ops.OPS -> emitter, called as UNARY[op](math, builder, x) and BINARY[op](math, builder, a, b)
UNARY: dict[str, Callable[[Math, Builder, Value], Value]] = {
    "sigmoid": Math.sigmoid,
    "tanh": Math.tanh,
    "relu": Math.relu,
    "softplus": Math.softplus,
    "exp": Math.exp,
    "log": Math.log,
    "sqrt": Math.sqrt,
    "abs": Math.absolute,
}
BINARY: dict[str, Callable[[Math, Builder, Value, Value], Value]] = {"minimum": Math.minimum, "maximum": Math.maximum}
