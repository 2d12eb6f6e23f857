"""What `--json` prints: the same keys with the same meaning in every task, as docs/json.md says."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import cellwright as cw
from cellwright.cli.evaluate import run_evaluation
from cellwright.cli.predict import run_prediction
from cellwright.tasks.registry import TASKS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "json.md"
PEN = "[[0, 1, 0], [1, 0, 1], [0, -1, 1], [-1, 0, 1], [0.5, 0.5, 1]]"
SMALL: dict[str, dict[str, Any]] = {  # a few steps are all that the shape of an answer needs
    "slots": {"data__size": 200, "model__char_filters": 4, "model__affix_dim": 4},
    "classify": {"data__size": 100},
    "tag": {"data": "pos-en", "data__size": 60},
    "lm": {"data": "sentences-en", "data__size": 60, "model__embedding_size": 8},
    "cloze": {"data": "cues-en", "data__size": 100, "model__embedding_size": 8},
    "agreement": {"data": "agreement-en", "data__size": 100},
    "memory": {"data__longest": 10, "data__gaps": [5], "data__examples": 20, "data__size": 40},
    "series-classify": {"data__size": 60},
    "series-forecast": {"data__size": 800, "data__look_back": 48, "data__horizon": 24, "model__segment": 12},
    "translate": {"data": "dates-en", "data__size": 100, "model__embedding_size": 8},
    "transcribe": {
        "data__size": 40, "data__examples": 20, "data__shortest": 1, "data__longest": 1, "model__num_layers": 1,
    },
}  # fmt: skip
TEXT = {
    "lm": "Sea is",
    "cloze": "the ___ is blue",
    "memory": "我一直呆在中国，今天天气很好，我会说一口流利的",
    "series-classify": ":".join(["0.1,0.2,0.3"] * 64),  # a dot on a field of 8 times 8
    "series-forecast": "hourly",
    "translate": "5 March 2021",
    "transcribe": PEN,
}
READS_TEXT = {"slots", "classify", "tag", "lm", "cloze", "agreement", "memory", "translate"}


@pytest.fixture(scope="module", params=TASKS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A task and the run of a model of it."""
    torch.set_num_threads(1)
    run = tmp_path_factory.mktemp(request.param) / "run"
    settings = {"model__hidden_size": 8, "train__epochs": 1, "train__threads": 1, **SMALL[request.param]}
    cw.train(request.param, out=run, callbacks=[], **settings)
    return request.param, run


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[[], Any]:
    def give() -> Any:
        return json.loads(capsys.readouterr().out)

    return give


def numbers(value: Any, key: str = "") -> Iterator[tuple[str, float]]:
    """Every number with the key it stands under."""
    if isinstance(value, dict):
        for own, one in value.items():
            yield from numbers(one, own)
    elif isinstance(value, list):
        for one in value:
            yield from numbers(one, key)
    elif isinstance(value, float):
        yield key, value


def test_evaluate(trained: tuple[str, Path], printed: Callable[[], Any]) -> None:
    task, run = trained
    run_evaluation(run, None, "valid", [], None, None, json=True)
    said = printed()
    assert list(said) == ["task", "data", "split", "examples", "unit", "lines", "baselines", "sections", "notes"]
    assert (said["task"], said["split"]) == (task, "valid")
    assert said["examples"] > 0
    names = [line["name"] for line in said["lines"]]
    assert names[0].split(",")[0] == "model"
    assert said["baselines"]
    assert names[-len(said["baselines"]) :] == said["baselines"]
    assert not any(name.startswith("model") for name in said["baselines"])
    for lines in (said["lines"], *said["sections"].values()):
        for line in lines:
            figures = {key: value for key, value in line.items() if key != "name"}
            assert figures
            for value in figures.values():
                assert (
                    value is None or isinstance(value, int | float) or set(value) == {"value", "low", "high", "total"}
                )


def test_predict(trained: tuple[str, Path], printed: Callable[[], Any]) -> None:
    task, run = trained
    text = TEXT.get(task, "the old keys are here")
    run_prediction(run, [text], None, words=False, why=False, json=True)
    said = printed()
    documented = {key: tasks for keys, tasks in rows() for key in keys}
    assert [key for key in said if key not in documented] == []
    if task in READS_TEXT:
        assert said["text"] == text
        assert said["tokens"]
        assert set(said["unknown"]) <= {*said["tokens"]}
    for key, value in numbers(said):
        assert key not in ("probability", "intent_probability") or 0 <= value <= 1
        assert value == float(f"{value:.6g}")
    shares = said.get("probabilities", {})
    assert not shares or math.isclose(sum(shares.values()), 1, abs_tol=1e-4)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    for span in said.get("spans", []):
        assert set(span) == {"label", "value", "start", "end", "probability"}
        assert text[span["start"] : span["end"]] == span["value"]
    for ranked in (said, *said.get("gaps", [])):
        for one in ranked.get("candidates", []):
            assert set(one) == {"text", "probability"}
    if "answer" in said:
        assert said["answer"] == said["candidates"][0]["text"]
    own = {key for key in said if task in documented[key]}
    assert own >= {*said} - {"text", "unknown", "probabilities"}  # the page names the task beside the key


def rows() -> list[tuple[list[str], str]]:
    """(keys, tasks) of the page's table of predict."""
    table = PAGE.read_text(encoding="utf-8").partition("## predict")[2]
    found = re.findall(r"^\| (`[^|]+) \|[^|]+\| ([^|]+) \|$", table, flags=re.MULTILINE)
    return [(re.findall(r"`(\w+)`", keys), tasks) for keys, tasks in found]


def test_a_line_of_slots_is_training_data(tmp_path: Path) -> None:
    line = {
        "text": "fly to New York", "tokens": ["fly", "to", "New", "York"], "tags": ["O", "O", "B-city", "I-city"],
        "spans": [{"label": "city", "value": "New York", "start": 7, "end": 15, "probability": 0.9}], "intent": "go",
    }  # fmt: skip
    (tmp_path / "answers.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    (read,) = cw.tasks.data.corpus.read_utterances(tmp_path / "answers.jsonl")
    assert (read.words, read.slots, read.intent) == (tuple(line["tokens"]), tuple(line["tags"]), "go")
