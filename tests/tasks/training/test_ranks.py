"""One training in several processes: real ones, which speak over gloo."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cellwright.errors import ConfigError
from cellwright.tasks.training.loop import fit
from cellwright.tasks.training.ranks import Ranks, join
from cellwright.tasks.training.run_folder import RunFolder

PROGRAM = Path(__file__).with_name("ranks_program.py")
PROCESSES = 2


def environment() -> dict[str, str]:
    root = str(PROGRAM.parents[3])
    return {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with two runs of two processes, and what these printed."""
    folder = tmp_path_factory.mktemp("ranks")
    port = str(free_port())
    started = []
    for rank in range(PROCESSES):
        place = {"RANK": str(rank), "WORLD_SIZE": str(PROCESSES), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        started.append(
            subprocess.Popen(
                [sys.executable, str(PROGRAM), str(folder)],
                env={**environment(), **place},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    said = "".join(process.communicate(timeout=280)[0] for process in started)
    assert [process.returncode for process in started] == [0] * PROCESSES, said
    return folder, said


def rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_two_processes_train_as_one_but_for_rounding(together: tuple[Path, str], tmp_path: Path, toy) -> None:
    spec = importlib.util.spec_from_file_location("ranks_program", PROGRAM)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    config = toy.toy_config()
    toy.prepare(config.train)
    task = program.Even(config)
    losses: list[float] = []

    class Losses(program.Callback):
        def on_step(self, report) -> None:
            losses.append(report.loss)

    fit(task, config, RunFolder.open(tmp_path / "alone", config, command=["toy"]), callbacks=[Losses()])
    alone, shared = rows(tmp_path / "alone"), rows(together[0] / "even")
    assert [row["loss"] for row in shared] == pytest.approx([row["loss"] for row in alone], rel=1e-5)
    assert [row["valid"] for row in shared] == [pytest.approx(row["valid"], abs=0.01) for row in alone]
    assert losses[0] != losses[-1]


@pytest.mark.parametrize("run", ["even", "noisy"])
def test_all_processes_end_with_the_same_bits(together: tuple[Path, str], run: str) -> None:
    digests = {(together[0] / f"{run}-rank-{rank}").read_text() for rank in range(PROCESSES)}
    assert len(digests) == 1


def test_another_bit_in_one_process_is_told_by_all(together: tuple[Path, str]) -> None:
    said = "Expected the weights to be the same in all 2 processes, found others in process 1."
    assert all(f"rank {rank}: {said}" in together[1] for rank in range(PROCESSES))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_killed_process_and_a_new_start_end_as_if_it_had_lived(
    together: tuple[Path, str], tmp_path: Path, same_run
) -> None:
    """torchrun ends the other one, starts both again, and they go on from the newest checkpoint."""
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(PROCESSES)]
        + ["--max-restarts", "1", str(PROGRAM), str(tmp_path), "kill"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(json.loads((tmp_path / "killed" / "env.json").read_text())["starts"]) == 2
    same_run(tmp_path / "killed", together[0] / "noisy")


def test_a_batch_is_shared_out_whole() -> None:
    parts = [Ranks(rank, 3).share(range(8)) for rank in range(3)]
    assert [list(part) for part in parts] == [[0, 3, 6], [1, 4, 7], [2, 5]]
    assert list(Ranks(2, 3).share([5, 6])) == []
    assert Ranks(0, 1).share([5, 6]) == [5, 6]


def test_one_process_is_left_as_it_is(monkeypatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    alone = join()
    before = torch.get_rng_state()
    alone.begin_step(1, 1)
    assert alone.combine([], 0.1, 3, 7) == (0.1, 7)
    assert alone.any(True, False) == (True, False)
    assert alone.of_first(lambda: 3) == alone.first_then_others(lambda: 3) == 3
    alone.check_same("weights", [torch.ones(1)])
    assert torch.equal(torch.get_rng_state(), before)


def test_processes_that_cannot_meet_say_so(monkeypatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MASTER_PORT", raising=False)
    with pytest.raises(ConfigError, match="Start them with torchrun"):
        join()
