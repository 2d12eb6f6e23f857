"""cellwright: recurrent cells written once, as their equations; everything else is derived from that text.

Names are loaded when first used, so that `import cellwright` needs neither torch nor llvmlite.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cellwright import cells, engine, errors, nn, ops, tasks
    from cellwright.cells import Cell
    from cellwright.errors import CellwrightError
    from cellwright.microscope.record import inspect
    from cellwright.tasks.api import evaluate, load, train
    from cellwright.tasks.training.history import history

__version__ = "0.1.0"

__all__ = [
    "Cell",
    "CellwrightError",
    "cells",
    "engine",
    "errors",
    "evaluate",
    "history",
    "inspect",
    "load",
    "nn",
    "ops",
    "tasks",
    "train",
]

_HOMES = {
    "Cell": "cellwright.cells",
    "CellwrightError": "cellwright.errors",
    "evaluate": "cellwright.tasks.api",
    "history": "cellwright.tasks.training.history",
    "inspect": "cellwright.microscope.record",
    "load": "cellwright.tasks.api",
    "train": "cellwright.tasks.api",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    elif name in __all__:
        value = importlib.import_module(f"cellwright.{name}")
    else:
        raise AttributeError(f"module 'cellwright' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
