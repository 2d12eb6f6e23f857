"""Arrays of three axes and more, such as the Jacobian of every step, cut to what a page can hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cellwright.microscope.figure import Array, Figure

__all__ = ["DEEP", "cut"]

DEEP = 60_000  # entries of such an array in a page


def cut(figure: Figure) -> Figure:
    """The figure with its deep arrays cut: of each axis, in turn the longest, the half with the largest entries stays,
    until an array has DEEP entries at most. A note says what is left of each axis."""
    arrays, labels = dict(figure.arrays), dict(figure.labels)
    sizes = {axis: n for name, a in arrays.items() for axis, n in zip(figure.axes[name], np.shape(a), strict=True)}
    kept: dict[str, int] = {}
    while deep := [name for name, a in arrays.items() if np.ndim(a) > 2 and np.size(a) > DEEP]:
        values, axes = np.asarray(arrays[deep[0]]), figure.axes[deep[0]]
        place = int(np.argmax(values.shape))
        axis = axes[place]
        chosen = _strongest(values, place)
        for name, array in arrays.items():
            for at, other in enumerate(figure.axes[name]):
                if other == axis:
                    array = np.take(array, chosen, axis=at)
            arrays[name] = array
        said = labels.get(axis) or tuple(map(str, range(sizes[axis])))
        labels[axis] = tuple(said[k] for k in chosen)
        kept[axis] = len(chosen)
    if not kept:
        return figure
    notes = tuple(
        f"Of {sizes[axis]:,} places of the axis “{axis}” the {left:,} with the largest entries are shown; the identity"
        " is of all of them, --npz and --json hold them."
        for axis, left in kept.items()
    )
    return replace(figure, arrays=arrays, labels=labels, notes=(*figure.notes, *notes))


def _strongest(values: Array, place: int) -> list[int]:
    others = tuple(k for k in range(values.ndim) if k != place)
    sizes = np.nan_to_num(np.abs(np.asarray(values, np.float64)), nan=0.0, posinf=np.finfo(float).max)
    strength = sizes.max(axis=others)
    half = max(1, values.shape[place] // 2)
    return sorted(np.argsort(-strength, kind="stable")[:half].tolist())
