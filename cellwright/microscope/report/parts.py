"""What is seen of a model, cut into parts of one text each: a translator's encoder reads one, its decoder another."""

from __future__ import annotations

from dataclasses import replace

from cellwright.microscope.report.overview import Absent, Placed, Seen
from cellwright.microscope.runs import Run

__all__ = ["parts"]


def parts(seen: Seen) -> list[Seen]:
    """One of each text that layers read, in their order; figures of the whole model go with the first."""
    texts: dict[tuple[tuple[str, ...], ...], list[Run]] = {}
    for run in seen.record.runs:
        texts.setdefault(run.words, []).append(run)
    if len(texts) == 1:
        return [seen]
    return [_part(seen, runs, first=number == 0) for number, runs in enumerate(texts.values())]


def _part(seen: Seen, runs: list[Run], *, first: bool) -> Seen:
    layers = {run.layer for run in runs} | ({None} if first else set())

    def here(one: Placed | Absent) -> bool:
        return one.layer in layers

    record = replace(
        seen.record, runs=tuple(runs), lengths_B=runs[0].lengths_B, words=seen.record.words_of(runs[0])
    )  # fmt: skip
    return replace(
        seen,
        name=f"{seen.name}, {'reading' if first else 'writing'}",
        record=record,
        figures=tuple(filter(here, seen.figures)),
        absent=tuple(filter(here, seen.absent)),
    )
