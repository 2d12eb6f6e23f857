"""Pages that repeat what the program knows are compared with it; `python tests/test_docs.py` writes them anew."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cellwright.cells import CELLS, MGU
from cellwright.engine.explain import explain
from cellwright.tasks.registry import TASKS, kind_named
from cellwright.tasks.sweep.settings import SweepConfig
from cellwright.tasks.training.config import Config, ConfigRow, config_table

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
FIGURES = ("slot_f1", "intent_accuracy", "sentence_accuracy")


def settings_tables() -> str:
    """`[train]` once, then each task's own settings with the defaults of `[train]` that are its own."""
    shared = {row.key: row for row in config_table(Config) if row.key.startswith("train.")}
    parts = ["## All tasks: [train]", "", rows_table(shared.values())]
    for name in TASKS:
        rows = config_table(kind_named(name).config)
        own = [f"`{r.key}={r.default}`" for r in rows if r.key in shared and r.default != shared[r.key].default]
        parts += ["", f"## {name}", "", rows_table(row for row in rows if row.key not in shared)]
        parts += ["", f"Other defaults: {', '.join(own)}."] if own else []
    return "\n".join(parts)


def rows_table(rows: Iterable[ConfigRow]) -> str:
    lines = [f"| `{r.key}` | {r.type} | `{r.default}` | {r.description} |" for r in rows]
    return "\n".join(["| setting | type | default | meaning |", "|---|---|---|---|", *lines])


def sweep_table() -> str:
    return rows_table(row for row in config_table(SweepConfig) if row.key.startswith("sweep."))


def slots_table() -> str:
    """Mean ± standard deviation over seeds, from the committed results; beside it what a table of words reaches."""
    beside = "words alone: F1, intent, sentence"
    lines = [f"| set | seeds | slot F1 | intent | whole sentence | {beside} | seconds a run |", "|---" * 7 + "|"]
    for file in sorted(RESULTS.glob("slots_*.json")):
        data = json.loads(file.read_text(encoding="utf-8"))
        cells = []
        for name in FIGURES:
            row = data["summary"].get(name)
            spread = f" ± {row['standard_deviation']:.2f}" if row and len(data["runs"]) > 1 else ""
            cells.append("–" if row is None else f"{row['mean']:.2f}{spread}")
        table = next(row for row in data["runs"][0]["test"]["lines"] if row["name"] == "per-token table")
        alone = ", ".join("–" if table[name] is None else f"{100 * table[name]:.1f}" for name in FIGURES)
        seconds = "–".join(f"{s:.0f}" for s in sorted({min(data["seconds"]), max(data["seconds"])}))
        lines.append(f"| {data['set']} | {len(data['runs'])} | {' | '.join(cells)} | {alone} | {seconds} |")
    return "\n".join(lines)


def compare_table(name: str) -> str:
    """The committed run of `cellwright compare`."""
    data = json.loads((RESULTS / f"compare_{name}.json").read_text(encoding="utf-8"))
    cities = data["sections"]["cities"]
    kinds = [kind for kind in cities[0] if kind != "name"]
    lines = [f"| network | slot F1 | intent | {' | '.join(kinds)} |", "|---" * (3 + len(kinds)) + "|"]
    for row, of_cities in zip(data["lines"], cities, strict=True):
        shares = [f"{100 * of_cities[kind]['value']:.1f}" for kind in kinds]
        figures = [f"{100 * row[key]:.1f}" for key in ("slot_f1", "intent_accuracy")]
        lines.append(f"| {row['name']} | {' | '.join([*figures, *shares])} |")
    return "\n".join(lines)


def explained() -> str:
    """What `cellwright explain MGU --input 64 --hidden 128 --isa avx2` prints on one thread."""
    return f"```\n{explain(MGU(), 64, 128, isa='avx2')}\n```"


