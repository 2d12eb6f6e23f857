"""The toy task in several processes, as torchrun starts them:

    torchrun --nproc-per-node 2 ranks_program.py FOLDER [even] [kill]

even: no dropout, so that the sum over processes can be compared with one process.
kill: the second process dies by SIGKILL at step 20 of its first start.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import signal
import sys
from pathlib import Path

import torch

from cellwright.errors import TrainingError
from cellwright.tasks.training.loop import fit, prepare
from cellwright.tasks.training.ranks import join, restarted
from cellwright.tasks.training.run_folder import RunFolder
from cellwright.tasks.training.task import Callback, StepReport

spec = importlib.util.spec_from_file_location("toy_task", Path(__file__).with_name("toy_task.py"))
toy = importlib.util.module_from_spec(spec)
sys.modules["toy_task"] = toy
spec.loader.exec_module(toy)


class Even(toy.ToyTask):
    """Without anything random but order and first weights."""

    def __init__(self, config) -> None:
        super().__init__(config)
        self.model.recurrent.dropout = self.model.dropout.p = 0.0

    def batch(self, indices, rng):
        return super().batch(indices, None)


class Die(Callback):
    def on_step(self, report: StepReport) -> None:
        if report.step == 20:
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder: Path, even: bool = False, kill: bool = False) -> None:
    ranks = join()
    config = toy.toy_config()
    prepare(config.train)
    task = Even(config) if even else toy.ToyTask(config)
    resume = restarted()
    if ranks.first:
        run = RunFolder.open(folder, config, resume=resume, command=["toy"])
    else:
        run = RunFolder.written_by_another(folder, config, resume=resume)
    ranks.check_same("the run", text=str(resume))
    deaths = [Die()] if kill and ranks.rank == 1 and not resume else []
    fit(task, config, run, callbacks=deaths, ranks=ranks)
    digest = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in task.model.parameters())).hexdigest()
    folder.with_name(f"{folder.name}-rank-{ranks.rank}").write_text(digest)


def disagree() -> None:
    """One process holds another bit."""
    ranks = join()
    weight = torch.ones(3) if ranks.first else torch.tensor([1.0, 1.0, 1.0000001])
    try:
        ranks.check_same("the weights", [weight])
    except TrainingError as error:
        print(f"rank {ranks.rank}: {error.message}", flush=True)


if __name__ == "__main__":
    where = Path(sys.argv[1])
    if "kill" in sys.argv:
        train(where / "killed", kill=True)
    else:
        train(where / "even", even=True)
        train(where / "noisy")
        disagree()
