"""`.ts` files: what they say, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellwright.errors import DataError
from cellwright.tasks.series.ts_file import case_of, read_ts

GOOD = """# a comment
@problemName walks
@timeStamps false
@univariate false
@dimensions 2
@classLabel true walk run
@data
0.1,0.2,0.3:1.0,1.1,1.2:walk

-1e-3,5:2,3:run
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "walks.ts"
    path.write_text(text, encoding="utf-8")
    return path


def test_cases_come_as_steps_by_channels(tmp_path: Path) -> None:
    first, second = read_ts(written(tmp_path, GOOD))
    np.testing.assert_array_equal(first.values, np.array([[0.1, 1.0], [0.2, 1.1], [0.3, 1.2]], dtype=np.float32))
    np.testing.assert_array_equal(second.values, np.array([[-1e-3, 2], [5, 3]], dtype=np.float32))
    assert (first.label, second.label) == ("walk", "run")
    assert second.place.endswith("walks.ts:10")


def test_dimensions_need_not_be_said(tmp_path: Path) -> None:
    cases = read_ts(written(tmp_path, "@classLabel true a b\n@data\n1,2:3,4:5,6:a\n1:2:3:b\n"))
    assert [case.values.shape for case in cases] == [(2, 3), (1, 3)]


@pytest.mark.parametrize(
    ("old", "new", "line", "expected", "found"),
    [
        ("0.2,0.3:1.0", "NaN,0.3:1.0", 8, "a finite number in dimension 1, step 2", "NaN"),
        ("0.2,0.3:1.0", "?,0.3:1.0", 8, "a number in dimension 1, step 2", "'?'"),
        ("0.2,0.3:1.0", ",0.3:1.0", 8, "a number in dimension 1, step 2", "an empty cell"),
        ("0.2,0.3:1.0", "1e39,0.3:1.0", 8, "a finite number", "1e39"),
        ("0.2,0.3:1.0", "0.3:1.0", 8, "dimensions of even length", "2 steps in dimension 1 and 3 in dimension 2"),
        (":2,3:run", ":run", 10, "2 dimensions and a class", "1 dimension(s)"),
        (":2,3:run", ":2,3", 10, "2 dimensions and a class", "1 dimension(s)"),
        (":2,3:run", ":2,3:fly", 10, "a class of @classLabel (walk, run)", "'fly'"),
        ("true walk run", "false", 7, "the classes of the cases", "no @classLabel true"),
        ("@dimensions 2", "@dimensions two", 5, "a number of dimensions", "'two'"),
        ("@timeStamps false", "@timeStamps true", 3, "values alone", "time stamps"),
        ("@problemName", "problemName", 2, "a line with @", "another"),
        ("@data", "@date", 8, "a line with @", "another"),
        (GOOD[GOOD.index("0.1") :], "", None, "cases below @data", "none"),
        (GOOD, "@problemName walks\n", None, "cases below @data", "no @data"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, line: int | None, expected: str, found: str
) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(DataError) as refused:
        read_ts(written(tmp_path, GOOD.replace(old, new)))
    error = refused.value
    assert error.line == line
    assert str(error.file).endswith("walks.ts")
    assert f"Expected {expected}" in error.message
    assert found in error.message.partition("found")[2]
    assert error.repair


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "walks.ts"
    path.write_bytes(GOOD.encode() + b"\xff\xfe,1:2,3:run\n")
    with pytest.raises(DataError, match="UTF-8"):
        read_ts(path)
    with pytest.raises(DataError):
        read_ts(tmp_path / "none.ts")


def test_a_case_may_be_typed() -> None:
    np.testing.assert_array_equal(case_of("1,2 : 3,4", 2).values, [[1, 3], [2, 4]])
    np.testing.assert_array_equal(case_of("1,2:3,4:walk", 2).values, [[1, 3], [2, 4]])
    for wrong in ("", ":", "1,2", "1,2:3", "1:2:3:4", "walk", "1,nan:2,3"):
        with pytest.raises(DataError):
            case_of(wrong, 2)


def test_real_cases_have_the_published_sizes(data_dir: Path) -> None:
    """270 and 370 utterances of nine speakers, 12 coefficients, 7 to 29 steps (UCI, Japanese Vowels)."""
    for split, count in (("TRAIN", 270), ("TEST", 370)):
        cases = read_ts(data_dir / "japanese_vowels" / f"JapaneseVowels_{split}.ts")
        assert len(cases) == count
        assert {case.values.shape[1] for case in cases} == {12}
        assert 7 <= min(len(case.values) for case in cases) <= max(len(case.values) for case in cases) <= 29
        assert {case.label for case in cases} == set("123456789")
        raw = (data_dir / "japanese_vowels" / f"JapaneseVowels_{split}.ts").read_text(encoding="utf-8")
        line = raw.lower().partition("@data\n")[2].splitlines()[-1]
        columns = [np.array(part.split(","), dtype=np.float32) for part in line.split(":")[:-1]]
        np.testing.assert_array_equal(cases[-1].values, np.stack(columns, 1))
