"""A run's folder is begun only where nothing is lost, and holds what its name promises."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from cellwright.errors import ConfigError, StorageError
from cellwright.tasks.storage.atomic import read_folder
from cellwright.tasks.training.config import Config, load_config
from cellwright.tasks.training.run_folder import RunFolder

RUN_FILES = ["best", "checkpoints", "config.toml", "env.json", "metrics.jsonl", "times.jsonl"]


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_finished_run_holds_its_files_and_no_others(reference):
    assert names(reference) == RUN_FILES


@pytest.mark.parametrize("make", ["nothing", "empty", "hidden"])
def test_a_new_or_empty_folder_is_begun(tmp_path, make):
    folder = tmp_path / "deep/run"
    if make != "nothing":
        folder.mkdir(parents=True)
    if make == "hidden":
        (folder / ".DS_Store").write_bytes(b"")
    RunFolder.open(folder, Config(), command=["x"])
    assert {"checkpoints", "config.toml", "env.json"} <= set(names(folder))
    assert load_config(folder / "config.toml", schema=Config) == Config()


def test_a_folder_that_holds_something_is_refused_untouched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(StorageError, match=r"(?s)thesis\.tex.*--resume.*--overwrite"):
        RunFolder.open(tmp_path, Config(), command=["x"])
    assert names(tmp_path) == ["thesis.tex"]


def test_a_file_in_place_of_the_folder_is_refused_untouched(tmp_path):
    (tmp_path / "run").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(StorageError):
            RunFolder.open(tmp_path / "run", Config(), command=["x"], overwrite=overwrite)
    assert (tmp_path / "run").read_text() == "mine"


def test_overwrite_replaces_a_run(toy, reference, same_run, tmp_path):
    folder = tmp_path / "run"
    toy.train(folder, "train.seed=2", "train.epochs=1")
    with pytest.raises(StorageError, match="--overwrite"):
        toy.train(folder)
    toy.train(folder, overwrite=True)
    assert names(folder) == RUN_FILES
    same_run(folder, reference)


def test_overwrite_deletes_nothing_when_a_stranger_is_there(toy, tmp_path):
    folder = tmp_path / "run"
    toy.train(folder, "train.epochs=1")
    (folder / "notes.txt").write_text("mine")
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with pytest.raises(StorageError, match=r"notes\.txt"):
        RunFolder.open(folder, Config(), command=["x"], overwrite=True)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_overwrite_leaves_no_model_of_the_run_before(toy, tmp_path):
    """A writer that died between its two renames leaves the older model under a hidden name, which reading finds."""
    folder = tmp_path / "run"
    toy.train(folder, "train.epochs=1")
    (folder / "best").rename(folder / ".best.previous")
    read_folder(folder / "best", kind="model")
    RunFolder.open(folder, Config(), command=["x"], overwrite=True)
    with pytest.raises(StorageError, match="found nothing"):
        read_folder(folder / "best", kind="model")


def test_resuming_where_no_run_is_names_the_missing_file(tmp_path):
    with pytest.raises(StorageError, match=r"config\.toml, found none"):
        RunFolder.open(tmp_path, Config(), command=["x"], resume=True)
    assert names(tmp_path) == []


@pytest.mark.parametrize("item", ["train.seed=9", "train.learning_rate=0.5", "train.epochs=21", "train.average=0"])
def test_a_changed_number_is_refused_on_resume(tmp_path, item):
    RunFolder.open(tmp_path / "run", Config(), command=["x"])
    key = item.split("=")[0]
    with pytest.raises(ConfigError, match=key):
        RunFolder.open(tmp_path / "run", load_config(None, [item], schema=Config), command=["x"], resume=True)


@pytest.mark.parametrize("item", ["data.path=x", "train.checkpoint_every=1", "train.max_minutes=1", "train.threads=1"])
def test_a_changed_place_or_budget_is_accepted_on_resume(tmp_path, item):
    RunFolder.open(tmp_path / "run", Config(), command=["x"])
    changed = RunFolder.read_config(tmp_path / "run", Config, [item])
    assert changed != Config()
    assert RunFolder.open(tmp_path / "run", changed, command=["x"], resume=True).resumed


def test_each_start_is_recorded_without_naming_the_machine(tmp_path):
    RunFolder.open(tmp_path / "run", Config(), command=["train", "one"])
    RunFolder.open(tmp_path / "run", Config(), command=["train", "two"], resume=True)
    text = (tmp_path / "run/env.json").read_text()
    starts = json.loads(text)["starts"]
    assert [start["command"] for start in starts] == [["train", "one"], ["train", "two"]]
    assert starts[0]["versions"]["torch"]
    assert os.uname().nodename not in text


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"starts": 3}', b"\xff", b'{"starts": null}'])
def test_a_broken_record_of_starts_does_not_keep_a_run_from_going_on(tmp_path, content):
    RunFolder.open(tmp_path / "run", Config(), command=["one"])
    (tmp_path / "run/env.json").write_bytes(content)
    RunFolder.open(tmp_path / "run", Config(), command=["two"], resume=True)
    starts = json.loads((tmp_path / "run/env.json").read_text())["starts"]
    assert len(starts) == 2
    assert "could not be read" in starts[0]["note"]


def test_a_disk_that_refuses_a_new_run_is_a_storage_error(tmp_path, watch_disk):
    for at in range(1, 30):
        count = [0]

        def fails(call: str, path: Path, at: int = at, count: list[int] = count) -> OSError | None:
            count[0] += 1
            return PermissionError(errno.EACCES, os.strerror(errno.EACCES)) if count[0] >= at else None

        watch_disk(fails)
        try:
            RunFolder.open(tmp_path / str(at), Config(), command=["x"])
        except StorageError as error:
            message = str(error)
        else:
            break
        assert "Make the folder writable" in message
        assert str(tmp_path / str(at)) in message
    assert at > 4
    assert count[0] < at


def test_records_are_cut_to_the_size_a_checkpoint_knew(tmp_path):
    run = RunFolder.open(tmp_path / "run", Config(), command=["x"])
    run.append("metrics.jsonl", {"epoch": 1})
    size = run.size("metrics.jsonl")
    run.append("metrics.jsonl", {"epoch": 2})
    assert run.metrics() == [{"epoch": 1}, {"epoch": 2}]
    assert run.truncate("metrics.jsonl", size)
    assert run.metrics() == [{"epoch": 1}]
    assert not run.truncate("metrics.jsonl", size + 1)
