"""Options that take one of several words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from cellwright.errors import ConfigError

__all__ = ["one_of"]


def one_of(option: str, value: str, choices: Iterable[str]) -> str:
    """`value`, if it is a choice. Raises ConfigError naming the nearest one."""
    names = list(choices)
    if value in names:
        return value
    lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(value.lower(), lower, 1, 0.5)
    raise ConfigError(
        f"Expected {option} to be one of {', '.join(names)}, found {value!r}.",
        repair=f"Did you mean {lower[near[0]]}?" if near else None,
    )
