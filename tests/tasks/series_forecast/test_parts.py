"""Tables, windows, baselines, errors and the network, each against arithmetic of its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cellwright.errors import CellwrightError, ConfigError, DataError
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.series_forecast.baselines import LAST, LINEAR, PER_STEP, SEASONAL, Baselines
from cellwright.tasks.series_forecast.config import ForecastData, ForecastModel, check_lengths
from cellwright.tasks.series_forecast.corpora import open_panel
from cellwright.tasks.series_forecast.frame import Frame
from cellwright.tasks.series_forecast.hourly import hourly
from cellwright.tasks.series_forecast.measure import Errors
from cellwright.tasks.series_forecast.model import ForecastNetwork
from cellwright.tasks.series_forecast.panel import Panel, read_panel
from cellwright.tasks.series_forecast.windows import cut

GOOD = """date,load,temperature,holiday
2024-01-01 00:00:00,12.1,3.0,1
2024-01-01 01:00:00,11.8,2.7,1
2024-01-01 02:00:00,11.0,2.5,1
2024-01-01 03:00:00,,,0
"""
BEGIN = datetime(2024, 1, 1)


def panel_of(values_TC: np.ndarray, known_TK: np.ndarray | None = None) -> Panel:
    rows, targets = values_TC.shape
    known_TK = np.zeros((rows, 0)) if known_TK is None else known_TK
    times = [BEGIN + timedelta(hours=k) for k in range(rows)]
    names = [f"c{k}" for k in range(targets)], [f"k{k}" for k in range(known_TK.shape[1])]
    return Panel("made", [Frame("made", times, values_TC, known_TK, *names, timedelta(hours=1))])


def written(folder: Path, text: str) -> Path:
    path = folder / "load.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_is_read_with_its_future(tmp_path: Path) -> None:
    panel = read_panel(written(tmp_path, GOOD), ForecastData(known=["holiday"]))
    (frame,) = panel.frames
    assert (frame.columns, frame.known, frame.time_column) == (["load", "temperature"], ["holiday"], "date")
    assert (frame.future, frame.step, list(panel.notes)) == (1, timedelta(hours=1), [])
    np.testing.assert_array_equal(frame.targets_TC, [[12.1, 3.0], [11.8, 2.7], [11.0, 2.5]])
    np.testing.assert_array_equal(frame.known_TK[:, 0], [1, 1, 1, 0])
    one = read_panel(written(tmp_path, GOOD), ForecastData(targets=["load"]))
    assert (one.columns, one.frames[0].known_TK.shape) == (["load"], (4, 0))
    numbers = "n,y\n0,1\n0.1,2\n0.2,3\n0.30000000000000004,4\n0.5,5\n"
    gap = read_panel(written(tmp_path, numbers), ForecastData(time_column="n"))
    assert gap.step == pytest.approx(0.1)
    assert len(gap.notes) == 1


@pytest.mark.parametrize(
    ("old", "new", "line", "expected", "found"),
    [
        ("11.8,", "NaN,", 3, "a finite number in column load", "NaN"),
        ("11.8,", ",", 3, "a number in column load", "an empty cell"),
        ("2.5,1", "2.5,", 4, "a number in column holiday", "an empty cell"),
        (",,,0", ",,1,0", 5, "a number in column load", "an empty cell"),
        ("01:00:00", "00:00:00", 3, "each time once", "again"),
        ("01:00:00", "03:00:00", 4, "rows in the order of time", "after"),
        ("01:00:00", "25:00:00", 3, "a time such as", "25:00:00"),
        ("date,", "when,", 1, "a time column", "when, load"),
        (",holiday", ",holidays", 1, "a column 'holiday'", "holidays"),
        ("11.8,2.7,1", "11.8,2.7", 3, "4 columns", "3"),
        (GOOD[GOOD.index("12.1") : GOOD.index(",1\n2024-01-01 03")], ",", None, "numbers to forecast", "empty"),
    ],
)  # fmt: skip
def test_a_broken_table_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, line: int | None, expected: str, found: str
) -> None:
    assert old in GOOD
    with pytest.raises(DataError) as refused:
        read_panel(written(tmp_path, GOOD.replace(old, new, 1)), ForecastData(known=["holiday"]))
    error = refused.value
    assert error.line == line
    assert str(error.file).endswith("load.csv")
    assert f"Expected {expected}" in error.message
    assert found in error.message.partition("found")[2]
    assert error.repair


def test_columns_and_lengths_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    for settings in ({"targets": ["load"], "known": ["load"]}, {"known": ["load", "temperature", "holiday"]}):
        with pytest.raises(DataError, match="columns to forecast"):
            read_panel(written(tmp_path, GOOD), ForecastData.model_validate(settings))
    with pytest.raises(ConfigError, match=r"data\.look_back"):
        check_lengths(ForecastData(look_back=100), ForecastModel(segment=24))
    with pytest.raises(ConfigError, match=r"data\.horizon"):
        check_lengths(ForecastData(horizon=25), ForecastModel(segment=24))
    with pytest.raises(ConfigError, match="rise"):
        check_lengths(ForecastData(), ForecastModel(quantiles=[0.9, 0.1]))
    for wrong in ({"targets": ["load"]}, {"known": ["sun"]}):
        with pytest.raises(CellwrightError, match="embedded set"):
            open_panel(ForecastData.model_validate(wrong))
    panel = panel_of(np.zeros((100, 1)))
    with pytest.raises(DataError, match="for valid"):
        cut(panel, ForecastData(look_back=24, horizon=24))
    with pytest.raises(DataError, match="101 rows"):
        cut(panel, ForecastData(look_back=2, horizon=2, splits=[50, 40, 11]))


def test_windows_are_cut_at_the_published_rows() -> None:
    """ETTh1's standard split: 12, 4 and 4 months of 30 days; a test window may look back into valid."""
    values = np.random.default_rng(0).normal(size=(14_500, 2)).cumsum(0)
    data = ForecastData(look_back=336, horizon=96, splits=[8640, 2880, 2880], calendar=["hour"])
    windows, _, [(_, scale)], _ = cut(panel_of(values), data)
    assert {split: len(w) for split, w in windows.items()} == {"train": 8209, "valid": 2785, "test": 2785}
    np.testing.assert_allclose(scale.mean_C, values[:8640].mean(0))
    np.testing.assert_allclose(scale.deviation_C, values[:8640].std(0))
    scaled = (values - scale.mean_C) / scale.deviation_C
    for split, first in (("train", 336), ("valid", 8640), ("test", 11_520)):
        batch = windows[split].batch([0, len(windows[split]) - 1])
        np.testing.assert_allclose(batch.x_BLC[0], scaled[first - 336 : first], atol=1e-5)
        np.testing.assert_allclose(batch.y_BHC[0], scaled[first : first + 96], atol=1e-5)
        end = {"train": 8640, "valid": 11_520, "test": 14_400}[split]
        np.testing.assert_allclose(batch.y_BHC[1], scaled[end - 96 : end], atol=1e-5)
        np.testing.assert_allclose(batch.past_BLK[0, :-24], batch.past_BLK[0, 24:], atol=1e-6)
        assert batch.future_BHK.shape == (2, 96, 2)
    sparse = cut(panel_of(values), data.model_copy(update={"stride": 24})).windows
    assert len(sparse["test"]) == 117
    assert len(sparse["train"]) == 8209


