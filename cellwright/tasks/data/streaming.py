"""Files larger than memory, read a line at a time: only where each line begins is known, and that on disk.

Reads go through `os.pread`, for lines and for their places alike. A memory map would do too, but the pages that it has
touched count as the process's memory: after an epoch in random order, all of the file.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError
from cellwright.tasks.data.text import decode

__all__ = ["BASELINE_EXAMPLES", "LineIndex", "StreamedExamples", "seen_examples"]

ExampleT = TypeVar("ExampleT")
MadeT = TypeVar("MadeT")
BASELINE_EXAMPLES = 20_000  # that what stands beside the network learns from, of a split that is streamed
BLOCK = 1 << 20
MARK = b"\xef\xbb\xbf"
PLACE = np.dtype([("start", "<i8"), ("length", "<i8")])  # of a line within the file, in bytes without its end


class LineIndex:
    """The lines of a file that are not empty, by number, without the file in memory.

    Args:
        skip: lines at the top that are none of them: a header.
        limit: lines at most; 0 = all.

    Attributes:
        digest: SHA-256 of the whole file.

    The places stand in a temporary file that ends with the process: 16 bytes a line.

    Raises DataError: missing, unreadable, or without such a line.
    """

    def __init__(self, path: Path, *, skip: int = 0, limit: int = 0) -> None:
        self.path = path
        try:
            self._file = open(path, "rb")  # noqa: SIM115 - open as long as the index is
        except OSError as error:
            raise DataError(f"Expected a readable file, found: {error.strerror}.", file=path) from None
        self._places = tempfile.TemporaryFile()  # noqa: SIM115
        self._count = 0
        self.digest = self._scan(skip, limit)
        if not self._count:
            raise DataError("Expected lines of text, found none.", file=path, repair="Write the file again.")

    def __len__(self) -> int:
        return self._count

    def close(self) -> None:
        """Both files; the temporary one is gone then."""
        self._file.close()
        self._places.close()

    def __del__(self) -> None:
        if hasattr(self, "_places"):
            self.close()

    def line(self, k: int) -> bytes:
        """Line `k`, from 0, without its end."""
        start, length = self._place(k)
        return os.pread(self._file.fileno(), length, start).removesuffix(b"\r")

    def lengths(self, rows_N: NDArray[np.int64]) -> NDArray[np.int64]:
        """Bytes of each of these lines."""
        return np.array([self._place(int(k))[1] for k in rows_N], np.int64)

    def number(self, k: int) -> int:
        """The line's number in the file, from 1: counted when it is asked for, as only an error asks."""
        left, ends = self._place(k)[0], 0
        with open(self.path, "rb") as file:
            while left > 0 and (block := file.read(min(BLOCK, left))):
                ends += block.count(b"\n")
                left -= len(block)
        return ends + 1

    def _place(self, k: int) -> tuple[int, int]:
        raw = os.pread(self._places.fileno(), PLACE.itemsize, k * PLACE.itemsize)
        start, length = np.frombuffer(raw, PLACE)[0].tolist()
        return start, length

    def _scan(self, skip: int, limit: int) -> str:
        digest = hashlib.sha256()
        begin, offset = 0, 0  # of the line that is being read; of the block
        while block := self._file.read(BLOCK):
            digest.update(block)
            if offset == 0 and block.startswith(MARK):
                begin = len(MARK)
            ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + offset
            offset += len(block)
            if len(ends):
                starts = np.concatenate([[begin], ends[:-1] + 1])
                begin = int(ends[-1]) + 1
                skip = self._keep(starts, ends - starts, skip, limit)
        if begin < offset:
            self._keep(np.array([begin]), np.array([offset - begin]), skip, limit)
        self._places.flush()
        return digest.hexdigest()

    def _keep(self, starts_N: NDArray[np.int64], lengths_N: NDArray[np.int64], skip: int, limit: int) -> int:
        """Note the lines that are not empty; returns how many are still to be skipped."""
        filled = np.flatnonzero((lengths_N > 1) | ((lengths_N == 1) & (self._bytes_at(starts_N, lengths_N) != b"\r")))
        passed = min(skip, len(filled))
        kept = filled[passed:]
        if limit:
            kept = kept[: limit - self._count]
        places = np.empty(len(kept), PLACE)
        places["start"], places["length"] = starts_N[kept], lengths_N[kept]
        self._places.write(places.tobytes())
        self._count += len(kept)
        return skip - passed

    def _bytes_at(self, starts_N: NDArray[np.int64], lengths_N: NDArray[np.int64]) -> NDArray[np.bytes_]:
        """The first byte of each line of one byte; nothing of the others."""
        found = np.zeros(len(starts_N), "S1")
        for k in np.flatnonzero(lengths_N == 1):
            found[k] = os.pread(self._file.fileno(), 1, int(starts_N[k]))
        return found


