"""Tables as spreadsheets and pandas write them: separators, decimal commas, dates of other forms, months, gaps."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from cellwright.errors import DataError
from cellwright.tasks.data.csv_cells import csv_cells, separator_of
from cellwright.tasks.series.long_csv import Columns, read_long_csv
from cellwright.tasks.series.table import read_table
from cellwright.tasks.series.time_axis import Months, continued, loaded_step, same_step, step_of, stored_step
from cellwright.tasks.series.time_text import read_time
from cellwright.tasks.series_forecast.config import ForecastData
from cellwright.tasks.series_forecast.frame import Frame
from cellwright.tasks.series_forecast.panel import Panel, read_panel

HERE = Path("here.csv")


def written(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def panel(folder: Path, text: str, **settings: object) -> Panel:
    return read_panel(written(folder, text), ForecastData.model_validate({"path": "table.csv", **settings}))


def frame(folder: Path, text: str, **settings: object) -> Frame:
    (only,) = panel(folder, text, **settings).frames
    return only


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ('"a;b",c\n"1;2;3",4\n', ","),
        ("review;label\ngood, cheap, near;1\n", ";"),
        ("sep=;\na;b\n", ";"),
        ("one\ntwo\n", ","),
        ("a,b\n1\n", ","),  # a row is short: not another separator
    ],
)
def test_the_separator_is_what_gives_every_row_the_same_width(text: str, separator: str) -> None:
    assert separator_of(text) == separator


def test_a_hidden_first_line_keeps_the_numbers_of_the_lines() -> None:
    assert csv_cells("sep=;\na;b\n1;2\n", HERE) == [(2, ["a", "b"]), (3, ["1", "2"])]


def test_decimal_commas_and_parted_thousands(tmp_path: Path) -> None:
    table = read_table(
        written(tmp_path, "Datum;x\n31.12.2023 23:00;1.234,5\n1.1.2024 00:00;-0,5\n1.1.2024 01:00;1.234\n")
    )
    assert [table.number(row, 1) for row in range(3)] == [1234.5, -0.5, 1234.0]
    assert read_time(table.rows[0][1][0], HERE, 2) == datetime(2023, 12, 31, 23)
    points = read_table(written(tmp_path, "Datum;x\n1;1.234\n"))
    assert points.number(0, 1) == 1.234


@pytest.mark.parametrize(
    ("cell", "repair"),
    [
        ('"1,234.5"', "Write 1234.5"),
        ('"1,234"', "Write 1234"),
        ("NA", "Fill the gap"),
        ("#N/A", "Fill the gap"),
        ("True", "Write 1 for True"),
        ("twelve", "Numbers are written"),
    ],
)
def test_what_is_no_number_is_refused_with_its_own_repair(tmp_path: Path, cell: str, repair: str) -> None:
    with pytest.raises(DataError) as refused:
        read_table(written(tmp_path, f"time,x\n1,{cell}\n")).number(0, 1)
    assert repair in (refused.value.repair or "")


def test_the_column_that_counts_the_rows_is_left_out(tmp_path: Path) -> None:
    assert read_table(written(tmp_path, ",date,x\n0,2024-01-01,5\n1,2024-01-02,6\n")).header == ["date", "x"]
    with pytest.raises(DataError, match="an empty one"):
        read_table(written(tmp_path, ",x\n0,5\n2,6\n"))


@pytest.mark.parametrize(
    "text",
    [
        "2023/1/5 7:00",
        "2023-01-05T07:00",
        "2023-1-5 07:00:00",
        "5.1.2023 7:00",
        "05.01.2023 07:00",
        "2023年1月5日 7:00",
    ],
)
def test_times_that_can_be_read_in_one_way(text: str) -> None:
    assert read_time(text, HERE, 1) == datetime(2023, 1, 5, 7)


def test_dates_months_and_numbers() -> None:
    assert read_time("20230105", HERE, 1) == datetime(2023, 1, 5)
    assert read_time("1949-02", HERE, 1) == datetime(1949, 2, 1)
    assert read_time("1672531200", HERE, 1) == 1672531200.0
    assert read_time("1949", HERE, 1) == 1949.0
    assert read_time("1672531200", HERE, 1, "unix") == datetime(2023, 1, 1)
    assert read_time("1/2/2023 1:30 PM", HERE, 1, "%m/%d/%Y %I:%M %p") == datetime(2023, 1, 2, 13, 30)


@pytest.mark.parametrize("text", ["01/02/2023 00:00", "1/2/23", "1-2-2023 7:05:09", "1/2/2023 1:30 PM"])
def test_a_date_that_could_be_two_days_is_refused_with_both_formats(text: str) -> None:
    with pytest.raises(DataError) as refused:
        read_time(text, HERE, 1)
    repair = refused.value.repair or ""
    formats = [part.removeprefix("data.time_format=") for part in repair.split("'") if "data.time_format" in part]
    months = [read_time(text, HERE, 1, format) for format in formats]
    assert [(time.month, time.day) for time in months if isinstance(time, datetime)] == [(1, 2), (2, 1)]


def test_months_are_steps_of_their_own() -> None:
    firsts = [datetime(1949 + k // 12, k % 12 + 1, 1) for k in range(24)]
    step, uneven = step_of(firsts)
    assert (step, uneven) == (Months(1), 0)
    assert continued(firsts, step, 14)[-1] == datetime(1952, 2, 1)
    lasts = [time - timedelta(days=1) for time in firsts[1:]]
    step, _ = step_of(lasts)
    assert continued(lasts, step, 3) == [datetime(1950, 12, 31), datetime(1951, 1, 31), datetime(1951, 2, 28)]
    assert step_of(firsts[::3]) == (Months(3), 0)
    assert step_of([*firsts[:5], *firsts[6:]]) == (Months(1), 1)
    for kept in (step, Months(3), timedelta(hours=1), 0.5):
        assert same_step(loaded_step(stored_step(kept)), kept)
    assert not same_step(Months(1), timedelta(days=31))


GAPPY = """date,x,holiday
2024-01-01 00:00,1,0
2024-01-01 01:00,,0
2024-01-01 02:00,3,NA
2024-01-01 05:00,6,1
2024-01-01 06:00,,1
"""


def test_gaps_are_filled_with_the_value_before_where_asked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="an empty cell"):
        frame(tmp_path, GAPPY, known=["holiday"])
    whole = panel(tmp_path, GAPPY, known=["holiday"], fill="last")
    (found,) = whole.frames
    np.testing.assert_array_equal(found.targets_TC[:, 0], [1, 1, 3, 3, 3, 6])
    np.testing.assert_array_equal(found.known_TK[:, 0], [0, 0, 0, 0, 0, 1, 1])
    assert [time.hour for time in found.times if isinstance(time, datetime)] == list(range(7))
    assert found.future == 1
    assert list(whole.notes) == ["filled with the last value before: 2 missing rows, 2 empty cells"]


def test_a_gap_that_nothing_stands_before_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing stands before it"):
        frame(tmp_path, "time,x,y\n1,,1\n2,1,1\n3,1,1\n", fill="last")
    with pytest.raises(DataError, match="beside each other"):
        frame(tmp_path, "time,x\n1,1\n2,1\n3,1\n9999,1\n", fill="last")


def test_uneven_rows_are_told_with_the_first_line(tmp_path: Path) -> None:
    (note,) = panel(tmp_path, "time,x\n1,1\n2,1\n3,1\n5,1\n").notes
    assert note.startswith("1 of 3 steps are not 1.0, the first before line 5")


def test_a_column_of_words_and_an_unnamed_time_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        frame(tmp_path, "date,store,x\n2024-01-01,Berlin,1\n2024-01-02,Berlin,2\n")
    assert refused.value.repair == (
        "Name the columns to forecast: --set 'data.targets=[\"x\"]'; "
        "where store says which series a row is of, --set data.series_column=store"
    )
    with pytest.raises(DataError) as refused:
        frame(tmp_path, 'date,x,y\n2024-01-01,"1,234.5",1\n')
    assert "Write 1234.5" in (refused.value.repair or "")
    with pytest.raises(DataError) as refused:
        frame(tmp_path, "x,月份\n1,2024-01\n2,2024-02\n")
    assert refused.value.repair == "--set 'data.time_column=月份'"


def test_some_columns_of_many_are_channels(tmp_path: Path) -> None:
    text = "series,operator,a,b,label\n1,Kim,1,2,ok\n1,Kim,3,4,ok\n"
    (one,), names = read_long_csv(written(tmp_path, text), Columns(channels=("b",)))
    assert names == ["b"]
    np.testing.assert_array_equal(one.values, [[2], [4]])
