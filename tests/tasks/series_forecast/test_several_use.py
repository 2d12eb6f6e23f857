"""Forecasters of several series: trained, stored, measured and asked, each series by its name."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import cellwright as cw
from cellwright.cli.application import application
from cellwright.errors import DataError, StorageError
from cellwright.tasks.registry import kind_named
from cellwright.tasks.series_forecast.forecast import Forecast, PanelForecast
from cellwright.tasks.series_forecast.frame import held_back
from cellwright.tasks.series_forecast.predict import Forecaster
from cellwright.tasks.series_forecast.windows import cut
from cellwright.tasks.storage.atomic import read_folder, write_folder
from cellwright.tasks.training.config import load_config

LENGTHS = {"north": 150, "south": 120, "east": 100, "new": 20}  # rows; new has too few
LEVELS = {"north": 10.0, "south": 10_000.0, "east": 0.01, "new": 1.0}
SETTINGS: dict[str, object] = {
    "data__look_back": 14,
    "data__horizon": 7,
    "data__season": 7,
    "data__calendar": [],
    "model__segment": 7,
    "model__hidden_size": 16,
    "train__epochs": 2,
    "train__learning_rate": 0.02,
    "train__average": 0.9,
    "train__threads": 1,
}


def rows_of(name: str, future: int = 0) -> list[tuple[str, str, str, str]]:
    """A week that is the same in every series, at a level of its own, and a day of sale that adds to it."""
    rng = np.random.default_rng(len(name))
    length = LENGTHS[name]
    found = []
    for k in range(length + future):
        day = date(2024, 1, 1) + timedelta(days=k)
        sale = int(rng.random() < 0.2)
        value = LEVELS[name] * (5 + np.sin(2 * np.pi * k / 7) + 2 * sale + 0.05 * rng.normal())
        found.append((str(day), name, f"{value:.6g}" if k < length else "", str(sale)))
    return found


def table(folder: Path, names: list[str], future: int = 0, by_time: bool = False) -> Path:
    rows = [row for name in names for row in rows_of(name, future)]
    path = folder / "sales.csv"
    lines = [",".join(row) for row in (sorted(rows) if by_time else rows)]
    path.write_text("\n".join(["date,item_id,y,sale", *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def panel_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    data = table(folder, list(LENGTHS))
    settings = {**SETTINGS, "data__known": ["sale"], "train__epochs": 12}
    cw.train("series-forecast", data=data, out=folder / "run", callbacks=[], **settings)  # type: ignore[arg-type]
    return folder / "run"


@pytest.fixture(scope="module")
def panel_model(panel_run: Path) -> Forecaster:
    loaded: Forecaster = cw.load(panel_run)
    return loaded


def test_the_figures_are_of_all_series_together(panel_model: Forecaster, tmp_path: Path) -> None:
    path = table(tmp_path, list(LENGTHS))
    report = cw.evaluate(panel_model, path)
    # Each split is the last fifth of its series; a forecast needs seven rows of it.
    assert report.examples == (30 - 6) + (24 - 6) + (20 - 6)
    errors = {line.name: float(line.figures["mse"]) for line in report.lines}
    assert errors["model"] < min(errors["seasonal naive"], errors["last value"])
    of_series = {line.name: float(line.figures["model"]) for line in report.sections[-1].lines}
    assert set(of_series) == {"north", "south", "east"}
    whole = (24 * of_series["north"] + 18 * of_series["south"] + 14 * of_series["east"]) / report.examples
    assert whole == pytest.approx(errors["model"])
    assert any("left out: new" in note for note in report.notes)
    assert any(note.startswith("of 3 series") for note in report.notes)
    (column,) = report.sections[0].lines
    mae = cw.evaluate(panel_model, table(tmp_path, ["south"])).sections[0].lines[0].figures["model"]
    assert float(column.figures["model"]) == pytest.approx(float(mae) * 18 / report.examples, rel=0.01)


def test_seasonal_naive_is_that_of_each_series(panel_model: Forecaster, tmp_path: Path) -> None:
    """Counted by hand from the rows: the week before the forecast again, scaled by the series' training rows."""
    squares = []
    for name in ("north", "south", "east"):
        values = np.array([float(row[2]) for row in rows_of(name)])
        length = len(values)
        scaled = values / values[: round(0.7 * length)].std()
        for origin in range(round(0.8 * length), length - 6):
            squares.append((scaled[origin : origin + 7] - scaled[origin - 7 : origin]) ** 2)
    report = cw.evaluate(panel_model, table(tmp_path, list(LENGTHS)))
    naive = next(line for line in report.lines if line.name == "seasonal naive")
    assert float(naive.figures["mse"]) == pytest.approx(np.mean(squares), rel=1e-4)


