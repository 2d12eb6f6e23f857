"""Runs compiled cells with every tensor beside a page that may not be touched; run as a program by test_memory_bounds.

    python guarded.py end|start float32|float64|bfloat16 [broken|narrow]

end: each tensor's last number ends where the page begins; start: its first begins where the page ends. A read or write
outside is a segmentation fault. Results must have the bits of an unguarded run. Whole layers, shared by sequences and
by units, our own input product, and steppers; of bfloat16 some layers, with CELLWRIGHT_PRODUCTS=bfloat16 for its
products. broken: a kernel that reads whole vectors from a tensor, where a tail is left; narrow: a product whose result
has no room for its last tile: they must crash.
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
from cellwright.engine.lower.target import target_of
from cellwright.engine.lower.team import CHAIN_CALL
from cellwright.engine.run import linear, operators, prepared
from cellwright.engine.run.linear import OwnProduct
from cellwright.engine.run.steps import Steps
from cellwright.engine.run.tables import Tables
from cellwright.engine.units import Schedule
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
        self.narrow = False
        self.product, self.worth = OwnProduct.run, linear.WORTH_A_THREAD

    def install(self) -> None:
        guard = self

        def call(own: Any, *args: Any) -> Any:
            made = guard.call(own, *args)
            guard.move(made.keep)
            return made

        prepared.Prepared.call = call  # type: ignore[method-assign]
        prepared.product_code = linear.product_code = self.guarded_code  # type: ignore[assignment]
        operators.run_jobs = self.run_jobs
        OwnProduct.run = lambda own: guard.run_product(own)  # type: ignore[method-assign]
        linear.WORTH_A_THREAD = 1  # these products are small, and must be shared out all the same

    def remove(self) -> None:
        prepared.Prepared.call, prepared.product_code = self.call, self.code  # type: ignore[method-assign]
        operators.run_jobs, linear.product_code = self.run, self.code
        OwnProduct.run, linear.WORTH_A_THREAD = self.product, self.worth  # type: ignore[method-assign]

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

    def run_product(self, own: OwnProduct) -> Tensor:
        """A product with all it reads and writes beside the page."""
        names = [name for name in ("operand", "packed", "bias", "whole") if getattr(own, name) is not None]
        if not len(own.operand):
            return self.product(own)
        kept = {name: getattr(own, name) for name in names}
        room = kept | ({"whole": own.result.contiguous()} if self.narrow else {})
        copies = {name: self.place(tensor.detach()) for name, tensor in room.items()}
        for name, (copy, _) in copies.items():
            setattr(own, name, copy)
        self.product(own)
        for name, tensor in kept.items():
            setattr(own, name, tensor)
        own.whole.copy_(copies["whole"][0])
        for _, memory in copies.values():
            memory.free()
        return own.result

    def move_steps(self, steps: Steps) -> tuple[Tensor, Tensor, list[Guarded]]:
        """Everything that a step touches, moved beside the page: its x and its y there, and the memory."""
        tensors: dict[int, Tensor] = {}
        calls = [made for made in steps.keep if isinstance(made, prepared.Call)]
        products = [made for made in steps.keep if isinstance(made, OwnProduct)]
        found = [t for made in products for t in (made.operand, made.packed, made.bias, made.whole) if t is not None]
        found += [t for made in calls for t in tensors_in(made.keep[1:])]
        for tensor in found:  # a stream is a part of the product's result: the widest of one address is the memory
            known = tensors.get(tensor.data_ptr())
            if tensor.numel() and (known is None or tensor.numel() > known.numel()):
                tensors[tensor.data_ptr()] = tensor
        placed = {address: self.place(tensor.detach()) for address, tensor in tensors.items()}
        moved = {address: memory.address for address, (_, memory) in placed.items()}
        for arguments in (steps.calls, *(made.keep[0] for made in calls)):
            for k, value in enumerate(arguments.tolist()):
                arguments[k] = moved.get(value, value)
        assert len(moved) > 5
        assert len(steps.calls) == steps.count * CHAIN_CALL
        ends = placed[steps.x.data_ptr()][0], placed[steps.y.data_ptr()][0]
        return *ends, [memory for _, memory in placed.values()]

    def guarded_code(self, target: Any) -> Any:
        loaded, product, pack, share = self.code(target)

        def guarded_pack(
            matrix: int, column: int, along: int, columns: int, depth: int, panels: int, packed: int
        ) -> None:
            size, read = target.size, (columns - 1) * column + (depth - 1) * along + 1
            written = panels * target.packed_depth(depth) * target.panel
            source, target_memory = Guarded(read * size, self.at_end), Guarded(written * size, self.at_end)
            ctypes.memmove(source.address, matrix, read * size)
            pack(source.address, column, along, columns, depth, panels, target_memory.address)
            ctypes.memmove(packed, target_memory.address, written * size)
            source.free()
            target_memory.free()

        return loaded, product, guarded_pack, share


def results(layer: Recurrent, x: Tensor, states: tuple[Tensor, ...], given: dict[str, Any]) -> list[Tensor]:
    torch.manual_seed(0)  # for masks
    y, ends = layer(x, states, **given, backend="cpu")
    loss = y.sin().sum() + sum(end.cos().sum() for end in ends)
    found = torch.autograd.grad(loss, [x, *states, *layer.parameters()], allow_unused=True, materialize_grads=True)
    with torch.no_grad():  # the kernel that saves nothing
        alone, _ = layer(x, states, **given, backend="cpu")
    return [y.detach(), *(end.detach() for end in ends), *found, alone]


def runs(cases: Any, dtype: torch.dtype, threads: int) -> Iterator[Callable[[], list[Tensor]]]:
    for k, name in enumerate(CELLS if dtype != torch.bfloat16 else ("LSTM", "LSTMP", "mixed")):
        size, wide = SIZES[(k + 3 * threads) % 6], SIZES[(k + 1) % 6]
        torch.manual_seed(size)
        masks = {"zoneout": 0.3, "recurrent_dropout": 0.3} if name in ("LSTM", "LSTMP") else {}
        layer = Recurrent(cases.ALL[name](), wide, size, dtype=dtype, bidirectional=k % 2 == 0, **masks)
        for batch, given in ((3, {}), (1, {}), (5, {"lengths": [4, 0, 2, 4, 1], "resets": torch.rand(4, 5) < 0.4})):
            x = torch.randn(4, batch, wide, dtype=dtype, requires_grad=True)
            rows = layer.directions
            states = tuple(torch.rand(rows, batch, n, dtype=dtype) + 0.5 for n in layer.state_sizes.values())
            states = tuple(state.requires_grad_() for state in states)
            yield lambda layer=layer, x=x, states=states, given=given: results(layer, x, states, given)


def products(dtype: torch.dtype) -> Iterator[Callable[[], list[Tensor]]]:
    """Input products with their gradients: x whole and cut from wider rows, with a bias and without."""
    target = target_of(str(dtype).removeprefix("torch."), None)
    for k, size in enumerate(SIZES):
        inner, rows = SIZES[(k + 2) % 6], SIZES[(k + 3) % 6]
        wide, matrix, bias = (torch.randn(n, dtype=dtype) for n in ((rows, inner + 5), (size, inner), (size,)))

        def run(cut: bool, with_bias: bool, wide: Tensor = wide, matrix: Tensor = matrix, b: Tensor = bias) -> Any:
            x = wide[:, 3 : 3 + matrix.shape[1]] if cut else wide[:, : matrix.shape[1]].contiguous()
            given = [t.detach().requires_grad_() for t in ([x, matrix, b] if with_bias else [x, matrix])]
            y = linear.own_linear(target, given[0], given[1], given[2] if with_bias else None)
            return [y.detach().clone(), *torch.autograd.grad(y.sin().sum(), given)]

        for cut, with_bias in ((False, True), (True, False), (True, True)):
            yield lambda run=run, cut=cut, with_bias=with_bias: run(cut, with_bias)


def check_steps(cases: Any, dtype: torch.dtype, guard: Guard) -> None:
    """Steppers of two layers, beside the page and not: outputs and states."""
    for k, name in enumerate(("LSTM", "GRU", "IndRNN", "LayerNormLSTM", "LSTMP", "Peephole-ifo")):
        for batch in (1, 3):
            torch.manual_seed(k)
            layer = Recurrent(cases.ALL[name](), SIZES[(k + 1) % 6], SIZES[k], num_layers=2, dtype=dtype)
            plain, moved = layer.stepper(batch), layer.stepper(batch)
            x_there, y_there, memory = guard.move_steps(moved._steps)
            for x in torch.randn(4, batch, layer.input_size, dtype=dtype):
                x_there.copy_(x)
                moved._steps.run()
                assert torch.equal(plain(x), y_there), name
            for part in memory:
                part.free()


def main(place: str, type_name: str, wrong: str) -> None:
    spec = importlib.util.spec_from_file_location("cases", Path(__file__).parents[1] / "cells" / "cases.py")
    assert spec is not None
    assert spec.loader is not None
    cases = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cases)
    dtype = getattr(torch, type_name)
    if wrong == "broken":
        RowWriter.load = lambda own, index, column, count: own.e.load_vector(own.address(own.spot(index), column))
    guard = Guard(place == "end")
    guard.narrow = wrong == "narrow"
    for threads, by_units in ((1, False), (2, False), (2, True)):
        torch.set_num_threads(threads)
        if by_units:  # small layers never are, by themselves
            Schedule.unit_rows = lambda own, threads: 4 * (threads > 1)
            Schedule.team_size = lambda own, batch, threads: threads
        low = dtype == torch.bfloat16  # which steppers and the input's product do not know
        if threads == 1 and not low:  # a step runs on one thread
            check_steps(cases, dtype, guard)
        for run in (*(() if low else products(dtype)), *runs(cases, dtype, threads)):
            plain = run()
            guard.install()
            guarded = run()
            guard.remove()
            same = [torch.equal(a, b) for a, b in zip(plain, guarded, strict=True)]
            assert all(same), same
    print("all inside")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
