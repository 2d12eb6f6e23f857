"""Find by range: which units are on over a passage, and where else in a corpus the same units are on together.

Axes: T steps, U units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellwright.errors import ConfigError, DataError
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.runs import Record, Run

__all__ = ["find_by_range", "find_units"]


@dataclass(frozen=True, slots=True)
class _Passage:
    """Steps start to stop − 1 of a sequence, with the units that are on at each of them."""

    score: int
    sequence: int
    start: int
    stop: int
    units: Array


def find_units(values_TU: Array, start: int, stop: int, *, level: float = 0.3, outside: bool = True) -> Array:
    """Numbers of the units that are at `level` or above at every step start to stop − 1.

    Args:
        outside: and below it at the steps just before and just after, where there are any.

    Raises:
        ConfigError: a range that is not within the sequence.
    """
    if not 0 <= start < stop <= len(values_TU):
        raise ConfigError(
            f"Expected a range (start, stop) within {len(values_TU)} steps, found ({start}, {stop}).",
            repair="stop is the step behind the last one.",
        )
    on_TU = values_TU >= level
    found = on_TU[start:stop].all(0)
    if outside:
        for t in (start - 1, stop):
            if 0 <= t < len(on_TU):
                found = found & ~on_TU[t]
    return np.flatnonzero(found)


def find_by_range(
    records: Record | Sequence[Record],
    start: int,
    stop: int,
    *,
    sequence: int = 0,
    name: str | None = None,
    level: float = 0.3,
    outside: bool = True,
    units: Sequence[int] | None = None,
    best: int = 10,
    layer: int = 0,
    direction: int = 0,
) -> Figure:
    """What a layer knows while it reads a passage: its units that are on there, and passages that it reads alike.

    Args:
        records: the corpus; the first one may hold the passage alone.
        start, stop: the passage, steps start to stop − 1 of sequence number `sequence`, counted through all records.
        name: state, gate or other named value; the cell's first state if not given.
        level: a unit is on from there.
        outside: only units that are off just before and just after the passage.
        units: these units instead.
        best: passages that are listed, besides the one selected. They do not overlap.

    Formula     score of a passage = number of the selected units that are on all through it × its length
    Unit        unit-steps    Range [0, units × steps]
    Source      Strobelt et al. 2018 (LSTMVis), arXiv:1606.07461v2
    Adds up     the scores, from lengths of runs = units found on at each step of the passage, counted again × its
                length. Whole numbers: exact.

    Raises:
        ConfigError: a range, sequence, name or unit that is not there.
        DataError: no unit is on all through the passage.
    """
    held = [(run, b) for run in _runs(records, layer, direction) for b in range(len(run.lengths_B))]
    if not 0 <= sequence < len(held):
        raise ConfigError(f"Expected a sequence of 0 to {len(held) - 1}, found {sequence}.")
    name = name or held[0][0].state_names[0]
    values = [_values(run, b, name) for run, b in held]
    texts = _texts(records, layer, direction)
    chosen = find_units(values[sequence], start, stop, level=level, outside=outside)
    if units is not None:
        chosen = np.array(sorted(set(units)), int)
        if len(chosen) and not 0 <= chosen[0] <= chosen[-1] < values[0].shape[1]:
            raise ConfigError(f"Expected units of 0 to {values[0].shape[1] - 1}, found {list(units)}.")
    if not len(chosen):
        raise DataError(
            f"Expected a unit of {name} that is {level:g} or more from step {start} to {stop - 1}, found none.",
            repair="Take a lower level, or a shorter passage; in Python also outside=False.",
        )
    taken = [np.zeros(len(rows), bool) for rows in values]
    taken[sequence][start:stop] = True
    passages = [_selected(values[sequence], sequence, start, stop, level, chosen)]
    queue = {k: found for k, rows in enumerate(values) if (found := _best(rows, k, level, chosen, taken[k]))}
    while queue and len(passages) <= best:
        k = max(queue, key=lambda at: (queue[at].score, -at))
        found = queue.pop(k)
        passages.append(found)
        taken[k][found.start : found.stop] = True
        if following := _best(values[k], k, level, chosen, taken[k]):
            queue[k] = following
    shown = np.array([np.isin(chosen, passage.units) for passage in passages], float)
    score = np.array([passage.score for passage in passages], float)
    recounted = [
        (values[p.sequence][p.start : p.stop][:, chosen] >= level).all(0).sum() * (p.stop - p.start) for p in passages
    ]
    labels = tuple(_said(texts[p.sequence], p) for p in passages)
    return Figure(
        name="find_by_range",
        title=f"Where units of {name} are on as they are at {labels[0]}",
        formula=f"number of selected units ≥ {level:g} all through × length",
        unit="unit-steps",
        range=f"[0, {len(chosen)} × length]",
        source="Strobelt et al. 2018 (LSTMVis), arXiv:1606.07461v2",
        arrays={
            "score": score,
            "on": shown,
            "sequence": np.array([p.sequence for p in passages]),
            "start": np.array([p.start for p in passages]),
            "stop": np.array([p.stop for p in passages]),
        },
        axes={"score": ("passage",), "on": ("passage", "unit")}
        | dict.fromkeys(("sequence", "start", "stop"), ("passage",)),
        labels={"passage": labels, "unit": tuple(f"{name} {unit}" for unit in chosen)},
        check=Check("units × length, by runs = recounted", score, np.array(recounted, float), 0.0),
        notes=("The first passage is the one selected; a passage's stop is the step behind its last.",),
        verdict=f"{len(chosen)} units of {name} are on at {labels[0]}"
        + (f"; most alike: {', '.join(labels[1:4])}." if labels[1:] else "; nowhere else."),
    )


def _runs(records: Record | Sequence[Record], layer: int, direction: int) -> list[Run]:
    found = [record.run(layer, direction) for record in ([records] if isinstance(records, Record) else records)]
    if not found:
        raise DataError("Expected records to search, found none.")
    return found


def _values(run: Run, b: int, name: str) -> Array:
    if name not in run.values:
        raise ConfigError(f"Expected a value of {run.cell.name}, found {name!r}: it names {', '.join(run.values)}.")
    return run.values[name][: run.lengths_B[b], b]


def _texts(records: Record | Sequence[Record], layer: int, direction: int) -> list[tuple[str, ...]]:
    given = [records] if isinstance(records, Record) else records
    read = ((record, record.run(layer, direction)) for record in given)
    return [text for record, run in read for text in (record.words_of(run) or ((),) * len(run.lengths_B))]


def _said(words: Sequence[str], passage: _Passage) -> str:
    if not words:
        return f"{passage.sequence}: {passage.start} to {passage.stop - 1}"
    return " ".join(words[passage.start : passage.stop])


def _selected(values_TU: Array, sequence: int, start: int, stop: int, level: float, chosen: Array) -> _Passage:
    on = (values_TU[start:stop, chosen] >= level).all(0)
    return _Passage(int(on.sum()) * (stop - start), sequence, start, stop, chosen[on])


def _best(values_TU: Array, sequence: int, level: float, chosen: Array, taken_T: Array) -> _Passage | None:
    """The passage of largest score, the first and longest of equals; None where no unit is on.

    From each start the k units that stay on longest are on together as long as the k-th of them: the score is
    k × that, for the best k. Run lengths of all starts in one pass from the end: O(T U log U).
    """
    on_TU = (values_TU[:, chosen] >= level) & ~taken_T[:, None]
    lengths_TU = np.zeros((len(on_TU) + 1, len(chosen)), int)
    for t in range(len(on_TU) - 1, -1, -1):
        lengths_TU[t] = np.where(on_TU[t], lengths_TU[t + 1] + 1, 0)
    lengths_TU = lengths_TU[:-1]
    ordered_TU = -np.sort(-lengths_TU, axis=1)
    score_TU = ordered_TU * np.arange(1, len(chosen) + 1)
    if not score_TU.size or not score_TU.max():
        return None
    t, k = (int(at) for at in np.unravel_index(int(score_TU.argmax()), score_TU.shape))
    length = int(ordered_TU[t, k])
    return _Passage(int(score_TU[t, k]), sequence, t, t + length, chosen[lengths_TU[t] >= length])
