"""Every form of file gives the words and tags that stand in it; every wrong file is refused with its line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from cellwright.errors import DataError
from cellwright.tasks.tag.config import TagData
from cellwright.tasks.tag.corpora import TagCorpus, open_corpus
from cellwright.tasks.tag.formats import format_of
from cellwright.tasks.tag.segments import TAGS, as_read, from_words, sentences, to_spans

CONLLU = (
    "# sent_id = 1\n# text = I can't go\n1\tI\tI\tPRON\tPRP\t_\t3\tnsubj\t_\t_\n2-3\tcan't\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "2\tca\tcan\tAUX\tMD\t_\t3\taux\t_\t_\n3\tn't\tnot\tPART\tRB\t_\t3\tadv\t_\t_\n3.1\tx\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "4\t#\t#\tSYM\tNN\t_\t3\tobj\t_\t_\n\n1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\t_\n\n"
)


def corpus(path: Path, **settings: object) -> TagCorpus:
    return open_corpus(TagData.model_validate({"path": str(path), **settings}))


def content(path: Path, **settings: object) -> list[tuple[str, str]]:
    return [(" ".join(u.words), " ".join(u.slots)) for u in corpus(path, **settings).train]


def test_conllu_has_universal_or_other_tags_and_skips_ranges_and_empty_nodes(tmp_path: Path) -> None:
    (tmp_path / "x.conllu").write_text(CONLLU)
    assert content(tmp_path / "x.conllu") == [("I ca n't #", "PRON AUX PART SYM"), ("Yes", "INTJ")]
    assert content(tmp_path / "x.conllu", column="xpos")[1] == ("Yes", "UH")
    assert content(tmp_path / "x.conllu", column="2")[1] == ("Yes", "Yes")
    (tmp_path / "udc.train.conll").write_text(CONLLU)
    assert format_of(tmp_path / "udc.train.conll") == "conllu"
    (tmp_path / "y.conllu.gz").write_bytes(gzip.compress(CONLLU.encode()))
    assert content(tmp_path / "y.conllu.gz") == content(tmp_path / "x.conllu")


def test_columns_hold_tags_or_spans(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("# a comment here\nthe\tX\tDT\n#\tX\tSYM\n\t\ndog\tX\tNN\n")
    assert (corpus(tmp_path / "a.conll").target, content(tmp_path / "a.conll")) == (
        "tags",
        [("the #", "DT SYM"), ("dog", "NN")],
    )
    assert content(tmp_path / "a.conll", column="2") == [("the #", "X X"), ("dog", "X")]
    (tmp_path / "b.conll").write_text("in O\nNew B-place\nYork E-place\n\nRome S-place\n")
    found = corpus(tmp_path / "b.conll")
    assert found.target == "spans"
    assert [u.slots for u in found.train] == [("O", "B-place", "I-place"), ("B-place",)]
    (tmp_path / "c.jsonl").write_text('{"text": "in New York", "spans": [{"start": 3, "end": 11, "label": "place"}]}\n')
    assert corpus(tmp_path / "c.jsonl").target == "spans"
    assert content(tmp_path / "c.jsonl") == [("in New York", "O B-place I-place")]


def test_slashes_and_spaces(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("中国/ns  人民/n  １/2/m  //w\n\n你好/v\n")
    assert content(tmp_path / "a.txt") == [("中国 人民 １/2 /", "ns n m w"), ("你好", "v")]
    words = [("中 国 人 民 １ / 2 /", "B E B E B M E S"), ("你 好", "B E")]
    assert content(tmp_path / "a.txt", target="words") == words
    (tmp_path / "b.utf8").write_text("中国  人民  １/2  /\n你好\n")
    assert corpus(tmp_path / "b.utf8").target == "words"
    assert content(tmp_path / "b.utf8") == words


@pytest.mark.parametrize(
    ("name", "content", "settings", "message", "line"),
    [
        ("x.conllu", "", {}, "empty file", None),
        ("x.conllu", "# only a comment\n", {}, "found none", None),
        ("x.conllu", CONLLU + "1\tno\ttabs\n", {}, "Expected a number and 9 more columns, found 3", 12),
        ("x.conllu", CONLLU + "x\ta\ta\tX\tX\t_\t0\tr\t_\t_\n", {}, "found 10: 'x'", 12),
        ("x.conllu", CONLLU.replace("INTJ", "_"), {}, "Expected a tag in column upos, found '_'", 10),
        ("x.conllu", CONLLU, {"column": "upsos"}, "Expected a column of 2 to 10", None),
        ("x.conll", "a\tX\nb\n", {}, "found 1 column", 2),
        ("x.conll", "a\tX\nb\tY\n", {"column": "3"}, "Expected a column of 2 to 2", 1),
        ("x.conll", "a\tO\nb\tI-x\n", {"target": "spans", "scheme": "bio"}, "Expected B-x to begin a span", 2),
        ("x.conll", "a\tX\nb\tY\n", {"target": "spans"}, "Expected a tag O, B-label", 1),
        ("x.txt", "a/X b/Y\nc\n", {}, "Expected word/tag, found 'c'", 2),
        ("x.txt", "a/X\nb/\n", {}, "Expected word/tag, found 'b/'", 2),
        ("x.txt", "我 爱 中国\n", {"target": "tags"}, "Expected tags, found words without any", None),
        ("x.jsonl", '{"tokens": ["a"], "slots": []}\n', {}, "Expected 1 slots for 1 tokens", 1),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_its_line(
    tmp_path: Path, name: str, content: str, settings: dict[str, object], message: str, line: int | None
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        corpus(tmp_path / name, **settings)
    assert caught.value.line == line
    assert str(tmp_path / name) in str(caught.value)
    assert caught.value.repair


def test_bytes_of_another_encoding_and_a_folder_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.conll").write_bytes("a\tX\nü\tY\n".encode("latin-1"))
    with pytest.raises(DataError, match="Expected UTF-8, found byte 0xfc"):
        corpus(tmp_path / "x.conll")
    for name, text in (("x.csv", "text,label\nI love it,good\n"), ("x.tsv", "label\ttext\ngood\tI love it\n")):
        (tmp_path / name).write_text(text * 10)  # its lines are no words of a text without spaces
        with pytest.raises(DataError, match=r"(?s)Expected words with their tags, found a table.*train classify"):
            corpus(tmp_path / name)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="found none of them"):
        corpus(tmp_path / "folder")
    with pytest.raises(DataError, match="Did you mean pos-en"):
        corpus(Path("pos-eng"))


def test_words_as_tags_and_back() -> None:
    words = ["我", "爱", "中国", "人民大会堂", "。"]
    characters, tags = from_words(words)
    assert "".join(tags) == "SSBEBMMMES"
    assert ["".join(characters[a:b]) for a, b, _ in to_spans(tags)] == words
    # Whatever tags come, each character is in one word, and a word ends where the next begins.
    for odd in ("MMM", "BBB", "EES", "BSE", "M"):
        spans = to_spans(odd)
        assert [k for a, b, _ in spans for k in range(a, b)] == list(range(len(odd)))
    assert {*tags} == {*TAGS}


def test_characters_are_read_alike_and_sentences_end_at_their_marks() -> None:
    assert [as_read(c) for c in "１9Ａz，中。"] == ["0", "0", "a", "a", ",", "中", "。"]
    assert sentences(["a", "。", "b", "！", "c"]) == [["a", "。"], ["b", "！"], ["c"]]
    assert sentences(["a", "。"]) == [["a", "。"]]


def test_real_sets_are_read(data_dir: Path) -> None:
    ewt = corpus(data_dir / "ud_en_ewt")
    assert [(len(rows), sum(len(u.words) for u in rows)) for _, rows in ewt.splits()] == [
        (12_544, 204_577), (2_001, 25_147), (2_077, 25_094),
    ]  # fmt: skip
    assert len({tag for u in ewt.train for tag in u.slots}) == 17
    pku = corpus(data_dir / "sighan2005" / "pku_test_gold.utf8")
    assert sum(len(to_spans(u.slots)) for u in pku.train) == 104_372
    assert corpus(data_dir / "wnut17").target == "spans"
