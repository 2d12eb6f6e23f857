"""How many threads a look takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["threads_for"]

SHORT = 400  # characters of a text that one thread reads


@contextmanager
def threads_for(text: str) -> Iterator[None]:
    """One thread for a short text: thousands of operations on a few numbers, each of which would wait for a team."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if len(text) <= SHORT else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
