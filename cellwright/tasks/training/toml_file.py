"""TOML as a user writes it: the text with its tables, and on which line a key stands, which tomllib does not keep."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from cellwright.errors import ConfigError

__all__ = ["line_of", "read_toml"]


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """The text and its tables. Raises ConfigError: unreadable, no UTF-8, no TOML; with the line."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"The settings file cannot be read: {error.strerror}.",
            file=path,
            repair="Check the path given to --config.",
        ) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"Expected UTF-8, found byte 0x{raw[error.start]:02x} at offset {error.start}.",
            file=path,
            line=line,
            repair="Save the file as UTF-8.",
        ) from None
    try:
        return text, tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, or an integer of thousands of digits
        found = re.search(r"at line (\d+)", str(error))
        line_number = int(found[1]) if found else None
        source = text.splitlines()[line_number - 1] if line_number and line_number <= len(text.splitlines()) else None
        raise ConfigError(
            f"Expected TOML: {error}",
            file=path,
            line=line_number,
            source=source,
            repair='A setting is `key = value` below its `[section]`; text stands in quotes: schedule = "cosine".',
        ) from None


def line_of(text: str, key: str) -> int | None:
    """Line of a dotted key; found by reading headers and keys."""
    section, _, name = key.partition(".")
    current = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            current = header[1].strip("\"'")
            if not name and current == section:
                return number
        elif entry := re.match(r"\s*([^=#]+?)\s*=", line):
            written = entry[1].replace('"', "").replace("'", "").replace(" ", "")
            full = f"{current}.{written}" if current else written
            if full == key or (name and full == section):
                return number
    return None
