"""The name that was meant: what every "Did you mean" rests on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["nearest"]

CUTOFF = 0.6  # difflib's own; at 0.5 names that share an ending alone are taken for each other


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to `name`, whatever its case, as it is spelt in `known`; None where none is close."""
    spelt = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), spelt, 1, CUTOFF)
    return spelt[near[0]] if near else None
