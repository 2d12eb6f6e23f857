"""AMX's tiles in NumPy, as Intel's manual states them, behind the names that a module of `product_module` declares."""

from __future__ import annotations

import ctypes
import re
from typing import Any

import numpy as np
import pytest

SMALLEST = np.float32(2.0**-126)
KINDS = {
    "ldtilecfg": "ptr",
    "tilerelease": "",
    "tileloadd64": "i8 ptr i64",
    "tilestored64": "i8 ptr i64",
    "tdpbf16ps": "i8 i8 i8",
}
CTYPES = {"ptr": ctypes.c_void_p, "i8": ctypes.c_uint8, "i64": ctypes.c_int64}


def flushed(x: np.ndarray) -> np.ndarray:
    """Denormal numbers as 0."""
    return np.where(np.abs(x) < SMALLEST, np.float32(0), x)


def tile_product(sums_MN: np.ndarray, a_MK: np.ndarray, b_KN: np.ndarray) -> np.ndarray:
    """TDPBF16PS: numbers with even and with odd k summed apart in float32, then both and `sums` added."""
    even, odd = np.zeros_like(sums_MN), np.zeros_like(sums_MN)
    for k in range(0, a_MK.shape[1], 2):
        even = flushed(even + a_MK[:, k, None] * b_KN[k])
        odd = flushed(odd + a_MK[:, k + 1, None] * b_KN[k + 1])
    return flushed(sums_MN + flushed(even + odd))


def wide(pairs: np.ndarray) -> np.ndarray:
    """(rows, pairs) of 32 bits → (rows, pairs, 2) of float32, even k first."""
    return flushed(np.stack([pairs << 16, pairs & 0xFFFF0000], -1).astype(np.uint32).view(np.float32))


class SoftwareTiles:
    """The state of one thread.

    Attributes:
        wrong: what a processor would have refused.
        loads, stores: (first, last) byte of every row.
    """

    product = staticmethod(tile_product)

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.loads: list[tuple[int, int]] = []
        self.stores: list[tuple[int, int]] = []
        self.tilerelease()
        self.callbacks = {
            name: ctypes.CFUNCTYPE(None, *(CTYPES[kind] for kind in kinds.split()))(getattr(self, name))
            for name, kinds in KINDS.items()
        }

    def ldtilecfg(self, address: int) -> None:
        layout = ctypes.string_at(address, 64)
        self.width = np.frombuffer(layout[16:32], np.uint16) // 4
        self.rows = np.frombuffer(layout[48:56], np.uint8)
        if layout[0] != 1 or any(layout[1:16]) or any(layout[32:48]) or any(layout[56:]):
            self.wrong.append("another palette, or what is reserved is not 0")
        if (self.rows > 16).any() or (self.width > 16).any() or ((self.rows == 0) != (self.width == 0)).any():
            self.wrong.append(f"tiles of {self.rows} rows of {self.width} numbers")
        self.tiles = np.zeros((8, 16, 16), np.uint32)

    def tilerelease(self) -> None:
        self.rows = self.width = np.zeros(8, int)

    def _addresses(self, tile: int, address: int, stride: int) -> list[int]:
        if not self.rows[tile]:
            self.wrong.append(f"tile {tile} without a size")
        return [address + row * stride for row in range(self.rows[tile])]

    def tileloadd64(self, tile: int, address: int, stride: int) -> None:
        self.tiles[tile] = 0
        for row, at in enumerate(self._addresses(tile, address, stride)):
            size = 4 * int(self.width[tile])
            self.loads.append((at, at + size - 1))
            self.tiles[tile, row, : size // 4] = np.frombuffer(ctypes.string_at(at, size), np.uint32)

    def tilestored64(self, tile: int, address: int, stride: int) -> None:
        for row, at in enumerate(self._addresses(tile, address, stride)):
            data = self.tiles[tile, row, : self.width[tile]].tobytes()
            self.stores.append((at, at + len(data) - 1))
            ctypes.memmove(at, data, len(data))

    def tdpbf16ps(self, total: int, a: int, b: int) -> None:
        rows, pairs, columns = self.rows[total], self.width[a], self.width[total]
        if (self.rows[a], self.rows[b], self.width[b]) != (rows, pairs, columns):
            self.wrong.append(f"tiles {total}, {a}, {b} do not fit")
        a_MK = wide(self.tiles[a, :rows, :pairs]).reshape(rows, 2 * pairs)
        b_KN = wide(self.tiles[b, :pairs, :columns]).transpose(0, 2, 1).reshape(2 * pairs, columns)
        sums = self.tiles[total].view(np.float32)
        sums[:rows, :columns] = tile_product(sums[:rows, :columns], a_MK, b_KN)

    def instead(self, text: str) -> str:
        """A module's text that calls these functions."""
        for name, kinds in KINDS.items():
            declared = re.search(rf'^declare .*@"llvm\.x86\.{name}".*$', text, re.MULTILINE)
            assert declared is not None, name
            given = ", ".join(f"{kind} %a{k}" for k, kind in enumerate(kinds.split()))
            address: Any = ctypes.cast(self.callbacks[name], ctypes.c_void_p).value
            call = f"call void inttoptr (i64 {address} to ptr)({given})"
            text = text.replace(declared[0], f'define void @"software.{name}"({given}) {{\n{call}\nret void\n}}')
            text = text.replace(f'@"llvm.x86.{name}"', f'@"software.{name}"')
        return text


@pytest.fixture
def software_tiles() -> SoftwareTiles:
    return SoftwareTiles()
