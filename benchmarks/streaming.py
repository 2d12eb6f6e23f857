"""Memory of a training whose file stays on the disk, beside one of a small file.

    python benchmarks/streaming.py --megabytes 1000 --minutes 1
    python benchmarks/streaming.py --megabytes 1000 --minutes 1 --task slots

Writes JSON lines of that size, trains `classify` or `slots` on them with data.stream=true for some minutes in a process
of its own, and says how much more memory that process held at its highest than one that trained on 8 MB of the same
kind. Writes results/streaming.json, or streaming_slots.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from record import record

SMALL = 8
WORDS = 200  # few: the n-grams beside the network take memory too, as much on a small file as on a large one
ALLOWED = 100.0  # MB, asked for 1 GB


@dataclass(frozen=True, slots=True)
class Measured:
    megabytes: int
    lines: int
    peak: float  # MB
    steps: int
    seconds: float


def lines_of(task: str, count: int, rng: random.Random) -> list[str]:
    """Texts of 10 to 60 made-up words; the class, or the intent and a slot, is told by the first one."""
    words = [f"w{k}" for k in range(WORDS)]
    made = []
    for _ in range(count):
        label = rng.choice(("north", "south"))
        text = [f"{label}ern", *rng.choices(words, k=rng.randint(10, 60))]
        row: dict[str, object] = {"text": " ".join(text), "label": label}
        if task == "slots":
            slots = ["O", f"B-{label}", *["O"] * (len(text) - 2)]
            row = {"tokens": text, "slots": slots, "intent": label}
        made.append(json.dumps(row) + "\n")
    return made


def write(task: str, folder: Path, megabytes: int) -> int:
    """train.jsonl and valid.jsonl; returns the lines of the first."""
    rng = random.Random(1)
    pool = lines_of(task, 20_000, rng)
    (folder / "valid.jsonl").write_text("".join(lines_of(task, 500, rng)), encoding="utf-8")
    size = lines = 0
    with open(folder / "train.jsonl", "w", encoding="utf-8") as file:
        while size < megabytes * 10**6:
            block = rng.choices(pool, k=5000)
            size += file.write("".join(block))
            lines += len(block)
    return lines


def measure(task: str, megabytes: int, minutes: float) -> Measured:
    """Train in a process of its own, and ask the system for its peak."""
    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "data"
        data.mkdir()
        lines = write(task, data, megabytes)
        run = Path(place) / "run"
        command = [sys.executable, "-m", "cellwright", "train", task, "--data", str(data), "--out", str(run)]
        command += ["--max-minutes", str(minutes)]
        for setting in ("data.stream=true", "train.epochs=1", "train.checkpoint_every=0", "train.threads=1"):
            command += ["--set", setting]
        began = time.monotonic()
        started = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
        _, status, usage = os.wait4(started.pid, 0)
        if status:
            raise SystemExit("the training failed; its message stands above")
        steps = max(int(path.name.removeprefix("step-")) for path in (run / "checkpoints").iterdir())
        peak = usage.ru_maxrss * 1024 / 10**6
        return Measured(megabytes, lines, round(peak, 1), steps, round(time.monotonic() - began, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=1.0, help="of training, each time")
    parser.add_argument("--task", choices=("classify", "slots"), default="classify")
    asked = parser.parse_args()
    small, large = (measure(asked.task, megabytes, asked.minutes) for megabytes in (SMALL, asked.megabytes))
    growth = round(large.peak - small.peak, 1)
    print(
        f"{small.megabytes} MB: peak {small.peak} MB; {large.megabytes} MB, {large.lines:,} lines: peak {large.peak} MB"
    )
    print(f"growth {growth} MB ({ALLOWED:g} allowed)")
    command = f"python benchmarks/streaming.py --megabytes {asked.megabytes} --minutes {asked.minutes:g}"
    name = "streaming"
    if asked.task != "classify":
        name, command = f"{name}_{asked.task}", f"{command} --task {asked.task}"
    record(name, command, {"small": asdict(small), "large": asdict(large), "growth": growth})
    sys.exit(growth > ALLOWED)


if __name__ == "__main__":
    main()
