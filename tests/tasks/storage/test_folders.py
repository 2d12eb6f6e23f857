"""A stored folder is read whole and unchanged or refused; a failing disk never loses the older one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellwright.errors import StorageError
from cellwright.tasks.storage.atomic import FORMAT_VERSION, MANIFEST, read_folder, write_file, write_folder

OLD = {"a.bin": b"the older content", "empty": b"", "c.txt": "Fünf σ".encode()}
NEW = {"a.bin": bytes(range(256)), "d.bin": b"\0" * 1000}
INFO = {"steps": 12, "loss": 1e-05, "names": ["ä", "b"], "deep": {"x": None, "y": True}}


def write_old(folder: Path) -> None:
    write_folder(folder, OLD, kind="model", info={"age": "old"})


def write_new(folder: Path) -> None:
    write_folder(folder, NEW, kind="model", info={"age": "new"})


def age(folder: Path) -> str:
    """Which of the two the folder holds, after checking that it holds all of it and nothing else."""
    stored = read_folder(folder, kind="model")
    name = stored.info["age"]
    assert stored.files == {"old": OLD, "new": NEW}[name]
    return name


def forge(folder: Path, change: dict | None = None, *, text: str | None = None) -> None:
    """A manifest whose own sha256 is right although its content is hostile."""
    body = {"format_version": FORMAT_VERSION, "kind": "model", "info": {}, "files": {}} | (change or {})
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    body["sha256"] = hashlib.sha256(canonical.encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_text(json.dumps(body) if text is None else text, encoding="utf-8")


def entry(data: bytes) -> dict:
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_what_is_written_is_read_back(tmp_path):
    write_folder(tmp_path / "m", OLD, kind="model", info=INFO)
    stored = read_folder(tmp_path / "m", kind="model")
    assert stored.files == OLD
    assert stored.info == INFO
    assert (stored.kind, stored.version) == ("model", FORMAT_VERSION)
    assert stored["a.bin"] == OLD["a.bin"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    files=st.dictionaries(st.text("abcxyz0123_-", min_size=1, max_size=8), st.binary(max_size=200), max_size=4),
    info=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("aä\n"),
        max_size=4,
    ),
)
def test_any_files_and_info_are_read_back(tmp_path, files, info):
    write_folder(tmp_path / "any", files, kind="thing", info=info)
    stored = read_folder(tmp_path / "any", kind="thing")
    assert stored.files == files
    assert stored.info == info


def test_replacing_leaves_only_the_new_folder(tmp_path):
    write_old(tmp_path / "m")
    write_new(tmp_path / "m")
    assert age(tmp_path / "m") == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_file_that_is_not_in_the_folder_is_named(tmp_path):
    write_old(tmp_path / "m")
    with pytest.raises(StorageError, match=r"weights.*a\.bin"):
        read_folder(tmp_path / "m", kind="model")["weights"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
@pytest.mark.parametrize("forever", [False, True], ids=["once", "from-then-on"])
def test_a_disk_failing_at_any_call_leaves_the_older_or_the_newer_folder(tmp_path, failing_disk, number, forever):
    seen = set()
    for at in range(1, 100):
        folder = tmp_path / str(at) / "m"
        folder.parent.mkdir()
        failing_disk(None)
        write_old(folder)
        disk = failing_disk(OSError(number, os.strerror(number)), at, forever)
        raised = None
        try:
            write_new(folder)
        except StorageError as error:
            raised = error
        if raised:
            assert os.strerror(number) in raised.message
            assert str(folder) in str(raised)
            assert raised.repair
        done = not disk.failed
        failing_disk(None)
        found = age(folder)
        if not raised:
            assert found == "new"
        seen.add((found, raised is not None))
        write_new(folder)  # the next write repairs whatever was left
        assert age(folder) == "new"
        assert [p.name for p in folder.parent.iterdir()] == ["m"]
        if done:
            break
    assert done, "the disk was called more often than the test counts to"
    assert ("old", True) in seen
    assert ("new", False) in seen


def test_a_process_killed_at_any_call_leaves_the_older_or_the_newer_folder(tmp_path, failing_disk, killed):
    seen = set()
    for at in range(1, 100):
        folder = tmp_path / str(at) / "m"
        folder.parent.mkdir()
        failing_disk(None)
        write_old(folder)
        disk = failing_disk(killed(), at, True)
        with contextlib.suppress(killed):
            write_new(folder)
        done = not disk.failed
        failing_disk(None)
        seen.add(age(folder))
        write_old(folder)
        assert age(folder) == "old"
        write_new(folder)
        assert age(folder) == "new"
        if done:
            break
    assert done
    assert seen == {"old", "new"}


def test_a_failed_first_write_leaves_nothing_that_reads_as_a_folder(tmp_path, failing_disk):
    whole = 0
    for at in range(1, 100):
        folder = tmp_path / str(at)
        disk = failing_disk(OSError(errno.ENOSPC, "No space left on device"), at, True)
        with contextlib.suppress(StorageError):
            write_old(folder)
        done = not disk.failed
        failing_disk(None)
        if folder.exists():
            assert age(folder) == "old"
            whole += 1
        else:
            with pytest.raises(StorageError, match="nothing"):
                read_folder(folder, kind="model")
        if done:
            break
    assert done
    assert whole >= 1


def test_the_repair_tells_no_space_from_no_permission(tmp_path, failing_disk):
    failing_disk(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), 1, True)
    with pytest.raises(StorageError, match="Free space"):
        write_old(tmp_path / "m")
    failing_disk(PermissionError(errno.EACCES, os.strerror(errno.EACCES)), 1, True)
    with pytest.raises(StorageError, match="writable"):
        write_old(tmp_path / "m")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StorageError) as caught:
        write_file(tmp_path / "none" / "x.svg", b"")
    assert caught.value.repair == f"Make the folder {tmp_path / 'none'}."


def test_a_failing_disk_leaves_the_older_or_the_newer_single_file(tmp_path, failing_disk):
    file = tmp_path / "f"
    for at in range(1, 20):
        failing_disk(None)
        write_file(file, b"old")
        disk = failing_disk(OSError(errno.ENOSPC, "full"), at)
        try:
            write_file(file, b"new")
        except StorageError:
            assert disk.failed
        assert file.read_bytes() in ((b"old", b"new") if disk.failed else (b"new",))
        if not disk.failed:
            break
    assert not disk.failed
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def small(folder: Path) -> Path:
    return write_folder(folder, {"a.bin": b"some bytes\0\xff", "b": b"x"}, kind="model", info=INFO)


def test_every_bit_flip_of_a_file_is_refused(tmp_path):
    folder = small(tmp_path / "m")
    path = folder / "a.bin"
    good = path.read_bytes()
    for position in range(len(good)):
        for bit in range(8):
            bad = bytearray(good)
            bad[position] ^= 1 << bit
            path.write_bytes(bad)
            with pytest.raises(StorageError, match="sha256"):
                read_folder(folder, kind="model")
    path.write_bytes(good)
    read_folder(folder, kind="model")


def test_every_byte_flip_of_the_manifest_is_refused_or_means_the_same(tmp_path):
    folder = small(tmp_path / "m")
    path, whole = folder / MANIFEST, read_folder(folder, kind="model")
    good = path.read_bytes()
    refused = 0
    for position in range(len(good)):
        for mask in (1, 32, 128, 0x2A):  # 0x2A makes a line end of a space
            bad = bytearray(good)
            bad[position] ^= mask
            path.write_bytes(bad)
            try:
                assert read_folder(folder, kind="model") == whole
            except StorageError:
                refused += 1
    spaces = good.count(b" ") + good.count(b"\n")
    assert refused >= 4 * len(good) - spaces - 2  # only blanks, and the e of 1e-05, can be spelt otherwise


@pytest.mark.parametrize("name", [MANIFEST, "a.bin", "b"])
def test_every_truncation_is_refused(tmp_path, name):
    folder = small(tmp_path / "m")
    good = (folder / name).read_bytes()
    for size in range(len(good)):
        (folder / name).write_bytes(good[:size])
        with pytest.raises(StorageError):
            read_folder(folder, kind="model")
    (folder / name).write_bytes(good + b"\0")
    with pytest.raises(StorageError):
        read_folder(folder, kind="model")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]":, 0123456789eE.-nulltrue\\u', max_size=60).map(str.encode))
def test_any_other_manifest_is_refused(tmp_path, raw):
    folder = tmp_path / "m"
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST).write_bytes(raw)
    with pytest.raises(StorageError):
        read_folder(folder, kind="model")


@pytest.mark.parametrize("name", [MANIFEST, "a.bin"])
def test_a_missing_file_is_named(tmp_path, name):
    folder = small(tmp_path / "m")
    (folder / name).unlink()
    with pytest.raises(StorageError, match=f"(?s)Expected a file {name}, found none.*copy it again"):
        read_folder(folder, kind="model")


def test_a_newer_format_is_named_with_the_way_to_upgrade(tmp_path):
    write_folder(tmp_path / "m", OLD, kind="model", version=FORMAT_VERSION + 6)
    with pytest.raises(
        StorageError, match=rf"(?s)version {FORMAT_VERSION} or older, found {FORMAT_VERSION + 6}.*upgrade"
    ):
        read_folder(tmp_path / "m", kind="model")


@pytest.mark.parametrize("version", [0, -1, 1.0, "1", None, True, [1]])
def test_a_version_that_is_no_positive_integer_is_refused(tmp_path, version):
    forge(tmp_path / "m", {"format_version": version})
    with pytest.raises(StorageError, match="format version from 1"):
        read_folder(tmp_path / "m", kind="model")


def test_a_folder_of_another_kind_is_refused(tmp_path):
    write_old(tmp_path / "m")
    with pytest.raises(StorageError, match=r"kind 'checkpoint', found 'model'"):
        read_folder(tmp_path / "m", kind="checkpoint")


def test_a_file_and_a_missing_path_are_told_apart(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="found a file"):
        read_folder(tmp_path / "file", kind="model")
    with pytest.raises(StorageError, match="found nothing"):
        read_folder(tmp_path / "absent", kind="model")


@pytest.mark.parametrize("name", [MANIFEST, "a.bin"])
def test_a_symlink_in_place_of_a_file_is_refused(tmp_path, name):
    folder = small(tmp_path / "m")
    moved = tmp_path / "elsewhere"
    (folder / name).rename(moved)
    (folder / name).symlink_to(moved)
    with pytest.raises(StorageError, match="regular file, found a link"):
        read_folder(folder, kind="model")


def test_a_pipe_or_folder_in_place_of_a_file_is_refused_without_waiting(tmp_path):
    folder = small(tmp_path / "m")
    (folder / "a.bin").unlink()
    os.mkfifo(folder / "a.bin")
    assert stat.S_ISFIFO(os.lstat(folder / "a.bin").st_mode)
    with pytest.raises(StorageError, match="regular file"):
        read_folder(folder, kind="model")
    (folder / "a.bin").unlink()
    (folder / "a.bin").mkdir()
    with pytest.raises(StorageError, match="regular file"):
        read_folder(folder, kind="model")


def test_a_key_that_stands_twice_is_refused(tmp_path):
    folder = small(tmp_path / "m")
    path = folder / MANIFEST
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"kind"', '"kind": "other",\n "kind"', 1), encoding="utf-8")
    with pytest.raises(StorageError, match="'kind' stands twice"):
        read_folder(folder, kind="model")


@pytest.mark.parametrize("text", ["NaN", "[1]", "[" * 100_000, "null", '{"format_version": 1e999}', "9" * 5000])
def test_json_that_is_no_manifest_is_refused(tmp_path, text):
    forge(tmp_path / "m", text=text)
    with pytest.raises(StorageError):
        read_folder(tmp_path / "m", kind="model")


@pytest.mark.parametrize(
    "name", ["../out", "/etc/passwd", "a/b", "..", ".", "", MANIFEST, "a\\b", "a\0b", "\ud800", "x" * 300]
)
def test_a_name_that_is_no_plain_file_name_is_refused(tmp_path, name):
    (tmp_path / "out").write_bytes(b"")
    forge(tmp_path / "m", {"files": {name: entry(b"")}})
    with pytest.raises(StorageError):
        read_folder(tmp_path / "m", kind="model")
    with pytest.raises(StorageError):
        write_folder(tmp_path / "w", {name: b""}, kind="model")
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"files": []},
        {"files": None},
        {"info": [1]},
        {"files": {"a": 3}},
        {"files": {"a": {"size": -1, "sha256": ""}}},
        {"files": {"a": {"size": 1.0, "sha256": ""}}},
        {"files": {"a": {"size": True, "sha256": ""}}},
        {"files": {"a": {"size": 0, "sha256": None}}},
        {"files": {"a": {"size": 10**400, "sha256": ""}}},
        {"files": {str(i): entry(b"") for i in range(1001)}},
    ],
)
def test_hostile_entries_are_refused(tmp_path, change):
    forge(tmp_path / "m", change)
    (tmp_path / "m" / "a").write_bytes(b"")
    with pytest.raises(StorageError):
        read_folder(tmp_path / "m", kind="model")


def test_a_folder_that_cannot_be_replaced_by_force_is_an_error_not_a_loss(tmp_path):
    target = tmp_path / "m"
    target.write_bytes(b"a file of the user")
    with pytest.raises(StorageError):
        write_old(target)
    assert target.read_bytes() == b"a file of the user"
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_folder_survives_being_moved(tmp_path):
    write_old(tmp_path / "m")
    shutil.move(tmp_path / "m", tmp_path / "elsewhere")
    assert age(tmp_path / "elsewhere") == "old"
