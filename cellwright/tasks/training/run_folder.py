"""A run's folder: config.toml, identity.json, metrics.jsonl, times.jsonl, env.json, checkpoints/, best/.

metrics.jsonl holds only what the settings determine, so that a resumed run's file equals an undisturbed run's;
what depends on the machine's speed is in times.jsonl.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from cellwright.errors import ConfigError, StorageError
from cellwright.tasks.storage import atomic
from cellwright.tasks.training.config import Config, changed_keys, dump_toml, load_config

__all__ = ["TASK", "TENSORBOARD", "WATCH", "RunFolder"]

# Settings that a resumed run may change: they name places or budgets.
# Another number of threads rounds differently, so the run then no longer equals an undisturbed one bit for bit.
MAY_CHANGE = {"data.path", "train.checkpoint_every", "train.max_minutes", "train.threads"}
IDENTITY = "identity.json"
TASK = "the task"  # its key there
WATCH = "watch.jsonl"  # what `train --watch` records
TENSORBOARD = "tensorboard"  # the folder of `train --tensorboard`
PACKAGES = ("cellwright", "torch", "numpy", "safetensors", "tokenizers")


class RunFolder:
    """One run on disk. Make it with `open`."""

    def __init__(self, path: Path, config: Config) -> None:
        self.path = path
        self.config = config
        self.resumed = False
        self._unsaved: dict[str, bytes] = {}  # lines that a full disk refused, kept for the next try

    @property
    def best(self) -> Path:
        return self.path / "best"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @classmethod
    def open(
        cls,
        path: str | Path,
        config: Config,
        *,
        resume: bool = False,
        overwrite: bool = False,
        command: Sequence[str] | None = None,
    ) -> RunFolder:
        """Begin a run in an empty or new folder; with `resume` go on in one; with `overwrite` replace a run.

        Raises:
            StorageError: the folder holds something and neither was asked for; nothing to resume; cannot be written.
            ConfigError: `resume` with settings that differ from the folder's.
        """
        run = cls(Path(path), config)
        if resume:
            run._reopen()
        else:
            run._begin(overwrite)
        run._write_environment(sys.argv if command is None else command)
        return run

    @classmethod
    def written_by_another(cls, path: str | Path, config: Config, *, resume: bool = False) -> RunFolder:
        """The same run in a process that writes nothing: the first of several opens it."""
        run = cls(Path(path), config)
        run.resumed = resume
        return run

    @staticmethod
    def read_config(path: str | Path, schema: type[Config], sets: Sequence[str] = ()) -> Config:
        """The settings of an existing run, for resuming it; `sets` may change a budget such as train.max_minutes."""
        return load_config(_config_file(path), sets, schema=schema)

    @staticmethod
    def task_of(path: str | Path) -> str:
        """The name of the task of an existing run. Raises StorageError: no run's folder."""
        file = _config_file(path).with_name(IDENTITY)
        identity = _read_identity(file) if file.is_file() else {}
        return str(identity.get(TASK, "slots"))

    def keep_identity(self, identity: Mapping[str, str]) -> None:
        """Remember what the run's numbers depend on beside its settings; when resuming, compare.

        Args:
            identity: what it is, in words → a digest of it ("the cell": …, "the words and labels of training": …).

        Raises ConfigError: a resumed run began with another.
        """
        file = self.path / IDENTITY
        if not (self.resumed and file.is_file()):
            atomic.write_file(file, (json.dumps(dict(identity), indent=1) + "\n").encode())
            return
        before = _read_identity(file)
        changed = [name for name, digest in identity.items() if before.get(name) != digest]
        if changed:
            raise ConfigError(
                f"A resumed run goes on with what it began with: {' and '.join(changed)} changed since.",
                file=file,
                repair="Give the same as before, or start a new run with another --out.",
            )

    def _begin(self, overwrite: bool) -> None:
        try:
            present = (
                sorted(p.name for p in self.path.iterdir() if not p.name.startswith(".")) if self.path.exists() else []
            )
            if present and overwrite:
                self._clear(present)
            elif present:
                raise StorageError(
                    f"Expected an empty or new folder, found {', '.join(present[:4])}"
                    + (" …." if len(present) > 4 else "."),
                    file=self.path,
                    repair="Add --resume to continue that run, --overwrite to replace it, or choose another --out.",
                )
            if not self.path.exists():
                atomic.disk().make_folder(self.path)
            if not self.checkpoints.exists():
                atomic.disk().make_folder(self.checkpoints)
        except OSError as error:
            atomic.raise_storage_error(error, self.path, "a new run's folder")
        atomic.write_file(self.path / "config.toml", dump_toml(self.config).encode())

    def _clear(self, present: Sequence[str]) -> None:
        known = {
            IDENTITY,
            "config.toml",
            "metrics.jsonl",
            "times.jsonl",
            WATCH,
            TENSORBOARD,
            "env.json",
            "checkpoints",
            "best",
            "report.html",
        }
        if strangers := [name for name in present if name not in known]:
            raise StorageError(
                f"Expected a run folder to overwrite, found also {', '.join(strangers[:4])}.",
                file=self.path,
                repair="Only files of a run are ever deleted: choose another --out, or remove that folder yourself.",
            )
        # A writer that was killed left these; read_folder would take .best.previous for the new run's best model.
        for path in [self.path / ".best.previous", *self.path.glob(".best.tmp-*")]:
            atomic.disk().remove(path)
        for name in sorted(known.intersection(present), key=lambda name: name == "config.toml"):
            atomic.disk().remove(self.path / name)

    def _reopen(self) -> None:
        self.resumed = True
        stored = self.read_config(self.path, type(self.config))
        differing = [key for key in changed_keys(stored, self.config) if key not in MAY_CHANGE]
        if differing:
            key = differing[0]
            section, name = key.split(".")
            old, new = (getattr(getattr(config, section), name) for config in (stored, self.config))
            raise ConfigError(
                f"A resumed run keeps its settings: expected {key} = {old!r}, found {new!r}.",
                file=self.path / "config.toml",
                repair=f"Leave {key} out, or start a new run with another --out.",
            )
        if not self.checkpoints.exists():
            try:
                atomic.disk().make_folder(self.checkpoints)
            except OSError as error:
                atomic.raise_storage_error(error, self.checkpoints, "a folder")

    def _write_environment(self, command: Sequence[str]) -> None:
        """env.json: one entry a start, so that a resumed run tells all machines and versions it ran on."""
        file = self.path / "env.json"
        starts: list[Any] = []
        if self.resumed and file.is_file():
            try:
                starts = list(json.loads(file.read_text(encoding="utf-8"))["starts"])
            except (ValueError, KeyError, TypeError, RecursionError):
                starts = [{"note": "an earlier env.json could not be read"}]
        starts.append(environment(command))
        atomic.write_file(file, (json.dumps({"starts": starts}, indent=1) + "\n").encode())

    def size(self, name: str) -> int:
        """Bytes of metrics.jsonl or times.jsonl that are on disk or waiting for it."""
        file = self.path / name
        return (file.stat().st_size if file.exists() else 0) + len(self._unsaved.get(name, b""))

    def append(self, name: str, record: Mapping[str, Any]) -> None:
        """Append one JSON line and fsync. On StorageError the line is kept and written with the next one."""
        line = json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        self._unsaved[name] = self._unsaved.get(name, b"") + line
        self.flush()

    def flush(self) -> None:
        """Write lines that an earlier failure of the disk left over."""
        for name, lines in list(self._unsaved.items()):
            file = self.path / name
            before = file.stat().st_size if file.exists() else 0
            try:
                atomic.disk().append(file, lines)
            except OSError as error:
                self._cut(file, before)
                atomic.raise_storage_error(error, file, "appended to")
            del self._unsaved[name]

    def truncate(self, name: str, size: int) -> bool:
        """Drop what was written after the checkpoint that recorded `size`; False if the file is shorter than that."""
        self._unsaved.pop(name, None)
        file = self.path / name
        found = file.stat().st_size if file.exists() else 0
        if found > size:
            try:
                atomic.disk().truncate(file, size)
            except OSError as error:
                atomic.raise_storage_error(error, file, "cut")
        return found >= size

    def metrics(self) -> list[dict[str, Any]]:
        """The records of metrics.jsonl."""
        return self.metrics_of(self.path)

    @staticmethod
    def metrics_of(path: Path) -> list[dict[str, Any]]:
        """The same of any run's folder; none before its first epoch has ended."""
        file = path / "metrics.jsonl"
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []

    def _cut(self, file: Path, size: int) -> None:
        """Take back a line that was written in part."""
        if file.exists() and file.stat().st_size > size:
            os.truncate(file, size)  # only frees space; not through the disk that just failed


def _config_file(path: str | Path) -> Path:
    file = Path(path) / "config.toml"
    if not file.is_file():
        raise StorageError(
            "Expected a run folder with config.toml, found none.", file=file, repair="Give the folder named by --out."
        )
    return file


def _read_identity(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise StorageError("Expected the identity of a run in JSON, found none.", file=file, repair=atomic.REPAIR)
    return found


def environment(command: Sequence[str]) -> dict[str, Any]:
    """Versions, threads, platform and command line of this process."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "versions": versions,
        "threads": torch.get_num_threads(),
        "platform": {"system": platform.system(), "machine": platform.machine(), "cores": os.cpu_count()},
    }
