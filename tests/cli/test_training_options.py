"""Options of `cellwright train` beside its settings, in this process: what they do needs no second one."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from cellwright.cli.application import application
from cellwright.errors import ConfigError
from cellwright.tasks.registry import kind_named
from cellwright.tasks.training.config import config_table

TINY = (
    "data.problem=latch data.longest=4 data.gaps=[4] data.examples=10 data.size=48 model.hidden_size=8 "
    "train.epochs=2 train.batch_size=8 train.threads=1"
)
SETS = [word for setting in TINY.split() for word in ("--set", setting)]


def train(*arguments: str | Path) -> Result:
    return CliRunner().invoke(application, ["train", *map(str, arguments)])


def test_a_budget_stops_a_run_that_a_larger_one_finishes_with_the_same_bits(tmp_path: Path) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert train("memory", "--out", whole, *SETS).exit_code == 0
    cut = train("memory", "--out", folder, *SETS, "--max-minutes", "1e-9")
    assert cut.exit_code == 0, cut.output
    assert f"go on with: cellwright train --resume {folder} --max-minutes 0" in cut.stdout
    assert "max_minutes = 1e-09" in (folder / "config.toml").read_text()
    assert not (folder / "metrics.jsonl").exists()
    assert train("--resume", folder, "--max-minutes", "0").exit_code == 0
    for name in ("metrics.jsonl", "best/weights.safetensors"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()


def test_a_budget_that_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    twice = train("memory", "--out", tmp_path / "run", "--max-minutes", "1", "--set", "train.max_minutes=2")
    assert isinstance(twice.exception, ConfigError)
    assert "found --max-minutes 1 and --set train.max_minutes" in str(twice.exception)
    assert [train("--out", tmp_path / "run", "--max-minutes", value).exit_code for value in ("-1", "nan")] == [2, 2]
    assert not (tmp_path / "run").exists()


def test_curves_lie_in_the_runs_folder_and_are_replaced_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for extra in ((), ("--overwrite",)):
        done = train("memory", "--out", folder, *SETS, "--tensorboard", *extra)
        assert done.exit_code == 0, done.output
        assert len(list((folder / "tensorboard").glob("events.*"))) == 1
    assert train("memory", "--out", folder, *SETS, "--overwrite").exit_code == 0
    assert not (folder / "tensorboard").exists()


def test_what_is_given_twice_or_of_another_task_is_refused(tmp_path: Path) -> None:
    twice = train("memory", "--out", tmp_path / "run", "--data", "generated", "--set", "data.path=generated")
    assert isinstance(twice.exception, ConfigError)
    assert "found --data generated and --set data.path" in str(twice.exception)
    assert not (tmp_path / "run").exists()
    assert train("memory", "--out", tmp_path / "run", *SETS).exit_code == 0
    other = train("slots", "--resume", tmp_path / "run")
    assert isinstance(other.exception, ConfigError)
    assert "Expected a run of slots, found one of memory." in str(other.exception)
    scheme = CliRunner().invoke(application, ["evaluate", str(tmp_path / "run"), "--scheme", "bio"])
    assert isinstance(scheme.exception, ConfigError)
    assert "--scheme is for (slots, tag), found one of memory" in str(scheme.exception)


def test_names_of_settings_are_printed_whole_where_the_output_is_narrow() -> None:
    printed = train("slots", "--settings").stdout.split()
    assert {row.key for row in config_table(kind_named("slots").config)} <= set(printed)
