"""Sequences of uneven length on padded input: checking `lengths=`, masks, reversal, the last valid step.

Axes: T time, B batch, I input, H hidden, O output, S size of one state, L·D layers times directions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from cellwright.errors import DtypeError, ShapeError

__all__ = ["Lengths", "check_lengths", "last_valid", "mask_padding", "pack", "repack", "reverse_valid", "unpack"]

Lengths = Tensor | Sequence[int] | int


def check_lengths(lengths: Lengths, steps: int, batch: int, device: torch.device) -> Tensor:
    """`lengths` as an int64 tensor (B,) on `device`; any order, zeros allowed.

    Raises:
        DtypeError: the lengths are not whole numbers.
        ShapeError: not one length per sequence, or a length below 0 or above T.
    """
    lengths_B = lengths.to(device) if isinstance(lengths, Tensor) else read_lengths(lengths, device)
    if lengths_B.numel() and (lengths_B.is_floating_point() or lengths_B.is_complex() or lengths_B.dtype == torch.bool):
        raise DtypeError(
            f"lengths are {dtype_name(lengths_B.dtype)}: they must be whole numbers of steps.",
            repair="Convert them: lengths.long(), or mask.sum(time axis) for a boolean mask.",
        )
    lengths_B = lengths_B.to(torch.int64)
    if lengths_B.dim() == 0:
        lengths_B = lengths_B[None]
    if lengths_B.shape != (batch,):
        raise ShapeError(
            f"lengths has shape {tuple(lengths_B.shape)}: it must hold one length for each of {batch} sequences.",
            repair="Pass a tensor or list of the batch's size; its order is that of the batch.",
        )
    if torch.compiler.is_compiling():  # no number is known: none may lead outside of x
        return lengths_B.clamp(0, steps)
    if batch and not (int(lengths_B.min()) >= 0 and int(lengths_B.max()) <= steps):
        wrong = int(((lengths_B < 0) | (lengths_B > steps)).nonzero()[0])
        raise ShapeError(
            f"lengths[{wrong}] is {int(lengths_B[wrong])}: a length lies between 0 and {steps}, the steps of x.",
            repair="Cut the length, or pad x to the longest sequence.",
        )
    return lengths_B


def read_lengths(lengths: Sequence[int] | int, device: torch.device) -> Tensor:
    """A list, a NumPy array or a number as a tensor."""
    try:
        return torch.as_tensor(lengths, device=device)
    except (TypeError, ValueError, RuntimeError) as wrong:
        raise DtypeError(
            f"lengths are a {type(lengths).__name__} that is no list of numbers: {wrong}.",
            repair="Pass an int tensor or a list, one length for each sequence.",
        ) from None


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def valid_steps(lengths_B: Tensor, steps: int) -> Tensor:
    """(T, B, 1), True where a step belongs to its sequence."""
    return (torch.arange(steps, device=lengths_B.device)[:, None] < lengths_B)[..., None]


def mask_padding(x_TBI: Tensor, lengths_B: Tensor) -> Tensor:
    """x with zeros beyond each length, whatever stood there (NaN too); no gradient reaches the padding."""
    return x_TBI.masked_fill(~valid_steps(lengths_B, x_TBI.shape[0]), 0)


def reverse_valid(x_TBI: Tensor, lengths_B: Tensor) -> Tensor:
    """Each sequence reversed within its own length; padding stays where it is. Its own inverse."""
    steps, batch, _ = x_TBI.shape
    step_T1 = torch.arange(steps, device=x_TBI.device)[:, None]
    source_TB = torch.where(step_T1 < lengths_B, lengths_B - 1 - step_T1, step_T1)
    rows = (source_TB * batch + torch.arange(batch, device=x_TBI.device)).flatten()
    return x_TBI.flatten(0, 1).index_select(0, rows).view_as(x_TBI)


def last_valid(y_TBO: Tensor, lengths_B: Tensor, initial_BO: Tensor) -> Tensor:
    """y at the last valid step of each sequence, (B, O); the initial state for a sequence of length 0."""
    batch = y_TBO.shape[1]
    rows = (lengths_B - 1).clamp(min=0) * batch + torch.arange(batch, device=y_TBO.device)
    last_BO = y_TBO.flatten(0, 1).index_select(0, rows)
    return torch.where((lengths_B == 0)[:, None], initial_BO.to(last_BO.dtype), last_BO)


def pack(x_TBI: Tensor, lengths_B: Tensor) -> PackedSequence:
    """x as a PackedSequence. torch packs no empty sequence: a length 0 counts as one step of zeros."""
    if bool((lengths_B == 0).any()):
        x_TBI = mask_padding(x_TBI, lengths_B)
    return pack_padded_sequence(x_TBI, lengths_B.clamp(min=1).cpu(), enforce_sorted=False)


def unpack(packed: PackedSequence) -> tuple[Tensor, Tensor]:
    """(x_TBI, lengths_B) of a PackedSequence, in the order in which its batch was packed by the user."""
    x_TBI, lengths_B = pad_packed_sequence(packed)
    return x_TBI, lengths_B.to(x_TBI.device)


def repack(y_TBO: Tensor, lengths_B: Tensor, like: PackedSequence) -> PackedSequence:
    """y, padded and in the user's order, packed with the order and batch sizes of `like`."""
    if like.sorted_indices is not None:
        y_TBO = y_TBO.index_select(1, like.sorted_indices)
        lengths_B = lengths_B.index_select(0, like.sorted_indices)
    data = pack_padded_sequence(y_TBO, lengths_B.cpu(), enforce_sorted=True).data
    return PackedSequence(data, like.batch_sizes, like.sorted_indices, like.unsorted_indices)
