"""THE op list: what a cell's `step` may compute. One row an op: name, arity, shape rule, NumPy meaning, spellings.

Every value is one sequence's feature vector `(n,)` or a scalar `()`; a parameter may also be a matrix `(m, n)`, on the
left of `@`. The batch and time axes are never visible. A value that defines `__cellwright_apply__(op, args, attrs)`
(a traced value, a batched torch value) handles the op itself; anything else gets the NumPy meaning.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import CellError

__all__ = [
    "OPS", "Op", "Operators", "abs", "amax", "apply", "concat", "cumsum", "exp", "identity", "log", "maximum", "mean",
    "minimum",
    "relu", "sigmoid", "softmax", "softplus", "sqrt", "sum", "tanh", "where", "zero",
]  # fmt: skip

Shape = tuple[int, ...]
Array = NDArray[Any]
_LARGEST_POWER = 64


@dataclass(frozen=True)
class Op:
    """One row of the op list.

    Attributes:
        name: how graphs, tables and files call it.
        arity: number of values it takes; -1 for any number.
        shape: result shape from the argument shapes and the attributes; ValueError says what does not fit.
        numpy: the meaning, on unbatched arrays.
        spellings: names of the torch functions with the same meaning (`func.__name__`).
        form: how an equation prints it, with {0}, {1} for the arguments; None for `name(…)`.
    """

    name: str
    arity: int
    shape: Callable[..., Shape]
    numpy: Callable[..., Array]
    spellings: tuple[str, ...] = ()
    form: str | None = None


def _elementwise(*shapes: Shape) -> Shape:
    """The common shape of scalars `()`, `(1,)` and vectors `(n,)`."""
    for shape in shapes:
        if len(shape) > 1:
            raise ValueError(f"elementwise on a matrix of shape {shape}; use @ with a vector")
    sizes = {shape[0] for shape in shapes if shape and shape[0] != 1}
    if len(sizes) > 1:
        raise ValueError(f"sizes differ: {' and '.join(map(str, shapes))}")
    if sizes:
        return (sizes.pop(),)
    return (1,) if any(shapes) else ()


def _matmul_shape(a: Shape, b: Shape) -> Shape:
    if len(a) == 2 and len(b) == 1 and a[1] == b[0]:
        return (a[0],)
    raise ValueError(f"a matrix (m, n) times a vector (n), got {a} @ {b}")


def _vector(shape: Shape) -> int:
    if len(shape) != 1:
        raise ValueError(f"needs a vector (n,), got shape {shape}")
    return shape[0]


def _concat_shape(*shapes: Shape) -> Shape:
    return (int(np.sum([_vector(shape) for shape in shapes])),)


def _slice_shape(shape: Shape, *, start: int, stop: int) -> Shape:
    size = _vector(shape)
    if not 0 <= start < stop <= size:
        raise ValueError(f"slice [{start}:{stop}] of a vector of {size}")
    return (stop - start,)


def _row_shape(shape: Shape) -> Shape:
    _vector(shape)
    return ()


def _same_vector(shape: Shape) -> Shape:
    return (_vector(shape),)


def _sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) without overflow at either end."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def _softmax(x: Array) -> Array:
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return np.asarray(e / np.sum(e, axis=-1, keepdims=True))


def _row(
    name: str,
    arity: int,
    shape: Callable[..., Shape],
    numpy: Callable[..., Any],
    torch: str = "",
    form: str | None = None,
) -> Op:
    return Op(name, arity, shape, numpy, tuple(torch.split()), form)


# name, arity, shape, NumPy meaning, torch spellings, printed form
_ROWS = [
    _row("add", 2, _elementwise, np.add, "add __add__ __radd__ add_", "{0} + {1}"),
    _row("sub", 2, _elementwise, np.subtract, "sub subtract __sub__", "{0} − {1}"),
    _row("mul", 2, _elementwise, np.multiply, "mul multiply __mul__ __rmul__", "{0} ⊙ {1}"),
    _row("div", 2, _elementwise, np.true_divide, "div divide true_divide __truediv__", "{0} / {1}"),
    _row("neg", 1, _elementwise, np.negative, "neg negative __neg__", "−{0}"),
    _row("matmul", 2, _matmul_shape, np.matmul, "matmul mv __matmul__", "{0} {1}"),
    _row("concat", -1, _concat_shape, lambda *parts: np.concatenate(parts), "cat concat concatenate"),
    _row("slice", 1, _slice_shape, lambda x, *, start, stop: x[start:stop]),
    _row("identity", 1, _elementwise, lambda x: x, "", "{0}"),
    _row("sigmoid", 1, _elementwise, _sigmoid, "sigmoid", "σ({0})"),
    _row("tanh", 1, _elementwise, np.tanh, "tanh"),
    _row("relu", 1, _elementwise, lambda x: np.maximum(x, 0), "relu"),
    _row("softplus", 1, _elementwise, lambda x: np.logaddexp(x, 0), "softplus"),
    _row("exp", 1, _elementwise, np.exp, "exp"),
    _row("log", 1, _elementwise, np.log, "log"),
    _row("sqrt", 1, _elementwise, np.sqrt, "sqrt", "√({0})"),
    _row("abs", 1, _elementwise, np.abs, "abs absolute __abs__", "|{0}|"),
    _row("minimum", 2, _elementwise, np.minimum, "minimum", "min({0}, {1})"),
    _row("maximum", 2, _elementwise, np.maximum, "maximum", "max({0}, {1})"),
    _row("lt", 2, _elementwise, np.less, "lt less __lt__", "{0} < {1}"),
    _row("le", 2, _elementwise, np.less_equal, "le less_equal __le__", "{0} ≤ {1}"),
    _row("gt", 2, _elementwise, np.greater, "gt greater __gt__", "{0} > {1}"),
    _row("ge", 2, _elementwise, np.greater_equal, "ge greater_equal __ge__", "{0} ≥ {1}"),
    _row("where", 3, _elementwise, np.where, "where", "where({0}, {1}, {2})"),
    _row("sum", 1, _row_shape, lambda x: np.sum(x, axis=-1), "sum", "Σ({0})"),
    _row("mean", 1, _row_shape, lambda x: np.mean(x, axis=-1), "mean"),
    _row("amax", 1, _row_shape, lambda x: np.max(x, axis=-1), "amax", "max({0})"),
    _row("softmax", 1, _same_vector, _softmax, "softmax"),
    _row("cumsum", 1, _same_vector, lambda x: np.cumsum(x, axis=-1), "cumsum"),
]

OPS: dict[str, Op] = {row.name: row for row in _ROWS}
SPELLINGS: dict[str, str] = {spelling: row.name for row in _ROWS for spelling in row.spellings}


class _Zero:
    """The term that is not there: `zero * v` and `zero @ v` are zero, `v + zero` is v."""

    def __mul__(self, other: Any) -> _Zero:
        return self

    __rmul__ = __matmul__ = __mul__

    def __add__(self, other: Any) -> Any:
        return other

    __radd__ = __add__

    def __repr__(self) -> str:
        return "zero"


zero = _Zero()


def apply(op: str, *args: Any, **attrs: Any) -> Any:
    """Run one op of the list on values of any kind; the first value that knows how to handle it does."""
    for arg in args:
        handler = getattr(arg, "__cellwright_apply__", None)
        if handler is not None:
            return handler(op, args, attrs)
    return OPS[op].numpy(*args, **attrs)


def has_power(power: Any) -> bool:
    """Whether `v ** power` is written in ops: as products, or as a root."""
    if not isinstance(power, int | float) or isinstance(power, bool):
        return False
    return builtins.abs(power) == 0.5 or (float(power).is_integer() and 1 <= builtins.abs(power) <= _LARGEST_POWER)


class Operators:
    """Python's operators, spelled as ops of the list, for every kind of value a `step` sees."""

    __array_ufunc__ = None  # a NumPy number beside a value leaves the operator to the value

    def __cellwright_apply__(self, op: str, args: Sequence[Any], attrs: dict[str, Any]) -> Any:
        raise CellError(f"{type(self).__name__} has no meaning for op `{op}`")

    @property
    def shape(self) -> Shape:
        raise CellError(f"{type(self).__name__} has no shape")

    def place(self) -> dict[str, Any]:
        """Where `step` now stands, for CellError(**self.place())."""
        return {}

    def __add__(self, other: Any) -> Any:
        return self if other is zero else apply("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self if other is zero else apply("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self if other is zero else apply("sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return apply("sub", other, self)

    def __mul__(self, other: Any) -> Any:
        return zero if other is zero else apply("mul", self, other)

    def __rmul__(self, other: Any) -> Any:
        return zero if other is zero else apply("mul", other, self)

    def __truediv__(self, other: Any) -> Any:
        return apply("div", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return apply("div", other, self)

    def __matmul__(self, other: Any) -> Any:
        return apply("matmul", self, other)

    def __pow__(self, power: Any) -> Any:
        """Itself `power` times, √ for ½, one over it for a negative number."""
        if not has_power(power):
            raise CellError(
                f"a value to the power of {power if isinstance(power, int | float) else 'a ' + type(power).__name__}:"
                f" known are ½, whole numbers to {_LARGEST_POWER} and their negatives",
                repair="Write exp(p * log(v)).",
                **self.place(),
            )
        result, square, left = None, self, int(builtins.abs(power))
        if not left:
            result = apply("sqrt", self)
        while left:
            if left % 2:
                result = square if result is None else apply("mul", result, square)
            left //= 2
            square = apply("mul", square, square) if left else square
        return result if power > 0 else apply("div", 1.0, result)

    def __rpow__(self, base: Any) -> Any:
        raise CellError(
            f"{base!r} to the power of a value is not in the op list", repair="Write exp(v * log(a)).", **self.place()
        )

    def __neg__(self) -> Any:
        return apply("neg", self)

    def __abs__(self) -> Any:
        return apply("abs", self)

    def __lt__(self, other: Any) -> Any:
        return apply("lt", self, other)

    def __le__(self, other: Any) -> Any:
        return apply("le", self, other)

    def __gt__(self, other: Any) -> Any:
        return apply("gt", self, other)

    def __ge__(self, other: Any) -> Any:
        return apply("ge", self, other)

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, slice) or index.step not in (None, 1):
            raise CellError(f"a feature vector is cut by a slice [a:b], got [{index!r}]", **self.place())
        start, stop, _ = index.indices(self.shape[0])
        return apply("slice", self, start=start, stop=stop)

    def chunk(self, chunks: int, dim: int = -1) -> tuple[Any, ...]:
        """Cut a vector (n,) into `chunks` equal parts, as torch.chunk does for a size that divides."""
        size = self.shape[0]
        if chunks < 1 or size % chunks:
            raise CellError(f"chunk({chunks}) of a vector of {size}: the parts must be equal", **self.place())
        part = size // chunks
        return tuple(self[k * part : (k + 1) * part] for k in range(chunks))


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x), elementwise."""
    return apply("sigmoid", x)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent, elementwise."""
    return apply("tanh", x)


def relu(x: Any) -> Any:
    """max(x, 0), elementwise."""
    return apply("relu", x)


def softplus(x: Any) -> Any:
    """log(1 + e^x), elementwise."""
    return apply("softplus", x)


def exp(x: Any) -> Any:
    """e^x, elementwise."""
    return apply("exp", x)


def log(x: Any) -> Any:
    """Natural logarithm, elementwise."""
    return apply("log", x)


def sqrt(x: Any) -> Any:
    """Square root, elementwise."""
    return apply("sqrt", x)


def abs(x: Any) -> Any:
    """Absolute value, elementwise."""
    return apply("abs", x)


def identity(x: Any) -> Any:
    """x itself: the linear choice of f or g."""
    return x


def minimum(a: Any, b: Any) -> Any:
    """The smaller of a and b, elementwise."""
    return apply("minimum", a, b)


def maximum(a: Any, b: Any) -> Any:
    """The larger of a and b, elementwise."""
    return apply("maximum", a, b)


def where(condition: Any, a: Any, b: Any) -> Any:
    """a where `condition` (a comparison) holds, else b, elementwise."""
    return apply("where", condition, a, b)


def concat(*parts: Any) -> Any:
    """Join vectors (n1), (n2), … into one (n1 + n2 + …); a list or tuple of them is accepted too."""
    if len(parts) == 1 and isinstance(parts[0], list | tuple):
        parts = tuple(parts[0])
    return apply("concat", *parts)


def softmax(x: Any) -> Any:
    """e^x / Σ e^x over the features of a vector."""
    return apply("softmax", x)


def cumsum(x: Any) -> Any:
    """Running sum over the features of a vector."""
    return apply("cumsum", x)


def sum(x: Any) -> Any:
    """Sum over the features: a scalar."""
    return apply("sum", x)


def mean(x: Any) -> Any:
    """Mean over the features: a scalar."""
    return apply("mean", x)


def amax(x: Any) -> Any:
    """Largest feature: a scalar."""
    return apply("amax", x)
