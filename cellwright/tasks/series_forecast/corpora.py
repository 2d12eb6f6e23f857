"""The table that `data.path` names: the embedded one, or the user's file."""

from __future__ import annotations

import json

from cellwright.errors import ConfigError
from cellwright.tasks.data.splits import check_path
from cellwright.tasks.series_forecast.config import ForecastData
from cellwright.tasks.series_forecast.hourly import hourly
from cellwright.tasks.series_forecast.panel import Panel, read_panel
from cellwright.tasks.set_files import SetFiles, lines_text

__all__ = ["EMBEDDED", "embedded_files", "open_panel"]

EMBEDDED = ("hourly",)


def open_panel(data: ForecastData, trained: bool = False) -> Panel:
    """The series of the file that `data.path` names, or the embedded set with all its columns.

    Args:
        data: names the columns.
        trained: whether a model asks for them, which must have those of its training.

    Raises:
        DataError: see `read_panel`.
        ConfigError: other columns of the embedded set than it has.
    """
    if data.path not in EMBEDDED:
        return read_panel(check_path(data.path, EMBEDDED, "a series"), data, trained)
    frame = hourly(data.size, data.seed)
    for key, asked, there in (
        ("targets", data.targets, list(frame.columns)),
        ("known", data.known, list(frame.known)),
        ("series_column", data.series_column, ""),
    ):
        if asked and asked != there:
            raise ConfigError(
                f"Expected data.{key} = {there!r} for the embedded set {data.path}, found {asked!r}.",
                repair="Leave the setting out; columns are chosen for files of your own.",
            )
    return Panel(frame.name, [frame])


def embedded_files(data: ForecastData) -> SetFiles:
    """The embedded table as one CSV file; its splits are cut when it is read."""
    (frame,) = open_panel(data).frames
    rows = zip(frame.times, frame.targets_TC.tolist(), frame.known_TK.tolist(), strict=True)
    lines = [",".join([str(time), *map(str, [*targets, *known])]) for time, targets, known in rows]
    file = f"{data.path}.csv"
    head = ",".join([frame.time_column, *frame.columns, *frame.known])
    known = json.dumps(list(frame.known))
    return SetFiles(
        {file: lines_text([head, *lines])}, {"": len(lines)}, "rows", place=file, settings=[f"data.known={known}"]
    )
