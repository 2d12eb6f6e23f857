"""A trained model of every task is looked at as its own answer says, or the reason why not is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import cellwright as cw
from cellwright.errors import ConfigError, DataError
from cellwright.microscope.attribution import deletion, integrated_gradients
from cellwright.microscope.decomposition import contextual_decomposition
from cellwright.microscope.model_input import START
from cellwright.microscope.models import READERS
from cellwright.microscope.record import inspect
from cellwright.microscope.report import corpus, look, look_at_corpus
from cellwright.microscope.report.asked import asked_of, at_phrase, take_asked
from cellwright.microscope.report.payload import payload
from cellwright.tasks.lm.shipped import shipped_model
from cellwright.tasks.registry import TASKS

torch.set_num_threads(1)
SMALL: dict[str, dict[str, Any]] = {
    "tag": {
        "data": "pos-en", "data__size": 100, "model__hidden_size": 6, "model__word_dim": 6, "model__char_dim": 4,
        "model__char_filters": 4, "model__char_widths": [3], "model__affix_dim": 0, "train__epochs": 1,
    },
    "memory": {
        "data__longest": 10, "data__gaps": [5], "data__examples": 20, "data__size": 40, "model__hidden_size": 8,
        "model__embedding": 8, "train__epochs": 1,
    },
    "adding": {
        "data__problem": "adding", "data__longest": 10, "data__gaps": [5], "data__examples": 20, "data__size": 40,
        "model__hidden_size": 8, "train__epochs": 1,
    },
    "series-classify": {"data__size": 120, "model__hidden_size": 8, "train__epochs": 1, "train__batch_size": 20},
    "cloze": {
        "data": "cues-en", "data__size": 100, "model__hidden_size": 8, "model__embedding_size": 8,
        "model__num_layers": 2, "train__epochs": 1,
    },
    "senses": {
        "data": "senses-en", "data__size": 200, "model__hidden_size": 8, "model__embedding_size": 8, "train__epochs": 1,
    },
    "agreement": {
        "data": "agreement-en", "data__size": 200, "model__hidden_size": 8, "model__word_dim": 8, "train__epochs": 1,
    },
    "series-forecast": {
        "data__size": 800, "data__look_back": 48, "data__horizon": 24, "model__segment": 12, "model__hidden_size": 8,
        "train__epochs": 1,
    },
    "transcribe": {
        "data__size": 40, "data__examples": 20, "data__shortest": 1, "data__longest": 1, "model__hidden_size": 8,
        "model__num_layers": 1, "train__epochs": 1,
    },
    "translate": {
        "data": "dates-en", "data__size": 300, "model__hidden_size": 12, "model__embedding_size": 8,
        "train__epochs": 2, "train__batch_size": 20, "train__average": 0.0,
    },
}  # fmt: skip
TASK_OF = {"adding": "memory", "senses": "cloze"}


@pytest.fixture(scope="module")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """model_of(name of SMALL, or "lm"): a model after a few steps, which is all that its shape needs."""
    made: dict[str, Any] = {}

    def give(name: str) -> Any:
        if name == "lm":
            return shipped_model()
        if name not in made:
            task = TASK_OF.get(name, name)
            made[name] = cw.train(task, out=tmp_path_factory.mktemp(name) / "run", train__threads=1, **SMALL[name])
        return made[name]

    return give


def series(channels: int) -> list[list[float]]:
    return np.random.default_rng(0).normal(size=(6, channels)).tolist()


SENSES = "they asked about the seal yesterday , and thought of herring"
DATE = "the 5th of March 2021"
PEN = [[0.0, 1.0, 0], [1.0, 0.0, 1], [0.0, -1.0, 1], [-1.0, 0.0, 1], [0.5, 0.5, 1]]  # movements of a pen
CASES = [("tag", "the red dog sees us"), ("lm", "Sea is"), ("memory", "我一直呆在中国，今天天气很好，我会说一口流利的"),
         ("adding", "0.5,1 0.2,0 0.7,0 0.1,1 0.3,0"), ("series-classify", None), ("cloze", "the ___ is blue"),
         ("senses", SENSES), ("agreement", "yesterday the keys near the old table"), ("series-forecast", "hourly"),
         ("transcribe", str(PEN)), ("translate", DATE)]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), CASES)
def test_what_is_explained_is_the_models_own_answer(model_of: Callable[[str], Any], name: str, text: Any) -> None:
    model = model_of(name)
    text = series(model.channels) if text is None else text
    seen = look(model, text)
    assert len(seen.record.words[0]) == seen.record.lengths_B[0]
    assert all(placed.figure.check is None or placed.figure.check.holds for placed in seen.figures)
    assert seen.named("integrated_gradients") is not None
    answer = model.predict(text)
    if name == "lm":
        assert seen.record.words[0] == (START, "sea", "is")
        assert seen.record.target == f"log p(next = {answer.words[0]})"
    elif name == "memory":
        assert seen.record.target == f"log p({answer.answers[0]})"
    elif name == "tag":
        assert seen.record.target == f"log p({' '.join(answer.tags)})"
    elif name == "adding":
        assert seen.record.target == "the number that it says"
        assert seen.record.words[0] == ("0", "1", "2", "3", "4")  # two channels: a step is its place
    elif name in ("cloze", "senses"):
        assert seen.record.words[0] == (START, *answer.tokens, START)
        assert seen.record.target == f"log p({' '.join(gap.words[0] for gap in answer.gaps)})"
    elif name == "series-forecast":
        assert seen.record.words[0] == ("−48…−37", "−36…−25", "−24…−13", "−12…−1", "+1…+12")
        assert seen.record.target == f"the mean of {model.columns[0]} over the next 12 steps"
    elif name == "transcribe":
        assert len(seen.record.words[0]) == answer.steps
        assert seen.record.target == f"log p({answer.answer})"
    elif name == "translate":
        assert seen.record.words[0] == tuple(DATE)
        greedy = model.greedy().predict(DATE).answer
        assert seen.answer["said"] == greedy
        assert seen.record.target == f"log p(last token = {greedy[-1]})"
    else:
        assert seen.record.target == f"log p({answer.label})"


def test_its_value_is_the_probability_that_predict_gives(model_of: Callable[[str], Any]) -> None:
    from cellwright.microscope.subject import subject

    line = subject(model_of("lm"), "Sea is")
    with torch.no_grad():
        assert float(line.value().exp()) == pytest.approx(model_of("lm").predict("Sea is").probabilities[0], abs=1e-5)
        text = CASES[2][1]
        found = model_of("memory").predict(text)
        value = float(subject(model_of("memory"), text).value().exp())
        assert value == pytest.approx(found.probabilities[found.answers[0]], abs=1e-5)
        adding = float(subject(model_of("adding"), CASES[3][1]).value())
        assert adding == pytest.approx(model_of("adding").predict(CASES[3][1]).value, abs=1e-5)
        given = series(model_of("series-classify").channels)
        share = model_of("series-classify").predict(given)
        value = float(subject(model_of("series-classify"), given).value().exp())
        assert value == pytest.approx(share.probabilities[share.label], abs=1e-5)


def test_the_value_of_gaps_forms_forecasts_and_recordings_is_that_of_predict(model_of: Callable[[str], Any]) -> None:
    from cellwright.microscope.subject import subject

    def value(name: str, text: Any) -> float:
        asked = subject(model_of(name), text)
        with torch.no_grad():
            return float(asked.value())

    for name, text in (("cloze", "the ___ is ___ today"), ("senses", SENSES)):
        both = np.prod([gap.probabilities[0] for gap in model_of(name).predict(text).gaps])
        assert np.exp(value(name, text)) == pytest.approx(both, rel=1e-4)
    text = "yesterday the keys near the old table"
    answer = model_of("agreement").predict(text)
    assert np.exp(value("agreement", text)) == pytest.approx(answer.probabilities[answer.label], abs=1e-4)
    forecaster = model_of("series-forecast")
    steps = forecaster.predict("hourly").values[forecaster.columns[0]][:12]
    assert value("series-forecast", "hourly") == pytest.approx(np.mean(steps), rel=1e-4)
    found = model_of("transcribe").predict(PEN)  # its beam may leave out alignments, never add any
    assert np.exp(value("transcribe", PEN)) >= found.candidates[0].probability - 1e-5


def test_what_stands_in_a_gap_brings_nothing(model_of: Callable[[str], Any]) -> None:
    scores = integrated_gradients(model_of("cloze"), "the ___ is blue").arrays["score"]
    assert scores[2] == 0.0
    assert np.abs(np.delete(scores, 2)).min() > 0.0
    with pytest.raises(ConfigError, match="without a word it is another number"):
        deletion(model_of("cloze"), "the ___ is blue")
    figure = deletion(model_of("cloze"), "the ___ is blue", how="unknown")
    assert figure.arrays["drop"][2] == pytest.approx(0.0, abs=1e-12)
    assert figure.check is not None
    assert figure.check.holds
    with pytest.raises(DataError, match="Expected a gap, written ___"):
        inspect(model_of("cloze"), "the sea is blue")


def test_words_of_a_line_are_deleted_and_taken_together(model_of: Callable[[str], Any]) -> None:
    model = model_of("lm")
    figure = deletion(model, "Sea is")
    best = model.vocabulary.row(model.predict("Sea is").words[0])
    without = np.log(model.next_probabilities(["is"])[best])
    assert figure.arrays["without"][1] == pytest.approx(without, abs=1e-5)
    figure = contextual_decomposition(model, "Sea is", ["sea"])
    assert figure.check is not None
    assert figure.check.holds


def test_numbers_have_no_words_to_delete_and_no_padding(model_of: Callable[[str], Any]) -> None:
    with pytest.raises(ConfigError, match="found numbers"):
        deletion(model_of("adding"), CASES[3][1])
    with pytest.raises(ConfigError, match="there is no padding"):
        integrated_gradients(model_of("adding"), CASES[3][1], baseline="pad")
    assert integrated_gradients(model_of("memory"), CASES[2][1], baseline="pad").check is not None


@pytest.mark.parametrize("name", ["tag", "lm", "memory", "adding"])
def test_a_text_without_words_is_named(model_of: Callable[[str], Any], name: str) -> None:
    with pytest.raises(DataError, match="Expected"):
        inspect(model_of(name), "")


def test_models_of_every_task_are_looked_at_and_of_others_it_is_said_that_they_are_not() -> None:
    assert READERS.keys() == TASKS.keys()
    with pytest.raises(ConfigError, match="found one of chess: nothing says yet how its answer is one number"):
        inspect(type("Trained", (), {"task": "chess"})(), "a text")


def test_of_a_translator_each_layer_has_the_text_that_it_reads(model_of: Callable[[str], Any]) -> None:
    model = model_of("translate")
    seen = look(model, DATE)
    greedy = model.greedy().predict(DATE).answer
    encoder, decoder = seen.record.runs[:2], seen.record.runs[2:]
    assert all(run.words == () and run.lengths_B[0] == len(DATE) for run in encoder)
    assert [(run.layer, run.direction) for run in decoder] == [(1, 0), (2, 0)]
    assert all(run.words == ((START, *greedy[:-1]),) for run in decoder)
    ring = seen.named("ring", 1, 0)
    assert ring is not None
    assert ring.labels["entry"] == ("start", START, *greedy[:-1])
    assert all(
        np.abs(run.dx_TBI).max() > 0 for run in seen.record.runs
    )  # through attention to the source's first token


def test_a_translators_value_is_that_of_its_own_decoding_token_by_token(model_of: Callable[[str], Any]) -> None:
    from cellwright.microscope.subject import subject
    from cellwright.tasks.text.vocabulary import BEGIN

    model = model_of("translate")
    value = float(subject(model, DATE).value().detach())
    rows_BS, lengths_B = model.vocabularies.sources([tuple(DATE)])
    with torch.no_grad():
        encoded = model.network.encode(rows_BS, lengths_B)
        last, states, said = BEGIN, None, []
        for _ in model.greedy().predict(DATE).answer:
            log_p_1V, states = model.network.next_tokens(encoded, torch.tensor([last]), states)
            last = int(log_p_1V[0].argmax())
            said.append(float(log_p_1V[0, last]))
    assert value == pytest.approx(said[-1], abs=1e-5)


def test_a_translators_page_has_a_part_for_each_text(model_of: Callable[[str], Any]) -> None:
    model = model_of("translate")
    reading, writing = payload([look(model, DATE, name="dates")])["models"]
    assert (reading["name"], writing["name"]) == ("dates, reading", "dates, writing")
    assert reading["words"] == list(DATE)
    assert "".join(writing["words"][1:]) == model.greedy().predict(DATE).answer[:-1]
    assert {run["layer"] for run in reading["runs"]} == {0}
    assert {run["layer"] for run in writing["runs"]} == {1, 2}
    assert {figure["layer"] for figure in writing["figures"]} == {1, 2}


def test_of_a_translator_what_no_layer_reads_is_no_phrase_and_units_are_worth_something(
    model_of: Callable[[str], Any],
) -> None:
    model = model_of("translate")
    seen = at_phrase(model, DATE, look(model, DATE), DATE, level=-9.0)
    assert seen.named("find_by_range", 0, 0) is not None
    assert "Expected a phrase of the text" in next(a.why for a in seen.absent if a.layer == 2)
    with pytest.raises(ConfigError, match="Expected a phrase of the text, found 'May'"):
        at_phrase(model, DATE, look(model, DATE), "May")
    seen = take_asked(model, DATE, look(model, DATE), [asked_of("ablation.3.forward"), asked_of("deletion")])
    ablated = seen.named("ablation", 2, 0)
    assert ablated is not None
    assert ablated.check is not None
    assert ablated.check.holds
    assert np.abs(ablated.arrays["drop"]).max() > 1e-4
    assert seen.named("deletion") is not None


def test_a_network_without_recurrence_has_no_memory_to_look_at(tmp_path: Path) -> None:
    model = cw.train("tag", out=tmp_path / "run", train__threads=1, **(SMALL["tag"] | {"model__cell": "PerToken"}))
    with pytest.raises(ConfigError, match="Expected a model with recurrent layers, found none in TagNetwork"):
        inspect(model, "the red dog")


def test_a_corpus_tells_what_can_be_read_off_the_states(
    model_of: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, texts = model_of("lm"), [f"{what} is" for what in ("sea", "sky", "grass", "snow", "night")] * 3
    monkeypatch.setattr(corpus, "TEXTS", 15)
    figures, absent = look_at_corpus(model, ["", *texts, "sea is"])
    assert absent == []
    assert [placed.figure.name for placed in figures][:2] == ["unit_word_clusters", "probe"]
    groups, probe = (placed.figure for placed in figures[:2])
    assert all(placed.figure.check is not None and placed.figure.check.holds for placed in figures)
    assert set(probe.labels["class"]) == {model.predict(text).words[0] for text in texts[:5]}
    assert probe.arrays["accuracy"][0] == 1.0  # five texts, each seen in training: the state before the answer tells it
    assert "Of 17 texts the first 15 are read." in groups.notes
    with pytest.raises(DataError, match="Expected texts, one a line, found none"):
        look_at_corpus(model, [" "])
