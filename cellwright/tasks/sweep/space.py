"""What a sweep may change: the table `[search]` of a settings file, each key with its values or its range.

[search]
"train.learning_rate" = {low = 1e-4, high = 1e-2, log = true}
"model.hidden_size" = [64, 128, 256]
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellwright.errors import ConfigError
from cellwright.tasks.training.config import Config, load_config
from cellwright.tasks.training.toml_file import line_of, read_toml

__all__ = ["SEARCH", "Choice", "Range", "Space", "read_space", "settings_of"]

SEARCH = "search"
RANGE = {"low", "high", "log", "step"}
EXAMPLE = '"train.learning_rate" = {low = 1e-4, high = 1e-2, log = true}, or "model.hidden_size" = [64, 128]'


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values."""

    values: tuple[Any, ...]

    def distribution(self) -> Any:
        """Optuna's; its categories are the values as JSON, since a value may be a list."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution([json.dumps(value) for value in self.values])

    def ends(self) -> tuple[Any, ...]:
        """Values that a setting must be able to take."""
        return self.values

    def encode(self, value: Any) -> Any:
        return json.dumps(value)

    def decode(self, drawn: Any) -> Any:
        return json.loads(drawn)

    def holds(self, value: Any) -> bool:
        return any(type(value) is type(own) and value == own for own in self.values)


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both included; whole numbers where both ends are. `step` 0: every number between."""

    low: float
    high: float
    log: bool = False
    step: float = 0

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def distribution(self) -> Any:
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log, step=int(self.step) or 1)
        return FloatDistribution(float(self.low), float(self.high), log=self.log, step=self.step or None)

    def ends(self) -> tuple[Any, ...]:
        return self.low, self.high

    def encode(self, value: Any) -> Any:
        return value

    def decode(self, drawn: Any) -> Any:
        return drawn

    def holds(self, value: Any) -> bool:
        if not isinstance(value, int if self.whole else int | float) or not self.low <= value <= self.high:
            return False
        steps = (value - self.low) / self.step if self.step else 0.0
        return math.isclose(steps, round(steps), abs_tol=1e-9)


Space = Mapping[str, Choice | Range]


def settings_of(config: Config) -> dict[str, Any]:
    """Every setting by its dotted key: {"train.epochs": 3, …}."""
    tables = config.model_dump(mode="json", exclude_none=True)
    return {f"{section}.{name}": value for section, table in tables.items() for name, value in table.items()}


def read_space(path: Path, base: Config) -> Space:
    """The table `[search]` of a settings file, whose other settings are `base`; by name, since what is drawn for a
    setting depends on those drawn before it, and TOML that is written anew has another order.

    Raises ConfigError, with file and line: there is none; an unknown setting; a value that its setting cannot take; a
    range whose ends are no numbers, or not in order.
    """
    text, tree = read_toml(path)
    table = tree.get(SEARCH)
    if not isinstance(table, dict) or not table:
        raise ConfigError(
            "Expected a table [search] with the settings to try, found none.", file=path, repair=f"[search]  {EXAMPLE}"
        )
    found: dict[str, Choice | Range] = {}
    for key, given in _entries(table):
        line = line_of(text, f"{SEARCH}.{key}")
        try:
            found[key] = _entry(key, given)
            for value in found[key].ends():
                load_config(None, schema=type(base), values={**settings_of(base), key: value})
        except ConfigError as error:
            raise ConfigError(error.message, file=path, line=line, repair=error.repair) from None
    return dict(sorted(found.items()))


def _entries(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keys in quotes, or below [search.train]."""
    for key, given in table.items():
        if "." not in key and isinstance(given, dict) and not given.keys() <= RANGE:
            yield from ((f"{key}.{name}", inner) for name, inner in given.items())
        else:
            yield key, given


def _entry(key: str, given: Any) -> Choice | Range:
    if isinstance(given, list) and given:
        return Choice(tuple(given))
    if not isinstance(given, dict) or not {"low", "high"} <= given.keys() <= RANGE:
        raise ConfigError(f"{key}: expected a list of values or a range, found {given!r}.", repair=EXAMPLE)
    low, high, log, step = given["low"], given["high"], given.get("log", False), given.get("step", 0)
    numbers = all(type(value) in (int, float) and math.isfinite(value) for value in (low, high, step))
    if not numbers or not isinstance(log, bool):
        raise ConfigError(f"{key}: expected numbers, and log true or false, found {given!r}.", repair=EXAMPLE)
    whole = isinstance(low, int) and isinstance(high, int)
    if not low < high:
        raise ConfigError(f"{key}: expected low < high, found {low} and {high}.")
    if log and (low <= 0 or step):
        raise ConfigError(f"{key}: expected low > 0 and no step with log = true, found {given!r}.")
    if step < 0 or step > high - low or (whole and step != int(step)):
        raise ConfigError(f"{key}: expected a step that fits between low and high, found {step}.")
    return Range(low, high, log, step)
