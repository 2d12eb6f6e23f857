"""Static word vectors from a text file: word2vec's (a first line "count size") or GloVe's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cellwright.errors import DataError

__all__ = ["read_vectors"]


def read_vectors(path: str | Path, wanted: Callable[[str], int | None], rows: int) -> tuple[np.ndarray, int]:
    """(rows, size) float32 with the vectors of wanted words, 0 elsewhere, and how many rows were found.

    Args:
        wanted: the row of a word, or None for a word that is not needed.
        rows: rows of the result.

    The file is read line by line: it may be larger than memory. The first spelling of a word that is found counts.

    Raises DataError: missing or empty file, a shorter line, a value that is no finite number, no UTF-8.
    """
    file = Path(path)
    table: np.ndarray | None = None
    size = 0
    found: set[int] = set()
    try:
        with open(file, "rb") as stream:
            for number, line in enumerate(stream, start=1):
                parts = _decoded(line, file, number).rstrip("\n\r ").split(" ")
                if number == 1 and len(parts) == 2 and all(part.isdigit() for part in parts):
                    continue
                if table is None:
                    size = len(parts) - 1
                    if size < 2:
                        raise _wrong(f"a word and its vector, found {len(parts)} columns", file, number)
                    table = np.zeros((rows, size), dtype=np.float32)
                if len(parts) <= size:
                    raise _wrong(f"a word and {size} numbers, found {len(parts) - 1} numbers", file, number)
                row = wanted(" ".join(parts[:-size]))  # GloVe 840B has words with a space
                if row is None or row in found:
                    continue
                try:
                    vector = np.array([float(part) for part in parts[-size:]], dtype=np.float32)
                except ValueError as error:
                    raise _wrong(f"{size} numbers, found {str(error).rpartition(' ')[2]}", file, number) from None
                if not np.isfinite(vector).all():
                    raise _wrong(f"{size} finite numbers, found nan or inf", file, number)
                table[row] = vector
                found.add(row)
    except OSError as error:
        raise DataError(
            f"Expected a file of word vectors, found: {error.strerror}.", file=file, repair="Check model.vectors."
        ) from None
    if table is None:
        raise DataError("Expected word vectors, found an empty file.", file=file, repair="Check model.vectors.")
    return table, len(found)


def _decoded(line: bytes, file: Path, number: int) -> str:
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"Expected UTF-8, found byte 0x{line[error.start]:02x}.",
            file=file,
            line=number,
            repair="Give the text form of the vectors, not the binary one.",
        ) from None


def _wrong(expected_and_found: str, file: Path, number: int) -> DataError:
    return DataError(
        f"Expected {expected_and_found}.",
        file=file,
        line=number,
        repair="One word a line, its numbers after it, spaces between.",
    )
