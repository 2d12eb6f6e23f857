"""The plain loop: a cell's `step`, one time step after another, in torch with autograd. The reference run path.

`step` sees one sequence's feature vectors; the batch axis is hidden in LoopValue.
Axes: T time, B batch, I input, O output, n features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from cellwright.cells.cell import Cell, hidden_size_of, step_place, user_place
from cellwright.cells.stepping import run_step
from cellwright.engine.masks import Masking, mask_name
from cellwright.engine.run.slow_path import warn_slow
from cellwright.engine.run.torch_rows import TORCH_ROWS
from cellwright.engine.spelling import WORDS, respell, unknown
from cellwright.engine.trace import branch_error, returned_values
from cellwright.errors import CellError
from cellwright.ops import OPS, Operators

__all__ = ["LoopValue", "is_traced", "run_loop"]

_NOT_ELEMENTWISE = ("matmul", "concat", "slice", "sum", "mean", "amax", "softmax", "cumsum")
_COMPARISONS = ("lt", "le", "gt", "ge")


def is_traced() -> bool:
    """Whether torch.jit.trace looks on: sizes are then tensors, and what no operator of torch makes is a constant."""
    return not torch.compiler.is_compiling() and torch._C._is_tracing()


def run_loop(
    cell: Cell,
    weights: Mapping[str, Tensor],
    x_TBI: Tensor,
    state: Sequence[Tensor],
    lengths_B: Tensor | None = None,
    reverse: bool = False,
    resets_TB: Tensor | None = None,
    masking: Masking | None = None,
    masks: Mapping[str, Tensor] | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run one direction of one layer.

    Args:
        cell: the cell.
        weights: by the names of `cell.parameter_shapes`: "W.i" (H, I), "R.i" (H, S), "b.i" (H), extras.
        x_TBI: (T, B, I); must be finite beyond the lengths too.
        state: initial states, one (B, S) a declared state, in order.
        lengths_B: valid steps of each sequence, (B,); all T if not given.
        reverse: start at each sequence's last valid step and go back.
        resets_TB: True where the state is the initial one before the step.
        masking: what is masked in a step (engine.masks).
        masks: its masks, by the names of their leaves, each (T, B, S).

    Returns:
        y (T, B, O), 0 beyond each length, and the states after the last valid step, each (B, S).

    Raises:
        CellError: `step` branches on data, changes a shape or the number of states, uses an undeclared name, or
            raises an error.
    """
    steps, batch, _ = x_TBI.shape
    arguments: dict[str, Any] = {}
    initial = held = tuple(state)
    outputs: list[Tensor] = []
    masking, masks = masking or Masking(), masks or {}
    for t in range(steps - 1, -1, -1) if reverse else range(steps):
        kind = FirstValue if not outputs else LoopValue
        if len(outputs) < 2:
            arguments = cell.bind({name: kind(weight, cell.name, batched=False) for name, weight in weights.items()})
        if resets_TB is not None:
            anew_B = resets_TB[t] if lengths_B is None else resets_TB[t] & (t < lengths_B)
            anew_B1 = anew_B[:, None]
            held = tuple(torch.where(anew_B1, first, old) for first, old in zip(initial, held, strict=True))
        values = [kind(part, cell.name) for part in (x_TBI[t], *held)]
        for name, value in zip(cell.state_names, values[1:], strict=True):
            if name in masking.dropout:
                value.inside = kind(value.tensor * masks[mask_name("dropout", name)][t].to(x_TBI.dtype), cell.name)
        new, output = returned_values(cell, run_step(cell, values, arguments))
        following = tuple(_tensor(cell, v, old) for v, old in zip(new, held, strict=True))
        following = _zoned(cell, masking, masks, t, held, following)
        separate = not masking.output
        y_BO = _tensor(cell, output, None, batch) if separate else following[cell.state_names.index(masking.output)]
        if not outputs and output.shape != (_declared_output(cell, weights, held) or output.shape[0],):
            raise CellError(
                f"{cell.name}.step returns an output of shape {output.shape}, another one is declared",
                **step_place(cell),
            )
        if lengths_B is not None:
            valid_B1 = (t < lengths_B)[:, None]
            following = tuple(torch.where(valid_B1, n, old) for n, old in zip(following, held, strict=True))
            y_BO = torch.where(valid_B1, y_BO, 0)
        held = following
        outputs.append(y_BO)
    if not outputs:
        return x_TBI.new_zeros(0, batch, _declared_output(cell, weights, held) or 0), held
    return torch.stack(outputs[::-1] if reverse else outputs), held


