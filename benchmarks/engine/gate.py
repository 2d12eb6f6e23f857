"""The gate before any speed: our values and gradients beside the plain loop in float64, and beside every peer.

Errors are in eps·max|ref| of the type that is computed in. A red gate reports no speed.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from case import Case, build, run_once
from suite import Row
from torch import Tensor

STEPS = 8
"""Steps of the comparison with the plain loop; kernels do not depend on their number."""

LIMITS = {"float32": 32.0, "bfloat16": 8.0}
"""Most eps·max|ref| beside the plain loop over `STEPS` steps: sums over I + H, and for gradients over B·T, round at
random, to 12 at H = 1024; bfloat16's eps is 2⁻⁷, and only what enters products is rounded to it."""

NORMED = 4.0
"""Times as much with layer norm: it divides by deviations that are small in the first steps, rounding with them."""

PEERS = {"float32": 1000.0, "bfloat16": 16.0}
"""Most beside a peer at the row's own T: both round, T times in a row."""


def limit_of(row: Row) -> float:
    """Most eps·max|ref| beside the plain loop."""
    return LIMITS[row.dtype] * (NORMED if row.cell.startswith("LayerNorm") else 1.0)


def errors(found: Mapping[str, Any], expected: Mapping[str, Any], dtype: str) -> dict[str, float]:
    """max|found − expected| in eps·max|expected|, by name."""
    eps = torch.finfo(getattr(torch, dtype)).eps
    result = {}
    for name in expected:
        if name in found:
            a, b = (torch.as_tensor(side[name]).detach().double() for side in (found, expected))
            if a.shape != b.shape:
                result[name] = math.inf
                continue
            scale = max(float(b.abs().max()), torch.finfo(torch.float32).tiny) if b.numel() else 1.0
            worst = float((a - b).abs().max()) / scale / eps if b.numel() else 0.0
            result[name] = worst if math.isfinite(worst) else math.inf
    return result


def reference(case: Case) -> dict[str, Tensor]:
    """The plain loop in float64 on the same weights and data."""
    layer = copy.deepcopy(case.layer).double()
    return run_once(case, layer, case.x.double(), case.dy.double(), backend="reference", autocast=False)


def beside_the_loop(case: Case, resets: bool = False) -> dict[str, float]:
    """Errors of our kernels on few steps of a row."""
    small = build(case.row, steps=min(STEPS, case.row.T), layer=case.layer, resets=resets)
    ours = run_once(small, small.layer, small.x, small.dy, backend="cpu", autocast=case.row.dtype == "bfloat16")
    return errors(ours, reference(small), case.row.dtype)


def red(found: Mapping[str, float], limit: float) -> dict[str, float]:
    """What passes the limit."""
    return {name: round(value, 1) for name, value in found.items() if not value <= limit}
