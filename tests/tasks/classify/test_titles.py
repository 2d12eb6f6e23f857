"""A first line that names two columns by names we do not know is told from a first example."""

from __future__ import annotations

from pathlib import Path

import pytest

import cellwright as cw
from cellwright.tasks.classify.config import ClassifyData
from cellwright.tasks.classify.corpora import open_corpus
from cellwright.tasks.classify.formats import Columns, read_rows

BODY = "a fine cup\tgood\na bad one\tpoor\na fine day\tgood\nall bad\tpoor\n"


def read(file: Path, content: str, columns: Columns | None = None) -> tuple[list[tuple[str, str]], list[str]]:
    file.write_text(content, encoding="utf-8")
    notes: list[str] = []
    return [(row.text, row.label) for row in read_rows(file, columns, notes=notes)], notes


@pytest.mark.parametrize(
    ("first", "body"),
    [
        ("snippet\tverdict", BODY),
        ("内容\t类别", BODY),
        (
            "snippet\tverdict",
            "a fine cup\t1\na bad one\t2\nan odd one\t3\na fine day\t1\n",
        ),  # 2 and 3 once, but numbers
    ],
)
def test_names_of_columns_are_no_example(tmp_path: Path, first: str, body: str) -> None:
    with_names, (note,) = read(tmp_path / "x.tsv", f"{first}\n{body}")
    bare, notes = read(tmp_path / "y.tsv", body)
    assert with_names == bare
    assert notes == []
    text, label = first.split("\t")
    assert f"x.tsv: the first line, {text} and {label}, is taken as the names" in note
    one_more, _ = read(tmp_path / "x.tsv", f"{first}\n{body}", Columns("1", "2"))  # what the note says for an example
    assert one_more == [(text, label), *bare]


def test_the_class_may_stand_first_and_commas_between(tmp_path: Path) -> None:
    rows, (note,) = read(
        tmp_path / "x.csv", "verdict,snippet\ngood,a fine cup\npoor,a bad one\ngood,all fine\npoor,b\n"
    )
    assert rows[0] == ("a fine cup", "good")
    assert "--set data.text_column=2 --set data.label_column=1" in note


@pytest.mark.parametrize("first", ["what a cup\texcellent", "cup\t3", "4\texcellent"])
def test_an_example_of_a_class_of_its_own_stays_and_is_named(tmp_path: Path, first: str) -> None:
    rows, (note,) = read(tmp_path / "x.tsv", f"{first}\n{BODY}")
    assert (rows[0], len(rows)) == (tuple(first.split("\t")), 5)
    assert "the first line is taken as an example: text=" in note


@pytest.mark.parametrize(
    "content",
    [
        BODY,
        f"cup\tgood\n{BODY}",  # its class comes again
        "tea\tnice\n" + BODY.replace("all bad\tpoor", "all bad\tworst"),  # another class, too, stands there once
        f"text\tverdict\n{BODY}",  # a name that we know
    ],
)
def test_where_nothing_speaks_for_names_nothing_is_said(tmp_path: Path, content: str) -> None:
    rows, notes = read(tmp_path / "x.tsv", content)
    assert notes == []
    assert len(rows) == content.count("\n") - content.startswith("text")


def test_the_corpus_tells_the_user(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}.tsv").write_text(f"snippet\tverdict\n{BODY * 5}")
    corpus = open_corpus(ClassifyData(path=str(tmp_path)))
    assert (len(corpus.train), len(corpus.test)) == (20, 20)
    assert [note.split(":")[0] for note in corpus.notes] == ["train.tsv", "test.tsv"]
    assert isinstance(corpus.train[0], cw.tasks.classify.examples.Example)
