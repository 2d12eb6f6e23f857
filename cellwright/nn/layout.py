"""The forms in which a layer takes its input (padded, batch first, unbatched, packed), checked and made one.

Axes: T time, B batch, I input, O output, S size of one state, L·D layers times directions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from cellwright.errors import BackendError, DeviceError, DtypeError, ShapeError
from cellwright.nn.lengths import Lengths, check_lengths, dtype_name, repack, unpack

__all__ = [
    "BACKENDS",
    "Layout",
    "States",
    "batch_states",
    "check_alike",
    "check_call",
    "check_input",
    "check_resets",
    "check_states",
    "read_input",
]

BACKENDS = ("auto", "reference", "cpu", "cuda")
States = tuple[Tensor, ...]

_CONVERSIONS = {
    torch.float16: "half()",
    torch.bfloat16: "bfloat16()",
    torch.float32: "float()",
    torch.float64: "double()",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How x was given, so that y and the states go back in the same form."""

    batch_first: bool
    batched: bool
    packed: PackedSequence | None

    def output(self, y_TBO: Tensor, lengths_B: Tensor | None) -> Tensor | PackedSequence:
        if self.packed is not None:
            assert lengths_B is not None
            return repack(y_TBO, lengths_B, self.packed)
        if not self.batched:
            return y_TBO.squeeze(1)
        return y_TBO.transpose(0, 1) if self.batch_first else y_TBO

    def states(self, states: States) -> States:
        return states if self.batched else tuple(state.squeeze(1) for state in states)


def check_call(name: str, backend: str) -> None:
    """Raises BackendError for a backend that is unknown or not built yet."""
    if backend not in BACKENDS:
        raise BackendError(
            f"{name} has no backend {backend!r}. Backends: {', '.join(BACKENDS)}.",
            repair='Use backend="auto", the default, "cpu", compiled, or "reference", the plain loop.',
        )
    if backend == "cuda":
        raise BackendError(
            f'backend="cuda" of {name} is not built yet.',
            repair='Use backend="auto", the default, or backend="reference", the plain loop.',
        )


def check_resets(label: str, x: Tensor | PackedSequence, resets: Tensor | None, batch_first: bool) -> Tensor | None:
    """`resets` as (T, B) of bool, or None.

    Raises:
        ShapeError, DtypeError: not one flag for each step of each sequence, in the order of x's axes.
    """
    if resets is None:
        return None
    if isinstance(x, PackedSequence):
        raise ShapeError(
            f"{label} got resets= with a PackedSequence.", repair="Pass the padded tensor with lengths= and resets=."
        )
    if not isinstance(resets, Tensor):
        try:
            resets = torch.as_tensor(resets)
        except (TypeError, ValueError, RuntimeError):
            raise DtypeError(
                f"{label} got resets as {type(resets).__name__}: they are flags.",
                repair="Pass a tensor of bool, one flag for each step of each sequence.",
            ) from None
    if tuple(resets.shape) != tuple(x.shape[:-1]):
        raise ShapeError(
            f"{label} got resets of shape {tuple(resets.shape)}: one flag for each step of x is {tuple(x.shape[:-1])}.",
            repair=axes_of(x.dim(), batch_first).replace(", input)", ")"),
        )
    if resets.is_floating_point() or resets.is_complex():
        raise DtypeError(
            f"{label} got resets of {dtype_name(resets.dtype)}: they are flags.", repair="Convert them: resets.bool()."
        )
    resets = resets.bool().to(x.device)
    return resets[:, None] if x.dim() == 2 else resets.t() if batch_first else resets


def check_tensor(label: str, given: object, what: str) -> None:
    """Raises DtypeError for what is no tensor: an array, a list, None."""
    if not isinstance(given, Tensor):
        raise DtypeError(
            f"{label} got {what} as {type(given).__name__}: it must be a torch tensor.",
            repair="Convert it: torch.as_tensor(…).",
        )


def check_alike(name: str, weight: Tensor, x: Tensor, what: str = "x") -> None:
    """Raises DeviceError, or DtypeError, unless x is where the weights are and of their dtype, or autocast is going to
    see to the dtype."""
    if x.device != weight.device:
        name_in_code = what.split()[-1]
        raise DeviceError(
            f"{name} weights are on {weight.device}, {what} is on {x.device}.",
            repair=f"Move one of them: {name_in_code}.to({str(weight.device)!r}), or layer.to({str(x.device)!r})."
            if weight.device.type != "meta"
            else f"Give the weights memory: layer.to_empty(device={str(x.device)!r}), then load or reset them.",
        )
    if x.dtype == weight.dtype or (x.is_floating_point() and torch.is_autocast_enabled(x.device.type)):
        return
    to_weight, to_x = (_CONVERSIONS.get(dtype) for dtype in (weight.dtype, x.dtype))
    name_in_code = what.split()[-1]
    repair = f"Convert the input: {name_in_code}.{to_weight}"
    repair += f", or the layer: layer.{to_x}." if to_x else "."
    raise DtypeError(f"{name} weights are {dtype_name(weight.dtype)}, {what} is {dtype_name(x.dtype)}.", repair=repair)


