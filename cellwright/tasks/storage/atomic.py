"""A folder is written whole or not at all, and is read only if every byte is what its manifest says.

Write: a temporary folder beside the target, files and folder fsynced, rename, parent fsynced; only then is the old
one deleted. Read: sizes and sha256 of all files, and of the manifest itself, before any content is used.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cellwright.errors import StorageError

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST",
    "REPAIR",
    "Disk",
    "StoredFolder",
    "disk",
    "kind_of_folder",
    "make_folder",
    "no_duplicates",
    "raise_storage_error",
    "read_folder",
    "use_disk",
    "write_file",
    "write_folder",
]

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 16 << 20
MAX_FILES = 1_000


class Disk:
    """The only calls by which cellwright's storage changes a disk; a test gives one that fails at the k-th call."""

    def make_folder(self, path: Path) -> None:
        path.mkdir(parents=True)

    def write(self, path: Path, data: bytes) -> None:
        """Write and fsync one new file."""
        with open(path, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def append(self, path: Path, data: bytes, durable: bool = True) -> None:
        """Append; and fsync where the data must outlive a power cut, not the process alone."""
        with open(path, "ab") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())

    def truncate(self, path: Path, size: int) -> None:
        with open(path, "r+b") as file:
            file.truncate(size)
            file.flush()
            os.fsync(file.fileno())

    def sync_folder(self, path: Path) -> None:
        if os.name == "nt":  # Windows cannot open a folder for fsync
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        os.replace(old, new)

    def remove(self, path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


_disk = Disk()


def disk() -> Disk:
    return _disk


def use_disk(new: Disk) -> Disk:
    """Replace the disk that all storage goes through; returns the one before. For tests of failing disks."""
    global _disk
    old, _disk = _disk, new
    return old


@dataclass(frozen=True, slots=True)
class StoredFolder:
    """A verified folder: `info` is what the writer said beside its files, `files` their verified bytes."""

    path: Path
    kind: str
    version: int
    info: dict[str, Any]
    files: dict[str, bytes]

    def __getitem__(self, name: str) -> bytes:
        if name not in self.files:
            raise StorageError(
                f"Expected a file {name} in this {self.kind}, found {', '.join(sorted(self.files)) or 'none'}.",
                file=self.path / MANIFEST,
                repair=REPAIR,
            )
        return self.files[name]


REPAIR = "The folder is incomplete or changed since it was written: copy it again from its origin, or save it again."


def write_folder(
    folder: str | Path,
    files: Mapping[str, bytes],
    *,
    kind: str,
    info: Mapping[str, Any] | None = None,
    version: int = FORMAT_VERSION,
) -> Path:
    """Write `files` and a manifest as `folder`, replacing an older one only after the new one is on disk.

    Args:
        files: plain file name → content.
        kind: what the folder is ("model", "checkpoint"); checked on reading.
        info: JSON values kept in the manifest.

    Raises:
        StorageError: no space, no permission, any failure of the disk; the older folder, if any, is still whole.
    """
    target = Path(folder)
    for name in files:
        _check_name(name, target)
    manifest = _manifest(files, kind, dict(info or {}), version)
    temporary = target.with_name(f".{target.name}.tmp-{os.getpid()}")
    previous = _previous(target)
    try:
        if target.is_dir():
            disk().remove(previous)
        elif previous.is_dir():  # an earlier writer died between its two renames
            disk().rename(previous, target)
        disk().remove(temporary)
        disk().make_folder(temporary)
        for name, data in files.items():
            disk().write(temporary / name, data)
        disk().write(temporary / MANIFEST, manifest)
        disk().sync_folder(temporary)
        if target.is_dir():
            disk().rename(target, previous)
        disk().rename(temporary, target)
        disk().sync_folder(target.parent)
    except OSError as error:
        _undo(target, previous, temporary)
        raise_storage_error(error, target, "written")
    _remove_quietly(previous)  # the new folder stands: a failure here costs space, not data
    return target


def read_folder(folder: str | Path, *, kind: str, newest: int = FORMAT_VERSION) -> StoredFolder:
    """Read a folder of `kind` written by `write_folder`, verified byte by byte.

    Raises:
        StorageError: missing, truncated, changed, another kind, or a format version newer than `newest`.
    """
    target = _present(Path(folder), kind)
    manifest = _read_manifest(target / MANIFEST, kind, newest)
    files = {name: _read_verified(target / name, entry) for name, entry in manifest["files"].items()}
    return StoredFolder(target, kind, manifest["format_version"], manifest["info"], files)


def kind_of_folder(folder: str | Path, *, newest: int = FORMAT_VERSION) -> str:
    """What a folder written by `write_folder` is, from its verified manifest. Raises StorageError as `read_folder`."""
    return str(_read_manifest(_present(Path(folder), "model") / MANIFEST, None, newest)["kind"])


def write_file(path: Path, data: bytes) -> None:
    """Write one file atomically: temporary, fsync, rename, fsync of the folder."""
    if not path.name:  # "", "." and "/"
        raise StorageError(
            "Expected a file to write, found a folder.", file=path, repair=f"Name a file in it: {path / 'NAME'}."
        )
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        disk().remove(temporary)
        disk().write(temporary, data)
        disk().rename(temporary, path)
        disk().sync_folder(path.parent)
    except OSError as error:
        _remove_quietly(temporary)
        raise_storage_error(error, path, "written")


def make_folder(path: Path) -> None:
    """The folder and its parents, where they do not exist yet."""
    try:
        if not path.is_dir():
            disk().make_folder(path)
    except OSError as error:
        raise_storage_error(error, path, "made")


def raise_storage_error(error: OSError, path: Path, what: str) -> NoReturn:
    """The OSError as a StorageError: which path, the system's reason, what to do."""
    reason = error.strerror or str(error)
    raise StorageError(
        f"Expected {path.name} to be {what}, found: {reason}.", file=path, repair=_repair(error, path)
    ) from error


def _repair(error: OSError, path: Path) -> str:
    if error.errno == errno.ENOENT and not path.parent.is_dir():
        return f"Make the folder {path.parent}."
    first = "Choose another place."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        first = "Free space on the disk, or choose another place."
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        first = "Make the folder writable, or choose another place."
    return f"{first} What was saved before is untouched."


def _present(target: Path, kind: str) -> Path:
    """The folder, or the older one that a writer killed between its two renames left."""
    if not target.exists() and _previous(target).is_dir():
        return _previous(target)
    if not target.is_dir():
        found = "a file" if target.exists() else "nothing"
        raise StorageError(
            f"Expected a {kind} folder, found {found}.", file=target, repair=f"Give the folder that holds {MANIFEST}."
        )
    return target


def _previous(target: Path) -> Path:
    return target.with_name(f".{target.name}.previous")


def _undo(target: Path, previous: Path, temporary: Path) -> None:
    """Back to the older folder after a failed write; what cannot be undone is repaired by the next write or read."""
    if previous.is_dir() and not target.exists():
        try:
            disk().rename(previous, target)
        except OSError:
            return  # read_folder looks at `previous` when the target is missing
    _remove_quietly(temporary)


def _remove_quietly(path: Path) -> None:
    """Delete what nobody needs any more; a failure leaves a hidden folder that the next write deletes."""
    try:
        disk().remove(path)
    except OSError:
        return


def _manifest(files: Mapping[str, bytes], kind: str, info: dict[str, Any], version: int) -> bytes:
    body = {
        "format_version": version,
        "kind": kind,
        "info": info,
        "files": {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
        },
    }
    body["sha256"] = _digest(body)
    # No newline at the end: then every shorter prefix is invalid JSON.
    return json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False).encode()


