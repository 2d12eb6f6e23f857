"""A training text left on the disk is the text read whole: same words, same rows, same weights."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

import cellwright as cw
from cellwright.errors import DataError
from cellwright.tasks.lm.config import LmData
from cellwright.tasks.lm.corpora import open_corpus, row_blocks, stream_of
from cellwright.tasks.text import on_disk
from cellwright.tasks.text.on_disk import RowsOnDisk, pieces
from cellwright.tasks.text.plain import learn_vocabulary

LINES = ["the sea is blue", "", "  ", "the grass is green , says the cat", "天空 很 蓝", "the sea is wide"] * 20
SETTINGS = {"model__hidden_size": 16, "model__embedding_size": 8, "model__steps": 9, "train__batch_size": 4}


def written(folder: Path, *, end: str = "\n", mark: bytes = b"", packed: bool = False) -> Path:
    folder.mkdir()
    text = mark + (end.join(LINES) + end).encode()
    (folder / ("train.txt.gz" if packed else "train.txt")).write_bytes(gzip.compress(text) if packed else text)
    (folder / "valid.txt").write_text("\n".join(LINES[:6]))
    return folder


@pytest.mark.parametrize("unit", ["word", "char"])
@pytest.mark.parametrize("tokenize", [False, True])
@pytest.mark.parametrize(
    "form", [{}, {"end": "\r\n", "mark": b"\xef\xbb\xbf"}, {"packed": True}], ids=["plain", "CRLF and mark", "gzip"]
)
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_rows_are_those_of_the_text_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: str, tokenize: bool, form: dict, piece: int
) -> None:
    monkeypatch.setattr(on_disk, "PIECE", piece)  # pieces that end within a line and within a character
    folder = written(tmp_path / "text", **form)
    found = {}
    for stream in (False, True):
        data = LmData(path=str(folder), unit=unit, tokenize=tokenize, stream=stream)
        corpus = open_corpus(data)
        vocabulary = learn_vocabulary(corpus, data)
        rows = RowsOnDisk(row_blocks(corpus.train, vocabulary)) if stream else stream_of(corpus.train, vocabulary).rows
        found[stream] = (vocabulary.tokens, list(rows[:]), len(rows))
    assert found[True] == found[False]


def test_slices_are_those_of_an_array() -> None:
    rows = np.arange(1000) * 7 % 131
    stored = RowsOnDisk(iter([rows[:300], rows[300:300], rows[300:]]))
    for part in (slice(0, 5), slice(295, 306), slice(990, 2000), slice(None), slice(7, 7), slice(2000, 3000)):
        assert np.array_equal(stored[part], rows[part])


@pytest.mark.parametrize("unit", ["word", "char"])
def test_it_trains_to_the_same_weights_goes_on_and_is_evaluated(tmp_path: Path, unit: str) -> None:
    data = written(tmp_path / "text")
    settings = {**SETTINGS, "data": data, "data__unit": unit, "train__epochs": 2, "callbacks": []}
    cw.train("lm", out=tmp_path / "whole", **settings)
    cw.train("lm", out=tmp_path / "cut", data__stream=True, train__max_minutes=1e-9, **settings)
    model = cw.train(out=tmp_path / "cut", resume=True, callbacks=[], train__max_minutes=0.0)
    for name in ("metrics.jsonl", "best/weights.safetensors"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    streamed, whole = cw.evaluate(model, data, split="valid"), cw.evaluate(tmp_path / "whole", data, split="valid")
    assert streamed.lines == whole.lines
    assert any("the n-grams have read the first" in note for note in streamed.notes)
    assert cw.evaluate(model, data, split="train").examples == whole_train(data, unit) - 1


def whole_train(data: Path, unit: str) -> int:
    corpus = open_corpus(LmData(path=str(data), unit=unit))
    return len(stream_of(corpus.train, learn_vocabulary(corpus, LmData(unit=unit))).rows)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"one\ntwo\xff\n", "byte 0xff at offset 7"),
        (b"\xef\xbb\xbfone\ntw\xe5\xa4", "byte 0xe5 at offset 9"),
        ("天空\n".encode() + b"x" * 7 + b"\xe5x\n", "byte 0xe5 at offset 14"),
    ],
)
def test_a_wrong_byte_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, place: str
) -> None:
    monkeypatch.setattr(on_disk, "PIECE", 4)
    file = tmp_path / "train.txt"
    file.write_bytes(content)
    with pytest.raises(DataError, match=place) as error:
        list(pieces(file))
    assert "train.txt:2" in str(error.value)


def test_what_cannot_be_streamed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "one.txt"
    file.write_text("a b c\n" * 50)
    with pytest.raises(DataError, match="a folder with train and valid"):
        open_corpus(LmData(path=str(file), stream=True))
    with pytest.raises(DataError, match="the embedded sentences"):
        open_corpus(LmData(path="sentences", stream=True))
    folder = written(tmp_path / "text")
    (folder / "train.txt").write_text("\n \n")
    with pytest.raises(DataError, match="at least 10 words"):
        cw.train("lm", data=folder, out=tmp_path / "run", data__stream=True, callbacks=[])
    (folder / "train.txt").unlink()
    (folder / "train.txt.gz").write_bytes(b"no gzip")
    with pytest.raises(DataError, match="Expected a readable file"):
        cw.train("lm", data=folder, out=tmp_path / "other", data__stream=True, callbacks=[])