def of_engine(name: str) -> ModuleType:
    """A file of benchmarks/engine."""
    spec = importlib.util.spec_from_file_location(
        f"cellwright_engine_{name}", ROOT / "benchmarks" / "engine" / f"{name}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def engine_rows(file_name: str = "engine.json") -> dict[str, Any]:
    """Measured rows by name; none before the first measurement."""
    file = RESULTS / file_name
    rows: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["rows"] if file.exists() else {}
    return rows


def tasks_table(task: str) -> str:
    """Results of benchmarks/tasks.py: one figure of each line, mean ± standard deviation over seeds."""
    lines = ["| set | figure | seeds | minutes a run | model | beside it |", "|---" * 6 + "|"]
    for file in sorted(RESULTS.glob(f"{task}_*.json")):
        data = json.loads(file.read_text(encoding="utf-8"))
        asked = data["table"].get("asked", {})
        figure = data["table"].get("figure") or next(iter(asked or next(iter(data["summary"].values()))))
        write = {"mse": error_text, "mae": error_text, "BLEU": score_text}.get(figure, figure_text)
        means = {name: write(figures[figure], len(data["runs"])) for name, figures in data["summary"].items()}
        (first, ours), *others = means.items()
        model = ours if first == "model" else f"{first} {ours}"
        goal = f" ({write({'mean': abs(asked[figure])}, 1)} asked)" if asked else ""
        taken = [f"{seconds / 60:.1f}" for seconds in sorted(run["seconds"] for run in data["runs"])]
        minutes = "–".join(dict.fromkeys((taken[0], taken[-1])))  # least and most: some ran beside other work
        cells = [file.stem.removeprefix(f"{task}_"), figure, len(data["runs"]), minutes, model + goal]
        lines.append(f"| {' | '.join(map(str, cells))} | {'; '.join(f'{name} {value}' for name, value in others)} |")
    return "\n".join(lines)


def memory_table() -> str:
    """Share of right answers by gap, of every network."""
    files = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(RESULTS.glob("memory_*.json"))]
    keys = {key for data in files for row in data["summary"].values() for key in row}
    gaps = sorted(int(key.removeprefix("gap ")) for key in keys if key.startswith("gap "))
    head = f"| problem | network | {' | '.join(f'gap {gap}' for gap in gaps)} | minutes |"
    lines = [head, "|---" * (3 + len(gaps)) + "|"]
    for data in files:
        problem = next(text.partition("=")[2] for text in data["table"]["sets"] if text.startswith("data.problem="))
        language = ", English" if "data.language=en" in data["table"]["sets"] else ""
        for name, row in data["summary"].items():
            cells = [figure_text(row[f"gap {g}"], len(data["runs"])) if f"gap {g}" in row else "–" for g in gaps]
            minutes = f"{row['seconds']['mean'] / 60:.1f}" if "seconds" in row else "–"
            lines.append(f"| {problem}{language} | {name} | {' | '.join(cells)} | {minutes} |")
    return "\n".join(lines)


def figure_text(row: dict[str, Any], seeds: int) -> str:
    """Shares of 1 in percent."""
    scale = 100 if abs(row["mean"]) <= 1 else 1
    spread = f" ± {scale * row['standard_deviation']:.2f}" if seeds > 1 else ""
    return f"{scale * row['mean']:.2f}{spread}"


def score_text(row: dict[str, Any], seeds: int) -> str:
    """Scores that are no shares."""
    return f"{row['mean']:.2f}" + (f" ± {row['standard_deviation']:.2f}" if seeds > 1 else "")


def error_text(row: dict[str, Any], seeds: int) -> str:
    """Errors of forecasts as they are."""
    return f"{row['mean']:.4f}" + (f" ± {row['standard_deviation']:.4f}" if seeds > 1 else "")


def sections_of(result: str) -> dict[str, list[dict[str, Any]]]:
    """The tables of the first seed's report on the test split."""
    data = json.loads((RESULTS / f"{result}.json").read_text(encoding="utf-8"))
    found: dict[str, list[dict[str, Any]]] = data["runs"][0]["test"]["sections"]
    return found


def attractors_table(result: str) -> str:
    """Percent right by number of attractors, and by what else the report parts the sentences."""
    sections = sections_of(result)
    columns = [key for rows in sections.values() for key in rows[0] if key != "name"]
    lines = [f"| | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    for place, row in enumerate(next(iter(sections.values()))):
        values = {key: value for rows in sections.values() for key, value in rows[place].items()}
        lines.append(f"| {row['name']} | {' | '.join(f'{100 * values[key]:.1f}' for key in columns)} |")
    return "\n".join(lines)


def cloze_table() -> str:
    """Percent right of the words or senses that another word decides; the left-sided model is a run of its own."""
    sets = ("cues", "senses")
    shown: dict[str, list[str]] = {}
    for name in sets:
        (own,), (left,) = (sections_of(f"cloze_{name}{side}").values() for side in ("", "-left"))
        for row in [own[0], left[0], *own[1:]]:
            right = row["right"]["value"] if isinstance(row["right"], dict) else row["right"]
            shown.setdefault(row["name"], []).append(f"{100 * right:.1f}")
    lines = [f"| | {' | '.join(f'`{name}`' for name in sets)} |", "|---" * (1 + len(sets)) + "|"]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(values)} |" for name, values in shown.items())])


def kjv_table() -> str:
    """Words of the King James Bible: percent right first, percent among the first five, and the perplexity."""
    both, left = (
        json.loads((RESULTS / f"cloze_{name}.json").read_text(encoding="utf-8"))["runs"][0]["test"]["lines"]
        for name in ("kjv", "kjv-left")
    )
    lines = ["| | right | among 5 | perplexity |", "|---" * 4 + "|"]
    for row in [both[0], left[0], *both[1:]]:
        values = [f"{100 * row['accuracy']:.1f}", f"{100 * row['among 5']:.1f}", f"{row['perplexity']:.0f}"]
        lines.append(f"| {' | '.join([row['name'], *values])} |")
    return "\n".join(lines)


