"""Cells by the text that describes them: a compiled cell is found, or built, from its key alone, in any process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch

from cellwright.cells.cell import Cell
from cellwright.engine.lower.target import host_isas, target_of
from cellwright.engine.run.compiled import Compiled
from cellwright.engine.serial import cell_from_data, cell_to_data
from cellwright.engine.stored import stored_graph, stored_names
from cellwright.engine.trace import trace

__all__ = ["cell_key", "compiled_for", "force_isa", "runs_here"]

_isa: list[str | None] = [os.environ.get("CELLWRIGHT_ISA") or None]


def cell_key(cell: Cell, input_size: int, hidden_size: int, bias: bool) -> str:
    """A cell at one size, as text.

    Raises:
        UnsupportedOp: the cell uses a torch function outside the op list.
    """
    return json.dumps(cell_to_data(cell, input_size, hidden_size, bias), separators=(",", ":"), sort_keys=True)


def compiled_for(key: str, dtype: torch.dtype) -> Compiled:
    """The compiled cell of a key."""
    return _compiled(key, str(dtype).removeprefix("torch."), _isa[0])


def runs_here() -> bool:
    """Whether kernels are written for this machine."""
    return bool(host_isas())


@lru_cache(maxsize=256)
def _compiled(key: str, dtype: str, isa: str | None) -> Compiled:
    data = json.loads(key)
    cell = cell_from_data(data)
    shapes = cell.parameter_shapes(data["input_size"], data["hidden_size"], data["bias"])
    graph = stored_graph(trace(cell, data["input_size"], data["hidden_size"], data["bias"]), shapes)
    return Compiled(graph, stored_names(shapes), target_of(dtype, isa))


@contextmanager
def force_isa(name: str | None) -> Iterator[None]:
    """Compiles for an instruction set by name inside the block; CELLWRIGHT_ISA does so for a whole process."""
    before, _isa[0] = _isa[0], name
    try:
        yield
    finally:
        _isa[0] = before