def test_every_series_is_forecast_by_its_name(panel_model: Forecaster, tmp_path: Path) -> None:
    path = table(tmp_path, list(LENGTHS), future=7, by_time=True)
    answer = panel_model.predict(path)
    assert isinstance(answer, PanelForecast)
    assert set(answer.series) == {"north", "south", "east", "new"}  # 20 rows are enough to be read, not to be learnt
    for name, forecast in answer.series.items():
        first = date(2024, 1, 1) + timedelta(days=LENGTHS[name])
        assert str(forecast.times[0]).startswith(str(first))
    alone = panel_model.predict(table(tmp_path, ["south"], future=7))
    assert isinstance(alone, PanelForecast)
    np.testing.assert_allclose(alone.series["south"].values["y"], answer.series["south"].values["y"], rtol=1e-4)
    said = json.loads(answer.to_json())
    assert (said["series_column"], said["left_out"]) == ("item_id", [])
    assert set(said["series"]["north"]) == {"time", "forecast", "quantiles"}
    rows = list(csv.reader(io.StringIO(str(answer))))
    assert rows[0] == ["item_id", "time", "y", "y:0.1", "y:0.9"]
    assert len(rows) == 1 + 4 * 7
    assert {row[0] for row in rows[1:]} == set(LENGTHS)
    assert "y of 3 series" in repr(panel_model)


def test_a_forecast_is_the_one_that_back_testing_measures(panel_model: Forecaster, tmp_path: Path) -> None:
    """The last week of each series is held back; its window of the test split has the same forecast."""
    path = table(tmp_path, ["north", "south", "east"])
    panel = panel_model.read(path)
    windows, _, series, _ = cut(panel, panel_model.settings, panel_model.scales)
    answer = panel_model.predict(replace(panel, frames=[held_back(frame, 7) for frame in panel.frames]))
    assert isinstance(answer, PanelForecast)
    for place, (name, scale) in enumerate(series):
        last = int(np.flatnonzero(windows["test"].series == place)[-1])
        with torch.no_grad():
            point_H = panel_model.network(windows["test"].batch([last]))[0, :, 0, 0].double().numpy()
        expected = point_H * scale.deviation_C[0] + scale.mean_C[0]
        np.testing.assert_allclose(answer.series[name].values["y"], expected, rtol=1e-4)


def test_a_name_with_a_comma_stays_one_cell() -> None:
    forecast = Forecast([1.0], {"y": [2.0]}, {"y": {}})
    said = str(PanelForecast("store", {"Rome, north": forecast}, [], 3))
    assert list(csv.reader(io.StringIO(said))) == [["store", "time", "y"], ["Rome, north", "1.0", "2"]]


