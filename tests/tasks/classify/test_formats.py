"""Every form of file holds the same texts; every wrong file is refused with its line."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from cellwright.errors import ConfigError, DataError
from cellwright.tasks.classify.config import ClassifyConfig, ClassifyData
from cellwright.tasks.classify.corpora import hash_split, open_corpus
from cellwright.tasks.classify.formats import Columns, Row, read_rows
from cellwright.tasks.training.config import load_config

PAIRS = [("it is good , really", "1"), ("not good", "0"), ("纸好，没味道", "1")]


def found(file: Path, **columns: str) -> list[tuple[str, str]]:
    return [(row.text, row.label) for row in read_rows(file, Columns(**columns))]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.tsv", "it is good , really\t1\nnot good\t0\n纸好，没味道\t1\n"),
        ("x.tsv", "label\ttext\r\n1\tit is good , really\r\n0\tnot good\r\n\r\n1\t纸好，没味道\r\n"),
        ("x.csv", '\ufefflabel,review\n1,"it is good , really"\n0,not good\n1,纸好，没味道\n'),
        ("x.csv", '"it is good , really",1\nnot good,0\n纸好，没味道,1\n'),
        ("x.jsonl", '{"text": "it is good , really", "label": 1}\n{"label": "0", "text": "not good"}\n'
                    '{"text": "纸好，没味道", "label": "1", "more": []}\n'),
        ("x.all", "1 it is good , really\n0 not good\n1 纸好，没味道\n"),
        ("x.txt", "__label__1 it is good , really\n__label__0 not good\n__label__1 纸好，没味道"),
    ],
)  # fmt: skip
def test_each_form_gives_the_same_texts(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert found(tmp_path / name) == PAIRS
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content.encode()))
    assert found(tmp_path / f"{name}.gz") == PAIRS


def test_a_value_may_hold_separators_quotes_and_line_ends(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('review,stars,label\n"a, ""b""\nc",5,good\nd,1,bad\n')
    rows = read_rows(tmp_path / "x.csv")
    assert [(row.text, row.label, row.line) for row in rows] == [('a, "b"\nc', "good", 2), ("d", "bad", 4)]


@pytest.mark.parametrize("first", ["", "\ufeff", "sep=;\n"])
def test_columns_may_be_parted_by_semicolons(tmp_path: Path, first: str) -> None:
    (tmp_path / "x.csv").write_text(first + 'review;label\ngood, cheap, near;1\n"a;b";0\n', encoding="utf-8")
    assert found(tmp_path / "x.csv") == [("good, cheap, near", "1"), ("a;b", "0")]


def test_columns_are_named_or_numbered(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("id\tbody\tkind\n1\ta b\tgood\n2\tc\tbad\n")
    assert found(tmp_path / "x.tsv", text="body", label="kind") == [("a b", "good"), ("c", "bad")]
    assert found(tmp_path / "x.tsv", text="2", label="kind") == [("a b", "good"), ("c", "bad")]
    (tmp_path / "y.tsv").write_text("1\ta b\tgood\n2\tc\tbad\n")
    assert found(tmp_path / "y.tsv", text="2", label="3") == [("a b", "good"), ("c", "bad")]


@pytest.mark.parametrize(
    ("name", "content", "message", "line"),
    [
        ("x.tsv", "", "empty file", None),
        ("x.tsv", " \n\n", "empty file", None),
        ("x.tsv", "text\tlabel\n", "only a header", None),
        ("x.tsv", "text\tlabel\na\t1\nb\n", "Expected 2 columns as in line 1, found 1", 3),
        ("x.tsv", "text\tlabel\na\t1\n \t0\n", "Expected a text, found a blank one", 3),
        ("x.tsv", "text\tlabel\na\t1\nb\t\n", "Expected a class, found a blank one", 3),
        ("x.tsv", "text\tstars\tid\na\t1\t2\n", r"Expected a column with the label .*, found text, stars, id", 1),
        ("x.tsv", "a\tb\tc\nd\te\tf\n", "Expected columns called text and label, found a, b, c", 1),
        ("x.tsv", "a\tb\nc\td\n", r"(?s)fewer different values .* Too few rows \(2\)", 1),
        ("x.tsv", "a\tb\n", r"(?s)fewer different values .* Too few rows \(1\)", 1),
        ("x.tsv", "a\tb\nc\n", "Expected 2 columns as in line 1, found 1", 2),
        ("x.csv", "only\none\n", "found 1 column", 1),
        ("x.csv", 'label,text\n1,"open\n', "Expected comma-separated values", 2),
        ("x.jsonl", '{"text": "a", "label": 1}\nnonsense\n', "Expected a JSON object", 2),
        ("x.jsonl", "[1]\n", "Expected a JSON object, found int", 1),
        ("x.jsonl", '{"text": "a"}\n', "Expected a key 'label' with the label, found 'text'", 1),
        ("x.jsonl", '{"text": ["a"], "label": 1}\n', "Expected text under 'text'", 1),
        ("x.jsonl", '{"text": "a", "label": true}\n', "Expected text under 'label', found true", 1),
        ("x.all", "1 a\n0\n", "Expected a class, a space and a text", 2),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(
    tmp_path: Path, name: str, content: str, message: str, line: int | None
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        read_rows(tmp_path / name)
    assert caught.value.line == line
    assert caught.value.file is not None
    assert caught.value.repair or "JSON" in message or "text under" in caught.value.message.lower()


def test_a_column_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("body\tkind\na\t1\n")
    with pytest.raises(DataError, match="Did you mean kind"):
        found(tmp_path / "x.tsv", text="body", label="kinds")
    with pytest.raises(DataError, match="Expected a column 7"):
        found(tmp_path / "x.tsv", text="body", label="7")
    (tmp_path / "x.jsonl").write_text('{"text": "a", "lable": "1"}\n')
    with pytest.raises(DataError, match="Did you mean lable"):
        found(tmp_path / "x.jsonl")


@pytest.mark.parametrize(("header", "repair"), [("text,a,b", "NAME"), ("text,labels,id", "labels")])
def test_the_column_of_the_texts_is_not_offered_for_the_class(tmp_path: Path, header: str, repair: str) -> None:
    (tmp_path / "x.csv").write_text(f"{header}\nhello,1,2\nbye,2,2\n")
    with pytest.raises(DataError, match="Expected a column with the label") as refused:
        read_rows(tmp_path / "x.csv")
    assert refused.value.repair == f"--set data.label_column={repair}"


def test_unknown_names_of_columns_are_given_back_in_the_repair(tmp_path: Path) -> None:
    lines = [f'{k},"words, {"many " * k}",{"good" if k % 2 else "bad"}' for k in range(6)]
    (tmp_path / "x.csv").write_text("\n".join(["id,Body,what kind", *lines]))
    with pytest.raises(DataError, match="Expected columns called text and label, found id, Body, what kind") as caught:
        found(tmp_path / "x.csv")
    assert caught.value.repair is not None
    assert caught.value.repair.endswith("--set data.text_column=Body --set 'data.label_column=what kind'")
    assert {label for _, label in found(tmp_path / "x.csv", text="Body", label="what kind")} == {"good", "bad"}
    (tmp_path / "y.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"data\.text_column=2 --set data\.label_column=3"):
        found(tmp_path / "y.csv")


def test_other_encodings_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.all").write_bytes("1 a sister\xf0city\n0 b\n".encode("latin-1"))
    with pytest.raises(DataError, match="Expected UTF-8, found byte 0xf0"):
        read_rows(tmp_path / "x.all")
    assert read_rows(tmp_path / "x.all", encoding="latin-1")[0].text == "a sisterðcity"
    for wrong in ("latin-99", "hex", ""):  # hex is a codec of Python's, but none of texts
        with pytest.raises(ConfigError, match="expected an encoding that Python knows, found"):
            load_config(None, [f"data.encoding={wrong}"], schema=ClassifyConfig)
    (tmp_path / "y.tsv.gz").write_bytes(gzip.compress(b"a\t1\n" * 100)[:-9])
    with pytest.raises(DataError, match="Expected a gzip file"):
        read_rows(tmp_path / "y.tsv.gz")


def test_the_hash_split_is_the_published_rule_and_keeps_equal_texts_together() -> None:
    rows = [Row(f"text {k % 400}", "a", k) for k in range(800)]
    for split, found_rows in hash_split(rows).items():
        for row in found_rows:
            part = int.from_bytes(hashlib.sha256(row.text.encode()).digest()[:4], "big") % 10
            assert split == {0: "test", 1: "valid"}.get(part, "train")
    assert sum(map(len, hash_split(rows).values())) == 800


def test_real_sets_are_read(data_dir: Path) -> None:
    def sizes(path: str, **settings: object) -> list[int]:
        return [len(rows) for _, rows in open_corpus(ClassifyData(path=str(data_dir / path), **settings)).splits()]

    assert sizes("sst2") == [6920, 872, 1821]
    assert sizes("trec", encoding="latin-1") == [5452, 0, 500]
    waimai = sizes("zh_waimai_10k/waimai_10k.csv", hash_split=True, unit="char")
    assert waimai == [9595, 1183, 1209]


def test_a_text_that_is_too_long_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("text\tlabel\n" + "w " * 10_001 + "\t0\n")
    with pytest.raises(DataError, match="at most 10,000") as caught:
        open_corpus(ClassifyData(path=str(tmp_path / "x.tsv")))
    assert caught.value.line == 2


def test_a_folder_without_splits_and_a_path_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found none of them"):
        open_corpus(ClassifyData(path=str(tmp_path)))
    with pytest.raises(DataError, match="Did you mean reviews-en"):
        open_corpus(ClassifyData(path="review-en"))
