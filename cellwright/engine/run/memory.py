"""Memory for the arrays of many steps: large ones on large pages, as the first touch of each page costs time."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor

__all__ = ["LARGE", "empty", "zeros"]

LARGE = 4 << 20
"""Bytes from which large pages are asked for: two of Linux's, 2 MiB each."""


@cache
def _advise() -> Callable[[int, int, int], int] | None:
    """madvise(address, size, advice) where the system has large pages on request."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    function = ctypes.CDLL(None).madvise
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    advise: Callable[[int, int, int], int] = function
    return advise


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """torch.empty. Large pages are advice to the system: nothing else changes where it does not take it."""
    return _on_large_pages(torch.empty(shape, dtype=dtype, device="cpu"))


def zeros(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """torch.zeros, likewise."""
    return _on_large_pages(torch.zeros(shape, dtype=dtype, device="cpu"))


def _on_large_pages(tensor: Tensor) -> Tensor:
    size = tensor.numel() * tensor.element_size()
    advise = _advise() if size >= LARGE else None
    if advise is not None:
        start = -(-tensor.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
        advise(start, tensor.data_ptr() + size - start, mmap.MADV_HUGEPAGE)
    return tensor
