"""Options that take one of several words, that stand for a setting, or that only some tasks have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cellwright.errors import ConfigError
from cellwright.nearest import nearest

__all__ = ["check_able", "one_of", "parted", "with_setting"]


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


def parted(option: str, value: str) -> list[str]:
    """The names that commas part; commas within brackets, and within quotes there, belong to a name.

    Raises ConfigError: brackets or quotes that do not close.
    """
    names, inside, quote = [""], 0, ""
    for letter in value:
        if quote:
            quote = "" if letter == quote else quote
        elif inside and letter in "\"'":
            quote = letter
        elif letter in "([{":
            inside += 1
        elif inside and letter in ")]}":
            inside -= 1
        elif letter == "," and not inside:
            names.append("")
            continue
        names[-1] += letter
    if inside:
        raise ConfigError(
            f"Expected {option} with brackets and quotes that close, found {value!r}.",
            repair=f"As in {option} 'LSTM,PeepholeLSTM(\"if\")'.",
        )
    return [name.strip() for name in names]


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


def check_able(task: str, place: Path, option: str, asked: bool, able: Sequence[str]) -> None:
    """Raises ConfigError: the option is asked of a model whose task has no such thing; lists the tasks that do."""
    if asked and task not in able:
        raise ConfigError(
            f"Expected a model that {option} is for ({', '.join(able)}), found one of {task}.",
            file=place,
            repair=f"Leave {option} out.",
        )