def test_series_too_short_to_be_read_are_named(panel_run: Path, panel_model: Forecaster, tmp_path: Path) -> None:
    path = table(tmp_path, ["north"], future=7)
    rows = [f"2024-01-{day:02},tiny,{day},0" for day in range(1, 10)]
    path.write_text(path.read_text(encoding="utf-8") + "\n".join(rows) + "\n", encoding="utf-8")
    answer = panel_model.predict(path)
    assert isinstance(answer, PanelForecast)
    assert list(answer.series) == ["north"]
    assert json.loads(answer.to_json())["left_out"] == ["tiny"]
    result = CliRunner().invoke(application, ["predict", str(panel_run), str(path)])
    assert result.exit_code == 0
    assert "fewer than the 14 rows that the model sees, no forecast: series tiny" in result.stderr
    assert result.stdout.startswith("item_id,time,y")
    path.write_text("\n".join(["date,item_id,y,sale", *rows]) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="at least 14 rows of series tiny"):
        panel_model.predict(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("item_id", "item", "a column 'item_id'"),
        (",south,", ",,", "the name of a series"),
        ("2024-01-03,south", "2024-01-02,south", "each time once"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(
    panel_model: Forecaster, tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = table(tmp_path, ["north", "south"], future=7)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataError, match=said):
        panel_model.predict(path)
    with pytest.raises(DataError, match="sale of the next 7 steps of series north, found 1 future rows"):
        panel_model.predict(table(tmp_path, ["north", "south"], future=1))


def test_series_that_training_did_not_have_are_told(panel_model: Forecaster, tmp_path: Path) -> None:
    path = table(tmp_path, ["north", "south"])
    path.write_text(path.read_text(encoding="utf-8").replace("south", "west"), encoding="utf-8")
    notes = cw.evaluate(panel_model, path).notes
    assert "1 of 2 series were not in training and are scaled by their own training rows: west" in notes


def test_the_order_of_the_rows_changes_no_weight(panel_run: Path, panel_model: Forecaster, tmp_path: Path) -> None:
    """Rows sorted by time give the same windows, with the series in the order of their first rows."""
    names = ["east", "new", "north", "south"]
    data = table(tmp_path, names), tmp_path / "a"
    one = cw.train("series-forecast", data=data[0], out=data[1], callbacks=[], data__known=["sale"], **SETTINGS)
    table(tmp_path, names, by_time=True)
    two = cw.train(
        "series-forecast", data=data[0], out=tmp_path / "b", callbacks=[], data__known=["sale"], **SETTINGS
    )  # fmt: skip
    first, second = one.network.state_dict(), two.network.state_dict()
    assert all((first[key] == second[key]).all() for key in first)


def test_a_stored_model_keeps_its_series_and_a_changed_one_is_refused(panel_run: Path, tmp_path: Path) -> None:
    shutil.copytree(panel_run / "best", tmp_path / "copy")
    again = cw.load(tmp_path / "copy")
    assert list(again.scales.series) == ["north", "south", "east"]
    stored = read_folder(panel_run / "best", kind="series-forecast model")
    extra = stored.info["extra"]
    for wrong in ({"series": ["north"]}, {"series": []}, {"mean": [1.0]}, {"series_column": ""}, {"series": 3}):
        info = {**stored.info, "extra": {**extra, **wrong}}
        write_folder(tmp_path / "odd", stored.files, kind="series-forecast model", info=info)
        with pytest.raises(StorageError):
            cw.load(tmp_path / "odd")


def test_a_killed_run_of_several_series_goes_on(killed_run_ends_alike: Callable[..., Path], tmp_path: Path) -> None:
    path = table(tmp_path, list(LENGTHS))
    settings = {**SETTINGS, "data__path": str(path), "train__checkpoint_every": 2}
    killed_run_ends_alike("series-forecast", 3, **settings)


def test_several_series_are_compared(tmp_path: Path) -> None:
    kind = kind_named("series-forecast")
    sets = {key.replace("__", ".", 1): value for key, value in SETTINGS.items()} | {"train.epochs": 1}
    values = {**kind.comparison(str(table(tmp_path, list(LENGTHS)))), **sets, "data.series_column": "item_id"}
    report = kind.compare(load_config(None, schema=kind.config, values=values), ["PerToken", "GRU"])
    assert [line.name for line in report.lines][:2] == ["PerToken", "GRU"]  # type: ignore[attr-defined]