def _zoned(
    cell: Cell,
    masking: Masking,
    masks: Mapping[str, Tensor],
    t: int,
    held: tuple[Tensor, ...],
    following: tuple[Tensor, ...],
) -> tuple[Tensor, ...]:
    """New states, where a mask does not keep the old ones; or their mean over masks."""
    mean = dict(masking.expected)

    def zoned(name: str, old: Tensor, new: Tensor) -> Tensor:
        if name in masking.zoneout:
            return torch.where(masks[mask_name("zoneout", name)][t] > 0, old, new)
        return mean[name] * old + (1 - mean[name]) * new if name in mean else new

    return tuple(zoned(name, old, new) for name, old, new in zip(cell.state_names, held, following, strict=True))


def _declared_output(cell: Cell, weights: Mapping[str, Tensor], held: Sequence[Tensor]) -> int | None:
    """The output's declared size; None if it is H and nothing else is of that size."""
    hidden = hidden_size_of(cell, weights, held)
    return None if hidden is None and cell.sizes.get(cell.output_name, "H") == "H" else cell.output_size(hidden or 1)


def _tensor(cell: Cell, value: Any, like: Tensor | None, batch: int = 0) -> Tensor:
    """The (B, n) tensor of a returned value; a new state must have the old one's shape."""
    if not isinstance(value, LoopValue):
        raise CellError(
            f"{cell.name}.step returns a {type(value).__name__} where a state or output belongs", **step_place(cell)
        )
    tensor = value.tensor if value.batched else value.tensor.expand(batch if like is None else len(like), -1)
    if like is not None and tensor.shape != like.shape:
        raise CellError(
            f"{cell.name}.step returns a state of shape {value.shape}: it must stay {tuple(like.shape[1:])}",
            repair="A state keeps its shape from step to step; declare another size with sizes = {…}.",
            **step_place(cell),
        )
    return tensor


