"""What looking costs: a report from a cold process, gradient by lag of a long sequence, a report's size, `--watch`.

    python benchmarks/microscope.py                  # every row
    python benchmarks/microscope.py report watch     # some of them; the others stay as they are

Each row holds what is asked, what was found, and the load of the machine while it ran. Times are the least of several
turns, with the others beside them, and the seconds of processor, of all threads together, that they took: where other
work runs beside it the clock says little, and on an idle machine no turn takes longer than its processor's seconds but
for reading files. What is asked is met where either is within it. Results go to benchmarks/results/microscope.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from record import RESULTS, record

import cellwright as cw
from cellwright.microscope.gradients import gradient_by_lag
from cellwright.microscope.report import look, report_html
from cellwright.microscope.watch import Watch

THREADS = 2
TURNS = 3
SENTENCE = "leave Taipei on November 2nd"
REPORT = 3.0  # seconds asked of a report
LAGS = 2.0  # seconds asked of gradient by lag
BYTES = 3_000_000
SHARE = 0.02  # of the time of training, asked of --watch 100
EVERY = 100
Row = dict[str, Any]


def processor() -> float:
    """Seconds of processor of this process and of those it has waited for."""
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def turns(work: Callable[[], Any], count: int = TURNS) -> Row:
    """Seconds by the clock and of processor, of each turn; the least of both."""
    clock, used = [], []
    for _ in range(count):
        before, began = processor(), time.perf_counter()
        work()
        clock.append(round(time.perf_counter() - began, 3))
        used.append(round(processor() - before, 3))
    return {"seconds": min(clock), "processor_seconds": min(used), "turns": clock, "processor_turns": used}


def met(row: Row, asked: float) -> Row:
    """Whether the clock is within what is asked, or else the processor's seconds."""
    return row | {"asked": asked, "unit": "s", "met": min(row["seconds"], row["processor_seconds"]) <= asked}


def report() -> dict[str, Row]:
    """`cellwright inspect MODEL SENTENCE --html`, each in a process of its own: as installed, and with kernels kept."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        cw.train("slots", data="travel-en", out=place / "run", data__size=200, train__epochs=1, train__threads=THREADS)
        command = [sys.executable, "-m", "cellwright", "inspect", str(place / "run"), SENTENCE, "--html"]
        cache = os.environ | {"CELLWRIGHT_CACHE": str(place / "cache"), "OMP_NUM_THREADS": str(THREADS)}

        def inspect(name: str = "r.html") -> None:
            subprocess.run([*command, str(place / name)], check=True, env=cache, stdout=subprocess.DEVNULL)

        first = turns(inspect, 1)
        again = turns(inspect)
        bare = turns(lambda: subprocess.run([sys.executable, "-c", "import torch"], check=True))
        size = (place / "r.html").stat().st_size
    about = {"bytes": size, "import_torch": {key: bare[key] for key in ("seconds", "processor_seconds")}}
    return {
        "report, cold process": met(again, REPORT) | about,
        "report, cold process, kernels compiled for the first time": met(first, REPORT) | about,
    }


def lags() -> dict[str, Row]:
    """Gradient by lag of 1,000 steps of 256 units: the measure, and with the record that it reads."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    layer, x = cw.nn.LSTM(64, 256), torch.randn(1000, 1, 64)
    made = [cw.inspect(layer, x, target=lambda y: y[-1].sum())]

    def take() -> None:
        gradient_by_lag(made[0])

    def both() -> None:
        gradient_by_lag(cw.inspect(layer, x, target=lambda y: y[-1].sum()))

    both()
    return {
        "gradient by lag, T=1,000, H=256": met(turns(take), LAGS),
        "gradient by lag, T=1,000, H=256, record included": met(turns(both), LAGS),
    }


def size() -> dict[str, Row]:
    """A page of 60 words, 2 layers in 2 directions of 128 units."""
    torch.manual_seed(0)
    layer = cw.nn.LSTM(100, 128, num_layers=2, bidirectional=True)
    seen = look(layer, torch.randn(60, 1, 100), target=lambda y: y[-1].sum())
    words = tuple(f"word{k}" for k in range(60))
    seen = dataclasses.replace(seen, record=dataclasses.replace(seen.record, words=(words,)))
    found = len(report_html([seen]).encode())
    row = {"bytes": found, "asked": BYTES, "unit": "bytes", "met": found <= BYTES}
    return {"page of 60 words, 2 layers x 2 directions x 128 units": row}


WATCHED: dict[str, dict[str, Any]] = {  # an epoch of some 200 steps and more
    "slots": {"data__size": 8000},
    "classify": {"data__size": 8000},
    "memory": {"data__size": 16000},
    "lm": {},
}


class TimedWatch(Watch):
    """Watch, with the seconds of each look."""

    def __init__(self, folder: Path, every: int) -> None:
        super().__init__(folder, every)
        self.looks: list[float] = []

    def _look(self, step: int, epoch: int) -> None:
        before = self.seconds
        super()._look(step, epoch)
        self.looks.append(self.seconds - before)


def watch() -> dict[str, Row]:
    """What a look of `--watch 100` takes of the 100 steps that it stands for; the first, which makes kernels, apart."""
    found: dict[str, Row] = {}
    for task, settings in WATCHED.items():
        with tempfile.TemporaryDirectory() as folder:
            watching = TimedWatch(Path(folder) / "run", EVERY)
            options: dict[str, Any] = {"train__threads": THREADS, "train__epochs": 1, **settings}
            cw.train(task, out=Path(folder) / "run", callbacks=[watching], **options)
            lines = watching.file.read_text(encoding="utf-8").splitlines()
            steps = json.loads((Path(folder) / "run" / "metrics.jsonl").read_text().splitlines()[-1])["step"]
        first_look, *later = watching.looks
        look_seconds = sum(later) / len(later)
        step_seconds = (watching.total - watching.seconds) / steps
        share = look_seconds / (EVERY * step_seconds)
        row = {"share": round(share, 4), "asked": SHARE, "unit": "share", "met": share <= SHARE}
        times = {"look_seconds": round(look_seconds, 4), "step_seconds": round(step_seconds, 4)}
        counts = {"first_look_seconds": round(first_look, 4), "looks": len(lines), "steps": steps}
        found[f"train {task} --watch {EVERY}"] = row | times | counts
    return found


SECTIONS: dict[str, Callable[[], dict[str, Row]]] = {"report": report, "lags": lags, "size": size, "watch": watch}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="all if none is named")
    chosen = parser.parse_args().sections or list(SECTIONS)
    file = RESULTS / "microscope.json"
    rows: dict[str, Row] = json.loads(file.read_text(encoding="utf-8"))["rows"] if file.exists() else {}
    for name in chosen:
        before = os.getloadavg()[0]
        made = SECTIONS[name]()
        about = {"load": [round(before, 2), round(os.getloadavg()[0], 2)], "threads": THREADS}
        about |= {"date": datetime.datetime.now(datetime.UTC).date().isoformat()}
        rows |= {key: row | about for key, row in made.items()}
        record("microscope", "python benchmarks/microscope.py", {"rows": rows})
        for key, row in made.items():
            print(f"{key}: {json.dumps(row)}", flush=True)


if __name__ == "__main__":
    main()
