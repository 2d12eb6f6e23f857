"""Lines of a file that is not in memory."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.errors import DataError
from cellwright.tasks.data import streaming
from cellwright.tasks.data.streaming import LineIndex, StreamedExamples


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=12).filter(lambda b: b"\n" not in b)), st.booleans(), st.integers(0, 2), st.data())
def test_the_lines_are_those_of_the_file(tmp_path_factory, lines: list[bytes], end: bool, skip: int, data) -> None:
    block = data.draw(st.sampled_from([1, 3, 1 << 20]))
    content = b"\n".join(lines) + (b"\n" if end else b"")
    expected = [line.removesuffix(b"\r") for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    numbered = [(k, line) for k, line in enumerate(expected, start=1) if line][skip:]
    path = tmp_path_factory.mktemp("lines") / "file"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BLOCK", max(block, 3))
        if not numbered:
            with pytest.raises(DataError, match="found none"):
                LineIndex(path, skip=skip)
            return
        index = LineIndex(path, skip=skip)
        assert [(index.number(k), index.line(k)) for k in range(len(index))] == numbered
    assert index.digest == hashlib.sha256(content).hexdigest()
    assert (index.lengths(np.arange(len(index))) >= [len(line) for _, line in numbered]).all()
    index.close()


def test_a_limit_and_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a\nb\nc\n")
    assert len(LineIndex(tmp_path / "file", skip=1, limit=1)) == 1
    with pytest.raises(DataError, match="No such file"):
        LineIndex(tmp_path / "nothing")


def test_examples_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("一\n\nzwei\n3\n", encoding="utf-8")
    asked: list[str] = []

    def parse(line: str, place: str) -> str:
        asked.append(line)
        if line == "3":
            raise DataError("Expected a word, found 3.", source=line)
        return line.upper()

    found = StreamedExamples(LineIndex(path), parse)
    assert len(found) == 3
    assert not asked
    assert found[-2] == "ZWEI"
    assert found[:2] == ["一", "ZWEI"]
    assert asked == ["zwei", "一", "zwei"]
    with pytest.raises(DataError) as caught:
        list(found)
    assert (caught.value.line, caught.value.file) == (4, str(path))
    with pytest.raises(IndexError):
        found[3]


def test_bytes_of_another_encoding_are_told_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes("gut\nschön\n".encode("latin-1"))
    found = StreamedExamples(LineIndex(tmp_path / "file"), lambda line, place: line)
    assert found[0] == "gut"
    with pytest.raises(DataError, match="Expected UTF-8, found byte 0xf6") as caught:
        found[1]
    assert caught.value.line == 2
    assert StreamedExamples(found.lines, lambda line, place: line, "latin-1")[1] == "schön"
