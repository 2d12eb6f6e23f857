"""Generated dates are right and held out; files of pairs are read, split by a published rule, or refused."""

from __future__ import annotations

import datetime
import hashlib
import re
from pathlib import Path

import pytest

from cellwright.errors import ConfigError, DataError
from cellwright.tasks.data.hash_split import split_by_hash
from cellwright.tasks.training.config import load_config
from cellwright.tasks.translate.config import TranslateConfig, TranslateData
from cellwright.tasks.translate.corpora import open_corpus
from cellwright.tasks.translate.dates import KINDS, dates_of, forms, number_zh, ordinal_word
from cellwright.tasks.translate.pairs import cut, joined
from cellwright.tasks.translate.tables import columns_of, read_pairs

STRPTIME = {  # Python's own reading of some forms
    "5 March 2021": "%d %B %Y", "Friday, 05 Mar 2021": "%A, %d %b %Y", "Mar 5, 2021": "%b %d, %Y",
    "Fri MARCH 05, '21": "%a %B %d, '%y", "5.3.2021": "%d.%m.%Y", "03/05/2021": "%m/%d/%Y", "20210305": "%Y%m%d",
    "5-Mar-2021": "%d-%b-%Y", "2021年3月5日": "%Y年%m月%d日", "2021.3.5": "%Y.%m.%d",
}  # fmt: skip


@pytest.mark.parametrize("name", STRPTIME)
def test_a_written_form_means_its_date(name: str) -> None:
    form = (forms("en") | forms("zh"))[name]
    assert form(datetime.date(2021, 3, 5)) == name
    for k in range(0, 36_000, 997):
        day = datetime.date(1969, 1, 1) + datetime.timedelta(k % 28_000)  # where %y and ours agree
        assert datetime.datetime.strptime(form(day), STRPTIME[name]).date() == day


def test_words_for_days() -> None:
    assert [ordinal_word(d) for d in (1, 12, 20, 21, 30, 31)] == [
        "first", "twelfth", "twentieth", "twenty-first", "thirtieth", "thirty-first"
    ]  # fmt: skip
    assert [number_zh(d) for d in (1, 10, 12, 20, 31)] == ["一", "十", "十二", "二十", "三十一"]
    assert forms("zh")["星期五，二〇二一年三月五号"](datetime.date(2020, 12, 20)) == "星期日，二〇二〇年十二月二十号"


def test_days_and_forms_of_the_test_are_not_all_in_training() -> None:
    splits = dates_of(("en", "zh"), 0, 3000)
    assert splits == dates_of(("en", "zh"), 0, 3000)
    train_days = {iso for _, iso, _ in splits["train"]}
    train_written = {written for written, _, _ in splits["train"]}
    for split, count in (("valid", 500), ("test", 2000)):
        rows = splits[split]
        assert len(rows) == count
        assert not any(written in train_written for written, _, _ in rows)
        new = [iso for _, iso, kind in rows if kind.endswith("new day")]
        assert 0.4 < len(new) / count < 0.6
        assert not train_days & {*new}
        assert {kind for *_, kind in rows} == {*KINDS}
    assert {kind for *_, kind in splits["train"]} == {KINDS[0]}
    shapes = {split: {re.sub(r"\d+", "0", written) for written, _, _ in splits[split]} for split in splits}
    assert len(shapes["test"] - shapes["train"]) > 100


def test_the_split_of_a_file_is_the_published_rule(tmp_path: Path) -> None:
    file = tmp_path / "pairs.tsv"
    rows = [f"text {k}\tTEXT {k}\tfrom somewhere" for k in range(300)]
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    corpus = open_corpus(TranslateData(path=str(file), hash_split=True))
    for split, pairs in corpus.splits():
        for pair in pairs:
            n = int(hashlib.sha256(pair.source.encode()).hexdigest()[:8], 16) % 10
            assert split == {0: "test", 1: "valid"}.get(n, "train") == split_by_hash(pair.source)
    assert sum(len(pairs) for _, pairs in corpus.splits()) == 300
    back = TranslateData(path=str(file), hash_split=True, languages=["en", "up"], direction="up-en")
    turned = open_corpus(back)
    assert [(p.target, p.source) for p in turned.test] == [(p.source, p.target) for p in corpus.test]


def test_tokens_and_back() -> None:
    assert cut("3  May\t2021", "char") == tuple("3 May 2021")
    assert joined(cut("我 爱 Paris 和你。", "word"), "word") == "我爱Paris和你。"
    assert joined(cut("It's fine.", "word"), "word") == "It's fine ."
    with pytest.raises(DataError):
        cut(" ", "char")


@pytest.mark.parametrize(
    ("direction", "repair"), [("en-zn", "Did you mean en-zh"), ("en-en", ""), ("klingon", "languages"), ("en", "")]
)
def test_an_unknown_direction_is_refused(direction: str, repair: str) -> None:
    with pytest.raises(ConfigError, match="en-zh, zh-en") as error:
        columns_of(["en", "zh"], direction)
    assert repair in str(error.value.repair)


@pytest.mark.parametrize("languages", ['["en"]', '["en", "en"]', '["en", " "]'])
def test_columns_need_different_names(languages: str) -> None:
    with pytest.raises(ConfigError, match="different names"):
        load_config(None, [f"data.languages={languages}"], schema=TranslateConfig)


@pytest.mark.parametrize(
    ("content", "message", "line"),
    [
        (b"one\ttwo\nonly one\n", "Expected 2 columns", 2),
        (b"one\ttwo\n\n\ttwo\n", "column 1 blank", 3),
        (b"one\t \n", "column 2 blank", 1),
        (b"one\ttwo\nx\t\xff\n", "UTF-8", 2),
        (b"", "empty", None),
        (b"7\tHi.\t9\n8\tGo.\t10\n", "texts in column 1, found numbers", 1),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, content: bytes, message: str, line: int | None) -> None:
    file = tmp_path / "bad.tsv"
    file.write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        read_pairs(file, columns_of([], ""))
    assert (error.value.line, error.value.repair is not None) == (line, True)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "English\tChinese\tlicence\nHi.\t嗨。\tCC-BY\n"),
        ("a.csv", '\ufeffen,zh\r\n"Hi.",嗨。\r\n'),
        ("b.csv", "source;target\nHi.;嗨。\n"),
    ],
)
def test_a_header_is_no_pair_and_spreadsheets_are_read(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    notes: list[str] = []
    (row,) = read_pairs(tmp_path / name, columns_of([], ""), notes=notes)
    assert (row.source, row.target, row.line) == ("Hi.", "嗨。", 2)
    assert "names of columns" in notes[0]


def test_what_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Did you mean dates-zh"):
        open_corpus(TranslateData(path="datezh"))
    with pytest.raises(DataError, match="train, valid"):
        open_corpus(TranslateData(path=str(tmp_path)))
    with pytest.raises(ConfigError, match="no direction"):
        open_corpus(TranslateData(direction="en-zh"))


def test_tatoeba_is_read(data_dir: Path) -> None:
    file = data_dir / "tatoeba_cmn_eng" / "cmn.txt"
    rows = read_pairs(file, columns_of(["en", "zh"], "zh-en"))
    assert len(rows) == 24_818
    assert (rows[0].source, rows[0].target, rows[0].first) == ("嗨。", "Hi.", "Hi.")
    counts = [split_by_hash(row.first) for row in rows]
    assert (counts.count("train"), counts.count("valid"), counts.count("test")) == (19_829, 2_477, 2_512)
