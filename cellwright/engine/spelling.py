"""torch functions on a cell's values, read as ops of the list: torch.sigmoid(a) is sigmoid(a), torch.cat((h, x)) is
concat(h, x). Works from the function's name, so torch need not be imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cellwright.cells.cell import user_place
from cellwright.errors import CellError
from cellwright.ops import OPS, SPELLINGS, apply, has_power

__all__ = ["WORDS", "respell", "unknown"]

WORDS = {*SPELLINGS, "pow", "square"}  # names that a value answers to

_NO_MATTER = ("inplace", "_stacklevel")  # arguments that change no number
_FEATURES = (0, -1, None)  # a value is one feature vector: dim 0 and dim -1 are the same axis


def respell(name: str, args: Sequence[Any], named: Mapping[str, Any]) -> Callable[[], Any] | None:
    """What a call of the torch function `name` means in ops, ready to run; None if it is not in the list."""
    options = {key: value for key, value in named.items() if value is not None and key not in _NO_MATTER}
    dim = options.pop("dim", None)
    if name in ("cat", "concat", "concatenate") and args:
        rest = args[1] if len(args) > 1 else dim
        return (lambda: apply("concat", *args[0])) if _is_features(rest) and not options else None
    if name == "chunk" and len(args) >= 2:
        rest = args[2] if len(args) > 2 else dim
        return (lambda: args[0].chunk(args[1])) if _is_features(rest) and not options else None
    if name in ("split", "narrow", "stack") or options:
        return None
    if name in ("pow", "__pow__", "square"):
        power = 2 if name == "square" else args[-1]
        return (lambda: args[0] ** power) if has_power(power) and hasattr(args[0], "__cellwright_apply__") else None
    op = SPELLINGS.get(name)
    if op in ("softmax", "cumsum", "sum", "mean", "amax"):
        rest = args[1] if len(args) > 1 else dim
        if isinstance(rest, tuple | list) and len(rest) == 1:
            rest = rest[0]
        return (lambda: apply(op, args[0])) if _is_features(rest) and len(args) <= 2 else None
    if op is None or dim is not None or OPS[op].arity != len(args):
        return None
    if name in ("__radd__", "__rmul__"):
        args = args[::-1]
    return lambda: apply(op, *args)


def unknown(name: str, named: Mapping[str, Any]) -> str:
    """That a call of the torch function `name` means nothing in ops."""
    others = f" with {', '.join(named)}" if named else " with these arguments"
    return f"torch.{name}{others if name in WORDS else ''} is not in cellwright's op list"


def _is_features(dim: Any) -> bool:
    if dim in _FEATURES:
        return True
    raise CellError(f"dim={dim}: a value in step is one feature vector, so only dim 0 or -1 exists", **user_place())
