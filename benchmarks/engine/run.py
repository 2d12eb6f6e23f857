"""Measures rows of `suite.py` and merges them into a results file.

    python benchmarks/engine/run.py                          every row, into engine.json or engine-ISA.json
    python benchmarks/engine/run.py --rows "LSTM packed"     those whose name or section matches
    python benchmarks/engine/run.py --quick --rows "GRU"     tiny sizes: does it run? Says nothing of speed

Each row runs in a process of its own, so that first calls are first calls and a crash costs one row. Rows of another
instruction set are not merged beside those of a file: they go to a file of their own, engine-ISA.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent)]

from record import RESULTS, cpu_name  # noqa: E402
from report import line_of  # noqa: E402
from suite import ROWS, Row  # noqa: E402

from cellwright.engine.lower.target import host_isas  # noqa: E402

OUT = RESULTS / "engine.json"
PACKAGES = ("cellwright", "torch", "llvmlite", "numpy", "jax", "onnxruntime")
TIMEOUT = 1200


def shrunk(row: Row) -> Row:
    """A row at sizes that take no time, of which nothing is asked."""
    small = {"T": 6, "B": 4, "I": 32, "H": 32}
    sizes: dict[str, Any] = {key: min(getattr(row, key), most) for key, most in small.items()}
    return dataclasses.replace(row, **sizes, peers=dict.fromkeys(row.peers), goal=None, share=None, most=None)


def child(row: Row, quick: bool, threads: int, file: Path) -> None:
    """Measures one row in this process and leaves it in a file."""
    if hasattr(os, "sched_setaffinity"):  # peers with threads of their own keep to as many cores
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    import torch

    torch.set_num_threads(threads)
    from measure import measure

    result = measure(shrunk(row) if quick else row, quick)
    file.write_text(json.dumps(result | {"isa": host(), "quick": quick}, default=str))


def in_process(row: Row, quick: bool, threads: int) -> dict[str, Any]:
    """A row in a process of its own, nothing compiled beforehand."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "row.json"
        environment = os.environ | {
            "OMP_NUM_THREADS": str(threads),
            "CELLWRIGHT_CACHE": "off",
            "TORCHINDUCTOR_CACHE_DIR": str(Path(folder) / "inductor"),
            "PYTHONWARNINGS": "ignore",
        }
        command = [sys.executable, str(HERE / "run.py"), "--child", row.name, str(file), "--threads", str(threads)]
        started = time.perf_counter()
        try:
            done = subprocess.run(
                command + ["--quick"] * quick,
                env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT,
                check=False,
            )  # fmt: skip
            last = (done.stderr.strip().splitlines() or [""])[-1]
            problem = f"the process ended with {done.returncode}: {last}"
        except subprocess.TimeoutExpired:
            problem = f"not done after {TIMEOUT} s"
        if file.exists():
            result: dict[str, Any] = json.loads(file.read_text())
        else:
            result = {"status": "failed", "note": problem, "gate": {}, "contestants": {}, "figures": []}
        return result | {"seconds": round(time.perf_counter() - started, 1)}


def surroundings(threads: int) -> dict[str, Any]:
    """Machine, versions, commit and date: of each row, as rows can be measured anew alone."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"},
        "threads": threads,
        "versions": versions,
        "commit": git("rev-parse", "--short=12", "HEAD"),
        "changed": bool(git("status", "--porcelain", "--", "cellwright", "benchmarks/engine")),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def git(*arguments: str) -> str:
    """What git says; empty without git."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def merge(file: Path, name: str, result: dict[str, Any]) -> None:
    """Puts a row in place of its older self; rows stand in the suite's order, those that it no longer has are gone."""
    old: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["rows"] if file.exists() else {}
    old[name] = result
    rows = {row.name: old[row.name] for row in ROWS if row.name in old}
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".tmp")
    content = {"command": "python benchmarks/engine/run.py", "rows": rows}
    fresh.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(file)


def own_results() -> Path:
    """Where rows of this processor stand: a file of its own beside one with rows of another instruction set."""
    return OUT if fits(OUT) else OUT.with_name(f"{OUT.stem}-{host()}.json")


def fits(file: Path) -> bool:
    """Whether the rows of a file are of this processor's instruction set, or there are none."""
    return isas_of(file) <= {host()}


def host() -> str | None:
    """The instruction set that is measured here."""
    return os.environ.get("CELLWRIGHT_ISA") or next(iter(host_isas()), None)


def isas_of(file: Path) -> set[str]:
    """The instruction sets of the rows of a file."""
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"].values() if file.exists() else ()
    return {str(row["isa"]) for row in rows if row.get("isa")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="", metavar="REGEX", help="only rows whose name or section matches")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, three turns; written only with --out")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--out", type=Path, help=f"default: {own_results().relative_to(ROOT)}")
    parser.add_argument("--list", action="store_true", help="print the rows' names and end")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, file = options.child
        return child(next(row for row in ROWS if row.name == name), options.quick, options.threads, Path(file))
    chosen = [row for row in ROWS if re.search(options.rows, row.name) or re.search(options.rows, row.section)]
    if not chosen:
        sys.exit(f"no row matches {options.rows!r}; --list prints all names")
    if options.list:
        return print("\n".join(f"{row.section}: {row.name}" for row in chosen))
    if options.out and options.quick and options.out.resolve() == OUT:
        sys.exit("--quick measures no speed: choose another file than the results")
    out = options.out or (None if options.quick else own_results())
    if out and not fits(out):
        others = ", ".join(sorted(isas_of(out)))
        own = own_results().relative_to(ROOT)
        sys.exit(f"{out.name}: expected rows of {host()}, found {others}. Write to another file: --out {own}")
    if out:
        print(f"rows of {host()} go into {out}", flush=True)
    for row in chosen:
        before = surroundings(options.threads)
        result = in_process(row, options.quick, options.threads) | before
        if out:
            merge(out, row.name, result)
        print(line_of(row, result), flush=True)
    return None


if __name__ == "__main__":
    main()
