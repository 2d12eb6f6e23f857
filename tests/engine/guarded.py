"""Runs compiled cells with every tensor beside a page that may not be touched; run as a program by test_memory_bounds.

    python guarded.py end|start float32|float64 [broken]

end: each tensor's last number ends where the page begins; start: its first begins where the page ends. A read or write
outside is a segmentation fault. Results must have the bits of an unguarded run. broken: a kernel that reads whole
vectors from a tensor, where a tail is left: it must crash.
"""

from __future__ import annotations

import ctypes
import importlib.util
import mmap
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cellwright.engine.lower.row import RowWriter
from cellwright.engine.run import operators, prepared
from cellwright.engine.run.tables import Tables
from cellwright.nn import Recurrent

PAGE = mmap.PAGESIZE
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
LIBC.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
SIZES = (1, 3, 7, 9, 17, 33)
CELLS = ("LSTM", "GRU", "Peephole-ifo", "LayerNormLSTM", "ONLSTM", "SLSTM-exp", "LSTMP", "IndRNN", "mixed", "Elman-V")


class Guarded:
    """Memory of `size` bytes between two pages that may not be touched."""

    def __init__(self, size: int, at_end: bool) -> None:
        self.whole = (-(-max(size, 1) // PAGE) + 2) * PAGE
        self.base = LIBC.mmap(None, self.whole, mmap.PROT_READ | mmap.PROT_WRITE, 0x22, -1, 0)
        for page in (self.base, self.base + self.whole - PAGE):
            assert LIBC.mprotect(page, PAGE, 0) == 0
        self.address = self.base + self.whole - PAGE - size if at_end else self.base + PAGE

    def free(self) -> None:
        LIBC.munmap(self.base, self.whole)


def numbers(count: int, dtype: torch.dtype, address: int) -> Tensor:
    """Memory as a tensor."""
    return torch.frombuffer((ctypes.c_char * (count * dtype.itemsize)).from_address(address), dtype=dtype)


def tensors_in(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value.data  # writing to it is no change that autograd minds
    elif isinstance(value, Tables):
        yield from (value.counts, value.offsets, value.rows, value.order)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from tensors_in(part)


class Guard:
    """Stands between the layers and the kernels."""

    def __init__(self, at_end: bool) -> None:
        self.at_end, self.moved = at_end, list[tuple[Tensor, Tensor, Guarded]]()
        self.call, self.code, self.run = prepared.Prepared.call, prepared.product_code, operators.run_jobs

    def install(self) -> None:
        guard = self

        def call(own: Any, *args: Any) -> Any:
            made = guard.call(own, *args)
            guard.move(made.keep)
            return made

        prepared.Prepared.call = call  # type: ignore[method-assign]
        prepared.product_code = self.guarded_code  # type: ignore[assignment]
        operators.run_jobs = self.run_jobs

    def remove(self) -> None:
        prepared.Prepared.call, prepared.product_code = self.call, self.code  # type: ignore[method-assign]
        operators.run_jobs = self.run

    def place(self, tensor: Tensor) -> tuple[Tensor, Guarded]:
        """A copy beside the page, of the same shape and strides."""
        count = 1 + sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.stride(), strict=True))
        memory = Guarded(count * tensor.dtype.itemsize, self.at_end)
        copy = numbers(count, tensor.dtype, memory.address).as_strided(tensor.shape, tensor.stride())
        copy.copy_(tensor)
        return copy, memory

    def move(self, keep: list[Any]) -> None:
        """Every address among a call's arguments becomes that of a guarded copy."""
        arguments = keep[0]
        addresses: dict[int, int] = {}
        for tensor in tensors_in(keep[1:]):
            if tensor.numel() and tensor.data_ptr() not in addresses:
                copy, memory = self.place(tensor)
                addresses[tensor.data_ptr()] = memory.address
                self.moved.append((tensor, copy, memory))
        for k, value in enumerate(arguments.tolist()):
            arguments[k] = addresses.get(value, value)
        assert len(addresses) > 3

    def run_jobs(self, jobs: Any) -> None:
        self.run(jobs)
        for tensor, copy, memory in self.moved:
            tensor.copy_(copy)
            memory.free()
        self.moved.clear()

    def guarded_code(self, target: Any) -> Any:
        loaded, product, pack, share = self.code(target)

        def guarded_pack(
            matrix: int, column: int, along: int, columns: int, depth: int, panels: int, packed: int
        ) -> None:
            size, read = target.size, (columns - 1) * column + (depth - 1) * along + 1
            written = panels * depth * target.panel
            source, target_memory = Guarded(read * size, self.at_end), Guarded(written * size, self.at_end)
            ctypes.memmove(source.address, matrix, read * size)
            pack(source.address, column, along, columns, depth, panels, target_memory.address)
            ctypes.memmove(packed, target_memory.address, written * size)
            source.free()
            target_memory.free()

        return loaded, product, guarded_pack, share


def results(layer: Recurrent, x: Tensor, states: tuple[Tensor, ...], given: dict[str, Any]) -> list[Tensor]:
    y, ends = layer(x, states, **given, backend="cpu")
    loss = y.sin().sum() + sum(end.cos().sum() for end in ends)
    found = torch.autograd.grad(loss, [x, *states, *layer.parameters()], allow_unused=True, materialize_grads=True)
    with torch.no_grad():  # the kernel that saves nothing
        alone, _ = layer(x, states, **given, backend="cpu")
    return [y.detach(), *(end.detach() for end in ends), *found, alone]


def runs(cases: Any, dtype: torch.dtype) -> Iterator[Callable[[], list[Tensor]]]:
    for k, name in enumerate(CELLS):
        for size in (SIZES[k % 6], SIZES[(k + 3) % 6]):
            torch.manual_seed(size)
            wide = SIZES[(k + 1) % 6]
            layer = Recurrent(cases.ALL[name](), wide, size, dtype=dtype, bidirectional=k % 2 == 0)
            for batch, given in ((3, {}), (1, {}), (5, {"lengths": [4, 0, 2, 4, 1], "resets": torch.rand(4, 5) < 0.4})):
                x = torch.randn(4, batch, wide, dtype=dtype, requires_grad=True)
                rows = layer.directions
                states = tuple(torch.rand(rows, batch, n, dtype=dtype) + 0.5 for n in layer.state_sizes.values())
                states = tuple(state.requires_grad_() for state in states)
                yield lambda layer=layer, x=x, states=states, given=given: results(layer, x, states, given)


def main(place: str, type_name: str, broken: bool) -> None:
    spec = importlib.util.spec_from_file_location("cases", Path(__file__).parents[1] / "cells" / "cases.py")
    assert spec is not None
    assert spec.loader is not None
    cases = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cases)
    if broken:
        RowWriter.load = lambda own, index, column, count: own.e.load_vector(own.address(own.spot(index), column))
    guard = Guard(place == "end")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for run in runs(cases, getattr(torch, type_name)):
            plain = run()
            guard.install()
            guarded = run()
            guard.remove()
            same = [torch.equal(a, b) for a, b in zip(plain, guarded, strict=True)]
            assert all(same), same
    print("all inside")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "broken" in sys.argv)
