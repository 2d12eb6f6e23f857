"""A sweep as a whole: what it keeps, that a stop changes nothing, what may fail."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from rich.console import Console

from cellwright.errors import CellwrightError, ConfigError, StorageError, TrainingError
from cellwright.tasks.api import load, train_kind
from cellwright.tasks.registry import kind_named
from cellwright.tasks.sweep.definition import Definition, begin, define, reopen
from cellwright.tasks.sweep.report import SweepReport
from cellwright.tasks.sweep.run import run_sweep
from cellwright.tasks.sweep.search import Search
from cellwright.tasks.sweep.space import settings_of
from cellwright.tasks.sweep.trials import Trial, best_of, read_trials, write_trials
from cellwright.tasks.training.config import load_config
from cellwright.tasks.training.task import Callback, StepReport


class StopAt(Callback):
    """Ctrl-C after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step(self, report: StepReport) -> None:
        if report.step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


def without_times(trials: list[Trial]) -> list[Trial]:
    return [dataclasses.replace(trial, seconds=0.0) for trial in trials]


def test_the_best_run_is_that_of_the_highest_metric_and_its_settings_train_it_again(
    definition: Definition, swept: Path, tmp_path: Path
) -> None:
    trials = read_trials(swept)
    assert len(trials) == 7
    best = best_of(trials)
    assert best is not None
    # Read from the runs themselves, not from what the sweep says of them.
    rows = {
        trial.number: [json.loads(line) for line in (swept / trial.folder / "metrics.jsonl").read_text().splitlines()]
        for trial in trials
    }
    whole = {number: max(row["valid"]["skill"] for row in found) for number, found in rows.items() if len(found) == 3}
    assert best.number == max(whole, key=lambda number: whole[number])
    assert best.best == whole[best.number]
    assert [len(t.by_epoch) for t in trials] == [len(rows[t.number]) for t in trials]
    config = load_config(swept / "best.toml", schema=definition.kind.config)
    train_kind(definition.kind, config, tmp_path / "again")
    again, first = (f / "best" / "weights.safetensors" for f in (tmp_path / "again", swept / best.folder))
    assert again.read_bytes() == first.read_bytes()
    assert load(swept / best.folder).task == "memory"


