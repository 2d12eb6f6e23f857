"""Every emitted function against NumPy in more precision, over all exponents, in units in the last place."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import llvmlite.binding as llvm
import mpmath
import numpy as np
import pytest
from llvmlite import ir
from numpy.typing import NDArray

from cellwright.engine.lower import math as lower_math
from cellwright.engine.lower.math import BINARY, UNARY, Math
from cellwright.engine.lower.math_constants import DOUBLE, FLOAT, Format
from cellwright.ops import OPS

Array = NDArray[Any]
KINDS = {np.dtype(np.float32): ir.FloatType(), np.dtype(np.float64): ir.DoubleType()}
HAS_FMA = bool(llvm.get_host_cpu_features().get("fma"))

FUSED = [False, True] if HAS_FMA else [False]

# largest error in ulp, as the docstrings of Math state it for a fused multiply-add, and what going without adds
BOUNDS = {
    "exp": {np.float32: 1.6, np.float64: 1.7},
    "log": {np.float32: 1.0, np.float64: 1.0},
    "sigmoid": {np.float32: 2.0, np.float64: 2.1},
    "tanh": {np.float32: 2.0, np.float64: 2.1},
    "softplus": {np.float32: 1.8, np.float64: 1.8},
}
UNFUSED = 0.6
EXACT = ("sqrt", "abs", "relu", "minimum", "maximum")


def host_machine() -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
    )


class Compiled:
    """A loop of one op over arrays, `width` lanes at a time (0: plain numbers), compiled for this CPU."""

    def __init__(self, op: str, dtype: Any, width: int = 8, fused: bool = HAS_FMA) -> None:
        arity = OPS[op].arity
        element = KINDS[np.dtype(dtype)]
        kind = ir.VectorType(element, width) if width else element
        module = ir.Module()
        pointer, count = element.as_pointer(), ir.IntType(64)
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer] * (arity + 1) + [count]), "loop")
        *sources, target, end = function.args
        entry, body, done = (function.append_basic_block(name) for name in ("entry", "body", "done"))
        ir.IRBuilder(entry).branch(body)
        builder = ir.IRBuilder(body)
        i = builder.phi(count)

        def place(base: ir.Value) -> ir.Value:
            return builder.bitcast(builder.gep(base, [i]), kind.as_pointer())

        values = [builder.load(place(source), align=np.dtype(dtype).itemsize) for source in sources]
        result = {**UNARY, **BINARY}[op](Math(fused), builder, *values)
        builder.store(result, place(target), align=np.dtype(dtype).itemsize)
        step = builder.add(i, ir.Constant(count, width or 1))
        i.add_incoming(ir.Constant(count, 0), entry)
        i.add_incoming(step, body)
        builder.cbranch(builder.icmp_unsigned("<", step, end), body, done)
        ir.IRBuilder(done).ret_void()

        self.width = width or 1
        machine = host_machine()
        compiled = llvm.parse_assembly(str(module))
        compiled.verify()
        passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
        passes.getModulePassManager().run(compiled, passes)
        self.assembly = machine.emit_assembly(compiled)
        self.engine = llvm.create_mcjit_compiler(compiled, machine)
        self.engine.finalize_object()
        self.call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (arity + 1), ctypes.c_int64)(
            self.engine.get_function_address("loop")
        )

    def __call__(self, *args: Array) -> Array:
        size = len(args[0])
        padded = [np.concatenate([arg, np.zeros(-size % self.width, arg.dtype)]) for arg in args]
        out = np.empty_like(padded[0])
        self.call(*(array.ctypes.data for array in (*padded, out)), len(out))
        return out[:size]


def exact(op: str, *args: Array) -> Array:
    """The op in float64 for float32 arguments, with 60 digits and rounded to longdouble for float64 ones."""
    with np.errstate(all="ignore"):
        if args[0].dtype == np.float32 or op in EXACT:
            return np.asarray(OPS[op].numpy(*(arg.astype(np.float64) for arg in args)))
    return np.array([WIDE[op](mpmath.mpf(float(value))) for value in args[0]], dtype=object)


WIDE: dict[str, Callable[[Any], Any]] = {
    "exp": mpmath.exp,
    "log": mpmath.log,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "tanh": mpmath.tanh,
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
}


def ulps(got: Array, want: Array) -> Array:
    """|got - want| in units in the last place of `got`'s format at `want`, or at the smallest normal number."""
    info = np.finfo(got.dtype)
    size = np.clip(np.abs(want), float(info.smallest_normal), float(info.max)).astype(np.float64)
    unit = np.ldexp(1.0, np.frexp(size)[1] - 1 - info.nmant)
    if want.dtype == object:
        return np.array([float(abs(mpmath.mpf(float(g)) - w) / u) for g, w, u in zip(got, want, unit, strict=True)])
    return np.asarray(np.abs(got.astype(np.float64) - want) / unit)


