"""Compiled code on disk: read back as it was written or not at all, by any number of processes."""

from __future__ import annotations

import importlib.util
import os
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from cellwright.engine.store import HEADER, Store, cache_folder
from cellwright.errors import SlowPathWarning

KEY, CODE = bytes(range(32)), b"code" * 1000
pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no owners here")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "kept")
    store.write(KEY, CODE)
    return store


def entry(store: Store, key: bytes = KEY) -> Path:
    return store.folder / f"{key.hex()}.o"


def digest(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_what_is_written_is_read(store: Store) -> None:
    assert store.read(KEY) == CODE
    assert store.read(digest(1)) is None
    store.write(KEY, b"")
    assert store.read(KEY) == b""


def test_folder_and_files_are_the_owners_alone(store: Store) -> None:
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(entry(store).stat().st_mode) == 0o600
    assert [path.name for path in store.folder.iterdir()] == [entry(store).name]


def test_no_byte_of_an_entry_can_change(store: Store) -> None:
    whole = entry(store).read_bytes()
    places = [*range(HEADER.size + 8), len(whole) // 2, len(whole) - 1]
    for place in places:
        for bit in (0, 7):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            entry(store).write_bytes(damaged)
            assert store.read(KEY) is None, (place, bit)
    entry(store).write_bytes(whole)
    assert store.read(KEY) == CODE


def test_an_entry_cut_short_or_longer_is_ignored_and_replaced(store: Store) -> None:
    whole = entry(store).read_bytes()
    for damaged in (*(whole[:n] for n in (0, 1, HEADER.size - 1, HEADER.size, len(whole) - 1)), whole + b"\0"):
        entry(store).write_bytes(damaged)
        assert store.read(KEY) is None
        store.write(KEY, CODE)
        assert store.read(KEY) == CODE


def test_an_entry_under_another_key_is_ignored(store: Store) -> None:
    entry(store, digest(1)).write_bytes(entry(store).read_bytes())
    entry(store, digest(1)).chmod(0o600)
    assert store.read(digest(1)) is None


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_can_write_is_ignored_and_replaced(store: Store, mode: int) -> None:
    entry(store).chmod(mode)
    assert store.read(KEY) is None
    store.write(KEY, CODE)
    assert store.read(KEY) == CODE


def test_links_pipes_and_folders_in_place_of_an_entry_are_ignored(store: Store, tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    entry(store).rename(aside)
    makers: list[Callable[[], None]] = [lambda: entry(store).symlink_to(aside), lambda: os.mkfifo(entry(store), 0o600)]
    for make in makers:
        make()
        assert store.read(KEY) is None
        store.write(KEY, CODE)
        assert store.read(KEY) == CODE
        assert aside.read_bytes() == entry(store).read_bytes()
        entry(store).unlink()
    os.mkfifo(entry(store), 0o600)
    pipe = os.open(entry(store), os.O_RDWR | os.O_NONBLOCK)
    os.write(pipe, aside.read_bytes())
    assert store.read(KEY) is None
    os.close(pipe)
    entry(store).unlink()
    entry(store).mkdir()
    assert store.read(KEY) is None
    with pytest.warns(SlowPathWarning):
        store.write(KEY, CODE)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_can_write_is_not_used(store: Store, mode: int) -> None:
    store.folder.chmod(mode)
    assert store.read(KEY) is None
    with pytest.warns(SlowPathWarning, match="CELLWRIGHT_CACHE"):
        store.write(digest(1), CODE)
    assert not entry(store, digest(1)).exists()


def test_a_linked_folder_is_not_used(store: Store, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(store.folder)
    linked = Store(tmp_path / "link")
    assert linked.read(KEY) is None
    with pytest.warns(SlowPathWarning):
        linked.write(KEY, CODE)


def test_what_another_user_owns_is_not_used(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    assert store.read(KEY) is None
    with pytest.warns(SlowPathWarning):
        store.write(digest(1), CODE)
    assert not entry(store, digest(1)).exists()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_in_our_folder_is_ignored(store: Store) -> None:
    os.chown(entry(store), 12345, -1)
    assert store.read(KEY) is None


def test_where_nothing_can_be_written_one_warning_comes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = Store(tmp_path / "file" / "kept")
    with pytest.warns(SlowPathWarning, match="not kept"):
        store.write(KEY, CODE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store.write(KEY, CODE)
    assert store.read(KEY) is None


def test_a_full_disk_leaves_nothing_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(SlowPathWarning, match="No space left"):
        store.write(digest(1), CODE)
    assert store.read(KEY) == CODE
    assert [path.name for path in store.folder.iterdir()] == [entry(store).name]


@pytest.mark.parametrize(("entries", "size"), [(8, 1 << 30), (100, 8 * (HEADER.size + len(CODE)))])
def test_over_either_bound_the_entries_unused_for_longest_go(tmp_path: Path, entries: int, size: int) -> None:
    store = Store(tmp_path / "kept", entries, size)
    for number in range(8):
        store.write(digest(number), CODE)
        os.utime(entry(store, digest(number)), (1000 + number, 1000 + number))
    (store.folder / "note").write_text("not an entry")
    assert store.read(digest(0)) == CODE
    assert len(list(store.folder.iterdir())) == 9
    store.write(digest(8), CODE)
    assert [number for number in range(9) if store.read(digest(number)) is None] == [1, 2]
    assert (store.folder / "note").exists()


def test_what_a_killed_process_left_goes_after_a_while(store: Store) -> None:
    fresh, old = store.folder / "a.tmp", store.folder / "b.tmp"
    fresh.write_bytes(b"")
    old.write_bytes(b"")
    os.utime(old, (time.time() - 7200,) * 2)
    store.write(KEY, CODE)
    assert fresh.exists()
    assert not old.exists()


def test_the_folder_is_the_one_asked_for() -> None:
    assert cache_folder({"CELLWRIGHT_CACHE": "/c", "XDG_CACHE_HOME": "/x"}) == Path("/c")
    assert cache_folder({"CELLWRIGHT_CACHE": "here"}) == Path("here").absolute()
    assert cache_folder({"CELLWRIGHT_CACHE": ""}) is None
    assert cache_folder({"CELLWRIGHT_CACHE": "off"}) is None
    assert cache_folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/cellwright")
    assert cache_folder({"XDG_CACHE_HOME": "relative"}) == Path.home() / ".cache" / "cellwright"
    assert cache_folder({}) == Path.home() / ".cache" / "cellwright"


RACE = """
import importlib.util, os, signal, sys, traceback, warnings
warnings.simplefilter("error")
path, folder, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
spec = importlib.util.spec_from_file_location("store", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
assert not {"torch", "llvmlite", "numpy"} & set(sys.modules)
from pathlib import Path

keys = [bytes([number]) * 32 for number in range(5)]
code = {key: key * (1 + 900 * key[0]) for key in keys}
start, go = os.pipe()
children = []
for run in range(runs):
    child = os.fork()
    if child:
        children.append(child)
        continue
    os.close(go)
    os.read(start, 1)  # all begin at once, when the parent lets go
    try:
        store = module.Store(Path(folder), most_entries=4)
        found = 0
        for turn in range(10):
            key = keys[(run + turn) % 5]
            got = store.read(key)
            if got is None or turn == 5:
                store.write(key, code[key])
            assert got is None or got == code[key]
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
os.close(go)
print(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""


def test_two_hundred_processes_race_without_an_error(tmp_path: Path) -> None:
    source = importlib.util.find_spec("cellwright.engine.store")
    assert source is not None
    assert source.origin is not None
    package = Path(source.origin).parents[2]
    result = subprocess.run(
        [sys.executable, "-S", "-c", RACE, source.origin, str(tmp_path / "kept"), "200"],
        capture_output=True, text=True, timeout=60, cwd=package, env={**os.environ, "PYTHONPATH": str(package)},
    )  # fmt: skip
    assert (result.stdout, result.stderr) == ("0\n", "")
    names = [path.name for path in (tmp_path / "kept").iterdir()]
    assert len(names) <= 5
    assert all(name.endswith(".o") for name in names)
