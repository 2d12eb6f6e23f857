"""A trained model from Python: predict, stream, evaluate, its folder, and what is refused."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest

import cellwright as cw
from cellwright.errors import CellwrightError, ConfigError, DataError, StorageError
from cellwright.tasks.slots.baselines import Baselines
from cellwright.tasks.slots.model_file import KIND
from cellwright.tasks.slots.predict import Prediction, SlotModel
from cellwright.tasks.slots.vocabulary import Vocabulary
from cellwright.tasks.storage.atomic import read_folder, write_folder
from cellwright.tasks.travel.generate import generate


def test_slots_are_pieces_of_the_text(model: SlotModel) -> None:
    found = model.predict("please book me a flight from Boston to Denver on  Monday !")
    assert found.tokens[0] == "please"
    assert found.intent in model.vocabulary.intents
    assert found.slots
    for slot in found.slots:
        assert found.text[slot.start : slot.end] == slot.value
        assert 0 < slot.probability <= 1


def test_words_and_text_give_the_same(model: SlotModel) -> None:
    text, words = (
        model.predict("leave Taipei on November 2nd"),
        model.predict(["leave", "Taipei", "on", "November", "2nd"]),
    )
    assert text == words


def test_many_at_once_equal_one_by_one_in_order(model: SlotModel) -> None:
    texts = [u.text or "" for u in generate("en", seed=9, train=70, valid=1, test=1).train]
    together = model.predict_many(texts)
    alone = [model.predict(text) for text in texts]
    assert [p.tags for p in together] == [p.tags for p in alone]
    assert [p.intent for p in together] == [p.intent for p in alone]


@pytest.mark.parametrize(
    "text",
    ["x", "?", "Ünïcödé 我 עברית 🙂 e\u0301", "\ufeff hi \u2028 there", "a" * 5000, "w " * 3000, "\x00 \x1b[31m red"],
)
def test_any_text_gets_an_answer(model: SlotModel, text: str) -> None:
    assert isinstance(model.predict(text), Prediction)


def test_a_line_that_fails_does_not_stop_the_stream(model: SlotModel) -> None:
    kinds = [type(answer) for answer in model.stream(["fly to Rome\n", "  \n", "w " * 100_000, "what time is it?"])]
    assert kinds == [Prediction, DataError, DataError, Prediction]


def test_no_words_and_blank_words_are_refused(model: SlotModel) -> None:
    for wrong in ("", "   ", [], ["fly", " "]):
        with pytest.raises(DataError):
            model.predict(wrong)


def test_evaluation_prints_both_baselines_and_counts_unknown_labels(model: SlotModel) -> None:
    corpus = generate("en", seed=4, train=1, valid=1, test=200)
    odd = cw.tasks.data.utterance.Utterance(("x", "y"), ("O", "B-planet"), "teleport")
    evaluation = cw.evaluate(model, [*corpus.test, odd])
    data = evaluation.to_data()
    ours, per_token, majority = data["lines"]
    assert [line["name"] for line in data["lines"]] == ["model", "per-token table", "majority"]
    assert majority["slot_f1"] == 0.0
    assert evaluation.figures["slot_f1"] == ours["slot_f1"] > per_token["slot_f1"] > 0
    assert [note.split(":")[1] for note in evaluation.notes] == [" planet (1)", " teleport (1)"]
    assert next(line for line in data["sections"]["slot"] if line["name"] == "planet")["recall"] == 0.0
    json.dumps(data)
    with pytest.raises(DataError, match="found none"):
        cw.evaluate(model, [])


def test_a_model_of_the_demo_size_tells_departure_from_destination(model: SlotModel) -> None:
    """Even a few seconds of training beat the per-token table by far on the embedded data."""
    evaluation = cw.evaluate(model, generate("en", seed=0).valid)
    assert evaluation.figures["slot_f1"] > evaluation.lines[1].figures["slot_f1"] + 0.1


def test_baselines_by_hand() -> None:
    corpus = generate("en", seed=0, train=50, valid=1, test=1).train
    baselines = Baselines.learn(corpus)
    assert baselines.majority(corpus[0])[0] == ["O"] * len(corpus[0].words)
    again = Baselines.from_data(json.loads(json.dumps(baselines.to_data())), "x")
    assert [again.per_token(u) for u in corpus] == [baselines.per_token(u) for u in corpus]
    with pytest.raises(StorageError):
        Baselines.from_data({"tags": {}, "rare": "O", "intents": {}, "words": {}}, "x")


def test_the_vocabulary_is_read_back_whole() -> None:
    vocabulary = Vocabulary.learn(generate("zh", seed=0, train=50, valid=1, test=1).train)
    again = Vocabulary.from_files(vocabulary.to_files(), "x")
    for word in ("北", "BR67", "neu", "Taipei", "台"):
        assert again.code(word) == vocabulary.code(word)
    assert (again.tags, again.intents) == (vocabulary.tags, vocabulary.intents)


def test_half_a_character_is_refused_and_the_stream_goes_on(model: SlotModel) -> None:
    kinds = [type(answer) for answer in model.stream(["fly \ud800", "fly"])]
    assert kinds == [DataError, Prediction]


def test_data_without_intents_is_measured_by_its_slots_alone(model: SlotModel) -> None:
    bare = [u.__class__(u.words, u.slots, "") for u in generate("en", seed=4, train=1, valid=1, test=100).test]
    evaluation = cw.evaluate(model, bare)
    assert evaluation.figures["intent_accuracy"] is None
    assert evaluation.figures["sentence_accuracy"] > 0
    assert evaluation.notes == []


@pytest.mark.parametrize("changes", [{"hidden_size": 60_000}, {"num_layers": 60}, {"word_dim": 60_000}])
def test_settings_that_ask_for_more_than_the_weights_fill_are_refused(
    tmp_path: Path, run: Path, changes: dict[str, int]
) -> None:
    stored = read_folder(run / "best", kind=KIND)
    info = {**stored.info, "model": {**stored.info["model"], **changes}}
    write_folder(tmp_path / "m", stored.files, kind=KIND, info=info)
    with pytest.raises(StorageError, match="weights of at least"):
        cw.load(tmp_path / "m")


@pytest.mark.parametrize(
    "file", ["words.json", "vocabulary.json", "weights.safetensors", "baselines.json", "manifest.json"]
)
def test_a_changed_truncated_or_missing_file_is_refused(tmp_path: Path, run: Path, file: str) -> None:
    for damage in ("changed", "truncated", "missing"):
        folder = tmp_path / damage
        shutil.copytree(run / "best", folder)
        data = (folder / file).read_bytes()
        if damage == "changed":
            (folder / file).write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
        elif damage == "truncated":
            (folder / file).write_bytes(data[:-7])
        else:
            (folder / file).unlink()
        with pytest.raises(StorageError):
            cw.load(folder)


def test_a_newer_format_says_upgrade(tmp_path: Path, run: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(run / "best", folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "format_version": 99}))
    with pytest.raises(StorageError, match="upgrade"):
        cw.load(folder)


def test_the_folder_holds_data_only(run: Path) -> None:
    assert sorted(p.name for p in (run / "best").iterdir()) == [
        "baselines.json",
        "manifest.json",
        "vocabulary.json",
        "weights.safetensors",
        "words.json",
    ]
    cell = json.loads((run / "best" / "manifest.json").read_text())["info"]["cell"]
    assert cell["name"] == "LSTM"
    assert {"op", "shape"} <= set(cell["nodes"][0])


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Did you mean train\.epochs"):
        cw.train(out=tmp_path / "r", train__epoch=3)
    with pytest.raises(ConfigError, match="char_widths: expected list of integer"):
        cw.train(out=tmp_path / "r", model__char_widths=[3, 0])
    with pytest.raises(ConfigError, match="char_widths"):
        cw.train(out=tmp_path / "r", model__char_widths=[])
    with pytest.raises(ConfigError, match="alone with resume=True"):
        cw.train(out=tmp_path / "r", data="travel-en", resume=True)
    with pytest.raises(ConfigError, match="task to be one of slots"):
        cw.train("dance", out=tmp_path / "r")
    with pytest.raises(DataError, match="Did you mean travel-en"):
        cw.train(data="travel-eng", out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_corpus_without_validation_sets_some_aside(tmp_path: Path, quick: dict[str, object]) -> None:
    file = tmp_path / "all.jsonl"
    file.write_text('{"tokens": ["to", "Rome"], "slots": ["O", "B-city"]}\n' * 30)
    model = cw.train(data=file, out=tmp_path / "r", **{**quick, "train__epochs": 1})  # type: ignore[arg-type]
    assert not model.vocabulary.has_intents
    assert model.predict("to Rome").intent == ""
    evaluation = cw.evaluate(model, file)
    assert evaluation.figures["intent_accuracy"] is None
    few = tmp_path / "few.jsonl"
    few.write_text('{"tokens": ["a"], "slots": ["O"]}\n')
    with pytest.raises(DataError, match="at least 10"):
        cw.train(data=few, out=tmp_path / "r2", **quick)  # type: ignore[arg-type]


FORBIDDEN = {"pickle", "eval", "exec", "marshal", "shelve", "dill", "joblib"}


def forbidden_calls(source: str) -> list[str]:
    """Names by which stored data could run: imports and calls of the list, torch.load/save, yaml.load."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            names = [node.func.id]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            pair = f"{node.value.id}.{node.attr}"
            names = (
                ["pickle"] if pair in ("torch.load", "torch.save", "yaml.load", "np.load", "yaml.unsafe_load") else []
            )
        found += [name for name in names if name.split(".")[0] in FORBIDDEN]
    return found


def test_no_part_of_the_library_can_run_what_it_reads() -> None:
    root = Path(cw.__file__).parent
    assert {str(p): f for p in root.rglob("*.py") if (f := forbidden_calls(p.read_text(encoding="utf-8")))} == {}


@pytest.mark.parametrize(
    "source", ["import pickle", "from pickle import loads", "eval(x)", "torch.load(p)", "yaml.load(s)"]
)
def test_the_search_for_such_calls_finds_them(source: str) -> None:
    assert forbidden_calls(source)


def test_errors_are_all_of_one_family() -> None:
    assert issubclass(DataError, CellwrightError)
