"""A training text that stays on the disk, however large: read in pieces, its rows in a temporary file."""

from __future__ import annotations

import codecs
import gzip
import os
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError
from cellwright.tasks.data.text import wrong_byte
from cellwright.tasks.text.plain import Text, words_of

__all__ = ["DiskText", "RowsOnDisk", "pieces"]

PIECE = 1 << 20  # bytes read at a time
MARK = "\ufeff"
ROW = np.dtype("<i4")


@dataclass(frozen=True, slots=True)
class DiskText(Text):
    """A split of which only the place is known; `lines` is empty.

    Reading raises DataError: missing, unreadable, or bytes that are no UTF-8, with the byte and its line.
    """

    path: Path = Path()

    @property
    def empty(self) -> bool:
        return False

    def tokens(self) -> Iterator[Sequence[str]]:
        """Line by line, those of white space alone left out; for characters, piece by piece."""
        if self.unit == "char":
            yield from pieces(self.path)
            return
        begun = ""
        for piece in pieces(self.path):
            *lines, begun = (begun + piece).split("\n")
            yield from (words_of(line, self.tokenize) for line in lines if line.strip())
        if begun.strip():
            yield words_of(begun, self.tokenize)


def pieces(path: Path) -> Iterator[str]:
    """A file's text in pieces, without a byte-order mark; unpacked where its name ends in .gz. Raises DataError."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, lines, begins = 0, 0, True  # bytes and lines decoded so far
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as file:
            while block := file.read(PIECE):
                held = len(decoder.getstate()[0])
                try:
                    text = decoder.decode(block)
                except UnicodeDecodeError as error:
                    raise _wrong(path, error, offset - held, lines) from None
                offset += len(block)
                lines += text.count("\n")
                yield text.removeprefix(MARK) if begins else text
                begins = begins and not text
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise _wrong(path, error, offset - len(decoder.getstate()[0]), lines) from None
    except (OSError, EOFError, zlib.error) as error:
        found = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DataError(f"Expected a readable file, found: {found}.", file=path, repair="Check the path.") from None


def _wrong(path: Path, error: UnicodeDecodeError, begin: int, lines: int) -> DataError:
    """The error of bytes that began at offset `begin`, after so many lines."""
    line = lines + error.object[: error.start].count(b"\n") + 1
    return wrong_byte(path, error.object[error.start], begin + error.start, line)


class RowsOnDisk:
    """The rows of a text in a temporary file that ends with the process: 4 bytes a token.

    Slices are read when they are asked for, by `os.pread`: pages of a memory map would count as the process's memory.
    """

    def __init__(self, blocks: Iterator[NDArray[np.int64]]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the rows are
        self._count = 0
        for block in blocks:
            self._file.write(block.astype(ROW).tobytes())
            self._count += len(block)
        self._file.flush()

    def __len__(self) -> int:
        return self._count

    def __del__(self) -> None:
        self._file.close()

    def __getitem__(self, part: slice) -> NDArray[np.int64]:
        """Rows side by side."""
        start, stop, _ = part.indices(self._count)
        wanted = max(0, stop - start) * ROW.itemsize
        raw = os.pread(self._file.fileno(), wanted, start * ROW.itemsize)
        return np.frombuffer(raw, ROW).astype(np.int64)
