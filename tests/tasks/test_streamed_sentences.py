"""Slots and tags whose training file stays on the disk: the same sentences, the same models, other memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cellwright as cw
from cellwright.errors import CellwrightError, ConfigError, DataError
from cellwright.tasks.data.corpus import write_corpus
from cellwright.tasks.data.schemes import Scheme
from cellwright.tasks.data.streaming import StreamedExamples
from cellwright.tasks.slots.config import SlotsData
from cellwright.tasks.slots.corpora import open_corpus as open_slots
from cellwright.tasks.tag.config import TagData
from cellwright.tasks.tag.corpora import open_corpus as open_tags
from cellwright.tasks.travel.generate import generate

SETTINGS = {
    "model__cell": "PerToken",
    "model__hidden_size": 8,
    "model__word_dim": 8,
    "model__char_dim": 0,
    "model__affix_dim": 0,
    "train__epochs": 2,
    "train__threads": 1,
}

LINE = json.dumps({"tokens": ["to", "Rome"], "slots": ["O", "B-city"], "intent": "fly"}) + "\n"


def written(folder: Path, scheme: Scheme = "bio") -> Path:
    """120 travel sentences a split, JSON lines."""
    corpus = generate("en", train=120, valid=40, test=40)
    write_corpus(corpus, folder, "jsonl", scheme)
    return folder


@pytest.mark.parametrize("scheme", ["bio", "bioes"])
@pytest.mark.parametrize("size", [0, 7])
@pytest.mark.parametrize("unit", ["word", "char"])
def test_the_sentences_are_those_of_the_file_read_whole(tmp_path: Path, scheme: Scheme, size: int, unit: str) -> None:
    path = str(written(tmp_path / "data", scheme))
    for read, made in ((open_slots, SlotsData), (open_tags, TagData)):
        whole, streamed = (
            read(made.model_validate({"path": path, "stream": stream, "size": size, "unit": unit}))
            for stream in (False, True)
        )
        assert isinstance(streamed.train, StreamedExamples)
        found, expected = ([(u.words, u.slots, u.intent) for u in corpus.train] for corpus in (streamed, whole))
        assert found == expected
        assert len(streamed.train) == (size or 120)
        assert (streamed.valid, streamed.test) == (whole.valid, whole.test)


def test_tags_that_are_no_spans_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "valid.jsonl").write_text('{"tokens": ["a", "b"], "slots": ["DET", "NOUN"]}\n')
    (tmp_path / "train.jsonl").write_text('{"tokens": ["a", "b"], "slots": ["DET", "NOUN"]}\n' * 3)
    corpus = open_tags(TagData(path=str(tmp_path), stream=True, target="tags"))
    assert [u.slots for u in corpus.train] == [("DET", "NOUN")] * 3
    assert corpus.train[0].place == str(tmp_path / "train.jsonl")


@pytest.mark.parametrize("task", ["slots", "tag"])
def test_it_trains_resumes_and_evaluates_like_any_other_run(tmp_path: Path, task: str) -> None:
    data = written(tmp_path / "data")
    settings = {**SETTINGS, "data__stream": True}
    model = cw.train(task, data=data, out=tmp_path / "whole", callbacks=[], **settings)
    cw.train(task, data=data, out=tmp_path / "cut", callbacks=[], **settings, train__max_minutes=1e-9)
    cw.train(out=tmp_path / "cut", resume=True, callbacks=[], train__max_minutes=0.0)
    for name in ("metrics.jsonl", "best/weights.safetensors"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert cw.evaluate(model, data).examples == 40
    assert cw.evaluate(model, data / "test.jsonl").examples == 40
    (data / "train.jsonl").write_text((data / "train.jsonl").read_text().replace("flight", "plane"))
    with pytest.raises(ConfigError, match="the training data changed"):
        cw.train(out=tmp_path / "cut", resume=True, callbacks=[])


@pytest.mark.parametrize("task", ["slots", "tag"])
def test_what_is_learnt_first_is_that_of_the_whole_file(tmp_path: Path, task: str) -> None:
    """Vocabulary and baselines; the order of the sentences, and so the weights, are others."""
    data = written(tmp_path / "data")
    for stream in (False, True):
        cw.train(task, data=data, out=tmp_path / str(stream), callbacks=[], **SETTINGS, data__stream=stream)
    files = ["words.json", "vocabulary.json" if task == "slots" else "names.json", "baselines.json"]
    folders = [tmp_path / str(stream) / "best" for stream in (False, True)]
    present = [name for name in files if (folders[0] / name).exists()]
    assert len(present) >= 2
    for name in present:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


@pytest.mark.parametrize("task", ["slots", "tag"])
def test_a_tag_that_the_start_did_not_see_is_an_error_not_another_tag(tmp_path: Path, task: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "valid.jsonl").write_text(LINE)
    (data / "train.jsonl").write_text(LINE * 121 + '\n{"tokens": ["a"], "slots": ["B-new"], "intent": "fly"}\n')
    with pytest.raises(DataError, match="found 'B-new'") as caught:
        cw.train(
            task, data=data, out=tmp_path / "run", callbacks=[], **SETTINGS, data__stream=True, data__stream_texts=60
        )  # fmt: skip
    assert caught.value.line == 123  # the blank line before it counts


WRONG = {
    "a bad line": ("train.jsonl", LINE + '\n{"tokens": ["a"]}\n', "train.jsonl:3"),
    "tags that are none": ("train.jsonl", LINE + '{"tokens": ["a"], "slots": ["city"]}\n', "train.jsonl:2"),
    "an array": ("train.json", f"[{LINE}]", "Expected JSON lines for data.stream"),
    "columns": ("train.conll", "to O\nRome B-city\n", "Expected JSON lines for data.stream"),
    "empty": ("train.jsonl", "\n", "found none"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("task", ["slots", "tag"])
def test_a_file_that_cannot_be_read_is_told_before_training(tmp_path: Path, name: str, task: str) -> None:
    file, text, message = WRONG[name]
    data = tmp_path / "data"
    data.mkdir()
    (data / file).write_text(text)
    (data / "valid.jsonl").write_text(LINE)
    with pytest.raises(DataError) as caught:
        cw.train(task, data=data, out=tmp_path / "run", callbacks=[], **SETTINGS, data__stream=True)
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("task", ["slots", "tag"])
def test_what_does_not_go_with_a_stream_is_refused(tmp_path: Path, task: str) -> None:
    data = written(tmp_path / "data")
    embedded = "travel-en" if task == "slots" else "pos-en"
    for path in (data / "train.jsonl", embedded):
        with pytest.raises(ConfigError, match="Expected a folder with train and valid"):
            cw.train(task, data=path, out=tmp_path / "run", callbacks=[], **SETTINGS, data__stream=True)
    if task == "tag":
        with pytest.raises(CellwrightError, match="found words to be found"):
            cw.train(
                task, data=data, out=tmp_path / "run", callbacks=[], **SETTINGS, data__stream=True, data__target="words"
            )  # fmt: skip
    (data / "valid.jsonl").unlink()
    with pytest.raises(DataError, match="Expected a validation split"):
        cw.train(task, data=data, out=tmp_path / "run", callbacks=[], **SETTINGS, data__stream=True)


def test_a_folder_of_seq_files_is_told_how_to_be_read(tmp_path: Path) -> None:
    """Before training, and where a model that streamed is evaluated on it."""
    write_corpus(generate("en", train=40, valid=20, test=20), tmp_path / "seq", "seq")
    with pytest.raises(DataError, match="found train") as caught:
        open_slots(SlotsData(path=str(tmp_path / "seq"), stream=True))
    assert "data.stream=false" in str(caught.value)
