"""A trained transcriber: answers, figures, its folder, resuming, any cell, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import cellwright as cw
from cellwright.errors import ConfigError, DataError, StorageError
from cellwright.tasks.storage.atomic import read_folder, write_folder
from cellwright.tasks.transcribe.evaluate import evaluate_model
from cellwright.tasks.transcribe.model import make_batch
from cellwright.tasks.transcribe.predict import Transcriber
from cellwright.tasks.transcribe.recording import Recording

DRAWING = [[0, 1, 0], [0, -0.5, 1], [0, -0.5, 1], [0.6, 0.9, 0], [0, -0.4, 1], [0, -0.4, 1]]


def test_a_drawing_is_read_from_lists_arrays_and_json(model: Transcriber) -> None:
    answer = model.predict(DRAWING)
    assert model.predict(np.array(DRAWING)) == model.predict(json.dumps(DRAWING)) == answer
    assert answer.steps == 6
    assert answer.answer == answer.candidates[0].text == str(answer)
    assert 0 < answer.candidates[0].probability <= 1
    assert set(json.loads(answer.to_json())) == {"answer", "candidates", "steps"}
    frames = [model.frames(DRAWING), model.frames(DRAWING * 3)]
    assert model.predict_frames(frames)[0].answer == answer.answer


@pytest.mark.parametrize(
    "wrong", ["", "hello", "[[1, 2]]", "[[0, 1, 2]]", '[["a", 1, 1]]', "{}", "[[0, 0, 1]]", "[1, [2]]"]
)
def test_what_is_no_drawing_is_refused(model: Transcriber, wrong: str) -> None:
    with pytest.raises(DataError) as error:
        model.predict(wrong)
    assert error.value.repair


def test_figures_stand_beside_one_that_knows_no_recording(model: Transcriber) -> None:
    report = cw.evaluate(model)
    assert [line.name for line in report.lines] == ["model", "model, step by step", "always the same"]
    for line in report.lines:
        assert line.figures["accuracy"] == pytest.approx(1 - line.figures["error_rate"])
    assert report.examples == 40
    assert [line.name for line in report.sections[0].lines] == ["known slants", "new slants"]
    json.dumps(report.to_data())
    with pytest.raises(ConfigError, match="drawn anew"):
        cw.evaluate(model, split="train")


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_default_run_reads_95_of_100_digits(tmp_path: Path) -> None:
    cw.train("transcribe", out=tmp_path / "r")
    report = cw.evaluate(tmp_path / "r")
    assert report.figures["accuracy"] >= 0.95
    assert all(line.figures["accuracy"] >= 0.95 for line in report.sections[0].lines)
    assert report.lines[2].figures["accuracy"] < 0.25


def test_tones_are_told_apart_and_sound_is_read_from_files_and_samples(
    clips: Path, tmp_path: Path, quick: dict[str, object], wav, tone
) -> None:
    own = {**quick, "data__speaker": "cid", "data__size": 400, "train__epochs": 3, "train__learning_rate": 0.02}
    own |= {"train__batch_size": 8, "model__bands": 12, "data__gap": 0.1, "model__tempo": 0.02, "model__masked": 1}
    own |= {"model__warp": 0.02, "model__masked_steps": 0, "train__epochs": 4}  # a tone is short, and its frequency
    model = cw.train("transcribe", data=clips, out=tmp_path / "r", **own)  # type: ignore[arg-type]
    report = cw.evaluate(model, clips)
    assert report.data == f"{clips.name} without cid"
    assert report.figures["accuracy"] >= 0.95  # mission row D19
    samples = np.concatenate([np.zeros(400), tone(310), np.zeros(400), tone(2050), np.zeros(400)])
    (tmp_path / "x.wav").write_bytes(wav(samples))
    assert model.predict(str(tmp_path / "x.wav")).answer == model.predict(samples).answer == "02"
    for wrong in (str(tmp_path / "none.wav"), [], [[1.0]], [float("nan")], ["a"]):
        with pytest.raises(DataError):
            model.predict(wrong)
    with pytest.raises(ConfigError, match="sound, found strokes"):
        cw.evaluate(model, "strokes")


def test_symbols_that_the_model_never_saw_are_told(model: Transcriber) -> None:
    frames = model.frames(DRAWING)
    report = evaluate_model(model, [Recording(frames, "1x"), Recording(frames, "yx")], "mine", "test")
    assert report.notes[0] == "2 symbol(s) that the model never saw, counted as errors: x (2), y (1)"


def test_a_recording_that_is_too_short_for_its_text_is_refused() -> None:
    frames = np.zeros((3, 2), dtype=np.float32)
    make_batch([Recording(frames, "aba")], {"a": 1, "b": 2})
    with pytest.raises(DataError, match="at least 4 steps"):
        make_batch([Recording(frames, "aab")], {"a": 1, "b": 2})


def test_the_folder_reloads_exactly_and_a_damaged_one_is_refused(run: Path, model: Transcriber, tmp_path: Path) -> None:
    again = cw.load(run)
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name])
    assert again.predict(DRAWING) == model.predict(DRAWING)
    names = sorted(file.name for file in (run / "best").iterdir())
    assert names == ["manifest.json", "weights.safetensors"]
    for name in names:
        shutil.copytree(run / "best", tmp_path / name)
        (tmp_path / name / name).write_bytes((run / "best" / name).read_bytes()[:-3])
        with pytest.raises(StorageError):
            cw.load(tmp_path / name)


def test_a_killed_run_goes_on_with_the_same_bits(
    killed_run_ends_alike: Callable[..., Path], quick: dict[str, object]
) -> None:
    sizes = {"data__size": 32, "data__examples": 8, "train__epochs": 2, "train__checkpoint_every": 2}
    killed_run_ends_alike("transcribe", 3, **{**quick, **sizes})


@pytest.mark.parametrize("cell", ["PerToken", "MinGRU", "file"])
def test_any_cell_trains_reloads_and_answers(tmp_path: Path, quick: dict[str, object], cell: str) -> None:
    if cell == "file":
        file = tmp_path / "mine.py"
        file.write_text(
            "from cellwright import Cell\nfrom cellwright.ops import tanh\n\n\nclass Mine(Cell):\n    gates = 'n'\n"
            "    states = 'h'\n\n    def step(self, x, h, W, R, b):\n        return (tanh(W.n @ x + R.n @ h + b.n),)\n"
        )
        cell = f"{file}:Mine"
    own = {**quick, "data__size": 16, "data__examples": 8, "model__cell": cell}
    model = cw.train("transcribe", out=tmp_path / "r", **own)  # type: ignore[arg-type]
    assert cw.load(tmp_path / "r").predict(DRAWING) == model.predict(DRAWING)


def test_a_model_that_names_no_floor_reads_sound_without_one(run: Path, tmp_path: Path) -> None:
    stored = read_folder(run / "best", kind="transcribe model")
    info = {**stored.info, "model": {k: v for k, v in stored.info["model"].items() if k != "floor"}}
    write_folder(
        tmp_path / "older", {"weights.safetensors": stored["weights.safetensors"]}, kind=stored.kind, info=info
    )
    assert cw.load(tmp_path / "older").model.floor == 0
    assert cw.load(run).model.floor > 0
