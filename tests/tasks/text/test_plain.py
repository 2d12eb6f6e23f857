"""Plain text as people have it: Chinese without spaces, punctuation on words, one long line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellwright.errors import DataError
from cellwright.tasks.text.plain import read_text
from cellwright.tasks.text.settings import TextData

NOVEL = "　　老人在海边钓鱼，一连八十四天没有钓到一条鱼。他梦见了狮子。\n\n" * 40
SEGMENTED = "老人 在 海边 钓鱼 ， 一连 八十四 天 没有 钓到 一 条 鱼 。\n" * 40


def written(folder: Path, text: str) -> Path:
    (folder / "novel.txt").write_text(text, encoding="utf-8")
    return folder / "novel.txt"


def test_chinese_without_spaces_is_not_read_as_words_of_a_whole_sentence(tmp_path: Path) -> None:
    file = written(tmp_path, NOVEL)
    with pytest.raises(DataError, match="29 characters a word") as refused:
        read_text(file, TextData())
    assert "data.tokenize=true" in (refused.value.repair or "")
    assert next(iter(read_text(file, TextData(tokenize=True)).train.tokens()))[:3] == ["老", "人", "在"]
    assert read_text(file, TextData(unit="char")).train.lines[0].startswith("　　老人")
    assert len(next(iter(read_text(written(tmp_path, SEGMENTED), TextData()).train.tokens()))) == 14


def test_punctuation_that_hangs_on_words_is_told(tmp_path: Path) -> None:
    raw = read_text(written(tmp_path, "The old man sat in the boat. He slept.\n" * 40), TextData())
    assert any("'boat.': data.tokenize=true" in note for note in raw.notes)
    spaced = "The wind of Acme Inc. blew .\n"
    assert len(read_text(written(tmp_path, spaced * 40), TextData()).notes) == 1
    tokens = TextData(tokenize=True)
    assert not any("tokenize" in note for note in read_text(written(tmp_path, "He slept.\n" * 40), tokens).notes)


def test_one_long_line_has_its_own_repair(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found 1 lines") as refused:
        read_text(written(tmp_path, "He slept in the boat and " * 100), TextData())
    assert "data.unit=char" in (refused.value.repair or "")
