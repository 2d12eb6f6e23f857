"""The table that `data.path` names: the embedded one, or the user's file."""

from __future__ import annotations

import json

from cellwright.errors import ConfigError
from cellwright.tasks.data.splits import check_path
from cellwright.tasks.series_forecast.config import ForecastData
from cellwright.tasks.series_forecast.frame import Frame, read_frame
from cellwright.tasks.series_forecast.hourly import hourly
from cellwright.tasks.set_files import SetFiles, lines_text

__all__ = ["EMBEDDED", "embedded_files", "open_frame"]

EMBEDDED = ("hourly",)


def open_frame(data: ForecastData) -> Frame:
    """The file that `data.path` names, or the embedded set with all its columns.

    Raises:
        DataError: see `read_frame`.
        ConfigError: other columns of the embedded set than it has.
    """
    if data.path not in EMBEDDED:
        return read_frame(check_path(data.path, EMBEDDED, "a series"), data)
    frame = hourly(data.size, data.seed)
    for key, asked, there in (("targets", data.targets, frame.columns), ("known", data.known, frame.known)):
        if asked not in ([], list(there)):
            raise ConfigError(
                f"Expected data.{key} = {list(there)} for the embedded set {data.path}, found {asked}.",
                repair="Leave the setting out; columns are chosen for files of your own.",
            )
    return frame


def embedded_files(data: ForecastData) -> SetFiles:
    """The embedded table as one CSV file; its splits are cut when it is read."""
    frame = open_frame(data)
    rows = zip(frame.times, frame.targets_TC.tolist(), frame.known_TK.tolist(), strict=True)
    lines = [",".join([str(time), *map(str, [*targets, *known])]) for time, targets, known in rows]
    file = f"{data.path}.csv"
    head = ",".join([frame.time_column, *frame.columns, *frame.known])
    known = json.dumps(list(frame.known))
    return SetFiles(
        {file: lines_text([head, *lines])}, {"": len(lines)}, "rows", place=file, settings=[f"data.known={known}"]
    )
