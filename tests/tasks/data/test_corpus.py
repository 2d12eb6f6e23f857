"""Every format holds the same utterances, in every scheme; every wrong file is refused with its line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cellwright.errors import DataError
from cellwright.tasks.data.corpus import FORMATS, read_corpus, read_utterances, write_corpus
from cellwright.tasks.data.splits import with_validation
from cellwright.tasks.data.utterance import Corpus, Utterance
from cellwright.tasks.travel.generate import generate


def content(utterances: list[Utterance]) -> list[tuple[tuple[str, ...], tuple[str, ...], str]]:
    return sorted((u.words, u.slots, u.intent) for u in utterances)


@pytest.mark.parametrize("scheme", ["bio", "bioes", "iob1"])
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_writing_and_reading_changes_nothing(tmp_path: Path, language: str, format: str, scheme: str) -> None:
    corpus = generate(language, seed=3, train=60, valid=20, test=20)
    write_corpus(corpus, tmp_path, format, scheme)  # type: ignore[arg-type]
    found = read_corpus(tmp_path)
    for (_, ours), (_, theirs) in zip(corpus.splits(), found.splits(), strict=True):
        assert content(ours) == content(theirs)


def test_a_share_of_the_tail_validates_as_in_keras() -> None:
    """Row C8: validation_split=0.3 takes the last 30 %, in order."""
    corpus = with_validation(Corpus("x", train=list(range(300)), valid=[-1]), 0.3)  # type: ignore[arg-type]
    assert (corpus.train, corpus.valid) == (list(range(210)), list(range(210, 300)))


@pytest.mark.parametrize("format", ["conll", "jsonl", "seq"])
def test_real_utterances_survive_every_format(tmp_path: Path, data_dir: Path, format: str) -> None:
    corpus = read_corpus(data_dir / "snips")
    assert [len(u) for _, u in corpus.splits()] == [13_084, 700, 700]
    write_corpus(Corpus("x", test=corpus.test), tmp_path, format)  # type: ignore[arg-type]
    assert content(read_corpus(tmp_path).test) == content(corpus.test)


def test_columns_of_real_sets_are_read(data_dir: Path) -> None:
    wnut = read_corpus(data_dir / "wnut17")
    assert [len(u) for _, u in wnut.splits()] == [3_394, 1_009, 1_287]
    with pytest.raises(DataError, match=r"Expected B-PER.NOM to begin a span, found I-PER.NOM"):
        read_corpus(data_dir / "weibo_ner")
    weibo = read_corpus(data_dir / "weibo_ner", scheme="iob1")
    assert [len(u) for _, u in weibo.splits()] == [1_350, 270, 270]


def test_by_character_keeps_the_spans(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"tokens": ["去", "New", "York"], "slots": ["O", "B-city", "I-city"]}\n')
    (found,) = read_utterances(tmp_path / "x.jsonl", unit="char")
    assert "".join(found.words) == "去NewYork"
    assert found.slots == ("O", "B-city", *["I-city"] * 6)


def test_text_with_spans_is_cut_where_they_are(tmp_path: Path) -> None:
    row = {"text": "leave Taipei101 now", "spans": [{"start": 6, "end": 12, "label": "city"}], "intent": "go"}
    (tmp_path / "x.jsonl").write_text(json.dumps(row) + "\n\n")
    (found,) = read_utterances(tmp_path / "x.jsonl")
    assert found.words == ("leave", "Taipei", "101", "now")
    assert found.slots == ("O", "B-city", "O", "O")
    assert found.spans == ((0, 5), (6, 12), (12, 15), (16, 19))


@pytest.mark.parametrize(
    "labelled",
    [
        '"spans": [{"start": 3, "end": 7, "label": "city.to"}]',
        '"entities": [{"start": 3, "end": 7, "entity": "city", "role": "to", "value": "ROM"}]',
        '"entities": [{"id": 1, "start_offset": 3, "end_offset": 7, "label": "city.to"}]',
        '"label": [[3, 7, "city.to"]]',
        '"labels": [[3, 7, "city.to"]]',
        '"label": "book", "spans": [{"start": 3, "end": 7, "label": "city.to"}]',
    ],
)
def test_spans_are_read_as_annotation_tools_write_them(tmp_path: Path, labelled: str) -> None:
    (tmp_path / "x.jsonl").write_text(f'{{"id": 7, "text": "to Rome", {labelled}}}\n')
    (utterance,) = read_utterances(tmp_path / "x.jsonl")
    assert utterance.slots == ("O", "B-city.to")


def test_an_array_of_objects_is_read_with_its_lines(tmp_path: Path) -> None:
    rows = [{"text": f"to Rome {k}", "spans": [[3, 7, "city"]]} for k in range(3)]
    (tmp_path / "x.json").write_text(json.dumps(rows, indent=1))
    utterances = read_utterances(tmp_path / "x.json")
    assert [u.words[-1] for u in utterances] == ["0", "1", "2"]
    lines = (tmp_path / "x.json").read_text().split("\n")
    assert [lines[int(u.place.rpartition(":")[2])].strip() for u in utterances] == [
        f'"text": "to Rome {k}",' for k in range(3)
    ]


def test_rasa_entities_with_roles(tmp_path: Path) -> None:
    (tmp_path / "nlu.yml").write_text(
        'version: "3.1"\nnlu:\n- intent: fly\n  examples: |\n'
        '    - leave [Taipei]{"entity": "city", "role": "departure"} for [Rome](city:rome)\n'
        "- lookup: city\n  examples: |\n    - Rome\n"
        "- intent: greet\n  examples:\n  - text: hi there\n"
    )
    first, second = read_utterances(tmp_path / "nlu.yml")
    assert first.words == ("leave", "Taipei", "for", "Rome")
    assert first.slots == ("O", "B-city.departure", "O", "B-city")
    assert (second.intent, second.words) == ("greet", ("hi", "there"))
    assert first.place is not None
    assert first.place.endswith("nlu.yml:5")


def test_a_hash_with_its_tag_is_a_word_and_a_comment_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.conll").write_text("# intent: tag it\n# text = a b\n# O\nb\tx\tO\n \t \n-DOCSTART- O\n\nc B-q\n")
    first, second = read_utterances(tmp_path / "x.conll")
    assert (first.intent, first.words) == ("tag it", ("#", "b"))
    assert (second.intent, second.slots) == ("", ("B-q",))


def test_labels_only_in_test_are_counted_and_reported(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text("# intent: a\nx O\ny B-p\n")
    (tmp_path / "test.conll").write_text("# intent: b\nx B-q\n")
    assert read_corpus(tmp_path).notes == [
        "1 slot label only in test, counted as errors: q (1)",
        "1 intent label only in test, counted as errors: b (1)",
    ]


def seq(folder: Path, words: str, tags: str, intents: str | None = "i\ni\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "seq.in").write_text(words)
    (folder / "seq.out").write_text(tags)
    if intents is not None:
        (folder / "label").write_text(intents)
    return folder


def only_tags(folder: Path) -> Path:
    folder.mkdir()
    (folder / "seq.out").write_text("O\n")
    return folder


def jsonl(text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "x.jsonl").write_text(text)
        return folder / "x.jsonl"

    return write


def rasa(text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "x.yml").write_text(text)
        return folder / "x.yml"

    return write


def table(name: str, text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_text(text)
        return folder / name

    return write


def conll(text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "x.conll").write_text(text)
        return folder / "x.conll"

    return write


WRONG: dict[str, tuple[Callable[[Path], Path], str, int | None]] = {
    "seq.out short": (lambda f: seq(f / "s", "a b\nc\n", "O O\n"), "seq.in has 2 lines, seq.out has 1", 2),
    "seq.out lacks a line in the middle": (
        lambda f: seq(f / "s", "a b\nc\nd e\nf\n", "O O\nO O\nO\n"),
        "Line 2 has 1 words and 2 tags: seq.out lacks a line here or a little above",
        2,
    ),
    "label long": (lambda f: seq(f / "s", "a\nc\n", "O\nO\n", "i\ni\ni\n"), "label has 3", 3),
    "tags missing": (lambda f: seq(f / "s", "a b\nc\n", "O\nO\n"), "Expected 2 tags for 2 words, found 1", 1),
    "blank intent": (lambda f: seq(f / "s", "a\nc\n", "O\nO\n", "i\n \n"[:3] + "\nx"), "has 3", 3),
    "empty utterance": (lambda f: seq(f / "s", "a\n\nb\n", "O\n\nO\n", "i\ni\ni\n"), "found an empty utterance", 2),
    "only tags": (lambda f: only_tags(f / "s"), "Expected a file, found none", None),
    "half a character": (jsonl('{"text": "a \\ud800 b"}\n'), "half a character (U+D800)", 1),
    "100,000 tokens": (
        lambda f: seq(f / "s", "a\n" + "w " * 100_000 + "\n", "O\n" + "O " * 100_000 + "\n"),
        "found 100,000",
        2,
    ),
    "no JSON": (jsonl("{nope\n"), "Expected a JSON object", 1),
    "JSON array of a number": (jsonl("\n[1]\n"), "found int", 2),
    "JSON array without a comma": (jsonl('[{"text": "a"}\n{"text": "b"}]'), "Expected a JSON object", 1),
    "JSON array of a text": (jsonl('[\n{"text": "a"},\n"b"]'), "found str", 3),
    "one object around all": (
        jsonl('{"nlu": {\n"examples": [{"text": "a"}]}}'),
        "found one object with the examples under 'nlu.examples'",
        1,
    ),
    "slots without places": (jsonl('{"text": "to Rome", "slots": {"city": "Rome"}}\n'), "found slots alone", 1),
    "a class as intent": (jsonl('{"text": "to Rome", "label": "book"}\n'), 'Rename "label" to "intent"', 1),
    "end of the last character": (
        jsonl('{"text": "to Rome", "entities": [{"start": 3, "end": 6, "entity": "city", "value": "Rome"}]}\n'),
        "end is the character after the last: 7 here",
        1,
    ),
    "unequal tokens": (jsonl('{"tokens": ["a"], "slots": []}\n'), "Expected 1 slots for 1 tokens, found 0", 1),
    "blank token": (jsonl('{"tokens": [" "], "slots": ["O"]}\n'), "none of them blank", 1),
    "near key": (jsonl('{"token": ["a"]}\n'), 'Expected "tokens" or "text"', 1),
    "intent no text": (jsonl('{"text": "a", "intent": 3}\n'), "Expected text under 'intent', found 3", 1),
    "span outside": (jsonl('{"text": "ab", "spans": [[0, 9, "x"]]}\n'), "characters 0 to 9", 1),
    "span of space": (jsonl('{"text": "a b", "spans": [[1, 2, "x"]]}\n'), "characters 1 to 2", 1),
    "spans overlap": (jsonl('{"text": "abc", "spans": [[0, 2, "x"], [1, 3, "y"]]}\n'), "overlapping", 1),
    "span ill-typed": (jsonl('{"text": "abc", "spans": [[0, true, "x"]]}\n'), "under 'spans'", 1),
    "deep JSON": (jsonl('{"text": ' + "[" * 100_000 + "\n"), "Expected a JSON object", 1),
    "one column": (conll("a O\nb\n"), "found 1 column", 2),
    "two intents": (conll("# intent: a\n# intent: b\nx O\n"), "found a second: 'b'", 2),
    "intent alone": (conll("x O\n\n# intent: a\n"), "Expected words after the intent", 3),
    "I without B": (conll("x B-a\nx I-a\n\nx O\ny I-a\n"), "Expected B-a to begin a span", 5),
    "only comments": (conll("# a\n# b\n"), "Expected utterances, found none", None),
    "a table of texts": (table("x.csv", "text,label\nto Rome,fly\n"), "cellwright train classify", 1),
    "a table with a slot": (table("x.csv", "sentence;city\nto Rome;Rome\n"), "found a table", 1),
    "a table by its header": (table("x.tsv", "Text\tLabel\nto Rome\tfly\n"), "cellwright train classify", 1),
    "broken YAML": (rasa("nlu:\n- intent: [\n"), "Expected YAML", 3),
    "no nlu": (rasa("version: 1\n"), "Expected a list under nlu:", 1),
    "no dash": (rasa("nlu:\n- intent: a\n  examples: |\n    hello\n"), "Expected an example after a dash", 4),
    "nameless entity": (rasa("nlu:\n- intent: a\n  examples: |\n    - go [x]()\n"), "name of an entity", 4),
    "no examples": (rasa("nlu:\n- intent: a\n"), "Expected examples of the intent", 2),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused_with_file_and_line(tmp_path: Path, name: str) -> None:
    write, message, line = WRONG[name]
    with pytest.raises(DataError) as caught:
        read_utterances(write(tmp_path))
    assert message in str(caught.value)
    assert caught.value.line == line
    assert str(tmp_path) in str(caught.value.file)


def test_a_folder_without_splits_says_what_it_looked_for(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"Expected train, valid \(or dev\) and test"):
        read_corpus(tmp_path)


def test_two_files_for_one_split_are_not_guessed_between(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text("x O\n")
    (tmp_path / "train.jsonl").write_text("{}")
    with pytest.raises(DataError, match=r"found train\.conll, train\.jsonl"):
        read_corpus(tmp_path)


def test_a_form_that_cannot_hold_an_utterance_refuses_it(tmp_path: Path) -> None:
    odd = Corpus("x", train=[Utterance(("New York", "]("), ("B-city", "O"), "go")])
    for format in ("seq", "conll"):
        with pytest.raises(DataError, match="a word with white space"):
            write_corpus(odd, tmp_path, format)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="Rasa's form"):
        write_corpus(odd, tmp_path, "rasa")
    some = Corpus("x", train=[Utterance(("a",), ("O",), ""), Utterance(("b",), ("O",), "go")])
    with pytest.raises(DataError, match="no intent, where others have one"):
        write_corpus(some, tmp_path, "seq")
    lines = Corpus("x", train=[Utterance(("a",), ("O",), "go\nhome")])
    with pytest.raises(DataError, match="the intent"):
        write_corpus(lines, tmp_path, "conll")
    write_corpus(odd, tmp_path, "jsonl")
    assert read_corpus(tmp_path).train[0].words == ("New York", "](")
