"""Text files as lines, and lines as tokens with their character offsets."""

from __future__ import annotations

import gzip
import re
import shlex
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from cellwright.errors import DataError

__all__ = [
    "MAX_TOKENS",
    "Token",
    "Unit",
    "check_text",
    "decode",
    "first_line",
    "join_words",
    "numbered_blocks",
    "read_bytes",
    "read_lines",
    "tokenize",
    "wrong_byte",
]

Unit = Literal["word", "char"]
Token = tuple[str, int, int]

LOOKED_AT = 1 << 16  # bytes, to guess an encoding
MAX_TOKENS = 10_000  # of one utterance: a longer line is a file that is not what it seems

_HAN = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
# What goes on with a letter without being one: combining accents, and the vowel signs of scripts written with them.
_MARK = r"\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0dff\u0e31-\u0e3a\u0e47-\u0e4e"
_WORD = rf"(?:[^\W{_HAN}][{_MARK}]*)+"
# Han, kana and Hangul one by one; words with their inner ' - . : / & and commas between digits; all else alone.
_TOKEN = re.compile(rf"[{_HAN}]|{_WORD}(?:(?:['’\-.:/&_]|(?<=\d),(?=\d)){_WORD})*|[^\w\s]|_")


def check_text(text: str) -> str:
    """The text itself. Raises DataError for half a surrogate pair: bytes that were no UTF-8, or a cut \\u escape."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"Expected text, found half a character (U+{ord(text[error.start]):04X}) at position {error.start:,}.",
            repair="Give UTF-8.",
        ) from None
    return text


def tokenize(text: str, unit: Unit = "word") -> list[Token]:
    """(token, start, end) of each token: words and punctuation apart, Chinese by character.

    >>> [token for token, _, _ in tokenize("what time is it?")]
    ['what', 'time', 'is', 'it', '?']

    `unit="char"` gives every character that is no space.
    """
    if unit == "char":
        return [(c, i, i + 1) for i, c in enumerate(text) if not c.isspace()]
    return [(m[0], m.start(), m.end()) for m in _TOKEN.finditer(text)]


def read_bytes(path: Path) -> bytes:
    """The file's content, unpacked where its name ends in .gz.

    Raises DataError: missing, a folder, unreadable, no gzip file, empty.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError("Expected a file, found none.", file=path, repair="Check the path.") from None
    except IsADirectoryError:
        raise DataError("Expected a file, found a folder.", file=path, repair="Name a file in it.") from None
    except OSError as error:
        raise DataError(
            f"Expected a readable file, found: {error.strerror}.", file=path, repair="Check its permissions."
        ) from None
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"Expected a gzip file, found: {error}.", file=path, repair="Write or copy the file again."
            ) from None
    if not data.strip():
        raise DataError("Expected lines of text, found an empty file.", file=path, repair="Write the file again.")
    return data


def read_lines(path: Path, encoding: str = "utf-8") -> list[str]:
    """Lines without their ends; with or without byte-order mark, LF or CRLF.

    Raises DataError: missing or empty file; bytes of another encoding, with the byte and its line.
    """
    # Not splitlines(): a form feed or U+2028 within a line does not end it.
    lines = [line.removesuffix("\r") for line in decode(read_bytes(path), path, encoding).split("\n")]
    return lines[:-1] if not lines[-1] else lines


def first_line(path: Path) -> str:
    """The first line that is not blank, without white space at its ends. Raises DataError, as `read_lines`."""
    return next((line.strip() for line in read_lines(path) if line.strip()), "")


def decode(data: bytes, path: Path, encoding: str = "utf-8") -> str:
    """The text of a file, without its byte-order mark."""
    try:
        return data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        # The decoder counts from after a byte-order mark.
        start = error.start + (3 if encoding == "utf-8" and data.startswith(b"\xef\xbb\xbf") else 0)
        line = data.count(b"\n", 0, start) + 1
        raise wrong_byte(path, data[start], start, line, encoding, _likely_encoding(data)) from None


def wrong_byte(
    path: Path, byte: int, offset: int, line: int, encoding: str = "utf-8", likely: str = "GB18030"
) -> DataError:
    """The error of a byte that the encoding does not have; `likely` is the one that the repair converts from."""
    return DataError(
        f"Expected {encoding.upper()}, found byte 0x{byte:02x} at offset {offset:,}.",
        file=path,
        line=line,
        repair=f"Save the file as UTF-8 (for example: iconv -f {likely} -t UTF-8 {shlex.quote(path.name)} > new).",
    )


def _likely_encoding(data: bytes) -> str:
    """UTF-16 by its mark; Chinese where most bytes beyond ASCII stand side by side; else western."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16"
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", data[:LOOKED_AT])]
    return "GB18030" if 2 * sum(run for run in runs if run > 1) > sum(runs) else "WINDOWS-1252"


def numbered_blocks(lines: list[str]) -> Iterator[list[tuple[int, str]]]:
    """Runs of lines that are not blank, each line with its number; a line of white space alone is blank."""
    block: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            block.append((number, line))
        elif block:
            yield block
            block = []
    if block:
        yield block


def join_words(words: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """A line that tokenizes into `words`, and their character offsets: spaces only where words would run together."""
    text, offsets = "", []
    for word in words:
        if text and (_run_together(text[-1], word[0]) or not (_wide(text[-1]) or _wide(word[0]))):
            text += " "
        offsets.append((len(text), len(text) + len(word)))
        text += word
    return text, offsets


def _run_together(before: str, after: str) -> bool:
    return len(tokenize(before + after)) == 1


def _wide(character: str) -> bool:
    """Chinese, Japanese and Korean characters and punctuation."""
    return character >= "\u2e80"