class StreamedExamples(Sequence[ExampleT], Generic[ExampleT]):
    """The examples of a file's lines, each read and parsed when it is asked for.

    Args:
        parse: a line's text and its place in words ("train.jsonl") → its example.

    Reading raises DataError with file and line, as `parse` and the encoding do.
    """

    def __init__(self, lines: LineIndex, parse: Callable[[str, str], ExampleT], encoding: str = "utf-8") -> None:
        self.lines = lines
        self._parse, self._encoding = parse, encoding

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, k: int) -> ExampleT: ...
    @overload
    def __getitem__(self, k: slice) -> list[ExampleT]: ...
    def __getitem__(self, k: int | slice) -> ExampleT | list[ExampleT]:
        if isinstance(k, slice):
            return [self._at(n) for n in range(*k.indices(len(self)))]
        if not -len(self) <= k < len(self):
            raise IndexError(k)
        return self._at(k % len(self))

    def __iter__(self) -> Iterator[ExampleT]:
        return (self._at(k) for k in range(len(self)))

    def then(self, make: Callable[[ExampleT], MadeT]) -> StreamedExamples[MadeT]:
        """The same lines, what they hold made into something else, with the same errors."""
        parse = self._parse
        return StreamedExamples(self.lines, lambda line, where: make(parse(line, where)), self._encoding)

    def check_known(self, k: int, labels: Iterable[str], known: Collection[str], what: str) -> None:
        """Raises DataError: a label of example `k` is none of those that were `known` at the start."""
        for label in labels:
            if label not in known:
                raise DataError(
                    f"Expected one of the {len(known)} {what} that were found at the start, found {label!r}.",
                    file=self.lines.path,
                    line=self.lines.number(k),
                    repair="Begin a new run with --set data.stream_texts=0, which looks at all texts first.",
                )

    def spread(self, count: int) -> Iterable[ExampleT]:
        """At most `count` examples, evenly spread, each read anew whenever they are gone through; 0 = all."""
        return _Spread(self, -(-len(self) // count) if count else 1)

    def _at(self, k: int) -> ExampleT:
        try:
            return self._parse(decode(self.lines.line(k), self.lines.path, self._encoding), str(self.lines.path))
        except DataError as error:
            raise DataError(
                error.message,
                file=self.lines.path,
                line=self.lines.number(k),
                source=error.source,
                repair=error.repair,
            ) from None


class _Spread(Iterable[ExampleT], Generic[ExampleT]):
    def __init__(self, examples: StreamedExamples[ExampleT], step: int) -> None:
        self._examples, self._step = examples, step

    def __iter__(self) -> Iterator[ExampleT]:
        return (self._examples[k] for k in range(0, len(self._examples), self._step))


def seen_examples(train: Sequence[ExampleT], count: int) -> tuple[Iterable[ExampleT], Sequence[ExampleT]]:
    """Of a training split: what words and labels are learnt from, to be gone through as often as one likes, and what
    baselines are; of a split that is streamed, at most `count` (0 = all) and `BASELINE_EXAMPLES`, evenly spread."""
    if not isinstance(train, StreamedExamples):
        return train, train
    return train.spread(count), train[:: -(-len(train) // BASELINE_EXAMPLES)]