def microscope_table() -> str:
    """What looking costs."""
    data = json.loads((RESULTS / "microscope.json").read_text(encoding="utf-8"))
    lines = ["| what | found | asked |", "|---|---|---|"]
    for name, row in data["rows"].items():
        if row["unit"] == "bytes":
            found, asked = f"{row['bytes']:,} bytes", f"{row['asked']:,}"
        elif row["unit"] == "share":
            found, asked = f"{row['share']:.1%} ({row['step_seconds'] * 1e3:.0f} ms a step)", f"{row['asked']:.0%}"
        else:
            found = f"{row['seconds']:.1f} s by the clock, {row['processor_seconds']:.1f} s of processor"
            asked = f"{row['asked']:g} s"
        lines.append(f"| {name} | {found}{'' if row['met'] else ' **(missed)**'} | {asked} |")
    loads = sorted(load for row in data["rows"].values() for load in row["load"])
    return "\n".join([*lines, "", f"{data['machine']['cores']} cores with a load of {loads[0]:g} to {loads[-1]:g}."])


def engine_tables(file_name: str) -> str:
    """The rows that were measured on another processor, of all that there are."""
    found = engine_rows(file_name)
    return of_engine("report").tables([row for row in of_engine("suite").ROWS if row.name in found], found)


SPEED = ROOT / "docs" / "engine-speed.md"
AVX512 = "engine-avx512bf16.json"
PARTS = {
    "settings": (ROOT / "docs" / "settings.md", settings_tables),
    "sweep": (ROOT / "docs" / "training.md", sweep_table),
    "slots": (ROOT / "docs" / "slots.md", slots_table),
    "classify": (ROOT / "docs" / "classify.md", lambda: tasks_table("classify")),
    "tag": (ROOT / "docs" / "tag.md", lambda: tasks_table("tag")),
    "lm": (ROOT / "docs" / "lm.md", lambda: tasks_table("lm")),
    "memory": (ROOT / "docs" / "memory.md", memory_table),
    "cloze": (ROOT / "docs" / "cloze.md", cloze_table),
    "kjv": (ROOT / "docs" / "cloze.md", kjv_table),
    "agreement": (ROOT / "docs" / "agreement.md", lambda: attractors_table("agreement_generated")),
    "linzen": (ROOT / "docs" / "agreement.md", lambda: attractors_table("lm_linzen")),
    "translate": (ROOT / "docs" / "translate.md", lambda: tasks_table("translate")),
    "series": (ROOT / "docs" / "series.md", lambda: tasks_table("series")),
    "microscope": (ROOT / "docs" / "report.md", microscope_table),
    "transcribe": (ROOT / "docs" / "transcribe.md", lambda: tasks_table("transcribe")),
    "explain": (ROOT / "docs" / "how-it-compiles.md", explained),
    "compare": (ROOT / "README.md", lambda: compare_table("travel-en")),
    "engine": (SPEED, lambda: of_engine("report").tables(of_engine("suite").ROWS, engine_rows())),
    "engine-machine": (SPEED, lambda: of_engine("report").conditions(engine_rows(), of_engine("suite").ROWS)),
    "engine-avx512": (SPEED, lambda: engine_tables(AVX512)),
    "engine-avx512-machine": (SPEED, lambda: of_engine("report").conditions(engine_rows(AVX512))),
    "speed": (ROOT / "README.md", lambda: of_engine("report").sentence(engine_rows())),
}


def between(name: str, text: str) -> re.Match[str]:
    found = re.search(rf"<!-- {name}:begin -->\n(.*?)<!-- {name}:end -->", text, flags=re.DOTALL)
    assert found, f"no part {name}"
    return found


@pytest.mark.parametrize("name", PARTS)
def test_a_table_says_what_the_program_says(name: str) -> None:
    page, table = PARTS[name]
    assert between(name, page.read_text(encoding="utf-8"))[1].strip() == table().strip()


def test_every_cell_has_its_line() -> None:
    page = (ROOT / "docs" / "cells.md").read_text(encoding="utf-8")
    assert [name for name in CELLS if f"| `{name}` |" not in page] == []


def test_every_page_is_in_the_list_of_pages() -> None:
    listed = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"({page.name})" not in listed] == ["README.md"]


def test_links_between_pages_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            if "/" in target or target.endswith((".md", ".json", ".py")):
                assert (page.parent / target).exists(), f"{page.name} → {target}"


if __name__ == "__main__":
    for part, (file, make) in PARTS.items():
        old = file.read_text(encoding="utf-8")
        start, end = between(part, old).span(1)
        file.write_text(old[:start] + make() + "\n" + old[end:], encoding="utf-8")
