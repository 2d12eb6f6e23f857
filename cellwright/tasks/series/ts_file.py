"""`.ts` files of the sktime and aeon projects: lines with @, then a case a line, its dimensions parted by colons.

    @dimensions 2
    @classLabel true walk run
    @data
    0.1,0.2,0.3:1.0,1.1,1.2:walk

Source: www.sktime.net, "The .ts file format specification"; files with time stamps in them are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright.errors import DataError
from cellwright.tasks.data.text import read_lines
from cellwright.tasks.series.example import Series
from cellwright.tasks.series.numbers import finite
from cellwright.tasks.set_files import lines_text

__all__ = ["case_of", "read_ts", "ts_text"]


@dataclass(slots=True)
class Header:
    """What the lines with @ say."""

    dimensions: int = 0  # 0 = not said
    labels: list[str] | None = None  # None = cases have no class


def read_ts(path: Path) -> list[Series]:
    """Every case of a file, (T, C) each.

    Raises DataError: no @data; no classes; a case with another number of dimensions, with dimensions of uneven
    lengths, with a missing value or with a class that @classLabel does not name.
    """
    header = Header()
    begun = False
    found = []
    for number, raw in enumerate(read_lines(path), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if begun:
            found.append(_case(line, header, path, number))
            header.dimensions = header.dimensions or found[0].values.shape[1]
        elif line.lower() == "@data":
            begun = True
            _check(header, path, number)
        elif line.startswith("@"):
            _read_header(line, header, path, number)
        else:
            raise DataError(
                "Expected a line with @ before @data, found another.", file=path, line=number, source=line[:200],
                repair="The cases stand below a line @data.",
            )  # fmt: skip
    if not found:
        raise DataError(
            f"Expected cases below @data, found {'none' if begun else 'no @data'}.",
            file=path,
            repair="Is it a .ts file?",
        )
    return found


def case_of(text: str, dimensions: int) -> Series:
    """One case as a user types it: dimensions parted by colons, a class behind them allowed and not used.

    Raises DataError.
    """
    place = Path("the series")
    parts = text.strip().split(":")
    if len(parts) == dimensions + 1:
        parts = parts[:-1]
    return Series(_values(parts, dimensions, place, 1), "")


def ts_text(examples: Sequence[Series], labels: Sequence[str]) -> str:
    """A file of these series; read back, they are the same float32 numbers."""
    head = [f"@dimensions {examples[0].values.shape[1]}", f"@classLabel true {' '.join(labels)}", "@data"]
    # A number's str is the shortest text that reads back as it.
    cases = (":".join([*(",".join(map(str, row)) for row in s.values.T), s.label]) for s in examples)
    return lines_text([*head, *cases])


def _read_header(line: str, header: Header, path: Path, number: int) -> None:
    name, _, value = line[1:].partition(" ")
    name, words = name.lower(), value.split()
    if name == "dimensions":
        if len(words) != 1 or not words[0].isdigit() or int(words[0]) < 1:
            raise DataError(
                f"Expected a number of dimensions, found {value!r}.", file=path, line=number, repair="@dimensions 3"
            )
        header.dimensions = int(words[0])
    elif name == "univariate" and value.strip().lower() == "true":
        header.dimensions = 1
    elif name == "classlabel" and words and words[0].lower() == "true":
        header.labels = words[1:]
    elif name == "timestamps" and value.strip().lower() == "true":
        raise DataError(
            "Expected values alone, found a file with time stamps.", file=path, line=number,
            repair="Write the values at even steps, with @timeStamps false.",
        )  # fmt: skip


def _check(header: Header, path: Path, number: int) -> None:
    if not header.labels:
        raise DataError(
            "Expected the classes of the cases, found no @classLabel true … before @data.", file=path, line=number,
            repair="Add, for instance, @classLabel true walk run; each case then ends with :walk or :run.",
        )  # fmt: skip


def _case(line: str, header: Header, path: Path, number: int) -> Series:
    *parts, label = line.split(":")
    label = label.strip()
    dimensions = header.dimensions or len(parts)
    assert header.labels is not None
    if len(parts) != dimensions:
        raise DataError(
            f"Expected {dimensions} dimensions and a class, found {len(parts)} dimension(s) before the last colon.",
            file=path, line=number, repair="Each case has all dimensions, parted by colons, and ends with its class.",
        )  # fmt: skip
    if label not in header.labels:
        raise DataError(
            f"Expected a class of @classLabel ({', '.join(header.labels[:20])}), found {label[:40]!r}.",
            file=path, line=number, repair="Add it to the line @classLabel, or correct the case.",
        )  # fmt: skip
    return Series(_values(parts, dimensions, path, number), label, f"{path}:{number}")


def _values(parts: Sequence[str], dimensions: int, path: Path, number: int) -> np.ndarray:
    if len(parts) != dimensions:
        raise DataError(
            f"Expected {dimensions} dimension(s) parted by colons, found {len(parts)}.", file=path, line=number,
            repair="Example of two dimensions with three steps: 0.1,0.2,0.3:1.0,1.1,1.2",
        )  # fmt: skip
    rows = [
        [finite(cell.strip(), path, number, f"dimension {k}, step {t}") for t, cell in enumerate(part.split(","), 1)]
        for k, part in enumerate(parts, start=1)
    ]
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1:
        other = next(k for k, row in enumerate(rows, start=1) if len(row) != len(rows[0]))
        raise DataError(
            f"Expected dimensions of even length, found {len(rows[0])} steps in dimension 1 and "
            f"{len(rows[other - 1])} in dimension {other}.",
            file=path, line=number, repair="Cut or fill the dimensions of a case to the same steps.",
        )  # fmt: skip
    return np.array(rows, dtype=np.float32).T
