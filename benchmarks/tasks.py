"""Every task's figures: train with a committed recipe, several seeds, and write what was reached on the test split.

    python benchmarks/tasks.py memory                          # every table of benchmarks/tasks/memory.toml
    python benchmarks/tasks.py memory.recall --seeds 1 2 3     # one of them
    python benchmarks/tasks.py memory.recall --seeds 4 --add   # beside the seeds that its result has

A table of such a file is one figure; its keys:

    task      as in `cellwright train TASK`
    data      the embedded set, or with `real = true` a folder or file below the folder that CELLWRIGHT_DATA names
    config    a file of settings below benchmarks/tasks, if there is one
    sets      further settings, as `--set` takes them
    test      what to evaluate on, where it is not the test split of `data`; below CELLWRIGHT_DATA as `data` is
    evaluate  settings of `[data]` for `cellwright evaluate` alone; {data} stands for CELLWRIGHT_DATA
    run       another table of the file: the same training, evaluated in another way (with --keep it is not repeated)
    networks  if given, `cellwright compare TASK --networks …` instead of train and evaluate
    asked     the least that a figure of the model's line should reach; with a minus sign the most: {mse = -0.40}
    figure    what the page shows; without it the first of `asked`, or the first there is
    seeds     of train.seed

The test split is read once a run, by `cellwright evaluate`. Results go to benchmarks/results/FILE_TABLE.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

from record import cellwright, earlier_runs, record, with_earlier

TABLES = Path(__file__).with_suffix("")


def tables(name: str) -> dict[str, dict[str, Any]]:
    """FILE or FILE.TABLE → its tables, by the name of their result."""
    file, _, chosen = name.partition(".")
    path = TABLES / f"{file}.toml"
    if not path.is_file():
        sys.exit(f"{file}: expected one of {', '.join(sorted(p.stem for p in TABLES.glob('*.toml')))}")
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    if chosen and chosen not in found:
        sys.exit(f"{name}: expected one of {', '.join(f'{file}.{table}' for table in found)}")
    whole = {table: found.get(values.get("run"), {}) | values for table, values in found.items()}
    return {f"{file}_{table}": values for table, values in whole.items() if chosen in ("", table)}


def data_of(table: dict[str, Any], key: str = "data") -> list[str]:
    """--data as the verbs take it."""
    data = table.get(key, "")
    if table.get("real"):
        root = os.environ.get("CELLWRIGHT_DATA")
        if not root or not (Path(root) / data).exists():
            sys.exit(f"set CELLWRIGHT_DATA to the folder that holds {data}")
        data = str(Path(root) / data)
    return ["--data", data] if data else []


def settings_of(table: dict[str, Any]) -> list[str]:
    """--config and --set."""
    config = ["--config", str(TABLES / table["config"])] if "config" in table else []
    sets = [part for setting in table.get("sets", []) for part in ("--set", setting)]
    return [*config, *sets]


def one_run(table: dict[str, Any], seed: int, scratch: Path) -> dict[str, Any]:
    """One seed: what `evaluate` or `compare` says, and the seconds of training."""
    data = data_of(table)
    own = [*settings_of(table), "--set", f"train.seed={seed}"]
    started = time.perf_counter()
    if "networks" in table:
        said = cellwright("compare", table["task"], *data, *own, "--networks", ",".join(table["networks"]), "--json")
        return {"seed": seed, "seconds": round(time.perf_counter() - started, 1), "test": json.loads(said)}
    out = str(scratch / f"{seed}")
    if (scratch / f"{seed}" / "config.toml").is_file():
        cellwright("train", "--resume", out)
    else:
        cellwright("train", table["task"], *data, *own, "--out", out)
    seconds = training_seconds(scratch / f"{seed}")
    place = os.environ.get("CELLWRIGHT_DATA", "")
    extra = [part for setting in table.get("evaluate", []) for part in ("--set", setting.replace("{data}", place))]
    test = data_of(table, "test") if "test" in table else data
    said = cellwright("evaluate", out, *test, *extra, "--json")
    return {"seed": seed, "seconds": seconds, "test": json.loads(said)}


def training_seconds(run: Path) -> float:
    """Of all parts of a run together."""
    last = (run / "times.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    return round(float(json.loads(last)["seconds"]), 1)


def number(figure: Any) -> float | None:
    """A figure of a line: a number, or the value of a share."""
    value = figure.get("value") if isinstance(figure, dict) else figure
    return float(value) if isinstance(value, int | float) else None


def summary(runs: list[dict[str, Any]], asked: dict[str, float]) -> dict[str, dict[str, dict[str, Any]]]:
    """Line → figure → mean and standard deviation over the seeds; what is asked, of the first line."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for place, line in enumerate(runs[0]["test"]["lines"]):
        figures: dict[str, dict[str, Any]] = {}
        for key in line:
            values = [number(run["test"]["lines"][place].get(key)) for run in runs]
            known = [value for value in values if value is not None]
            if key == "name" or len(known) < len(values):
                continue
            figures[key] = {"mean": statistics.mean(known), "standard_deviation": spread(known)}
            if place == 0 and key in asked:
                limit = asked[key]
                met = figures[key]["mean"] >= limit if limit >= 0 else figures[key]["mean"] <= -limit
                figures[key] |= {"asked": abs(limit), "met": met}
        found[line["name"]] = figures
    return found


def spread(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="FILE[.TABLE]")
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--keep", type=Path, help="a folder for the runs, which stay; one that was stopped goes on")
    parser.add_argument("--add", action="store_true", help="keep what the result has of other seeds")
    options = parser.parse_args()
    chosen = {key: (name, table) for name in options.names for key, table in tables(name).items()}
    for key, (name, table) in chosen.items():
        earlier = earlier_runs(key, table) if options.add else []
        runs: list[dict[str, Any]] = []
        for seed in options.seeds or table.get("seeds", [1]):
            with tempfile.TemporaryDirectory() as folder:
                run = f"{key.partition('_')[0]}_{table['run']}" if "run" in table else key
                runs.append(one_run(table, seed, options.keep / run if options.keep else Path(folder)))
            print(f"{key} seed {seed}: {runs[-1]['seconds']:.0f} s  {runs[-1]['test']['lines'][0]}", flush=True)
        runs = with_earlier(runs, earlier)
        results = summary(runs, table.get("asked", {}))
        seeds = " ".join(str(run["seed"]) for run in runs)
        command = f"python benchmarks/tasks.py {name} --seeds {seeds}"
        record(key, command, {"table": table, "summary": results, "runs": runs})


if __name__ == "__main__":
    main()
