"""Options that take one of several words, and options that stand for a setting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cellwright.errors import ConfigError
from cellwright.nearest import nearest

__all__ = ["one_of", "with_setting"]


def one_of(option: str, value: str, choices: Iterable[str]) -> str:
    """`value`, if it is a choice. Raises ConfigError naming the nearest one."""
    names = list(choices)
    if value in names:
        return value
    near = nearest(value, names)
    raise ConfigError(
        f"Expected {option} to be one of {', '.join(names)}, found {value!r}.",
        repair=f"Did you mean {near}?" if near else None,
    )


def with_setting(sets: Sequence[str], key: str, option: str, value: object) -> list[str]:
    """`sets` and the setting that an option stands for; as they are where it was not given (None).

    Raises ConfigError: the setting is among `sets` too.
    """
    if value is None:
        return [*sets]
    if any(item.partition("=")[0].strip() == key for item in sets):
        raise ConfigError(
            f"Expected {key} once, found {option} {value} and --set {key}.", repair="Leave one of them out."
        )
    return [*sets, f"{key}={value}"]
