"""Every verb, run as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def test_help_names_the_verbs_and_loads_no_torch(cellwright) -> None:
    done = cellwright("--help")
    assert done.returncode == 0
    for verb in ("data", "train", "sweep", "evaluate", "predict", "compare", "inspect", "show", "explain"):
        assert f"\n  {verb} " in done.stdout
    script = "import sys; sys.argv = ['cellwright', '--help']\ntry:\n from cellwright.cli import main; main()\n"
    script += (
        "except SystemExit: pass\nbad = {'torch', 'numpy', 'pydantic', 'tokenizers', 'llvmlite'} & set(sys.modules)\n"
    )
    script += "sys.exit(f'loaded: {bad}' if bad else 0)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


def test_the_options_are_those_we_promised(cellwright) -> None:
    """Scripts depend on them: an option may be added here, not renamed."""
    promised = {
        "data": ["--out", "--format", "--scheme", "--from-scheme", "--language", "--seed"],
        "train": ["--data", "--out", "--config", "--set", "--resume", "--overwrite", "--settings", "--watch"]
        + ["--max-minutes", "--tensorboard"],
        "sweep": ["--config", "--data", "--out", "--trials", "--set", "--resume", "--json"],
        "evaluate": ["--data", "--split", "--scheme", "--seed", "--json"],
        "predict": ["--file", "--words", "--json"],
        "compare": ["--data", "--set", "--networks", "--json"],
        "inspect": ["--with", "--html", "--npz", "--figure", "--image", "--words", "--json"],
        "show": ["--input", "--hidden", "--svg", "--unroll", "--bidirectional"],
        "explain": [
            *("--input", "--hidden", "--batch", "--steps", "--dtype", "--isa"),
            *("--bidirectional", "--measure", "--json"),
        ],
    }
    for verb, options in promised.items():
        shown = cellwright(verb, "--help").stdout
        assert all(option in shown for option in options), verb


def test_a_run_leaves_settings_metrics_environment_and_the_best_model(run: Path) -> None:
    assert {p.name for p in run.iterdir()} >= {"config.toml", "metrics.jsonl", "env.json", "checkpoints", "best"}
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert "hidden_size = 48" in (run / "config.toml").read_text()
    assert len(list((run / "checkpoints").iterdir())) <= 2


def test_predict_takes_arguments_a_file_and_standard_input(run: Path, cellwright, tmp_path: Path) -> None:
    texts = ["leave Taipei on November 2nd", "what time is it?"]
    arguments = cellwright("predict", run / "best", *texts)
    (tmp_path / "texts").write_text("\n".join(texts) + "\n")
    file = cellwright("predict", run, "--file", tmp_path / "texts")
    stdin = cellwright("predict", run, stdin="\r\n".join(texts) + "\r\n")
    assert arguments.stdout == file.stdout == stdin.stdout
    assert arguments.stdout.count("\n") == 2
    cut = cellwright("predict", run, "--words", "--json", "time: 8:30pm?")
    assert json.loads(cut.stdout)["tokens"] == ["time:", "8:30pm?"]
    assert arguments.returncode == 0


def test_predict_answers_each_line_before_the_next_one_comes(run: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "cellwright", "predict", str(run), "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for text in ("fly to Rome", "cancel it"):
        process.stdin.write(text + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["text"] == text  # blocks for ever if nothing is flushed
    process.stdin.close()
    process.stdout.close()
    assert process.wait(timeout=60) == 0


def test_a_bad_line_has_its_error_in_its_place(run: Path, cellwright) -> None:
    stdin = b"fly to Rome\n\n\xff\xfe\n" + b"w " * 100_000 + b"\nwhat time is it?\n"
    done = cellwright("predict", run, "--json", stdin=stdin)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["error" in row for row in rows] == [False, True, True, True, False]
    assert [row.get("line") for row in rows[1:4]] == [2, 3, 4]
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_evaluate_prints_model_and_baselines(run: Path, cellwright, tmp_path: Path) -> None:
    cellwright("data", "travel", "--out", tmp_path / "d", "--format", "conll", "--scheme", "bioes")
    shown = cellwright("evaluate", run / "best", "--data", tmp_path / "d", "--split", "valid")
    assert shown.returncode == 0, shown.stderr
    for piece in ("model", "per-token table", "majority", "departure", "slot given"):
        assert piece in shown.stdout
    data = json.loads(cellwright("evaluate", run, "--data", tmp_path / "d", "--split", "valid", "--json").stdout)
    assert data["examples"] == 1000
    assert data["lines"][0]["slot_f1"] > data["lines"][1]["slot_f1"]


def test_data_writes_every_format(cellwright, tmp_path: Path) -> None:
    for format in ("seq", "conll", "jsonl", "rasa"):
        done = cellwright("data", "travel", "--out", tmp_path / format, "--format", format, "--language", "zh")
        assert done.returncode == 0, done.stderr
        assert "6,000 utterances" in done.stdout
    (tmp_path / "travel_logs.conll").write_text("# intent: a\nx\tI-p\n")
    own = ("data", tmp_path / "travel_logs.conll", "--out", tmp_path / "own")
    assert cellwright(*own, "--from-scheme", "bio").returncode == 1
    assert cellwright(*own).returncode == 0
    assert (tmp_path / "own" / "train" / "seq.out").read_text() == "B-p\n"
    back = cellwright("data", tmp_path / "rasa", "--out", tmp_path / "back", "--format", "jsonl")
    assert back.returncode == 0, back.stderr
    assert len((tmp_path / "back" / "test.jsonl").read_text().splitlines()) == 8000


def test_show_prints_equations_and_counts(cellwright) -> None:
    done = cellwright("show", "LSTM", "--input", "60", "--hidden", "100")
    assert "c′ = f ⊙ c + i ⊙ g" in done.stdout
    assert "64,400 numbers" in done.stdout
    assert "PeepholeLSTM" in cellwright("show").stdout


def test_settings_lists_every_key(cellwright) -> None:
    shown = cellwright("train", "--settings").stdout
    assert all(key in shown for key in ("data.path", "model.hidden_size", "train.seed"))


WRONG = {
    "no data": (("train", "--data", "nowhere", "--out", "r"), "Expected a folder or file with utterances"),
    "no out": (("train",), "--out runs/mine"),
    "near setting": (("train", "--out", "r", "--set", "train.epoch=3"), "Did you mean train.epochs?"),
    "wrong type": (("train", "--out", "r", "--set", "train.epochs=many"), "expected integer"),
    "out of range": (("train", "--out", "r", "--set", "train.batch_size=0"), "≥ 1"),
    "no equals": (("train", "--out", "r", "--set", "train.epochs"), "--set section.key=value"),
    "no config": (("train", "--out", "r", "--config", "none.toml"), "cannot be read"),
    "no cell": (("train", "--out", "r", "--set", "model.cell=LSTMM"), "Did you mean LSTM?"),
    "other task": (("train", "slotz", "--out", "r"), "Did you mean slots?"),
    "nothing to resume": (("train", "--resume", "r"), "Expected a run folder"),
    "resume with data": (("train", "--resume", "r", "--data", "travel-en"), "--resume FOLDER alone"),
    "no model": (("predict", "nowhere", "x"), "Expected a model folder"),
    "texts and file": (("predict", "nowhere", "x", "--file", "y"), "found both"),
    "other format": (("data", "travel", "--out", "d", "--format", "xml"), "one of seq, conll, jsonl, rasa"),
    "other language": (("data", "travel", "--out", "d", "--language", "fr"), "found 'fr'"),
    "no such cell": (("show", "GRUU"), "Did you mean GRU?"),
    "no such network": (("compare", "--networks", "LSTMM"), "Did you mean LSTM?"),
    "a path too long": (("predict", "leave " * 100, "x"), "OSError"),
    "split": (("evaluate", "nowhere", "--data", "travel-en", "--split", "tests"), "Did you mean test?"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_gets_a_message_and_leaves_nothing(cellwright, tmp_path: Path, name: str) -> None:
    arguments, message = WRONG[name]
    done = cellwright(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_exits_with_2(cellwright) -> None:
    assert cellwright("data", "travel", "--out", "d", "--seed", "-1").returncode == 2
    assert cellwright("train", "--nonsense").returncode == 2
    assert cellwright("trian").returncode == 2


def test_a_run_is_never_overwritten_unasked(run: Path, cellwright, quick: list[str]) -> None:
    before = (run / "metrics.jsonl").read_bytes()
    done = cellwright("train", "--out", run, *quick)
    assert done.returncode == 1
    assert "--overwrite" in done.stderr
    assert (run / "metrics.jsonl").read_bytes() == before


def test_ctrl_c_leaves_a_checkpoint_and_resume_gives_the_same_bits(
    run: Path, cellwright, quick: list[str], tmp_path: Path
) -> None:
    """Mid-epoch, as the run of the fixture was never stopped."""
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "cellwright", "train", "--out", str(folder), *quick],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stderr is not None
    process.stderr.readline()  # the first epoch is done
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 130
    assert "--resume" in rest
    assert "Traceback" not in rest
    done = cellwright("train", "--resume", folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()
    ours, theirs = (f / "best" / "weights.safetensors" for f in (folder, run))
    assert ours.read_bytes() == theirs.read_bytes()


def test_compare_prints_one_row_a_network(cellwright) -> None:
    small = ["--set", "data.size=200", "--set", "train.epochs=1", "--set", "model.hidden_size=8"]
    done = cellwright("compare", "--data", "travel-zh", "--networks", "per-token,BiGRU", *small)
    assert done.returncode == 0, done.stderr
    rows = [line.split()[0] for line in done.stdout.splitlines() if line.startswith(("per-token", "BiGRU"))]
    assert rows == ["per-token", "BiGRU", "per-token", "BiGRU"]  # figures, then cities that only the context decides
    data = json.loads(cellwright("compare", "--networks", "GRU", "--json", *small).stdout)
    assert [line["name"] for line in data["lines"]] == ["GRU"]
    assert data["sections"]["cities"][0]["left"]["total"] == 2000
