"""Tables of several series below each other: which column names them, how each is cut, and what is refused."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from cellwright.errors import ConfigError, DataError
from cellwright.tasks.series_forecast.baselines import Baselines
from cellwright.tasks.series_forecast.config import ForecastData
from cellwright.tasks.series_forecast.corpora import open_panel
from cellwright.tasks.series_forecast.frame import Frame
from cellwright.tasks.series_forecast.panel import Panel, read_panel
from cellwright.tasks.series_forecast.windows import cut

BEGIN = datetime(2024, 1, 1)
BLOCKS = """unique_id,ds,y
north,2024-01-01,1
north,2024-01-02,2
north,2024-01-03,3
south,2024-01-01,40
south,2024-01-02,50
south,2024-01-03,60
"""
STORES = """date,store,item,sales
2024-01-01,A,x,1
2024-01-02,A,x,2
2024-01-01,A,y,3
2024-01-02,A,y,4
2024-01-01,B,x,5
2024-01-02,B,x,6
2024-01-01,B,y,7
2024-01-02,B,y,8
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "several.csv"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str, **settings: object) -> Panel:
    return read_panel(written(folder, text), ForecastData.model_validate({"look_back": 2, "horizon": 1, **settings}))


def interleaved(text: str) -> str:
    head, *rows = text.splitlines()
    return "\n".join([head, *sorted(rows, key=lambda row: row.split(",")[1])]) + "\n"


def frame_of(series: str, values: np.ndarray, known: np.ndarray | None = None) -> Frame:
    times = [BEGIN + timedelta(hours=k) for k in range(len(values))]
    known_TK = np.zeros((len(values), 0)) if known is None else known[:, None]
    names = ["k"] * known_TK.shape[1]
    return Frame("made", times, values[:, None], known_TK, ["y"], names, timedelta(hours=1), series=series)


def panel_of(*lengths: int) -> Panel:
    rng = np.random.default_rng(0)
    frames = [frame_of(f"s{k}", 10.0**k * rng.normal(5, 1, rows)) for k, rows in enumerate(lengths)]
    return Panel("made", frames, "unique_id")


def test_blocks_and_rows_sorted_by_time_are_the_same_series(tmp_path: Path) -> None:
    blocks, mixed = read(tmp_path, BLOCKS), read(tmp_path, interleaved(BLOCKS))
    for panel in (blocks, mixed):
        assert (panel.series_column, panel.columns, panel.step) == ("unique_id", ["y"], timedelta(days=1))
        assert [frame.series for frame in panel.frames] == ["north", "south"]
        np.testing.assert_array_equal(panel.frames[1].targets_TC[:, 0], [40, 50, 60])
        assert list(panel.notes) == [
            "times repeat, so column unique_id is read as the name of the series: 2 series",
        ]
    assert not read(tmp_path, BLOCKS, series_column="unique_id").notes


def test_a_column_of_another_name_is_asked_for_and_then_read(tmp_path: Path) -> None:
    text = BLOCKS.replace("unique_id", "store")
    for table, line in ((text, 5), (interleaved(text), 3)):
        with pytest.raises(DataError, match="each time once") as refused:
            read(tmp_path, table)
        assert refused.value.line == line
        assert "--set data.series_column=store" in (refused.value.repair or "")
        assert [frame.series for frame in read(tmp_path, table, series_column="store").frames] == ["north", "south"]


def test_two_columns_name_the_series_together(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="each time once") as refused:
        read(tmp_path, STORES)
    assert "--set data.series_column=store+item" in (refused.value.repair or "")
    with pytest.raises(DataError, match="each time once in series A") as refused:
        read(tmp_path, STORES, series_column="store")
    assert refused.value.line == 4
    assert "--set data.series_column=store+item" in (refused.value.repair or "")
    panel = read(tmp_path, STORES, series_column="store+item")
    assert panel.series_column == "store+item"
    assert [frame.series for frame in panel.frames] == ["A+x", "A+y", "B+x", "B+y"]
    assert list(panel.columns) == ["sales"]


def test_up_to_three_columns_are_found_for_the_message(tmp_path: Path) -> None:
    head, *rows = STORES.splitlines()
    text = "\n".join(["kind," + head, *(f"{kind},{row}" for kind in "pq" for row in rows)])
    with pytest.raises(DataError) as refused:
        read(tmp_path, text)
    assert "Where kind and store and item say which" in (refused.value.repair or "")
    assert len(read(tmp_path, text, series_column="kind+store+item").frames) == 8


