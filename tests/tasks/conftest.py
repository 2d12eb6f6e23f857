"""What every task's tests ask alike: a run that was killed goes on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cellwright as cw
from cellwright.tasks.training.task import Callback, StepReport


class Killed(BaseException):
    """The process ends here: no handler of Exception runs."""


class KillAt(Callback):
    """Ends the run after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step(self, report: StepReport) -> None:
        if report.step == self.step:
            raise Killed


@pytest.fixture
def killed_run_ends_alike(tmp_path: Path) -> Callable[..., Path]:
    """killed_run_ends_alike(task, step, **settings): killed after that step and resumed, it ends with the same bits.

    Returns the folder of the resumed run.
    """

    def check(task: str, step: int, **settings: Any) -> Path:
        cw.train(task, out=tmp_path / "whole", callbacks=[], **settings)
        with pytest.raises(Killed):
            cw.train(task, out=tmp_path / "cut", callbacks=[KillAt(step)], **settings)
        cw.train(out=tmp_path / "cut", resume=True, callbacks=[])
        for file in ("metrics.jsonl", "best/weights.safetensors"):
            assert (tmp_path / "cut" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
        return tmp_path / "cut"

    return check
