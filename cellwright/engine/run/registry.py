"""Cells by the text that describes them: a compiled cell is found, or built, from its key alone, in any process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar
from weakref import WeakValueDictionary

import torch

from cellwright.cells.cell import Cell
from cellwright.engine.lower.target import Target, has_bfloat16, host_isas, target_of
from cellwright.engine.masks import Masking, mask_step
from cellwright.engine.named import name_states, name_values
from cellwright.engine.run.compiled import Compiled
from cellwright.engine.serial import cell_from_data, cell_to_data
from cellwright.engine.stored import stored_graph, stored_names
from cellwright.engine.trace import trace

__all__ = [
    "Traced", "cell_key", "compiled_for", "constant_for_compilers", "force_isa", "force_products",
    "multiplies_bfloat16", "runs_here", "traced_for",
]  # fmt: skip

_named: WeakValueDictionary[tuple[str, str], Compiled] = WeakValueDictionary()  # as long as somebody traces
_isa: list[str | None] = [os.environ.get("CELLWRIGHT_ISA") or None]
_products: list[str] = [os.environ.get("CELLWRIGHT_PRODUCTS") or "auto"]


@dataclass(frozen=True, slots=True)
class Traced:
    """A cell that gives its named values.

    Attributes:
        key: of its code.
        output: columns of y.
        columns: of each name, behind y.
        taps: name -> the input that its gradient arrives at (engine.named).
        compiled: its code, found by the key for as long as this, or a gradient to come, holds it.
    """

    key: str
    output: int
    columns: Mapping[str, tuple[int, int]]
    taps: Mapping[str, str]
    compiled: Compiled


F = TypeVar("F", bound=Callable[..., object])


def constant_for_compilers(function: F) -> F:
    """Marks what torch.compile runs once and takes the result of, as torch.compiler.assume_constant_result does;
    that would load the compiler here."""
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


def cell_key(cell: Cell, input_size: int, hidden_size: int, bias: bool, masking: Masking | None = None) -> str:
    """A cell at one size, as text.

    Args:
        masking: what is masked in its step.

    Raises:
        UnsupportedOp: the cell uses a torch function outside the op list.
    """
    data = cell_to_data(cell, input_size, hidden_size, bias)
    if masking is not None:
        data["masking"] = masking.to_data()
    return json.dumps(data, separators=(",", ":"), sort_keys=True)


def compiled_for(key: str, dtype: torch.dtype) -> Compiled:
    """The compiled cell of a key.

    Args:
        dtype: of states and sums; bfloat16 for float32 ones and products that may read bfloat16 (lower.choice).
    """
    if torch.compiler.is_compiling():  # what stands in a dict of this module, torch's compiler can follow
        keep(key, dtype)
        return _kept[key, dtype]
    named = _named.get((key, str(dtype).removeprefix("torch.")))
    return named or _compiled(key, str(dtype).removeprefix("torch."), _isa[0], asked_of(dtype))


_kept: dict[tuple[str, torch.dtype], Compiled] = {}


@constant_for_compilers
def keep(key: str, dtype: torch.dtype) -> bool:
    """Puts the compiled cell of a key where torch.compile finds it."""
    _kept[key, dtype] = _named.get((key, str(dtype).removeprefix("torch."))) or _compiled(
        key, str(dtype).removeprefix("torch."), _isa[0], asked_of(dtype)
    )
    return True


def asked_of(dtype: torch.dtype) -> str | None:
    """Which products a program of `dtype` is asked for; None where it has no choice."""
    return _products[0] if dtype == torch.bfloat16 else None


@lru_cache(maxsize=64)
def _traced(
    cell: Cell,
    input_size: int,
    hidden_size: int,
    bias: bool,
    taps: bool,
    states: bool,
    masking: Masking | None,
    dtype: str,
    isa: str | None,
    products: str | None,
    text: str,
) -> Traced:
    names: dict[str, int] = {}
    graph = trace(cell, input_size, hidden_size, bias, names)
    if masking is not None:
        graph, moved = mask_step(graph, masking)
        names = {name: moved[index] for name, index in names.items()}
    if states:
        graph, names = name_states(graph, names)
    named = name_values(graph, names, taps)
    shapes = cell.parameter_shapes(input_size, hidden_size, bias)
    shown = f"names{' and taps' * taps}{' and states' * states}"
    key = f"{shown} of {id(cell)}, {masking}: {text}"
    compiled = Compiled(stored_graph(named.graph, shapes), stored_names(shapes), _target(dtype, isa), products)
    _named[key, dtype] = compiled
    return Traced(key, named.output, named.columns, named.taps, compiled)


def traced_for(
    cell: Cell,
    input_size: int,
    hidden_size: int,
    bias: bool,
    dtype: torch.dtype,
    taps: bool = False,
    states: bool = False,
    masking: Masking | None = None,
    *,
    text: str,
) -> Traced:
    """A compiled cell whose output carries, behind y, every value that its `step` gives a name; with `taps`, also
    inputs for their gradients; with `states`, also each state under its own name, before and after the step. A name
    of a new state stands for what goes on to the next step, with `masking` as masks left it.

    Args:
        text: the cell's key, by which a cell whose numbers were changed is another one.
    """
    kind = str(dtype).removeprefix("torch.")
    return _traced(cell, input_size, hidden_size, bias, taps, states, masking, kind, _isa[0], asked_of(dtype), text)


@constant_for_compilers
def runs_here() -> bool:
    """Whether kernels are written for this machine."""
    return bool(host_isas())


@constant_for_compilers
def multiplies_bfloat16() -> bool:
    """Whether the host has instructions for bfloat16 products; without them float32 is the faster and closer one."""
    return has_bfloat16()


@lru_cache(maxsize=256)
def _compiled(key: str, dtype: str, isa: str | None, products: str | None) -> Compiled:
    data = json.loads(key)
    cell = cell_from_data(data)
    shapes = cell.parameter_shapes(data["input_size"], data["hidden_size"], data["bias"])
    graph = trace(cell, data["input_size"], data["hidden_size"], data["bias"])
    if "masking" in data:
        graph, _ = mask_step(graph, Masking.from_data(data["masking"]))
    return Compiled(stored_graph(graph, shapes), stored_names(shapes), _target(dtype, isa), products)


def _target(dtype: str, isa: str | None) -> Target:
    """States and sums of a program of bfloat16 are float32."""
    return target_of("float32" if dtype == "bfloat16" else dtype, isa)


@contextmanager
def force_isa(name: str | None) -> Iterator[None]:
    """Compiles for an instruction set by name inside the block; CELLWRIGHT_ISA does so for a whole process."""
    before, _isa[0] = _isa[0], name
    try:
        yield
    finally:
        _isa[0] = before


@contextmanager
def force_products(name: str) -> Iterator[None]:
    """Inside the block, which products programs of bfloat16 run: "auto", "bfloat16" or "float32"; CELLWRIGHT_PRODUCTS
    says so for a whole process."""
    before, _products[0] = _products[0], name
    try:
        yield
    finally:
        _products[0] = before
