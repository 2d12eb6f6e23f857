"""CSV tables of series: columns by name, classes, order in time; and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from cellwright.errors import DataError
from cellwright.tasks.series.long_csv import Columns, read_long_csv
from cellwright.tasks.series.table import read_table
from cellwright.tasks.series.time_axis import calendar_features, check_order, continued, step_of
from cellwright.tasks.series.time_text import read_time

GOOD = """series,time,x,y,label
1,2024-01-01 00:00,0.1,1.0,walk
1,2024-01-01 01:00,0.2,1.1,walk
2,2024-01-01 00:30,"0.5",0.2,run
"""
HERE = Path("here.csv")


def written(folder: Path, text: str) -> Path:
    path = folder / "walks.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_of_a_series_become_its_steps(tmp_path: Path) -> None:
    (first, second), channels = read_long_csv(written(tmp_path, GOOD), Columns())
    assert channels == ["x", "y"]
    np.testing.assert_array_equal(first.values, np.array([[0.1, 1.0], [0.2, 1.1]], dtype=np.float32))
    np.testing.assert_array_equal(second.values, np.array([[0.5, 0.2]], dtype=np.float32))
    assert (first.label, second.label) == ("walk", "run")


def test_columns_may_have_other_names_and_no_time(tmp_path: Path) -> None:
    text = "who,a,what\nx,1,p\nx,2,p\ny,3,q\n"
    found, channels = read_long_csv(written(tmp_path, text), Columns("who", "what"))
    assert (channels, [len(series.values) for series in found]) == (["a"], [2, 1])


@pytest.mark.parametrize(
    ("old", "new", "line", "expected", "found"),
    [
        ("0.2,1.1", "nan,1.1", 3, "a finite number in column x", "nan"),
        ("0.2,1.1", ",1.1", 3, "a number in column x", "an empty cell"),
        ("0.2,1.1", "two,1.1", 3, "a number in column x", "'two'"),
        ("0.2,1.1", "0.2", 3, "5 columns as in line 1", "4"),
        ("01:00", "00:00", 3, "each time once", "again"),
        ("01-01 01:00", "01-01 00:00:00", 3, "each time once", "again"),
        ("2024-01-01 01:00", "2023-12-31 23:00", 3, "rows in the order of time", "2023-12-31 23:00:00 after"),
        ("2024-01-01 01:00", "5", 3, "times of one kind", "5.0"),
        ("2024-01-01 01:00", "2024-01-01 01:00+02:00", 3, "times of one kind", "+02:00"),
        ("2024-01-01 01:00", "1st of May", 3, "a time such as", "'1st of May'"),
        ("2024-01-01 01:00", "nan", 3, "a time such as", "'nan'"),
        ("1.1,walk", "1.1,run", 3, "one class in a series", "'walk' and 'run'"),
        ("0.2,run\n", "0.2,\n", 4, "a class", "an empty cell"),
        ("0.2,run\n", "0.2,run\n1,2024-01-02 00:00,1,1,walk\n", 5, "the rows of series 1 together", "apart"),
        (",label", ",lable", 1, "a column 'label'", "series, time, x, y, lable"),
        ("series,", "serie,", 1, "a column 'series'", "serie, time"),
        ("x,y", "x,x", 1, "a name for each column", "'x' twice"),
        ("x,y", "x,", 1, "a name for each column", "an empty one"),
        ('"0.5"', '"0.5', 4, "comma-separated values", "unexpected end"),
        (GOOD, "series\n1\n", 1, "a header with two columns", "one"),
        (GOOD[GOOD.index("1,2024") :], "", None, "rows below the header", "none"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, line: int | None, expected: str, found: str
) -> None:
    with pytest.raises(DataError) as refused:
        read_long_csv(written(tmp_path, GOOD.replace(old, new, 1)), Columns())
    error = refused.value
    assert error.line == line
    assert str(error.file).endswith("walks.csv")
    assert f"Expected {expected}" in error.message
    assert found in error.message.partition("found")[2]
    assert error.repair


def test_a_table_without_numbers_or_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="columns with numbers"):
        read_long_csv(written(tmp_path, "series,label\n1,a\n"), Columns())
    for text in ("", "\n\n"):
        with pytest.raises(DataError):
            read_table(written(tmp_path, text))
    with pytest.raises(DataError) as refused:
        read_table(written(tmp_path, GOOD)).place_of("labl", "data.label_column")
    assert "Did you mean label?" in str(refused.value)


def test_time_is_read_checked_and_continued() -> None:
    times = [read_time(f"2024-02-28T{hour:02}:00", HERE, 1) for hour in (22, 23)]
    step, uneven = step_of(times)
    assert (step, uneven) == (timedelta(hours=1), 0)
    assert continued(times, step, 2)[-1] == datetime(2024, 2, 29, 1)
    assert step_of([0.0, 0.1, 0.2, 0.30000000000000004, 0.5]) == (pytest.approx(0.1), 1)
    assert step_of([datetime(2024, 1, day) for day in (1, 2, 3, 5)]) == (timedelta(days=1), 1)
    check_order([datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)], HERE, [1, 2])


def test_the_calendar_turns_once_in_its_period() -> None:
    """Hours that are a day apart look alike; opposite ones have opposite signs; sin² + cos² = 1."""
    begin = datetime(2024, 1, 1)  # a Monday
    features = calendar_features([begin + timedelta(hours=h) for h in range(24 * 14)], ["hour", "weekday"])
    assert features.shape == (336, 4)
    np.testing.assert_allclose(features[:, 0] ** 2 + features[:, 2] ** 2, 1, atol=1e-6)
    np.testing.assert_allclose(features[24:, [0, 2]], features[:-24, [0, 2]], atol=1e-6)
    np.testing.assert_allclose(features[12:, [0, 2]], -features[:-12, [0, 2]], atol=1e-6)
    np.testing.assert_allclose(features[168:], features[:-168], atol=1e-6)
    assert np.abs(features[24] - features[0]).max() > 0.1  # another day of the week
    assert calendar_features([1.0, 2.0], []).shape == (2, 0)
    with pytest.raises(DataError, match="times that are numbers"):
        calendar_features([1.0, 2.0], ["hour"])
