"""A folder of compiled code that is only ever read back exactly as it was written.

    entry = MAGIC, version, key (32 bytes), length (8 bytes), SHA-256 of the code (32 bytes), code
    file  = <key in hexadecimal>.o, owned by the user, writable by nobody else, in a folder of which the same holds

Code from here is executed, so whatever is not as it should be (another owner, a link, a wrong length, key or digest)
counts as absent. A file appears under its name only when it is whole, so processes need no locks among each other.
Imports neither torch nor llvmlite.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import struct
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from cellwright.errors import SlowPathWarning

__all__ = ["Store", "cache_folder"]

MAGIC, VERSION = b"cellwright code\n", 1
HEADER = struct.Struct("<16sI32sQ32s")
ENTRY, UNFINISHED = ".o", ".tmp"
MOST_ENTRIES, MOST_BYTES = 4096, 512 << 20
ABANDONED = 3600.0
WEIGHED, KEPT = 16, 7 / 8


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """$CELLWRIGHT_CACHE (none if empty or "off"), else $XDG_CACHE_HOME/cellwright, else ~/.cache/cellwright."""
    chosen = environment.get("CELLWRIGHT_CACHE")
    if chosen in ("", "off") or not hasattr(os, "getuid"):
        return None
    if chosen is not None:
        return Path(chosen).absolute()
    base = environment.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    return Path(base) / "cellwright" if os.path.isabs(base) else None


class Store:
    """Compiled code by key; what cannot be read or kept is compiled again, with one warning.

    Args:
        most_entries, most_bytes: above either, the entries unused for longest are removed.
    """

    def __init__(self, folder: Path, most_entries: int = MOST_ENTRIES, most_bytes: int = MOST_BYTES) -> None:
        self.folder, self.most_entries, self.most_bytes = folder, most_entries, most_bytes
        self.warned = False

    def read(self, key: bytes) -> bytes | None:
        """The code of a key, a SHA-256 digest; None if there is none that can be trusted."""
        try:
            with self.opened() as folder:
                # a pipe in place of the file must not block
                file = os.open(key.hex() + ENTRY, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
                try:
                    return self._read(file, key)
                finally:
                    os.close(file)
        except OSError:
            return None

    def write(self, key: bytes, code: bytes) -> None:
        """Keeps the code of a key, in place of whatever stands there."""
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                self.folder.mkdir(mode=0o700)
            with self.opened() as folder:
                self._write(folder, key, code)
                self._prune(folder, key)
        except OSError as problem:
            self._warn(problem)

    @contextmanager
    def opened(self) -> Iterator[int]:
        """The folder, checked: what is done in it afterwards is done in this very folder.

        Raises:
            OSError: there is none, or someone else could write there.
        """
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if not _ours(os.fstat(folder)):
                raise PermissionError("the folder is not the user's alone (owner, or mode other than 0700)")
            yield folder
        finally:
            os.close(folder)

    def _read(self, file: int, key: bytes) -> bytes | None:
        facts = os.fstat(file)
        if not (stat.S_ISREG(facts.st_mode) and _ours(facts) and facts.st_size <= self.most_bytes):
            return None
        with open(file, "rb", closefd=False) as whole:
            code = _checked(whole.read(), key)
        if code is not None:
            with suppress(OSError):
                os.utime(file)
        return code

    def _write(self, folder: int, key: bytes, code: bytes) -> None:
        name = f"{key.hex()}.{secrets.token_hex(8)}{UNFINISHED}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with open(os.open(name, flags, 0o600, dir_fd=folder), "wb") as file:
            try:
                file.write(HEADER.pack(MAGIC, VERSION, key, len(code), hashlib.sha256(code).digest()) + code)
                file.flush()
                os.replace(name, key.hex() + ENTRY, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(name, dir_fd=folder)
                raise

    def _prune(self, folder: int, key: bytes) -> None:
        """Keeps the bounds: entries are counted at every write, weighed at one in `WEIGHED`."""
        names = [name for name in os.listdir(folder) if name.endswith((ENTRY, UNFINISHED))]
        if len(names) <= self.most_entries and key[0] % WEIGHED:
            return
        found: list[tuple[float, int, str]] = []
        for name in names:
            with suppress(FileNotFoundError):
                facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if name.endswith(ENTRY):
                    found.append((facts.st_mtime, facts.st_size, name))
                elif facts.st_mtime < time.time() - ABANDONED:
                    os.unlink(name, dir_fd=folder)
        entries, size = len(found), sum(length for _, length, _ in found)
        if entries <= self.most_entries and size <= self.most_bytes:
            return
        for _, length, name in sorted(found):
            if entries <= self.most_entries * KEPT and size <= self.most_bytes * KEPT:
                return
            with suppress(FileNotFoundError, IsADirectoryError):
                os.unlink(name, dir_fd=folder)
            entries, size = entries - 1, size - length

    def _warn(self, problem: OSError) -> None:
        if self.warned:
            return
        self.warned = True
        reason = problem.strerror or str(problem)
        warnings.warn(
            f"compiled cells are not kept in {self.folder}: {reason}; each process compiles them anew\n"
            "    Set CELLWRIGHT_CACHE to a folder of your own with mode 0700, or to off.",
            SlowPathWarning,
            stacklevel=2,
        )


def _ours(facts: os.stat_result) -> bool:
    """Whether a file or folder is the user's, and no one else may write to it."""
    return facts.st_uid == os.getuid() and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _checked(data: bytes, key: bytes) -> bytes | None:
    """The code of an entry, if the entry is whole and the key's."""
    if len(data) < HEADER.size:
        return None
    magic, version, its_key, length, digest = HEADER.unpack_from(data)
    code = data[HEADER.size :]
    if (magic, version, its_key, length) != (MAGIC, VERSION, key, len(code)):
        return None
    return code if hashlib.sha256(code).digest() == digest else None