def test_a_column_that_counts_the_rows_names_no_series(tmp_path: Path) -> None:
    """id is another in every row; store tells the rows of a day apart."""
    head, *rows = BLOCKS.replace("unique_id", "store").splitlines()
    text = "\n".join([f"id,{head}", *(f"{k},{row}" for k, row in enumerate(rows))])
    with pytest.raises(DataError) as refused:
        read(tmp_path, text)
    assert "--set data.series_column=store" in (refused.value.repair or "")


def test_a_name_alone_makes_no_series_where_times_do_not_repeat(tmp_path: Path) -> None:
    panel = read(tmp_path, "id,ds,y\n1,2024-01-01,5\n2,2024-01-02,6\n")
    assert (panel.series_column, list(panel.columns)) == ("", ["id", "y"])


@pytest.mark.parametrize(
    ("old", "new", "settings", "line", "expected", "repair"),
    [
        ("south,2024-01-02", ",2024-01-02", {"series_column": "unique_id"}, 6, "the name of a series", "Fill it"),
        ("south,2024-01-02", "south,2024-01-01", {"series_column": "unique_id"}, 6, "each time once", "series south"),
        ("south,2024-01-03", "south,2023-01-03", {}, 7, "rows in the order of time", "Sort"),
        ("50", "", {}, 6, "a number in column y", "Fill the gap"),
        ("40", "", {"fill": "last"}, None, "the first row of column y of series south", "of series south"),
        ("", "", {"series_column": "unique"}, 1, "a column 'unique'", "--set data.series_column=unique_id"),
        ("", "", {"series_column": "y", "targets": ["y"]}, 1, "columns to forecast beside", "data.targets"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_one_series_is_refused(
    tmp_path: Path, old: str, new: str, settings: dict[str, object], line: int | None, expected: str, repair: str
) -> None:
    assert old in BLOCKS
    with pytest.raises(DataError) as refused:
        read(tmp_path, BLOCKS.replace(old, new, 1), **settings)
    assert refused.value.line == line
    assert expected in refused.value.message
    assert repair in (refused.value.repair or "")


def test_repeated_times_without_a_column_that_could_tell_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="each time once") as refused:
        read(tmp_path, "ds,y\n2024-01-01,5\n2024-01-01,6\n2024-01-02,7\n")
    assert refused.value.line == 3
    assert "data.series_column" in (refused.value.repair or "")


def test_a_row_that_is_there_twice_may_be_left_out(tmp_path: Path) -> None:
    """A column with few different values might name a series, and might not."""
    days = [f"2024-01-{day:02},{day},{day % 2}\n" for day in (1, 2, 2, 3, 4)]
    days[2] = "2024-01-02,2,1\n"
    with pytest.raises(DataError, match="each time once") as refused:
        read(tmp_path, "ds,y,open\n" + "".join(days))
    assert refused.value.line == 4
    assert "--set data.series_column=open (otherwise leave one of the rows out" in (refused.value.repair or "")


def test_series_of_another_step_are_refused_and_gaps_are_counted_over_all(tmp_path: Path) -> None:
    days = [f"a,2024-01-{day:02},1\n" for day in range(1, 9)]
    weeks = [f"b,2024-01-{day:02},1\n" for day in (1, 8, 15)]
    head = "unique_id,ds,y\n"
    with pytest.raises(DataError, match=r"every 1 day, .* found every 7 days.* in series b") as refused:
        read(tmp_path, "".join([head, *days, *weeks]))
    assert refused.value.line == 10
    gappy = [head, *days[:3], *days[4:], *(row.replace("a", "c", 1) for row in (days[0], *days[2:]))]
    (_, note) = read(tmp_path, "".join(gappy)).notes
    assert note.startswith("2 of 12 steps are not 1 day, 0:00:00, in 2 of 2 series, the first before line 5")
    filled = read(tmp_path, "".join(gappy), fill="last")
    assert [len(frame.targets_TC) for frame in filled.frames] == [8, 8]
    assert filled.notes[-1] == "filled with the last value before: 2 missing rows, 0 empty cells"


def test_times_that_are_all_uneven_are_one_series_as_before(tmp_path: Path) -> None:
    """The middle of an even number of steps is none of them."""
    panel = read(tmp_path, "time,y\n0,1\n1,2\n3,3\n", calendar=[])
    assert panel.step == 1.5
    assert panel.notes[0].startswith("2 of 2 steps are not 1.5")


def test_each_series_has_its_own_future(tmp_path: Path) -> None:
    text = "id,ds,y,k\na,1,5,0\nb,1,6,0\na,2,5,0\nb,2,,1\na,3,,1\nb,3,,1\n"
    panel = read(tmp_path, text, known=["k"], calendar=[])
    assert [(frame.future, len(frame.targets_TC)) for frame in panel.frames] == [(1, 2), (2, 1)]


def test_windows_stay_in_their_series_and_its_splits() -> None:
    """Every window holds numbers of one series alone, and each split is that series' own share of time."""
    data = ForecastData(look_back=6, horizon=3, calendar=[])
    panel = panel_of(60, 100, 40)
    windows, scales, series, notes = cut(panel, data)
    assert [name for name, _ in series] == ["s0", "s1", "s2"]
    assert not notes
    for split, begin, end in (("train", 0.0, 0.7), ("valid", 0.7, 0.8), ("test", 0.8, 1.0)):
        found = windows[split]
        batch = found.batch(np.arange(len(found)))
        at = 0
        for k, frame in enumerate(panel.frames):
            rows = len(frame.targets_TC)
            scaled = scales.series[frame.series].scaled(frame.targets_TC)
            first, last = max(6, round(begin * rows)), round(end * rows) - 3
            for origin in range(first, last + 1):
                assert found.series[at] == k
                np.testing.assert_array_equal(batch.x_BLC[at], scaled[origin - 6 : origin])
                np.testing.assert_array_equal(batch.y_BHC[at], scaled[origin : origin + 3])
                at += 1
        assert at == len(found)
    train = windows["train"].rows()
    np.testing.assert_array_equal(train, [*range(42), *range(60, 130), *range(160, 188)])
    np.testing.assert_allclose(series[1][1].mean_C, panel.frames[1].targets_TC[:70].mean(0))


def test_series_are_scaled_alike_whatever_their_level() -> None:
    """s2 is a hundred times s0: neither outweighs the other."""
    windows = cut(panel_of(80, 80, 80), ForecastData(look_back=6, horizon=3, calendar=[])).windows["train"]
    deviations = [float(windows.values_TC[80 * k : 80 * k + 56].std()) for k in range(3)]
    np.testing.assert_allclose(deviations, 1.0, atol=1e-5)


def test_a_series_that_never_varied_in_training_is_scaled_as_the_others_are() -> None:
    still = np.r_[np.zeros(70), np.full(30, 500.0)]
    varied = np.random.default_rng(0).normal(0, 20.0, 100)
    panel = Panel("made", [frame_of("still", still), frame_of("varied", varied)], "id")
    scales = cut(panel, ForecastData(look_back=6, horizon=3, calendar=[])).scales
    np.testing.assert_allclose(scales.series["still"].deviation_C, varied[:70].std())
    unseen = scales.of(frame_of("new", still), 70)
    np.testing.assert_allclose(unseen.deviation_C, varied[:70].std())
    assert scales.of(frame_of("varied", still), 70) is scales.series["varied"]


def test_short_series_are_left_out_and_told() -> None:
    data = ForecastData(look_back=6, horizon=3, calendar=[])
    windows, _, series, notes = cut(panel_of(100, 8, 20), data)
    assert [name for name, _ in series] == ["s0", "s2"]
    assert set(windows["valid"].series) == {0}
    assert notes == [
        "1 of 3 series have too few rows for a forecast (3 steps after 6) and are left out: s1",
        "1 of 3 series have too few rows for a forecast in valid: s2",
    ]
    with pytest.raises(DataError, match=r"at least 3 rows for valid, found 2 in the longest series \(s1\)"):
        cut(panel_of(8, 20, 9), data)
    with pytest.raises(DataError, match=r"40 rows, as data\.splits asks for, found 20 in the longest series \(s1\)"):
        cut(panel_of(8, 20), data.model_copy(update={"splits": [20, 10, 10]}))
    counted = cut(panel_of(50, 20), data.model_copy(update={"splits": [20, 10, 10]}))
    assert [name for name, _ in counted.series] == ["s0"]
    assert "s1" in counted.notes[0]


def test_the_last_step_baseline_learns_from_training_rows_of_every_series_alone() -> None:
    """Numbers after the training rows of the first series, which stand before the second, must not matter."""
    data = ForecastData(look_back=6, horizon=3, calendar=[], season=3)
    rng = np.random.default_rng(0)
    one, other, known = rng.normal(size=(3, 100))

    def expected(later: float) -> np.ndarray:
        first = np.r_[one[:80], one[80:] + later]
        frames = [frame_of("a", first, known), frame_of("b", other, known)]
        found = cut(Panel("made", frames, "id"), data)
        made = Baselines(6, 3, 3, 1, 1)
        made.fit(found.windows["train"], found.windows["valid"])
        return np.r_[made.expected_KC.numpy().ravel(), made.weight_LH.numpy().ravel()]

    np.testing.assert_array_equal(expected(0.0), expected(1e3))


def test_the_embedded_set_has_one_series() -> None:
    assert open_panel(ForecastData(size=100)).series_column == ""
    with pytest.raises(ConfigError, match=r"data\.series_column = '' for the embedded set"):
        open_panel(ForecastData(series_column="store"))


WIDE = "store,{}\nnorth,1,2,3,4\nsouth,4,5,,7\n"


WIDE_TABLES = [
    (WIDE.format("2024-01-01,2024-01-02,2024-01-03,2024-01-04"), {}, "2024-01-01 to 2024-01-04"),
    (WIDE.format("1.1.2024,2.1.2024,3.1.2024,4.1.2024"), {}, "1.1.2024 to 4.1.2024"),
    (WIDE.format("01/02/24,02/02/24,03/02/24,04/02/24"), {"time_format": "%d/%m/%y"}, "01/02/24 to 04/02/24"),
    (WIDE.format("1,2,3,4"), {"calendar": []}, "1 to 4"),
    (WIDE.format("1960,1961,1962,1963"), {"calendar": []}, "1960 to 1963"),
    (WIDE.format("d_9,d_10,d_11,d_12"), {"calendar": []}, "d_9 to d_12"),
    (WIDE.format("V2,V3,V4,V5").replace("store", "V1").replace("V1,V2", "name,V2"), {"calendar": []}, "V2 to V5"),
    (WIDE.format("1,2,3,4").replace(",", ";").replace("4;5", "4,5;5"), {"calendar": []}, "1 to 4"),
    ("1,2,3,4\n1,2,3,4\n5,6,7,8\n", {"calendar": []}, "1 to 4"),
    ("a,b,c,d,2024-01,2024-02,2024-03\nx,1,p,q,1,2,3\ny,1,p,q,4,5,6\n", {}, "2024-01 to 2024-03"),
]


@pytest.mark.parametrize(("text", "settings", "said"), WIDE_TABLES)
def test_a_series_a_row_is_refused_with_the_line_that_turns_it(
    tmp_path: Path, text: str, settings: dict[str, object], said: str
) -> None:
    with pytest.raises(DataError, match="a column a step") as refused:
        read(tmp_path, text, **settings)
    assert refused.value.line == 1
    assert said in refused.value.message
    repair = refused.value.repair or ""
    names = text.partition("\n")[0].replace(";", ",").split(",")
    first = names[0] if names[0] != "1" else "series"
    assert f".melt([{first!r}], var_name='ds', value_name='y').dropna()" in repair
    assert f"--data long.csv --set data.series_column={first}" in repair
    assert ("data.calendar=[]" in repair) == (settings.get("calendar") == [])


def test_the_line_turns_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is run, and what it writes is read as the settings beside it say."""
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    for text, settings, _ in WIDE_TABLES:
        with pytest.raises(DataError) as refused:
            read(tmp_path, text, **settings)
        repair = refused.value.repair or ""
        exec(repair.removeprefix("Turn it in Python: ").partition(" and read that")[0], {})
        column = repair.partition("data.series_column=")[2].split()[0]
        turned = (tmp_path / "long.csv").read_text(encoding="utf-8")
        panel = read(tmp_path, turned, series_column=column, **settings)
        assert len(panel.frames) == 2
        assert list(panel.columns) == ["y"]


@pytest.mark.parametrize("header", ["when,1,2,3", "name,one,two,three", "name,1,2,x", "name,1,3,5"])
def test_other_tables_without_a_time_column_are_not_taken_for_rows_of_series(tmp_path: Path, header: str) -> None:
    cell = "2024-01-01" if header.startswith("when") else "x"
    with pytest.raises(DataError, match="a time column"):
        read(tmp_path, f"{header}\n{cell},1,2,3\n")


def test_many_rows_of_many_series_are_read_in_any_order_of_series(tmp_path: Path) -> None:
    rows = [(f"s{s}", day) for day in range(1, 29) for s in range(30)]
    by_day = [sorted(rows[k : k + 30], key=lambda _: random.Random(k).random()) for k in range(0, len(rows), 30)]
    text = "id,ds,y\n" + "".join(f"{name},2024-02-{day:02},{day}\n" for part in by_day for name, day in part)
    panel = read(tmp_path, text)
    assert len(panel.frames) == 30
    for frame in panel.frames:
        np.testing.assert_array_equal(frame.targets_TC[:, 0], np.arange(1, 29))