def sample(op: str, dtype: Any) -> Array:
    """Arguments with a normal, finite result: all exponents of both signs, and where the function bends."""
    rng = np.random.default_rng(0)
    if dtype == np.float32:
        every = np.arange(0, 2**32, 3001, dtype=np.uint32).view(np.float32)
        spread = [rng.uniform(-end, end, 300_000) for end in (90, 17, 3, 0.7, 1e-3)]
        ends = (-87.33654, 88.72283)
    else:
        every = rng.integers(0, 2**64, 2000, dtype=np.uint64).view(np.float64)
        spread = [rng.uniform(-end, end, 1000) for end in (709, 40, 3, 0.7, 1e-3)]
        ends = (-708.3964185322641, 709.782712893384)
    x = np.concatenate([every[np.isfinite(every)], *(part.astype(dtype) for part in spread)])
    x = np.abs(x) if op == "log" else x
    if op == "exp":
        return x[(x >= dtype(ends[0])) & (x <= dtype(ends[1]))]
    return x[x >= dtype(ends[0])] if op in ("sigmoid", "softplus") else x[x != 0]


@pytest.mark.parametrize("fused", FUSED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op", BOUNDS)
def test_error_stays_below_its_bound(op: str, dtype: Any, fused: bool) -> None:
    x = sample(op, dtype)
    with mpmath.workdps(40):
        worst = ulps(Compiled(op, dtype, 32 // np.dtype(dtype).itemsize, fused)(x), exact(op, x)).max()
    print(f"{op} {np.dtype(dtype)} {'fused' if fused else 'unfused'}: {worst:.3f} ulp")
    assert worst <= BOUNDS[op][dtype] + (0 if fused else UNFUSED)


def test_docstrings_state_the_bounds() -> None:
    for op, bounds in BOUNDS.items():
        stated = f"Error: {bounds[np.float32]}, {bounds[np.float64]} ulp"
        assert stated in (getattr(Math, op).__doc__ or ""), op


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op", [*BOUNDS, *EXACT])
def test_ends_of_the_range_are_numpys(op: str, dtype: Any) -> None:
    info = np.finfo(dtype)
    positive = [0, info.smallest_subnormal, info.smallest_normal, 1e-20, 1, 17, 100, 1000, info.max, np.inf]
    edges = [88.72283, 88.72284, 709.782712893384, 709.7827128933841, np.nan]
    x = np.array([sign * value for value in positive + edges for sign in (1, -1)], dtype)
    args = [x, np.zeros_like(x)] if OPS[op].arity == 2 else [x]
    with np.errstate(all="ignore"):
        want = np.asarray(OPS[op].numpy(*args))
    for fused in FUSED:
        got = Compiled(op, dtype, 4, fused)(*args)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
        np.testing.assert_array_equal(np.isinf(got), np.isinf(want))
        normal = np.isfinite(want)  # below the smallest normal number an error of that number is allowed
        np.testing.assert_allclose(got[normal], want[normal], rtol=4 * info.eps, atol=info.smallest_normal)
        np.testing.assert_array_equal(np.sign(got[np.isinf(want)]), np.sign(want[np.isinf(want)]))


def test_denormal_numbers_have_a_logarithm() -> None:
    for dtype in (np.float32, np.float64):
        x = np.finfo(dtype).smallest_subnormal * np.arange(1, 2000, dtype=dtype)
        np.testing.assert_allclose(Compiled("log", dtype)(x), np.log(x), rtol=2 * np.finfo(dtype).eps)


def test_small_results_keep_their_digits() -> None:
    x = np.array([-50, -80, -87], np.float32)
    for op in ("exp", "sigmoid", "softplus"):
        assert ulps(Compiled(op, np.float32)(x), exact(op, x)).max() <= 2, op


def test_tanh_is_odd() -> None:
    x = np.append(sample("tanh", np.float32), np.float32(0))
    tanh = Compiled("tanh", np.float32)
    np.testing.assert_array_equal(tanh(-x).view(np.uint32), (-tanh(x)).view(np.uint32))


@pytest.mark.parametrize("op", EXACT)
def test_plain_ops_are_numpys_to_the_bit(op: str) -> None:
    rng = np.random.default_rng(1)
    for dtype in (np.float32, np.float64):
        for width in (0, 4, 8, 16):
            args = [
                rng.choice([*rng.normal(size=20), np.nan, np.inf], 1003).astype(dtype) for _ in range(OPS[op].arity)
            ]
            with np.errstate(invalid="ignore"):
                np.testing.assert_array_equal(Compiled(op, dtype, width)(*args), OPS[op].numpy(*args))


@pytest.mark.parametrize("op", [*BOUNDS])
def test_every_width_gives_the_same_bits(op: str) -> None:
    for dtype in (np.float32, np.float64):
        x = np.abs(np.random.default_rng(2).normal(size=1003)).astype(dtype) * 4
        results = [Compiled(op, dtype, width)(x) for width in (0, 4, 8, 16)]
        for result in results[1:]:
            np.testing.assert_array_equal(result, results[0])


def test_nothing_is_called() -> None:
    for op in (*UNARY, *BINARY):
        assert "call" not in Compiled(op, np.float32).assembly, op


def test_every_row_is_an_op_of_the_list() -> None:
    assert all(OPS[op].arity == 1 for op in UNARY)
    assert all(OPS[op].arity == 2 for op in BINARY)


def test_a_wrong_coefficient_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *rest = FLOAT.expm1
    monkeypatch.setattr(lower_math, "FLOAT", replace(FLOAT, expm1=(first * (1 + 1e-5), *rest)))
    for op in ("sigmoid", "tanh"):
        x = sample(op, np.float32)
        assert ulps(Compiled(op, np.float32)(x), exact(op, x)).max() > BOUNDS[op][np.float32] + UNFUSED, op


def remez(f: Callable[[Any], Any], weight: Callable[[Any], Any], low: Any, high: Any, terms: int) -> list[Any]:
    """The c with the least largest |weight(t) (f(t) - Σ c_k t^k)| on [low, high], by exchange of extrema."""

    def nodes(count: int, offset: float) -> list[Any]:
        angles = [mpmath.pi * (k + mpmath.mpf(offset)) / count for k in range(count)]
        return [(low + high) / 2 - (high - low) / 2 * mpmath.cos(angle) for angle in angles]

    points, c = nodes(terms + 1, 0.4), []
    grid = [(t, f(t), weight(t)) for t in nodes(40 * terms, 0.3)]
    for _ in range(8):
        rows = [[*(t**k for k in range(terms)), (-1) ** i / weight(t)] for i, t in enumerate(points)]
        *c, _ = mpmath.lu_solve(mpmath.matrix(rows), mpmath.matrix([f(t) for t in points]))
        extrema: list[tuple[Any, Any]] = []  # one in each run of one sign
        for t, value, w in grid:
            error = w * (value - mpmath.polyval(c[::-1], t))
            if not extrema or error * extrema[-1][1] < 0:
                extrema.append((t, error))
            elif abs(error) > abs(extrema[-1][1]):
                extrema[-1] = (t, error)
        while len(extrema) > terms + 1:
            extrema.pop(0 if abs(extrema[0][1]) < abs(extrema[-1][1]) else -1)
        points = [t for t, _ in extrema]
    return c


@pytest.mark.parametrize("form", [FLOAT, DOUBLE])
def test_coefficients_are_the_fits_they_claim_to_be(form: Format) -> None:
    def q(r: Any) -> Any:
        return (mpmath.expm1(r) - r) / r**2

    def T(z: Any) -> Any:
        return (2 * mpmath.atanh(mpmath.sqrt(z)) / mpmath.sqrt(z) - 2) / z

    with mpmath.workdps(50):
        ln2 = mpmath.log(2)
        dtype = np.float32 if form is FLOAT else np.float64
        relative = lambda r: r**2 * mpmath.exp(-r)  # noqa: E731
        fits = {
            "exp": remez(q, relative, mpmath.mpf(0), ln2, len(form.exp)),
            "expm1": remez(q, relative, -ln2 / 2, ln2 / 2, len(form.expm1)),
            "atanh": remez(T, lambda z: z, mpmath.mpf(0), mpmath.mpf(1) / 9, len(form.atanh)),
        }
        for name, fit in fits.items():  # the last terms carry the least and depend on the grid of the fit
            np.testing.assert_allclose(getattr(form, name), [float(c) for c in fit], rtol=1e-4, err_msg=name)
            np.testing.assert_allclose(getattr(form, name)[0], float(fit[0]), rtol=2 * np.finfo(dtype).eps)
        assert abs(sum(map(mpmath.mpf, form.ln2)) - ln2) < mpmath.mpf(2) ** -(form.mantissa + 10)
        assert mpmath.mpf(form.ln2[0]) * 2 ** (form.mantissa - 12) % 1 == 0
