"""What every measure returns: arrays with named axes, their formula and source, and the identity they add up to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ShapeError

__all__ = ["Array", "Check", "Figure"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Check:
    """The line that says whether a figure adds up: one quantity from two different computations.

    Attributes:
        identity: what must hold, as "Σ_k shares = c_T".
        left, right: the two sides, of one shape; the left one is made from the figure's own arrays.
        tolerance: largest |left − right| that rounding explains, in the sides' own units; the measure says why.
    """

    identity: str
    left: Array
    right: Array
    tolerance: float

    def __post_init__(self) -> None:
        if np.shape(self.left) != np.shape(self.right):
            raise ShapeError(f"{self.identity}: one side is {np.shape(self.left)}, the other {np.shape(self.right)}.")

    @property
    def error(self) -> float:
        """Largest |left − right|; infinite where one side is no number and the other is not the same infinity."""
        left, right = np.asarray(self.left, np.float64), np.asarray(self.right, np.float64)
        if not left.size:
            return 0.0
        with np.errstate(invalid="ignore"):
            apart = np.where(left == right, 0.0, np.abs(left - right))
        return float(np.where(np.isnan(apart), np.inf, apart).max())

    @property
    def holds(self) -> bool:
        return bool(self.error <= self.tolerance)  # a tolerance of NumPy gives a truth value that JSON does not know

    def __str__(self) -> str:
        return f"{self.identity}: error {self.error:.1e} ({'holds' if self.holds else 'does NOT hold'})"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure's result.

    Attributes:
        name: of the measure, as "gradient_by_lag".
        title: one line for people.
        formula, unit, range: what the numbers are.
        source: paper and year, or "cellwright".
        arrays: by name; the first one is what a picture shows.
        axes: name of an array -> its axes in order, as ("t", "unit").
        labels: name of an axis -> what stands at each place of it (words, units), where there is anything to say.
        check: the identity it rests on; None only where a measure has none, and a note then says so.
        notes: what a reader must know: what was left out, sampled, not defined.
        verdict: one line of conclusion; empty if there is none to draw.
    """

    name: str
    title: str
    formula: str
    unit: str
    range: str
    source: str
    arrays: dict[str, Array]
    axes: dict[str, tuple[str, ...]]
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    check: Check | None = None
    notes: tuple[str, ...] = ()
    verdict: str = ""

    def __post_init__(self) -> None:
        if self.arrays.keys() != self.axes.keys():
            raise ShapeError(f"{self.name}: arrays {', '.join(self.arrays)}, but axes of {', '.join(self.axes)}.")
        sizes: dict[str, int] = {axis: len(labels) for axis, labels in self.labels.items()}
        for name, array in self.arrays.items():
            shape, axes = np.shape(array), self.axes[name]
            fits = len(shape) == len(axes) and all(
                sizes.setdefault(axis, n) == n for axis, n in zip(axes, shape, strict=True)
            )
            if not fits:
                raise ShapeError(f"{self.name}: {name} is {shape}, its axes are ({', '.join(axes)}) of {sizes}.")

    def to_data(self) -> dict[str, Any]:
        """Everything as JSON can hold it; numbers that are not finite as "inf", "-inf", "nan"."""
        from cellwright.microscope.export import to_data  # export reads figures

        return to_data(self)

    def table(self, rows: int = 12) -> Any:
        """For `rich.print`: up to `rows` rows of each array, the largest, and the line that says whether it adds up."""
        from cellwright.microscope.tables import figure_table

        return figure_table(self, rows)

    def _repr_html_(self) -> str:
        """For notebooks."""
        from cellwright.microscope.tables import figure_html

        return figure_html(self)
