"""Every exception cellwright raises on purpose: what was expected, what came, how to repair it.

CellwrightError
├── CellError              a cell's text is wrong: names, branches on data, shapes that change
│   └── UnsupportedOp      a torch function outside the op list (the plain loop still runs it)
├── ShapeError             a tensor of the wrong shape                          (also a ValueError)
├── DtypeError             a tensor of the wrong dtype                          (also a TypeError)
├── DeviceError            a tensor on another device than the weights          (also a RuntimeError)
├── BackendError           a backend that does not exist, is not built, or lacks an op
├── DataError              a data file that cannot be read as what it claims to be
├── ConfigError            an unknown or ill-typed setting
├── StorageError           a folder that could not be written, or fails its checks when read
└── TrainingError          a loss or gradient that is no longer a number

SlowPathWarning            a slower path runs than the one asked for, and why
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "BackendError",
    "CellError",
    "CellwrightError",
    "ConfigError",
    "DataError",
    "DeviceError",
    "DtypeError",
    "ShapeError",
    "SlowPathWarning",
    "StorageError",
    "TrainingError",
    "UnsupportedOp",
]


class CellwrightError(Exception):
    """What was expected and what came, then the place, then the repair.

    Args:
        message: first line, at most about 100 columns: expected and found.
        repair: what to type or change, one sentence or more.
        file: the user's file the message is about.
        line: 1-based line in `file`.
        source: the text of that line, shown under the place.
    """

    def __init__(
        self,
        message: str,
        *,
        repair: str | None = None,
        file: str | Path | None = None,
        line: int | None = None,
        source: str | None = None,
    ) -> None:
        self.message = message
        self.repair = repair
        self.file = None if file is None else str(file)
        self.line = line
        self.source = source
        super().__init__(str(self))

    @property
    def place(self) -> str | None:
        """`file:line`, or `file` where there is no line; None without a file."""
        return self.file if self.file is None or self.line is None else f"{self.file}:{self.line}"

    def in_a_line(self) -> str:
        """Message, place and repair, for where each input has one line of output."""
        place = None if self.place is None else f"({self.place})"
        return " ".join(" ".join(part.split()) for part in (self.message, place, self.repair) if part)

    def __str__(self) -> str:
        lines = [self.message]
        if self.place is not None:
            lines.append(f"    {self.place}" + (f":  {self.source.strip()}" if self.source else ""))
        if self.repair:
            lines.extend(f"    {part}" for part in self.repair.splitlines())
        return "\n".join(lines)


class CellError(CellwrightError):
    """A cell's declarations or its `step` cannot mean what they say."""


class UnsupportedOp(CellError):
    """A torch function outside the op list was called on a cell's value."""


class ShapeError(CellwrightError, ValueError):
    """A tensor's shape differs from the one the layer or the data implies."""


class DtypeError(CellwrightError, TypeError):
    """A tensor's dtype differs from that of the weights."""


class DeviceError(CellwrightError, RuntimeError):
    """A tensor is on another device than the weights."""


class BackendError(CellwrightError):
    """The backend asked for is unknown, not built yet, or cannot run this cell."""


class DataError(CellwrightError):
    """A data file is missing, unreadable or inconsistent."""


class ConfigError(CellwrightError):
    """A setting is unknown or has a value it cannot take."""


class StorageError(CellwrightError):
    """A model, checkpoint or run folder could not be written, or is not what its manifest says."""


class TrainingError(CellwrightError):
    """Training met a value that is no number, or cannot go on."""


class SlowPathWarning(UserWarning):
    """A slower path runs than the one asked for; the text holds the reason, the file and the line."""
