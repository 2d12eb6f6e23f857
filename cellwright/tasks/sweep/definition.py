"""What a sweep is: task, settings, space and how it goes; TOML in its folder, as a user could have written it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from cellwright.errors import ConfigError, StorageError
from cellwright.tasks.kind import TaskKind
from cellwright.tasks.registry import kind_named
from cellwright.tasks.storage import atomic
from cellwright.tasks.sweep.settings import SWEEP, SweepConfig, SweepSection
from cellwright.tasks.sweep.space import SEARCH, Choice, Space, read_space, settings_of
from cellwright.tasks.sweep.trials import read_trials
from cellwright.tasks.training.config import Config, load_config
from cellwright.tasks.training.toml_file import read_toml

__all__ = ["Definition", "begin", "define", "reopen"]

FILE = "sweep.toml"
TASK = "task"


@dataclass(frozen=True, slots=True)
class Definition:
    """One sweep: `config` are the settings that each run has but for what `space` names."""

    kind: TaskKind[Any, Any]
    config: Config
    space: Space
    section: SweepSection

    def config_of(self, values: dict[str, Any]) -> Config:
        """The settings of one run. Raises ConfigError: settings that contradict each other."""
        schema: type[Config] = self.kind.config
        return load_config(None, schema=schema, values={**settings_of(self.config), **values})

    def to_toml(self) -> str:
        space = {
            key: list(entry.values)
            if isinstance(entry, Choice)
            else {"low": entry.low, "high": entry.high, "log": entry.log, "step": entry.step}
            for key, entry in self.space.items()
        }
        tables = self.config.model_dump(mode="json", exclude_none=True)
        return tomli_w.dumps({TASK: self.kind.name, **tables, SWEEP: self.section.model_dump(), SEARCH: space})


def define(
    kind: TaskKind[Any, Any],
    path: str | Path | None,
    sets: Sequence[str] = (),
    *,
    data: str | None = None,
    trials: int | None = None,
) -> Definition:
    """From a settings file with a table `[search]`, and perhaps `[sweep]`.

    Raises ConfigError: no such table, or one that cannot be meant; a setting that is both searched and set.
    """
    if path is None:
        raise ConfigError(
            "Expected a settings file with a table [search], found none.",
            repair="--config FILE.toml; docs/training.md has an example.",
        )
    place = Path(path)
    values = {} if data is None else {"data.path": data}
    config = load_config(place, sets, schema=kind.config, values=values, apart=(SEARCH, SWEEP, TASK))
    space = read_space(place, config)
    for key in [*values, *(item.partition("=")[0].strip() for item in sets)]:
        if key in space:
            raise ConfigError(f"Expected {key} either searched or set, found both.", file=place)
    return Definition(kind, config, space, _section(place, trials))


def begin(definition: Definition, folder: Path) -> None:
    """Make the sweep's folder. Raises StorageError: it holds something already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StorageError(
            "Expected an empty or new folder, found something in it.",
            file=folder,
            repair="Go on with a sweep that is there with --resume, or choose another --out.",
        )
    atomic.make_folder(folder)
    atomic.write_file(folder / FILE, definition.to_toml().encode())


def reopen(folder: Path, trials: int | None = None) -> Definition:
    """The sweep of a folder; `trials` may change their number.

    Raises:
        StorageError: no sweep's folder.
        ConfigError: `trials` below the runs that are done.
    """
    file = folder / FILE
    if not file.is_file():
        raise StorageError(
            f"Expected the folder of a sweep with {FILE}, found none.", file=folder, repair="Give the folder of --out."
        )
    kind = kind_named(str(read_toml(file)[1].get(TASK)))
    config = load_config(file, schema=kind.config, apart=(SEARCH, SWEEP, TASK))
    definition = Definition(kind, config, read_space(file, config), _section(file, trials))
    if trials is not None:
        if trials < (done := len(read_trials(folder))):
            raise ConfigError(
                f"Expected --trials of {done} or more, as so many runs are done, found {trials}.",
                file=folder,
                repair=f"--trials counts the runs of earlier starts too: {done + 10} adds ten.",
            )
        atomic.write_file(file, definition.to_toml().encode())
    return definition


def _section(file: Path, trials: int | None) -> SweepSection:
    others = tuple(table for table in read_toml(file)[1] if table != SWEEP)
    values = {} if trials is None else {"sweep.trials": trials}
    return load_config(file, schema=SweepConfig, values=values, apart=others).sweep
