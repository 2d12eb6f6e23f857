"""A trained memory: figures beside chance, answers, its folder, resuming, any cell, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console

import cellwright as cw
from cellwright.errors import ConfigError, DataError, StorageError
from cellwright.tasks.memory.compare import train_network
from cellwright.tasks.memory.config import MemoryConfig
from cellwright.tasks.memory.predict import TrainedMemory
from cellwright.tasks.memory.problem import Example
from cellwright.tasks.memory.problems import make_batch
from cellwright.tasks.registry import kind_named
from cellwright.tasks.training.config import load_config


def config(quick: dict[str, object], *sets: str) -> MemoryConfig:
    values = {key.replace("__", ".", 1): value for key, value in quick.items()}
    return load_config(None, sets, schema=MemoryConfig, values=values)


def test_a_few_seconds_are_enough_for_short_gaps(model: TrainedMemory) -> None:
    report = cw.evaluate(model)
    line, chance = report.lines
    assert (line.name, chance.name) == ("model", "chance")
    assert float(line.figures["gap 8"]) > 0.9
    assert chance.figures["gap 8"] == 1 / 16
    assert line.figures["gap 8"].total == 100
    json.dumps(report.to_data())


def test_the_answer_follows_the_country(model: TrainedMemory) -> None:
    said = {
        place: model.predict(f"我一直住在{place}，老师早上很好，我每天说的是") for place in ("中国", "法国", "泰国")
    }
    assert {place: answer.answers for place, answer in said.items()} == {
        "中国": ("汉语",),
        "法国": ("法语",),
        "泰国": ("泰语",),
    }
    data = json.loads(said["中国"].to_json())
    assert data["label"] == "汉语"
    assert sum(data["probabilities"].values()) == pytest.approx(1.0)
    assert str(said["中国"]).startswith("汉语 0.")
    assert model.predict(["我", "一", "直", "住", "在", "中", "国"]).probabilities


def test_the_folder_gives_the_same_bits_and_is_data_only(run: Path, model: TrainedMemory) -> None:
    again = TrainedMemory.load(run / "best")
    text = "我在中国长大，我的母语是"
    assert again.predict(text) == model.predict(text)
    assert sorted(p.name for p in (run / "best").iterdir()) == ["manifest.json", "weights.safetensors", "words.json"]


@pytest.mark.parametrize("file", ["words.json", "weights.safetensors", "manifest.json"])
def test_a_damaged_folder_is_refused(run: Path, tmp_path: Path, file: str) -> None:
    folder = tmp_path / "m"
    shutil.copytree(run / "best", folder)
    (folder / file).write_bytes((folder / file).read_bytes()[:-9])
    with pytest.raises(StorageError):
        cw.load(folder)


def test_a_killed_run_goes_on_with_the_same_bits(
    killed_run_ends_alike: Callable[..., Path], quick: dict[str, object]
) -> None:
    killed_run_ends_alike("memory", 4, **{**quick, "data__size": 96, "train__epochs": 2, "train__checkpoint_every": 2})


@pytest.mark.parametrize(
    "sets",
    [
        ["data.problem=two-facts", "model.cell=GRU", "data.language=en"],
        ["data.problem=adding", "model.cell=JANET"],
        ["data.problem=copy", "data.symbols=3", "model.num_layers=2"],
        ["data.problem=latch", "model.cell=Elman"],
        ["data.problem=digits", "model.cell=PerToken", "model.init=torch"],
        ["data.problem=recall", "model.cell=MinGRU", "model.init=torch", "model.forget_bias=3.0"],
    ],
)
def test_every_problem_trains_with_any_cell_and_answers(
    tmp_path: Path, quick: dict[str, object], sets: list[str]
) -> None:
    values = {**quick, "data__size": 64, "train__epochs": 1, "data__examples": 20}
    values |= {key.replace(".", "__"): value for key, value in (item.split("=") for item in sets)}
    values = {k: int(v) if str(v).isdigit() else float(v) if v == "3.0" else v for k, v in values.items()}
    model = cw.train("memory", out=tmp_path / "r", **values)
    report = cw.evaluate(tmp_path / "r")
    assert [line.name for line in report.lines][-1] == "chance"
    texts = {"two-facts": "I grew up in China", "adding": "0.3,1 0.4,1 0.1,0", "copy": "abc__:", "latch": "1 0.2"}
    texts |= {"digits": "0 1 " * 32, "recall": "我住在中国"}
    problem = values.get("data__problem", "recall")
    answer = model.predict(texts[problem])
    assert (answer.value is not None) == (problem == "adding")
    assert str(answer)
    json.loads(answer.to_json())
    if problem == "two-facts":
        assert report.sections[0].title == "p(right) > p(rival)"
    if problem == "adding":
        assert [line.name for line in report.sections[0].lines][-1] == "always the mean"
        told = StringIO()
        report.print(Console(file=told, width=100))
        assert re.search(r"always the mean +0\.1667 +0\.1667\n", told.getvalue())  # an error, not a share in percent


def test_compare_takes_any_cells_and_ends_with_chance(quick: dict[str, object], tmp_path: Path) -> None:
    cell = tmp_path / "mine.py"
    cell.write_text(
        "from cellwright import Cell\nfrom cellwright.ops import tanh\n\n\nclass Mine(Cell):\n    gates = 'n'\n"
        "    states = 'h'\n\n    def step(self, x, h, W, R, b):\n        return (tanh(W.n @ x + R.n @ h + b.n),)\n"
    )
    own = config(quick, "data.size=32", "train.epochs=1", "data.examples=20")
    kind = kind_named("memory")
    told: list[str] = []
    report = kind.compare(own, [f"{cell}:Mine", "MGU"], announce=told.append)
    assert [line.name for line in report.lines] == [f"{cell}:Mine", "MGU", "chance"]
    assert len(told) == 2
    assert report.lines[1].figures["parameters"] > 0
    row = train_network("MGU", own)
    assert [g.accuracy for g in row.gaps] == [report.lines[1].figures[f"gap {g}"] for g in (2, 8)]


def test_a_network_without_memory_is_at_chance(quick: dict[str, object]) -> None:
    row = train_network("PerToken", config(quick, "data.size=640", "train.epochs=1", "data.examples=500"))
    assert all(g.accuracy.low <= 1 / 16 <= g.accuracy.high for g in row.gaps)


def test_the_answers_of_a_padded_batch_are_those_of_each_sequence_alone(model: TrainedMemory) -> None:
    texts = ["我住在中国，我每天说的是", "老师很好，" * 9 + "我住在泰国，我每天说的是"]
    rows = [torch.tensor(model.vocabulary.encode(list(model.problem.read(text)))).numpy() for text in texts]
    table = torch.arange(len(model.vocabulary)).numpy()
    with torch.no_grad():
        together = model.network(make_batch([Example(row, row[:1]) for row in rows], table))
        alone = [model.network(make_batch([Example(row, row[:1])], table))[0] for row in rows]
    torch.testing.assert_close(together, torch.stack(alone), rtol=1e-5, atol=1e-5)


def test_what_contradicts_itself_is_refused(tmp_path: Path, quick: dict[str, object], model: TrainedMemory) -> None:
    build = kind_named("memory").build
    with pytest.raises(ConfigError, match=r"model\.init=torch"):
        build(config(quick, "model.forget_bias=5.0"))
    with pytest.raises(ConfigError, match="path"):
        config(quick, "data.path=my-file")
    with pytest.raises(ConfigError, match="Did you mean LSTM"):
        build(config(quick, "model.cell=LSTN"))
    with pytest.raises(ConfigError, match="trained for"):
        cw.evaluate(model, problem="latch")
    with pytest.raises(DataError, match="found 0"):
        model.predict("")
    notes = build(config(quick, "model.cell=Elman")).notes
    assert len(notes) == 1
    assert "no gate" in notes[0]
    assert build(config(quick)).notes == []
