"""Results as text: a line in the terminal, tables and a sentence for the pages. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NOT_MEASURED = "not measured yet"
HEAD = "| row | T, B, I, H | ours: time | GFLOP/s | first call | beside |\n|---|---|---|---|---|---|"


def line_of(row: Any, result: Mapping[str, Any]) -> str:
    """One row in the terminal."""
    return f"{row.name:44} {time_of(result):22} {'; '.join(words(row, result))}"


def time_of(result: Mapping[str, Any]) -> str:
    """Median and the fast and slow fifth of our times."""
    found: Mapping[str, Mapping[str, Any]] = result.get("contestants", {})
    ours = found.get("ours") or next(iter(found.values()), {})
    if "p50" not in ours:
        return ""
    scale, unit = (1e6, "µs") if ours["p50"] < 1e-3 else (1e3, "ms") if ours["p50"] < 10 else (1, "s")
    low, middle, high = (f"{scale * ours[key]:.3g}" for key in ("p20", "p50", "p80"))
    return f"{middle} ({low}–{high}) {unit}"


def words(row: Any, result: Mapping[str, Any]) -> list[str]:
    """Every figure of a row, what is asked beside it; why there is none."""
    if result["status"] != "measured":
        return [f"{result['status']}: {result['note']}"]
    said = [said_of(figure) for figure in result["figures"]]
    missing = {name: one["skipped"] for name, one in result["contestants"].items() if "skipped" in one}
    said += [f"{name}: skipped, {reason}" for name, reason in missing.items()]
    if "computed in float32" in result.get("path", ""):
        said.append(result["path"].partition(", ")[2])
    behind = any(figure["met"] is False or slower(figure) for figure in result["figures"])
    return said + ([row.reason] if behind and row.reason else [])


def slower(figure: Mapping[str, Any]) -> bool:
    """Whether another one is faster, though nothing may be asked."""
    return figure["kind"] == "ratio" and figure["value"] < 1


def said_of(figure: Mapping[str, Any]) -> str:
    """`torch.nn 1.08× (1.02–1.15; of p20 1.07; 1.05 asked)`; in bold where what is asked is missed."""
    kind, value = figure["kind"], figure["value"]
    notes = []
    if kind == "share":
        text = f"{100 * value:.0f} % of {figure['name']}"
        notes.append("–".join(f"{100 * bound:.0f}" for bound in figure["spread"]))
        asked = f"{100 * figure['least']:.0f}" if "least" in figure else ""
    elif kind == "ratio":
        text = f"{figure['name']} {value:.2f}×"
        notes += ["–".join(f"{bound:.2f}" for bound in figure["spread"]), f"p20 {figure['of_p20']:.2f}"]
        asked = f"{figure['least']:g}" if "least" in figure else ""
    else:
        text = f"{figure['name']} {value:.3g}"
        asked = (
            f"{figure['least']:g}" if "least" in figure else f"at most {figure['most']:g}" if "most" in figure else ""
        )
    notes += [f"{asked} asked"] if asked else []
    notes += [f"{figure['goal']:g} hoped for"] if "goal" in figure else []
    text = f"**{text}**" if figure["met"] is False else text
    return f"{text} ({'; '.join(notes)})" if notes else text


def tables(rows: Iterable[Any], results: Mapping[str, Mapping[str, Any]]) -> str:
    """A table a section; rows without results say so."""
    sections: dict[str, list[str]] = {}
    for row in rows:
        lines = sections.setdefault(row.section, [f"### {row.section.capitalize()}\n", HEAD])
        sizes = f"{row.T}, {row.B}, {row.I}, {row.H}"
        result = results.get(row.name)
        if result is None:
            lines.append(f"| {row.name} | {sizes} | | | | {NOT_MEASURED} |")
            continue
        ours = result["contestants"].get("ours", {})
        rate = f"{ours['gflops']:.3g}" if "gflops" in ours else ""
        text = "<br>".join(words(row, result)).replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {row.name} | {sizes} | {time_of(result)} | {rate} | {firsts(result)} | {text} |")
    return "\n\n".join("\n".join(lines) for lines in sections.values())


def firsts(result: Mapping[str, Any]) -> str:
    """Seconds of first calls: ours, and those of peers that take long."""
    found = result["contestants"]
    said = [f"{one['first_call']:.2g} s" for name, one in found.items() if name == "ours" and "first_call" in one]
    slow = {name: one["first_call"] for name, one in found.items() if name != "ours" and one.get("first_call", 0) > 1}
    return "<br>".join([*said, *(f"{name} {seconds:.0f} s" for name, seconds in slow.items())])


def conditions(results: Mapping[str, Mapping[str, Any]], rows: Iterable[Any] = ()) -> str:
    """Machine, versions, commits, dates and load of what was measured, and how many of `rows` were not."""
    found = list(results.values())
    if not found:
        return f"Nothing is here: {NOT_MEASURED}."
    names = dict.fromkeys([*results, *(row.name for row in rows)])
    lines = [f"* {len(names)} rows; {sum(one['status'] == 'measured' for one in found)} of them measured."]
    machines = {(one["machine"]["cpu"], one["machine"]["cores"], one["threads"], one.get("isa")) for one in found}
    lines += [
        f"* Machine: {cpu}, {cores} cores, {threads} threads, {isa}."
        for cpu, cores, threads, isa in sorted(machines, key=str)
    ]
    versions = sorted({", ".join(f"{name} {number}" for name, number in one["versions"].items()) for one in found})
    lines += [f"* Versions: {text}." for text in versions]
    dates, commits = sorted({one["date"][:10] for one in found}), {one["commit"] for one in found}
    lines.append(f"* {' to '.join(dict.fromkeys([dates[0], dates[-1]]))}; commits {', '.join(sorted(commits))}.")
    loads = [value for one in found for value in one.get("load", ())]
    if loads:
        lines.append(f"* Load average at the start and end of the rows: {min(loads):.1f} to {max(loads):.1f}.")
    return "\n".join(lines)


SENTENCE: Sequence[tuple[str, str, str]] = (
    ("LSTM train", "torch.nn", "torch.nn.LSTM"),
    ("LSTM packed train", "torch.nn", "torch.nn.LSTM on a PackedSequence"),
    ("GRU train", "torch.nn", "torch.nn.GRU"),
    ("PeepholeLSTM train", "eager loop", "a peephole LSTM as a loop in torch"),
)


def sentence(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The README's: a training step beside the peers that readers know."""
    said = []
    for name, peer, label in SENTENCE:
        for figure in results.get(name, {}).get("figures", ()):
            if figure["name"] == peer:
                said.append(f"{figure['value']:.2f}× {label}")
    page = "[all rows, also those that lose, and those of AVX-512](docs/engine-speed.md)"
    if not said:
        return f"Speed of the compiled layers on a CPU: {NOT_MEASURED} (`make bench`; {page})."
    isa = " and ".join(sorted({str(row.get("isa", "")).upper() for row in results.values()}))
    work = f"A training step in float32 on a CPU with {isa} (T = 50, B = 32, 256 units) beside others, as ratios"
    return f"{work}: {', '.join(said)}; {page}."