def check_input(label: str, x: Tensor | PackedSequence, input_size: int, batch_first: bool) -> tuple[int, bool]:
    """(batch size, whether x has a batch axis); raises ShapeError for a wrong number of axes or width."""
    if isinstance(x, PackedSequence):
        check_width(label, x.data, input_size, "x.data is (all valid steps, input).")
        return int(x.batch_sizes[0]), True
    check_tensor(label, x, "x")
    if x.dim() not in (2, 3):
        raise ShapeError(
            f"{label} got x of shape {tuple(x.shape)}: x must have 3 axes, or 2 for one sequence.",
            repair=axes_of(3, batch_first),
        )
    check_width(label, x, input_size, axes_of(x.dim(), batch_first))
    return (x.shape[0 if batch_first else 1], True) if x.dim() == 3 else (1, False)


def read_input(
    label: str, x: Tensor | PackedSequence, lengths: Lengths | None, *, batch_first: bool
) -> tuple[Tensor, Tensor | None, Layout]:
    """x, already checked, as (T, B, I); its lengths (B,) or None; and the form it came in.

    Args:
        label: the layer in messages, as "LSTM(60 → 100)".
        x: (T, B, I), (B, T, I) if batch_first, (T, I) for one sequence, or a PackedSequence.
    """
    if isinstance(x, PackedSequence):
        if lengths is not None:
            raise ShapeError(
                f"{label} got lengths= with a PackedSequence, which holds its own lengths.",
                repair="Pass the padded tensor with lengths=, or the PackedSequence alone.",
            )
        x_TBI, lengths_B = unpack(x)
        return x_TBI, lengths_B, Layout(batch_first=False, batched=True, packed=x)
    batched = x.dim() == 3
    x_TBI = x.unsqueeze(1) if not batched else x.transpose(0, 1) if batch_first else x
    if lengths is None:
        return x_TBI, None, Layout(batch_first, batched, None)
    lengths_B = check_lengths(lengths, x_TBI.shape[0], x_TBI.shape[1], x.device)
    return x_TBI, lengths_B, Layout(batch_first, batched, None)


def axes_of(dims: int, batch_first: bool) -> str:
    if dims == 2:
        return "x is (time, input): one sequence, without a batch axis."
    order = "batch, time, input" if batch_first else "time, batch, input"
    return f"x is ({order}) because batch_first={batch_first}."


def check_width(label: str, x: Tensor, input_size: int, axes: str) -> None:
    if x.shape[-1] != input_size:
        raise ShapeError(
            f"{label} got x of shape {tuple(x.shape)}: the last axis must be input_size = {input_size}.",
            repair=axes,
        )


def check_states(
    label: str,
    given: Sequence[Tensor] | None,
    sizes: Mapping[str, int],
    *,
    rows: int,
    batch: int,
    batched: bool,
    like: Tensor,
) -> States | None:
    """The initial states as a tuple, or None if none are given.

    Args:
        sizes: size of each declared state by name, in order.
        rows: L·D, layers times directions.
        like: a weight, whose dtype the states must have.

    Raises:
        ShapeError, DtypeError: a state is missing, or of a wrong shape or dtype.
    """
    if given is None:
        return None
    names = ", ".join(sizes)
    if not isinstance(given, tuple | list) or len(given) != len(sizes):
        found = f"{len(given)} tensors" if isinstance(given, tuple | list) else f"one {type(given).__name__}"
        found = "one tensor" if isinstance(given, Tensor) else found
        raise ShapeError(
            f"{label} got a state of {found}: its states are ({names}).",
            repair=f"Pass a tuple of {len(sizes)}, one tensor a state in this order.",
        )
    for (name, size), state in zip(sizes.items(), given, strict=True):
        check_tensor(label, state, f"state {name}")
        expected = (rows, batch, size) if batched else (rows, size)
        if tuple(state.shape) != expected:
            axes = "layers·directions, batch, size" if batched else "layers·directions, size"
            raise ShapeError(
                f"{label} got state {name} of shape {tuple(state.shape)}: it must be {expected}.",
                repair=f"A state is ({axes}), also with batch_first=True.",
            )
        check_alike(label, like, state, f"state {name}")
    return tuple(given)


def batch_states(given: States | None, sizes: Mapping[str, int], rows: int, batch: int, like: Tensor) -> States:
    """Checked initial states as one (L·D, B, S) a declared state; zeros if none are given."""
    if given is None:
        return tuple(like.new_zeros(rows, batch, size) for size in sizes.values())
    return tuple(state if state.dim() == 3 else state.unsqueeze(1) for state in given)
