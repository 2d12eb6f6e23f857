"""Lines and tokens of real text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellwright.errors import DataError
from cellwright.tasks.data.text import read_lines, tokenize


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("what time is it?", ["what", "time", "is", "it", "?"]),  # mission row D8
        ("leave Taipei on November 2nd", ["leave", "Taipei", "on", "November", "2nd"]),
        ("I'd like BR67, please.", ["I'd", "like", "BR67", ",", "please", "."]),
        ("at 8:30pm for $1,200.50!", ["at", "8:30pm", "for", "$", "1,200.50", "!"]),
        ("我爱中国", ["我", "爱", "中", "国"]),
        ("3月5日坐CA1234去Tokyo", ["3", "月", "5", "日", "坐", "CA1234", "去", "Tokyo"]),
        ("São Paulo naïve", ["São", "Paulo", "naïve"]),
        ("nai\u0308ve हिन्दी Rome,Paris", ["nai\u0308ve", "हिन्दी", "Rome", ",", "Paris"]),
        ("  \t ", []),
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    assert [token for token, _, _ in tokenize(text)] == tokens


@given(st.text(max_size=40))
def test_tokens_are_pieces_of_the_text_and_nothing_but_space_is_lost(text: str) -> None:
    found = tokenize(text)
    assert all(text[start:end] == token for token, start, end in found)
    assert "".join(token for token, _, _ in found).split() == "".join(text.split()).split()


def test_by_character() -> None:
    assert [token for token, _, _ in tokenize("a b国", "char")] == ["a", "b", "国"]


def test_byte_order_mark_and_line_ends_do_not_matter(tmp_path: Path) -> None:
    plain, windows = tmp_path / "a", tmp_path / "b"
    plain.write_bytes("x y\n国\n".encode())
    windows.write_bytes(b"\xef\xbb\xbf" + "x y\r\n国\r\n".encode())
    assert read_lines(plain) == read_lines(windows) == ["x y", "国"]


def test_invalid_utf_8_is_named_with_its_byte_and_line(tmp_path: Path) -> None:
    file = tmp_path / "seq.in"
    file.write_bytes(b"\xef\xbb\xbffine\nab\xc3(\n")
    with pytest.raises(DataError, match=r"found byte 0xc3 at offset 10") as caught:
        read_lines(file)
    assert caught.value.line == 2
    assert "iconv" in (caught.value.repair or "")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("味道很好，下次还来\nok\n", "GB18030"),
        ("für große Mäuse, à côté\n", "WINDOWS-1252"),
        ("review\t1\n", "UTF-16"),
    ],
)
def test_the_repair_converts_from_the_encoding_that_it_probably_is(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "a b.txt").write_bytes(text.encode(encoding))
    with pytest.raises(DataError) as caught:
        read_lines(tmp_path / "a b.txt")
    assert f"iconv -f {encoding} -t UTF-8 'a b.txt' > new" in (caught.value.repair or "")


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match="found an empty file"):
        read_lines(tmp_path / "x")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Expected a file, found none"):
        read_lines(tmp_path / "nowhere")
    with pytest.raises(DataError, match="Expected a file, found a folder"):
        read_lines(tmp_path)
