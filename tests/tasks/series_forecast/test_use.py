"""Trained forecasters: answers, figures, storage, resuming, tables of one's own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

import cellwright as cw
from cellwright.errors import CellwrightError, ConfigError, DataError, StorageError
from cellwright.tasks.registry import kind_named
from cellwright.tasks.series_forecast.baselines import LAST, LINEAR, PER_STEP, SEASONAL
from cellwright.tasks.series_forecast.frame import Frame, held_back
from cellwright.tasks.series_forecast.hourly import hourly
from cellwright.tasks.series_forecast.predict import Forecaster
from cellwright.tasks.storage.atomic import read_folder, write_folder
from cellwright.tasks.training.config import load_config


def as_csv(frame: Frame, path: Path, future: bool = True) -> Path:
    """The frame as a file; the targets of future rows are empty."""
    lines = [",".join(["date", *frame.columns, *frame.known])]
    rows = len(frame.times) if future else len(frame.targets_TC)
    for k in range(rows):
        past = k < len(frame.targets_TC)
        targets = [f"{v:.9g}" for v in frame.targets_TC[k]] if past else [""] * len(frame.columns)
        lines.append(",".join([str(frame.times[k]), *targets, *(f"{v:g}" for v in frame.known_TK[k])]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_figures_stand_beside_what_needs_no_memory(model: Forecaster) -> None:
    report = cw.evaluate(model)
    errors = {line.name: float(line.figures["mse"]) for line in report.lines}
    assert list(errors) == ["model", LINEAR, PER_STEP, SEASONAL, LAST]
    assert errors["model"] < min(errors[PER_STEP], errors[SEASONAL], errors[LAST])
    assert [section.title for section in report.sections] == [
        "mae by column",
        "mse by origin",
        "mse by step",
        "quantile",
    ]
    whole = sum(float(line.figures["model"]) for line in report.sections[2].lines) / 4  # four parts of three steps
    assert whole == pytest.approx(errors["model"], rel=1e-6)
    below = [float(line.figures["values below it"]) for line in report.sections[3].lines]
    assert below[0] < 0.35 < 0.65 < below[1]
    json.dumps(report.to_data())
    fewer = cw.evaluate(model, stride=12)
    assert 0 < fewer.examples < report.examples / 6


def test_a_forecast_from_a_file_is_that_from_the_frame(model: Forecaster, tmp_path: Path) -> None:
    past = held_back(hourly(1200, 0), 12)
    answer = model.predict(past)
    assert (list(answer.values), len(answer.times)) == (["load", "temperature"], 12)
    assert list(answer.times) == list(hourly(1200, 0).times[-12:])
    read = model.predict(as_csv(past, tmp_path / "past.csv"))
    for column, row in answer.values.items():
        np.testing.assert_allclose(read.values[column], row, rtol=1e-5)
        low, high = (answer.quantiles[column][q] for q in (0.1, 0.9))
        assert (np.array(low) <= high).all()
    truth = hourly(1200, 0).targets_TC[-12:, 0]
    assert np.abs(np.array(answer.values["load"]) - truth).mean() < np.abs(past.targets_TC[-1, 0] - truth).mean()
    said = json.loads(answer.to_json())
    assert set(said) == {"time", "forecast", "quantiles"}
    table = str(answer).splitlines()
    assert table[0] == "time,load,load:0.1,load:0.9,temperature,temperature:0.1,temperature:0.9"
    assert len(table) == 13
    assert len(model.predict("hourly").times) == 12
    assert "48 → 12" in repr(model)


def test_a_known_holiday_changes_the_forecast(model: Forecaster) -> None:
    past = held_back(hourly(1200, 0), 12)
    turned = past.known_TK.copy()
    turned[-12:] = 1 - turned[-12:]
    one, other = model.predict(past), model.predict(replace(past, known_TK=turned))
    assert np.abs(np.array(one.values["load"]) - other.values["load"]).max() > 0.1


@pytest.mark.parametrize("fault", ["short", "step", "future", "column", "gap", "file"])
def test_a_past_that_does_not_fit_is_refused(model: Forecaster, tmp_path: Path, fault: str) -> None:
    past = held_back(hourly(1200, 0), 12)
    path = tmp_path / "past.csv"
    if fault == "short":
        wrong, said = (
            replace(past, times=past.times[:59], targets_TC=past.targets_TC[:47], known_TK=past.known_TK[:59]),
            "48",
        )
        as_csv(wrong, path)
    elif fault == "step":
        times = [past.times[0] + timedelta(minutes=30 * k) for k in range(len(past.times))]  # type: ignore[operator]
        said = "0:30:00"
        as_csv(replace(past, times=times), path)
    elif fault == "future":
        said = "found 0 future rows"
        as_csv(past, path, future=False)
    elif fault == "column":
        said = "a column 'load'"
        as_csv(replace(past, columns=["lead", "temperature"]), path)
    elif fault == "gap":
        said = "finite number in column load"
        values = past.targets_TC.copy()
        values[-3, 0] = np.nan
        as_csv(replace(past, targets_TC=values), path)
        with pytest.raises(DataError, match="finite"):
            model.predict(replace(past, targets_TC=values))
    else:
        said = "past.csv"
    with pytest.raises(DataError) as refused:
        model.predict(path)
    assert said in str(refused.value)
    assert refused.value.repair


def test_other_settings_than_in_training_are_refused(model: Forecaster, tmp_path: Path) -> None:
    for setting in ({"look_back": 24}, {"horizon": 24}, {"calendar": ["hour"]}):
        with pytest.raises(ConfigError, match="as in training"):
            cw.evaluate(model, **setting)  # type: ignore[arg-type]
    for given in (None, [[1.0, 2.0]], np.zeros((5, 2))):
        with pytest.raises(DataError, match="Expected the name of a CSV file, found"):
            model.predict(given)  # type: ignore[arg-type]
    frame = hourly(1200, 0)
    other = as_csv(replace(frame, columns=["load", "wind"]), tmp_path / "other.csv")
    with pytest.raises(DataError, match="'temperature', with which the model was trained") as missing:
        cw.evaluate(model, other)
    assert "--set" not in str(missing.value)  # a model's columns cannot be set
    near = as_csv(replace(frame, known=["holidays"]), tmp_path / "near.csv")
    for use in (cw.evaluate, type(model).predict):
        with pytest.raises(DataError, match="'holiday', with which the model was trained") as renamed:
            use(model, near)
        assert renamed.value.repair == "Is it holidays? Rename it."


def test_a_folder_reloads_exactly_and_a_changed_one_is_refused(run: Path, tmp_path: Path) -> None:
    first, again = cw.load(run), cw.load(run / "best")
    for key, tensor in first.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[key])
    past = held_back(hourly(1200, 0), 12)
    assert first.predict(past) == again.predict(past)
    for file in (run / "best").iterdir():
        shutil.copytree(run / "best", tmp_path / file.name)
        (tmp_path / file.name / file.name).write_bytes(file.read_bytes()[:-3])
        with pytest.raises(StorageError):
            cw.load(tmp_path / file.name)
    stored = read_folder(run / "best", kind="series-forecast model")
    extra = stored.info["extra"]
    for wrong in ({}, {**extra, "mean": [1.0]}, {**extra, "step": "x"}, {**extra, "sizes": {"look_back": 48}}):
        info = {**stored.info, "extra": wrong}
        write_folder(tmp_path / "odd", stored.files, kind="series-forecast model", info=info)
        with pytest.raises(StorageError):
            cw.load(tmp_path / "odd")


def test_a_killed_run_goes_on_with_the_same_bits(
    killed_run_ends_alike: Callable[..., Path], quick: dict[str, object]
) -> None:
    settings = {**quick, "data__size": 500, "train__epochs": 2, "train__checkpoint_every": 2}
    killed_run_ends_alike("series-forecast", 3, **settings)


def test_a_file_is_trained_on_and_evaluated(tmp_path: Path, quick: dict[str, object]) -> None:
    """Numbers as times, one target, nothing known; the model keeps no place of the file."""
    t = np.arange(400)
    rng = np.random.default_rng(0)
    wave = 10 + 3 * np.sin(2 * np.pi * t / 12) + rng.normal(0, 0.1, len(t))
    path = tmp_path / "wave.csv"
    path.write_text("t,y\n" + "".join(f"{k},{v:.4f}\n" for k, v in zip(t, wave, strict=True)), encoding="utf-8")
    settings = {**quick, "data__time_column": "t", "data__calendar": [], "data__look_back": 24, "data__season": 12}
    settings |= {"model__quantiles": [], "train__epochs": 10, "model__cell": "LSTM"}
    del settings["data__size"]
    model = cw.train("series-forecast", data=path, out=tmp_path / "run", **settings)  # type: ignore[arg-type]
    assert "path" not in model.data
    report = cw.evaluate(model, path)
    assert float(report.figures["mse"]) < 0.1
    answer = model.predict(path)
    assert list(answer.times) == [400.0 + k for k in range(12)]
    expected = 10 + 3 * np.sin(2 * np.pi * np.arange(400, 412) / 12)
    np.testing.assert_allclose(answer.values["y"], expected, atol=1.0)
    with pytest.raises(CellwrightError, match="the model was trained on files"):
        cw.evaluate(model)


def test_the_comparison_takes_any_cell(quick: dict[str, object]) -> None:
    kind = kind_named("series-forecast")
    sets = {key.replace("__", ".", 1): value for key, value in quick.items()}
    values = {**kind.comparison("hourly"), **sets, "data.size": 500, "train.epochs": 1}
    report = kind.compare(load_config(None, schema=kind.config, values=values), ["PerToken", "GRU", "MGU"])
    names = [line.name for line in report.lines]  # type: ignore[attr-defined]
    assert names == ["PerToken", "GRU", "MGU", LINEAR, PER_STEP, SEASONAL, LAST]