def test_a_run_below_the_median_of_the_others_ends_early(swept: Path) -> None:
    trials = read_trials(swept)
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert pruned
    for trial in pruned:
        epoch = len(trial.by_epoch) - 1
        others = sorted(t.by_epoch[epoch] for t in trials[: trial.number] if t.state == "complete")
        assert trial.by_epoch[epoch] < others[len(others) // 2]


@pytest.mark.parametrize("step", [1, 8, 14])
def test_a_sweep_stopped_within_a_run_ends_as_one_that_was_not(
    definition: Definition, swept: Path, tmp_path: Path, step: int
) -> None:
    """Stopped in the fourth run, which the search already chose from the first three."""
    folder = tmp_path / "sweep"
    begin(definition, folder)
    trials = read_trials(swept)
    write_trials(folder, trials[:3])
    for trial in trials[:3]:
        shutil.copytree(swept / trial.folder, folder / trial.folder)
    config = definition.config_of(dict(trials[3].values))
    with pytest.raises(KeyboardInterrupt):
        train_kind(definition.kind, config, folder / trials[3].folder, callbacks=[StopAt(step)])
    run_sweep(reopen(folder), folder)
    assert without_times(read_trials(folder)) == without_times(trials)
    for name in ("best.toml", f"{trials[3].folder}/metrics.jsonl"):
        # best.toml was written anew only if a later run was better
        if (folder / name).exists():
            assert (folder / name).read_bytes() == (swept / name).read_bytes()


def stopped(folder: Path, file: Path) -> Definition:
    """A sweep that was stopped in the second epoch of its first run, whose settings are drawn; as it is read again."""
    definition = define(kind_named("memory"), file, trials=2)
    begin(definition, folder)
    asked = Search(definition.space, definition.section).ask([], settings_of(definition.config))
    config = definition.config_of(asked.values)
    with pytest.raises(KeyboardInterrupt):
        train_kind(definition.kind, config, folder / "trial-0000", callbacks=[StopAt(8)])
    return reopen(folder)


@pytest.mark.parametrize("reverse", [False, True])
def test_what_is_drawn_does_not_depend_on_the_order_in_which_the_space_is_written(
    tmp_path: Path, settings: str, reverse: bool
) -> None:
    """TOML that is written anew has lists before ranges."""
    rows = ['"train.learning_rate" = {low = 1e-4, high = 1e-2, log = true}', '"model.cell" = ["Elman", "PerToken"]']
    text = settings.replace('cell = "PerToken"\n', "").replace("size = 8", "size = 7")
    (tmp_path / "s.toml").write_text(text + "\n".join(["[search]", *(rows[::-1] if reverse else rows)]) + "\n")
    report = run_sweep(stopped(tmp_path / "sweep", tmp_path / "s.toml"), tmp_path / "sweep")
    assert [trial.state for trial in report.trials] == ["complete", "complete"]
    assert len(report.trials[0].by_epoch) == 3
    values = [trial.values for trial in report.trials]
    (tmp_path / "s.toml").write_text(text + "\n".join(["[search]", *rows]) + "\n")
    whole = define(kind_named("memory"), tmp_path / "s.toml", trials=1)
    assert Search(whole.space, whole.section).ask([], settings_of(whole.config)).values == values[0]


def test_a_stopped_run_that_cannot_go_on_ends_the_sweep(tmp_path: Path, settings: str) -> None:
    (tmp_path / "s.toml").write_text(settings + '[search]\n"train.clip" = [1.0, 2.0]\n')
    definition = stopped(tmp_path / "sweep", tmp_path / "s.toml")
    identity = tmp_path / "sweep" / "trial-0000" / "identity.json"
    identity.write_text(json.dumps(json.loads(identity.read_text()) | {"the task": "another"}))
    with pytest.raises(ConfigError, match="the task changed since"):
        run_sweep(definition, tmp_path / "sweep")
    assert read_trials(tmp_path / "sweep") == []


def test_a_run_that_was_killed_before_it_had_settings_begins_anew(tmp_path: Path, settings: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(settings.replace("epochs = 3", "epochs = 1") + '[search]\n"train.clip" = [1.0, 2.0]\n')
    definition = define(kind_named("memory"), file, trials=1)
    begin(definition, tmp_path / "sweep")
    (tmp_path / "sweep" / "trial-0000" / "checkpoints").mkdir(parents=True)
    assert run_sweep(definition, tmp_path / "sweep").best.number == 0


def test_the_first_run_has_the_settings_as_they_are(tmp_path: Path, settings: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(settings + '[search]\n"train.learning_rate" = {low = 0.001, high = 0.1}\n"train.clip" = [1.0, 2]\n')
    definition = define(kind_named("memory"), file)
    search = Search(definition.space, definition.section)
    assert search.ask([], {"train.learning_rate": 0.01, "train.clip": 2}).values == {
        "train.learning_rate": 0.01,
        "train.clip": 2,
    }
    outside = search.ask([], {"train.learning_rate": 0.5, "train.clip": 2}).values
    assert outside["train.learning_rate"] <= 0.1


def test_a_narrow_console_loses_no_column(swept: Path) -> None:
    told = Console(file=io.StringIO(), width=40)
    trials = read_trials(swept)
    SweepReport("memory", swept, trials).print(told)
    rows = told.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert rows[0].split()[-2:] == ["model.hidden_size", "train.learning_rate"]
    for trial in trials:
        (row,) = [row for row in rows if row.startswith(f"{trial.folder} ")]
        assert f" {trial.values['model.hidden_size']} " in row
        assert f"{trial.values['train.learning_rate']:.4g}" in row
    assert told.width == 40


def test_settings_that_do_not_go_together_fail_alone(tmp_path: Path, settings: str) -> None:
    text = settings.replace("PerToken", "LSTM").replace("epochs = 3", "epochs = 1")
    file = tmp_path / "settings.toml"
    file.write_text(text + '[search]\n"model.forget_bias" = [0.0, 1.0]\n')
    definition = define(kind_named("memory"), file, trials=4)
    said: list[str] = []
    begin(definition, tmp_path / "sweep")
    report = run_sweep(definition, tmp_path / "sweep", announce=said.append)
    assert report.best.values == {"model.forget_bias": 0.0}
    failed = [trial for trial in report.trials if trial.state == "failed"]
    assert failed
    assert all("init=chrono" in trial.error and not trial.by_epoch for trial in failed)
    file.write_text(text + '[search]\n"model.forget_bias" = [1.0, 2.0]\n')
    definition = define(kind_named("memory"), file, trials=2)
    begin(definition, tmp_path / "none")
    with pytest.raises(TrainingError, match="all 2 failed"):
        run_sweep(definition, tmp_path / "none")


def test_a_sweep_is_never_overwritten_and_keeps_its_space(definition: Definition, swept: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="--resume"):
        begin(definition, swept)
    folder = tmp_path / "copy"
    shutil.copytree(swept, folder)
    again = reopen(folder)
    assert (again.config, again.space, again.section) == (definition.config, definition.space, definition.section)
    file = folder / "sweep.toml"
    file.write_text(file.read_text().replace("high = 0.1", "high = 0.00001"))
    with pytest.raises(StorageError, match="Expected values of \\[search\\]"):
        run_sweep(reopen(folder), folder)


HOSTILE = {
    "no JSON": "[",
    "no list": "3",
    "another number": '[{"number": 1, "values": {}, "state": "complete", "by_epoch": [1.0]}]',
    "another state": '[{"number": 0, "values": {}, "state": "done", "by_epoch": [1.0]}]',
    "a figure that is text": '[{"number": 0, "values": {}, "state": "complete", "by_epoch": ["1"]}]',
    "an unknown key": '[{"number": 0, "values": {}, "state": "complete", "by_epoch": [1.0], "x": 1}]',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_damaged_list_of_runs_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "trials.json").write_text(HOSTILE[name])
    with pytest.raises(StorageError, match="Expected the runs of a sweep"):
        read_trials(tmp_path)


def test_a_folder_that_is_no_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Expected the folder of a sweep"):
        reopen(tmp_path)
    (tmp_path / "sweep.toml").write_text('task = "none"\n[search]\n"train.clip" = [1.0]\n')
    with pytest.raises(CellwrightError, match="found 'none'"):
        reopen(tmp_path)


def test_without_the_package_the_message_says_what_to_install(definition: Definition, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"pip install 'cellwright\[sweep\]'"):
        Search(definition.space, definition.section)