def _digest(body: Mapping[str, Any]) -> str:
    """sha256 of the manifest without its own digest, in one canonical spelling."""
    rest = {key: value for key, value in body.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_manifest(path: Path, kind: str | None, newest: int) -> dict[str, Any]:
    raw = _read_regular(path, MAX_MANIFEST_BYTES)
    try:
        body = json.loads(raw.decode("utf-8"), object_pairs_hook=no_duplicates, parse_constant=_no_constant)
        if not isinstance(body, dict):
            raise ValueError("not an object")
    except (ValueError, RecursionError) as error:
        raise StorageError(f"Expected a JSON manifest, found: {error}.", file=path, repair=REPAIR) from None
    version = body.get("format_version")
    if type(version) is int and version > newest:  # before the digest: a newer format may digest otherwise
        raise StorageError(
            f"Expected format version {newest} or older, found {version}.",
            file=path,
            repair="It was written by a newer cellwright: upgrade with pip install -U cellwright.",
        )
    if type(version) is not int or version < 1:
        raise StorageError(
            f"Expected a format version from 1 to {newest}, found {version!r}.", file=path, repair=REPAIR
        )
    try:
        intact = body.get("sha256") == _digest(body)
    except (ValueError, RecursionError):
        intact = False
    if not intact:
        raise StorageError(
            "Expected the manifest's own sha256, found another: its text was changed.", file=path, repair=REPAIR
        )
    if not isinstance(body.get("kind"), str) or kind not in (None, body["kind"]):
        raise StorageError(
            f"Expected a folder of kind {kind!r}, found {body.get('kind')!r}.",
            file=path,
            repair=f"Give the folder of a {kind}.",
        )
    _check_entries(body, path)
    return body


def _check_entries(body: Mapping[str, Any], path: Path) -> None:
    files = body.get("files")
    if not isinstance(files, dict) or not isinstance(body.get("info"), dict) or len(files) > MAX_FILES:
        raise StorageError(f"Expected tables `files` (≤ {MAX_FILES}) and `info`.", file=path, repair=REPAIR)
    for name, entry in files.items():
        _check_name(name, path)
        size = entry.get("size") if isinstance(entry, dict) else None
        if type(size) is not int or size < 0 or not isinstance(entry.get("sha256"), str):
            raise StorageError(f"Expected size and sha256 for {name}, found {entry!r}.", file=path, repair=REPAIR)


def _check_name(name: str, place: Path) -> None:
    """Plain names only, so that a manifest can never point outside its folder."""
    encodable = not any("\ud800" <= character <= "\udfff" for character in name)  # JSON may hold lone surrogates
    plain = name == Path(name).name and "\\" not in name and "\0" not in name and encodable
    if not name or not plain or name in (MANIFEST, ".", ".."):
        raise StorageError(f"Expected a plain file name, found {name!r}.", file=place, repair=REPAIR)


def _read_verified(path: Path, entry: Mapping[str, Any]) -> bytes:
    data = _read_regular(path, entry["size"], exact=True)
    found = hashlib.sha256(data).hexdigest()
    if found != entry["sha256"]:
        raise StorageError(f"Expected sha256 {entry['sha256'][:12]}…, found {found[:12]}….", file=path, repair=REPAIR)
    return data


def _read_regular(path: Path, limit: int, exact: bool = False) -> bytes:
    """Bytes of a regular file, no link; its size is checked before anything is read."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        raise StorageError(f"Expected a file {path.name}, found none.", file=path, repair=REPAIR) from None
    except OSError as error:
        raise_storage_error(error, path, "read")
    if not stat.S_ISREG(status.st_mode):
        raise StorageError(
            f"Expected {path.name} to be a regular file, found a link or folder.", file=path, repair=REPAIR
        )
    if status.st_size > limit or (exact and status.st_size != limit):
        relation = "" if exact else "at most "
        raise StorageError(f"Expected {relation}{limit:,} bytes, found {status.st_size:,}.", file=path, repair=REPAIR)
    try:
        return path.read_bytes()
    except OSError as error:
        raise_storage_error(error, path, "read")


def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For json's object_pairs_hook: the same key twice is an error, not "the last one wins"."""
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:80]!r} stands twice")
    return result


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")
