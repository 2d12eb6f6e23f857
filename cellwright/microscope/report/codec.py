"""Arrays in a text file: base64, with their sum in float64, so that the page sees an entry that was changed.

Heat maps are float16 of value / scale, scale a power of two: 11 bits of each number within 2⁻²⁴ … 1 of the largest,
less below. Figures, whose identities the page checks again, are float64, or float32 where they are large.
"""

from __future__ import annotations

import base64
import math
from typing import Any, Literal

import numpy as np

from cellwright.microscope.figure import Array

__all__ = ["Kind", "decode", "encode"]

Kind = Literal["f2", "f4", "f8"]


def encode(array: Array, kind: Kind = "f8") -> dict[str, Any]:
    """{"kind", "shape", "scale", "data", "sum", "size"}: `sum` and `size` are Σ v and Σ |v| over the finite entries as
    they are written, in float64."""
    values = np.ascontiguousarray(array, np.float64)
    scale = 1.0
    if kind == "f2" and values.size:
        finite = np.abs(values[np.isfinite(values)])
        top = float(finite.max(initial=0.0))
        scale = 2.0 ** (math.frexp(top)[1] - 15) if top > 0 else 1.0
    with np.errstate(over="ignore"):
        written = (values / scale).astype("<" + kind)
    read = written.astype(np.float64) * scale
    finite = read[np.isfinite(read)]
    return {
        "kind": kind,
        "shape": list(values.shape),
        "scale": scale,
        "data": base64.b64encode(written.tobytes()).decode("ascii"),
        "sum": math.fsum(finite.tolist()),
        "size": math.fsum(np.abs(finite).tolist()),
    }


def decode(made: dict[str, Any]) -> Array:
    """The array as the page reads it, float64."""
    raw = np.frombuffer(base64.b64decode(made["data"]), "<" + made["kind"])
    return np.asarray(raw.astype(np.float64) * made["scale"]).reshape(made["shape"])
