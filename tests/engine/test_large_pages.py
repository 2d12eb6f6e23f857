"""Large arrays ask the system for large pages; small ones ask for nothing."""

from __future__ import annotations

import mmap
import re
import sys
from pathlib import Path

import pytest
import torch

from cellwright.engine.run import memory
from cellwright.nn import LSTM

SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
linux = pytest.mark.skipif(
    sys.platform != "linux" or not SETTING.exists() or not hasattr(mmap, "MADV_HUGEPAGE"),
    reason="this system has no large pages on request",
)


def flags_at(address: int) -> set[str]:
    """What the system notes on the memory at an address."""
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if bounds := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            inside = int(bounds[1], 16) <= address < int(bounds[2], 16)
        elif inside and line.startswith("VmFlags:"):
            return set(line.split()[1:])
    raise AssertionError(f"no memory at {address:x}")


@linux
@pytest.mark.parametrize("array", [memory.empty, memory.zeros])
def test_a_large_array_asks_for_large_pages(array) -> None:
    large = array((3, memory.LARGE), torch.float32)
    assert large.shape == (3, memory.LARGE)
    assert "hg" in flags_at(large.data_ptr() + 2 * memory.LARGE)
    large[-1, -1] = 1  # its last number is there


@linux
def test_a_small_array_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def advise() -> None:
        raise AssertionError("a small array asked")

    monkeypatch.setattr(memory, "_advise", advise)
    assert memory.empty((memory.LARGE // 8 - 1,), torch.float64).numel() == memory.LARGE // 8 - 1
    with pytest.raises(AssertionError, match="asked"):
        memory.empty((memory.LARGE // 8,), torch.float64)


def test_zeros_are_zeros_and_an_empty_array_is_one() -> None:
    assert not memory.zeros((2, memory.LARGE // 8), torch.float64).any()
    assert memory.empty((0, 5), torch.float32).shape == (0, 5)


def test_without_large_pages_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = LSTM(8, 64), torch.randn(600, 16, 8)
    expected, _ = layer(x, backend="cpu")
    monkeypatch.setattr(memory, "_advise", lambda: None)
    assert torch.equal(layer(x, backend="cpu")[0], expected)
