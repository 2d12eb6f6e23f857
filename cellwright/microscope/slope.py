"""How fast a curve over lags falls or grows, and where it has left the range of its numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellwright.microscope.figure import Array

__all__ = ["EXPLODING", "VANISHING", "Slope", "log10", "slope_of"]

VANISHING, EXPLODING = -0.02, 0.02  # mean log10 a lag


@dataclass(frozen=True, slots=True)
class Slope:
    """The straight line through log10 of a curve.

    Attributes:
        per_lag: least-squares slope of log10 a lag, over the values that are finite, not 0 and not denormal; -inf
            where all behind the first are 0 or denormal, inf where all behind it have overflowed, nan of one value.
        zeros, denormals, infinite: how many values are exactly 0; are so small that digits are lost; are inf or nan.
    """

    per_lag: float
    zeros: int
    denormals: int
    infinite: int

    @property
    def kind(self) -> str:
        """ "vanishing", "exploding", "steady", or "one lag" where there is nothing to compare."""
        if np.isnan(self.per_lag):
            return "one lag"
        return "vanishing" if self.per_lag < VANISHING else "exploding" if self.per_lag > EXPLODING else "steady"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the logarithm must know."""
        said = []
        if self.zeros:
            said.append(f"{self.zeros} values are exactly 0: their logarithm is −∞ and stands at the floor.")
        if self.denormals:
            said.append(f"{self.denormals} values are denormal: with lost digits they no longer shrink as they should.")
        if self.infinite:
            said.append(f"{self.infinite} values are inf or nan: they have left the range of the numbers.")
        return tuple(said)

    def __str__(self) -> str:
        if self.kind == "one lag":
            return "one lag: no slope"
        return f"{self.kind}: {self.per_lag:+.4f} log10 a lag, a factor of {10.0**self.per_lag:.4g}"


def slope_of(values: Array) -> Slope:
    """The slope of a curve of numbers ≥ 0 over lags 0, 1, 2 …; what is denormal depends on the array's dtype."""
    tiny = np.finfo(values.dtype).tiny
    usable = np.isfinite(values) & (values >= tiny)
    zeros, infinite = int((values == 0).sum()), int((~np.isfinite(values)).sum())
    denormals = int(((values > 0) & (values < tiny)).sum())
    lags = np.flatnonzero(usable)
    if len(lags) > 1:
        centred = lags - lags.mean()
        logs = np.log10(values[lags].astype(np.float64))
        per_lag = float((centred * logs).sum() / (centred**2).sum())
    elif len(values) > 1 and infinite:
        per_lag = np.inf
    else:
        per_lag = -np.inf if len(values) > 1 else np.nan
    return Slope(per_lag, zeros, denormals, infinite)


def log10(values: Array) -> Array:
    """log10, −inf of 0."""
    with np.errstate(divide="ignore"):
        found: Array = np.log10(values)
    return found
