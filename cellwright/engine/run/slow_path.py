"""Says, once for each cell and reason, that the plain loop runs."""

from __future__ import annotations

import warnings

from cellwright.errors import SlowPathWarning

__all__ = ["warn_slow"]

_told: set[tuple[str, str]] = set()


def warn_slow(name: str, reason: str, place: str = "") -> None:
    """Says once why the plain loop runs the cell called `name`; not again if a reason told before has its `place`, a
    file and line."""
    if (name, reason) in _told:
        return
    known = bool(place) and any(f"{place}:" in told for of, told in _told if of == name)
    _told.add((name, reason))
    if not known:
        warnings.warn(f"{name} runs in the plain loop: {reason}", SlowPathWarning, stacklevel=4)