def baselines_of(panel: Panel, **settings: Any) -> tuple[Baselines, Any]:
    data = ForecastData.model_validate({"look_back": 12, "horizon": 6, "season": 6, "calendar": [], **settings})
    windows = cut(panel, data).windows
    known = windows["train"].known_TK.shape[1]
    made = Baselines(data.look_back, data.horizon, data.season, len(panel.columns), known)
    made.fit(windows["train"], windows["valid"])
    return made, windows["test"].batch(np.arange(len(windows["test"])))


def test_the_linear_map_continues_what_is_linear() -> None:
    """A sum of two waves obeys a linear recurrence, so least squares finds it; the naive ones repeat."""
    t = np.arange(400.0)
    made, batch = baselines_of(panel_of(np.stack([np.sin(0.7 * t) + np.sin(0.31 * t), np.cos(0.5 * t)], 1)))
    said = made.forecasts(batch)
    assert (said[LINEAR] - batch.y_BHC).abs().max() < 0.02
    assert torch.equal(said[LAST], batch.x_BLC[:, -1:].expand(-1, 6, -1))
    assert torch.equal(said[SEASONAL], batch.x_BLC[:, -6:])


def test_the_last_step_knows_the_calendar_and_how_much_stays() -> None:
    """x = 3 k + r, r a first-order process with 0.8: k is known ahead and 0.8^h of r stays."""
    rng = np.random.default_rng(0)
    known_TK = rng.normal(size=(6000, 1))
    rest = np.zeros(6000)
    for k in range(1, 6000):
        rest[k] = 0.8 * rest[k - 1] + rng.normal()
    made, batch = baselines_of(panel_of((3 * known_TK[:, 0] + rest)[:, None], known_TK))
    np.testing.assert_allclose(made.kept_HC[:, 0], 0.8 ** np.arange(1, 7), atol=0.08)
    scale = (3 * known_TK[:4200, 0] + rest[:4200]).std() / known_TK[:4200].std()
    np.testing.assert_allclose(made.expected_KC[0, 0], 3 / scale, atol=0.02)
    errors = {name: float((f - batch.y_BHC).square().mean()) for name, f in made.forecasts(batch).items()}
    assert min(errors, key=lambda name: errors[name]) == PER_STEP


