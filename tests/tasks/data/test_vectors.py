"""Static vectors from a text file, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellwright.errors import DataError
from cellwright.tasks.data.vectors import read_vectors

ROWS = {"rome": 2, "new york": 3}


@pytest.mark.parametrize("head", ["", "3 2\n"])
def test_word2vec_and_glove_text(tmp_path: Path, head: str) -> None:
    file = tmp_path / "v.txt"
    file.write_text(head + "rome 1 2.5\nparis 0 0\nnew york -1 1e-3\nrome 9 9\n")
    table, found = read_vectors(file, lambda word: ROWS.get(word), 4)
    assert found == 2
    assert np.array_equal(table, np.array([[0, 0], [0, 0], [1, 2.5], [-1, 1e-3]], dtype=np.float32))


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("rome 1 2\nparis 1\n", "found 1 numbers", 2),
        ("rome 1 2\nnew york x 2\n", "found 'x'", 2),
        ("rome 1 nan\n", "finite", 1),
        ("rome\n", "found 1 columns", 1),
        ("", "empty file", None),
    ],
)
def test_a_wrong_file_names_the_line(tmp_path: Path, text: str, message: str, line: int | None) -> None:
    file = tmp_path / "v.txt"
    file.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_vectors(file, lambda word: ROWS.get(word), 4)
    assert caught.value.line == line


def test_a_binary_file_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "v.bin").write_bytes(b"rome \xff\xfe\n")
    with pytest.raises(DataError, match="0xff"):
        read_vectors(tmp_path / "v.bin", lambda word: ROWS.get(word), 4)
    with pytest.raises(DataError, match="No such file"):
        read_vectors(tmp_path / "none", lambda word: ROWS.get(word), 4)
