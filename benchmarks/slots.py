"""Slots and intents: train with the default settings, several seeds, and write what was reached on the test split.

    python benchmarks/slots.py snips --seeds 1 2 3
    python benchmarks/slots.py snips-10 travel-en travel-en-6 travel-zh weibo wnut17 --seeds 1
    python benchmarks/slots.py travel-en --seeds 2 3 --add     # beside the seeds that the result has

No setting of the model or its training differs between the sets: every run is `cellwright train slots --data SET` and
`cellwright evaluate`, as a user would type them. The real sets are read from the folder that CELLWRIGHT_DATA names.
Results go to benchmarks/results/ as one JSON file a set.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from record import cellwright, earlier_runs, record, with_earlier

import cellwright as cw
from cellwright.tasks.data.corpus import read_corpus, write_corpus
from cellwright.tasks.travel.generate import generate
from cellwright.tasks.travel.handwritten import handwritten

KEYS = ("slot_f1", "intent_accuracy", "sentence_accuracy")
FIGURES = {  # Stack-Propagation (Qin et al. 2019) on SNIPS without a pretrained transformer
    "snips": {"slot_f1": 94.2, "intent_accuracy": 98.0, "sentence_accuracy": 86.9},
}
SETS = {  # name: (folder below CELLWRIGHT_DATA or an embedded set, share of the training split, tag scheme)
    "snips": ("snips", 1.0, "auto"),
    "snips-10": ("snips", 0.1, "auto"),
    "travel-en": (None, 1.0, "auto"),
    "travel-en-6": (None, 1.0, "auto"),  # the six intents that training has most of
    "travel-zh": (None, 1.0, "auto"),
    "weibo": ("weibo_ner", 1.0, "iob1"),  # its spans may begin with I-
    "wnut17": ("wnut17", 1.0, "auto"),
}


def data_path(name: str, scratch: Path) -> str:
    """What `--data` gets for a set; a share below 1 keeps every n-th training utterance, in a folder of its own."""
    folder, share, _ = SETS[name]
    if name == "travel-en-6":
        return six_intents(scratch / name)
    if folder is None:
        return name
    root = os.environ.get("CELLWRIGHT_DATA")
    if not root or not (Path(root) / folder).is_dir():
        sys.exit(f"{name}: set CELLWRIGHT_DATA to the folder that holds {folder}/")
    path = Path(root) / folder
    if share == 1.0:
        return str(path)
    corpus = read_corpus(path)
    corpus.train = corpus.train[:: round(1 / share)]
    write_corpus(corpus, scratch / name, "seq")
    return str(scratch / name)


def six_intents(out: Path) -> str:
    """travel-en without the utterances of its three rarest intents, written as a folder."""
    corpus = generate("en")
    kept = {intent for intent, _ in Counter(u.intent for u in corpus.train).most_common(6)}
    for split in ("train", "valid", "test"):
        setattr(corpus, split, [u for u in getattr(corpus, split) if u.intent in kept])
    write_corpus(corpus, out, "seq")
    return str(out)


def one_run(name: str, data: str, seed: int, scratch: Path) -> dict[str, Any]:
    out = scratch / f"{name}-{seed}"
    started = time.perf_counter()
    scheme = SETS[name][2]
    cellwright(
        *("train", "slots", "--data", data, "--out", str(out)),
        *("--set", f"train.seed={seed}", "--set", f"data.scheme={scheme}"),
    )
    seconds = time.perf_counter() - started
    result = json.loads(
        cellwright("evaluate", str(out / "best"), "--data", data, "--split", "test", "--scheme", scheme, "--json")
    )
    print(f"{name} seed {seed}: {seconds:.0f} s  {result['lines'][0]}", flush=True)
    by_hand = {"by_hand": by_hand_right(out, name)} if name in ("travel-en", "travel-zh") else {}
    return {"seed": seed, "train_seconds": round(seconds, 1), "test": result} | by_hand


def by_hand_right(model_folder: Path, name: str) -> int:
    """Of the thirty sentences written by hand, those whose slots and intent are all right."""
    model = cw.load(model_folder)
    sentences = handwritten(name.removeprefix("travel-"))
    answers = [model.predict(u.text or "") for u in sentences]
    right = sum((a.tags, a.intent) == (u.slots, u.intent) for a, u in zip(answers, sentences, strict=True))
    print(f"{name}: {right} of {len(sentences)} sentences written by hand", flush=True)
    return right


def summary(runs: list[dict[str, Any]], key: str) -> dict[str, float]:
    values = [100 * run["test"]["lines"][0][key] for run in runs]
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": round(statistics.mean(values), 2), "standard_deviation": round(spread, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", choices=SETS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--add", action="store_true", help="keep what the result has of other seeds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.sets:
            data = data_path(name, Path(folder))
            earlier = earlier_runs(f"slots_{name}", {}) if options.add else []
            runs = with_earlier([one_run(name, data, seed, Path(folder)) for seed in options.seeds], earlier)
            figures = FIGURES.get(name, {})
            keys = [key for key in KEYS if runs[0]["test"]["lines"][0][key] is not None]
            results = {key: summary(runs, key) | ({"asked": figures[key]} if key in figures else {}) for key in keys}
            record(
                f"slots_{name}",
                f"python benchmarks/slots.py {name} --seeds {' '.join(str(run['seed']) for run in runs)}",
                {"set": name, "summary": results, "seconds": [run["train_seconds"] for run in runs], "runs": runs},
            )
            print(json.dumps(results), flush=True)


if __name__ == "__main__":
    main()
