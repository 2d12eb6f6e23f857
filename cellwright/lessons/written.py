"""Layers with weights written down or drawn once, in float64, for lessons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from cellwright.cells.cell import Cell
from cellwright.microscope.figure import Array
from cellwright.nn import Recurrent

__all__ = ["drawn_inputs", "drawn_layer", "written_layer"]


def written_layer(
    cell: Cell, input_size: int, hidden_size: int, weights: Mapping[str, Any], dtype: torch.dtype = torch.float64
) -> Recurrent:
    """A layer with the weights given, by the names of `layer.views`, such as "W.i"; all others are 0."""
    layer = Recurrent(cell, input_size, hidden_size, dtype=dtype)
    views = layer.views(0)
    with torch.no_grad():
        for name, view in views.items():
            view.copy_(torch.as_tensor(weights.get(name, 0.0), dtype=dtype))
    if unknown := weights.keys() - views.keys():
        raise KeyError(f"{cell.name} has no weights {', '.join(sorted(unknown))}")
    return layer


def drawn_layer(
    cell: Cell, input_size: int, hidden_size: int, seed: int, scale: float = 0.5, **options: Any
) -> Recurrent:
    """A layer whose weights are drawn from U(−scale, scale), the same on every machine."""
    layer = Recurrent(cell, input_size, hidden_size, dtype=torch.float64, **options)
    numbers = np.random.default_rng(seed)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.copy_(torch.from_numpy(numbers.uniform(-scale, scale, tuple(weight.shape))))
    return layer


def drawn_inputs(seed: int, *shape: int) -> Array:
    """Numbers from U(−1, 1), the same on every machine."""
    return np.random.default_rng(seed).uniform(-1, 1, shape)