def test_errors_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    y, found, quantiles = (rng.normal(size=shape) for shape in ((10, 4, 3), (10, 4, 3), (10, 4, 3, 2)))
    errors = Errors()
    for part in (slice(0, 7), slice(7, 10)):
        truth = torch.from_numpy(y[part])
        errors.add(torch.from_numpy(found[part]), truth)
        errors.add_quantiles(torch.from_numpy(quantiles[part]), truth, [0.1, 0.9])
    assert errors.mse == pytest.approx(((y - found) ** 2).mean())
    assert errors.mae == pytest.approx(np.abs(y - found).mean())
    away = y[..., None] - quantiles
    pinball = np.where(away > 0, np.array([0.1, 0.9]) * away, np.array([-0.9, -0.1]) * away).mean((0, 1, 2))
    np.testing.assert_allclose(np.concatenate(errors.pinball_Q).mean(0), pinball)
    np.testing.assert_allclose(np.concatenate(errors.below_Q).mean(0), (y[..., None] <= quantiles).mean((0, 1, 2)))


def network(panel: Panel, **settings: Any) -> tuple[ForecastNetwork, Any]:
    config = ForecastModel.model_validate({"hidden_size": 6, "segment": 4, **settings})
    data = ForecastData(look_back=12, horizon=8, season=4, calendar=["hour"])
    windows = cut(panel, data).windows["test"]
    torch.manual_seed(0)
    known = windows.known_TK.shape[1]
    made = ForecastNetwork(
        config, choose_cell(config.cell), look_back=12, horizon=8, season=4, targets=len(panel.columns), known=known
    )
    return made.eval(), windows


@pytest.mark.parametrize("cell", ["GRU", "LSTM", "Elman", "MGU", "PerToken"])
def test_a_forecast_depends_on_its_own_window_alone(cell: str) -> None:
    net, windows = network(panel_of(np.random.default_rng(0).normal(size=(300, 3))), cell=cell)
    out_BHCQ = net(windows.batch([0, 3, 5]))
    assert out_BHCQ.shape == (3, 8, 3, 3)
    assert torch.allclose(out_BHCQ[1], net(windows.batch([3]))[0], atol=1e-5)
    assert (out_BHCQ[..., 1] <= out_BHCQ[..., 2]).all()


def test_a_shifted_past_gives_the_shifted_forecast() -> None:
    """Last-value normalisation: x + a is forecast as x is, plus a."""
    values = np.random.default_rng(0).normal(size=(300, 2))
    for normalise, same in (("last", True), ("none", False)):
        net, windows = network(panel_of(values), normalise=normalise)
        batch = windows.batch([0, 1])
        moved = type(batch)(batch.x_BLC + 5.0, batch.past_BLK, batch.future_BHK, batch.y_BHC)
        assert torch.allclose(net(moved), net(batch) + 5.0, atol=1e-4) == same


def test_a_network_without_recurrence_sees_the_last_value_alone() -> None:
    values = np.random.default_rng(0).normal(size=(300, 2))
    for cell, same in (("PerToken", True), ("GRU", False)):
        net, windows = network(panel_of(values), cell=cell)
        batch = windows.batch([0, 1])
        x_BLC = batch.x_BLC.clone()
        x_BLC[:, :-1] += 1.0
        other = type(batch)(x_BLC, batch.past_BLK, batch.future_BHK, batch.y_BHC)
        assert torch.allclose(net(other), net(batch), atol=1e-6) == same


def test_what_is_known_ahead_reaches_its_own_segment() -> None:
    net, windows = network(panel_of(np.random.default_rng(0).normal(size=(300, 2))))
    batch = windows.batch([0])
    future_BHK = batch.future_BHK.clone()
    future_BHK[:, 5] += 1.0  # in the second segment of four steps
    away = (net(type(batch)(batch.x_BLC, batch.past_BLK, future_BHK, batch.y_BHC)) - net(batch)).abs()
    assert away[:, :4].max() < 1e-6
    assert away[:, 4:].max() > 1e-3


def test_the_embedded_hours_are_the_same_for_a_seed() -> None:
    one, again, other = hourly(500, 0), hourly(500, 0), hourly(500, 1)
    np.testing.assert_array_equal(one.targets_TC, again.targets_TC)
    assert not np.array_equal(one.targets_TC, other.targets_TC)
    assert set(np.unique(hourly(2000, 0).known_TK)) == {0.0, 1.0}
    assert np.isfinite(one.targets_TC).all()


def test_the_real_table_is_read_whole(data_dir: Path) -> None:
    """17,420 hours from 2016-07-01, seven columns (Zhou et al. 2021, arXiv:2012.07436v3)."""
    panel = read_panel(data_dir / "ett" / "ETTh1.csv", ForecastData())
    (frame,) = panel.frames
    assert frame.targets_TC.shape == (17_420, 7)
    assert (frame.columns[-1], frame.times[0], frame.step) == ("OT", datetime(2016, 7, 1), timedelta(hours=1))
    assert not panel.notes