class LoopValue(Operators):
    """A feature vector (n,) or scalar () of every sequence of the batch, or a parameter without a batch axis."""

    def __init__(self, tensor: Tensor, cell: str, batched: bool = True, condition: bool = False) -> None:
        self.tensor, self.cell, self.batched = tensor, cell, batched
        self.condition = condition  # 1 or 0 of a comparison, True or False to torch functions outside the op list
        self.inside: LoopValue | None = None  # as products read it, where a state in it is masked for them

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape[1:] if self.batched else self.tensor.shape)

    def place(self) -> dict[str, Any]:
        return user_place()

    def __cellwright_apply__(self, op: str, args: Sequence[Any], attrs: dict[str, Any]) -> LoopValue:
        within = [arg.inside if isinstance(arg, LoopValue) and arg.inside is not None else arg for arg in args]
        if all(a is b for a, b in zip(within, args, strict=True)):
            return self.computed(op, args, attrs)
        result = self.computed(op, within if op == "matmul" else args, attrs)
        result.inside = None if op == "matmul" else self.computed(op, within, attrs)
        return result

    def computed(self, op: str, args: Sequence[Any], attrs: dict[str, Any]) -> LoopValue:
        """An op's result."""
        values = [LoopValue(a, self.cell, batched=False) if isinstance(a, Tensor) else a for a in args]
        vectors = [v for v in values if isinstance(v, LoopValue)]
        depth = 0
        for v in vectors:
            if v.batched and v.tensor.ndim > depth:
                depth = v.tensor.ndim
        if depth > 2:  # a matrix of each sequence, made by a torch function outside the op list
            row = torch.matmul if op == "matmul" else TORCH_ROWS[op]
            each: LoopValue = _each_sequence(row, args, attrs, user_place())
            return each
        batched = depth > 0
        if op == "concat" and batched:
            batch = next(len(v.tensor) for v in vectors if v.batched)
            tensors = [v.tensor if v.batched else v.tensor.expand(batch, -1) for v in vectors]
        elif op not in _NOT_ELEMENTWISE and any(v.shape for v in vectors):
            tensors = [_aligned(v) for v in values]
        else:
            tensors = [v.tensor if isinstance(v, LoopValue) else v for v in values]
        if op in ("minimum", "maximum", "where"):
            like = vectors[-1]
            tensors = [t if isinstance(t, Tensor) else like.tensor.new_tensor(t) for t in tensors]
        elif not isinstance(tensors[0], Tensor) and op in ("sub", "div", *_COMPARISONS):
            tensors[0] = vectors[0].tensor.new_tensor(tensors[0])
        try:
            result = TORCH_ROWS[op](*tensors, **attrs)
        except (RuntimeError, TypeError) as wrong:
            shapes = " and ".join(str(getattr(v, "shape", v)) for v in values)
            raise CellError(f"{self.cell}.step: {op} of {shapes}: {wrong}", **user_place()) from None
        return type(self)(result, self.cell, batched, op in _COMPARISONS)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        matrix = any(isinstance(arg, LoopValue) and len(arg.shape) > 1 and arg.batched for arg in args)
        meaning = None if matrix else respell(func.__name__, args, kwargs or {})
        return meaning() if meaning is not None else _foreign(func, args, kwargs or {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        method = getattr(torch.Tensor, name, None)
        if method is None or not callable(method):
            raise CellError(f"{self.cell}.step: a value has no `{name}`", **user_place())
        if name in WORDS:
            return lambda *args, **named: type(self).__torch_function__(method, (), (self, *args), named)
        return lambda *args, **named: _foreign(method, (self, *args), named)

    def __bool__(self) -> bool:
        raise branch_error(self.cell)

    __float__ = __int__ = __len__ = __iter__ = __bool__


class FirstValue(LoopValue):
    """A value of the first step of a run: as the shapes of all steps are the same, only here they are checked. Torch
    would read a batch axis as features, or a matrix as a vector of each sequence, without a word."""

    def __cellwright_apply__(self, op: str, args: Sequence[Any], attrs: dict[str, Any]) -> LoopValue:
        vectors = [v for v in args if isinstance(v, LoopValue)]
        if not is_traced() and not any(v.batched and len(v.shape) > 1 for v in vectors):
            try:
                OPS[op].shape(*(tuple(getattr(v, "shape", ())) for v in args), **attrs)
            except (ValueError, TypeError) as wrong:
                raise CellError(f"{self.cell}.step: {op}: {wrong}", **user_place()) from None
        return super().__cellwright_apply__(op, args, attrs)


def _aligned(value: Any) -> Any:
    """A scalar of each sequence, (B,), stands beside vectors (B, n) as (B, 1)."""
    if not isinstance(value, LoopValue):
        return value
    return value.tensor.unsqueeze(-1) if value.batched and not value.shape else value.tensor


def _foreign(func: Any, args: Any, named: Any) -> Any:
    """A torch function outside the op list: it runs, and this is said once."""
    values = [leaf for leaf in pytree.tree_leaves((args, named)) if isinstance(leaf, LoopValue)]
    cell, place = values[0].cell, user_place()
    at = f"{place['file']}:{place['line']}" if place else ""
    warn_slow(cell, unknown(func.__name__, named) + (f", at {at}" if at else ""), at)
    return _each_sequence(func, args, named, place)


def _each_sequence(func: Any, args: Any, named: Any, place: dict[str, Any]) -> Any:
    """`func` on the values of one sequence, for every sequence of the batch at once."""
    leaves, layout = pytree.tree_flatten((args, named))
    values = [leaf for leaf in leaves if isinstance(leaf, LoopValue)]
    cell = values[0].cell
    batched = any(v.batched for v in values)

    def on_one_sequence(*tensors: Tensor) -> Any:
        given = iter(tensors)
        filled = [next(given) if isinstance(leaf, LoopValue) else leaf for leaf in leaves]
        one_args, one_named = pytree.tree_unflatten(filled, layout)
        return func(*one_args, **one_named)

    tensors = [v.tensor.bool() if v.condition else v.tensor for v in values]
    try:
        if batched:
            axes = tuple(0 if v.batched else None for v in values)
            result = torch.func.vmap(on_one_sequence, in_dims=axes, randomness="different")(*tensors)
        else:
            result = on_one_sequence(*tensors)
    except (RuntimeError, ValueError, TypeError) as wrong:
        message = str(wrong).splitlines()[0]
        raise CellError(
            f"{cell}.step: torch.{func.__name__} cannot run on one sequence's values: {message}", **place
        ) from None
    return pytree.tree_map(lambda t: LoopValue(t, cell, batched) if isinstance(t, Tensor) else t, result)
