"""Figures that a report takes where they are asked for, by name or of a phrase of the text.

arrival_by_gate               a measure of what was recorded
itemised_gradient.R.f         of one weight, as the cell's step names it
ablation, deletion            of the model itself
arrival_by_gate.2.backward    of that layer and direction, counted from 1; else of the first layer, forward
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from cellwright.errors import CellwrightError, ConfigError
from cellwright.microscope.ablation import ablation
from cellwright.microscope.arrival import arrival_by_gate
from cellwright.microscope.attribution import deletion, gradient_times_input
from cellwright.microscope.carry import carry_gradient
from cellwright.microscope.decomposition import contextual_decomposition, find_phrase
from cellwright.microscope.events import gate_kinds
from cellwright.microscope.figure import Figure
from cellwright.microscope.gradients import operator_by_lag
from cellwright.microscope.influence import influence, output_by_lag
from cellwright.microscope.itemised import itemised_gradient, itemised_norms
from cellwright.microscope.ledger import notebook
from cellwright.microscope.lyapunov import lyapunov_spectrum
from cellwright.microscope.models import READERS, read
from cellwright.microscope.report.overview import MEASURES, OF_JACOBIANS, PASSES, Absent, Placed, Seen
from cellwright.microscope.runs import Record, Run
from cellwright.microscope.search import find_by_range
from cellwright.microscope.subject import subject
from cellwright.nearest import nearest

__all__ = ["LEVEL", "OPTIONS", "Asked", "asked_of", "at_phrase", "take_asked"]

SHORTER = "Give a shorter text."
LEVEL = 0.3  # from which value on a unit is on
ENTRIES = 50_000_000  # of all steps' state Jacobians up to which they are made where they are named: 400 MB
ABLATED = 20  # texts of a corpus over which a unit's worth is counted
SIDES = ("forward", "backward")
OF_RECORD: dict[str, Callable[[Record, int, int], Figure]] = {
    "arrival_by_gate": arrival_by_gate,
    "carry_gradient": carry_gradient,
    "gate_kinds": gate_kinds,
    "operator_by_lag": operator_by_lag,
    "output_by_lag": output_by_lag,
    "influence": influence,
    "notebook": notebook,
    "lyapunov_spectrum": lyapunov_spectrum,
    **dict(OF_JACOBIANS),
}
OF_WEIGHT: dict[str, Callable[[Record, str, int, int], Figure]] = {
    "itemised_gradient": itemised_gradient,
    "itemised_norms": itemised_norms,
}
OF_MODEL: dict[str, Callable[[Any, Any], Figure]] = {
    "gradient_times_input": gradient_times_input,
    "deletion": lambda model, inputs: deletion(model, inputs, how=_how(model, inputs)),
}
SLOW = ("influence", "itemised_norms", "deletion")  # steps times steps times units, or more
OPTIONS = {  # figures that an option of the command brings
    "find_by_range": "--phrase WORDS",
    "contextual_decomposition": "--phrase WORDS",
    "unit_word_clusters": "--corpus FILE",
    "probe": "--corpus FILE",
}
REPORTED = (*(name for name, *_ in MEASURES), "integrated_gradients")
NAMES = (*dict.fromkeys((*REPORTED, *OF_RECORD, *OF_WEIGHT, *OF_MODEL, "ablation", *OPTIONS)),)


@dataclass(frozen=True, slots=True)
class Asked:
    """One figure by name.

    Attributes:
        name: the measure's.
        weight: of `OF_WEIGHT`, as "R.f"; else "".
        layer, direction: counted from 0.
    """

    name: str
    weight: str = ""
    layer: int = 0
    direction: int = 0

    @property
    def key(self) -> str:
        """The figure's name: the measure, and its weight."""
        return f"{self.name}.{self.weight}" if self.weight else self.name


def asked_of(text: str) -> Asked:
    """What "itemised_gradient.R.f.1.backward" asks for.

    Raises ConfigError: no such measure; no weight, or one too many.
    """
    name, *rest = text.split(".")
    layer, side = 0, 0
    if len(rest) > 1 and rest[-1] in SIDES and rest[-2].isdigit():
        layer, side = int(rest[-2]) - 1, SIDES.index(rest[-1])
        rest = rest[:-2]
    if name not in NAMES:
        near = nearest(name, NAMES)
        raise ConfigError(
            f"Expected a figure, found {text!r}.",
            repair=f"Did you mean {near}?" if near else f"Figures are: {', '.join(NAMES)}.",
        )
    if name in OF_WEIGHT and not rest:
        raise ConfigError(f"Expected the weight whose gradient is itemised, found {text!r}.", repair=f"{name}.R.f")
    if rest and name not in OF_WEIGHT:
        raise ConfigError(
            f"Expected {name}, or {name}.LAYER.DIRECTION, found {text!r}.",
            repair=f"Layers are counted from 1, directions are {' and '.join(SIDES)}: {name}.1.forward",
        )
    return Asked(name, ".".join(rest), layer, side)


def take_asked(model: Any, inputs: Any, seen: Seen, asked: Sequence[Asked], texts: Sequence[str] = ()) -> Seen:
    """`seen` with the figures that are asked for by name, and those that could not be made, with the reason.

    Args:
        model, inputs: as `look` had them.
        texts: more texts over which `ablation` counts, the first 20 of them.
    """
    for one in dict.fromkeys(asked):
        place: tuple[int | None, int | None] = (one.layer, one.direction)
        if one.name in OF_MODEL:
            place = (None, None)
        takes = one.name in OF_RECORD or one.name in OF_WEIGHT or one.name in OF_MODEL or one.name == "ablation"
        if takes and not any((p.figure.name, p.layer, p.direction) == (one.key, *place) for p in seen.figures):
            seen = _with(seen, one.key, *place, partial(_take, model, inputs, seen.record, one, texts))
    return seen


def at_phrase(
    model: Any, inputs: Any, seen: Seen, phrase: str, level: float = LEVEL, corpus: Sequence[Record] = ()
) -> Seen:
    """`seen` with what a phrase of its text brings, and for each layer and direction where units are on as there.

    Args:
        model, inputs: as `look` had them.
        level: a unit is on from there.
        corpus: records of other texts, which are searched too.

    Raises:
        ConfigError: no such phrase in the text.
        DataError: a phrase without a word.
    """
    _check_phrase(seen.record, phrase)
    split = partial(_split, model, inputs, seen.record, phrase)
    seen = _with(seen, "contextual_decomposition", None, None, split)
    for run in seen.record.runs:
        search = partial(_search, [seen.record, *corpus], run, phrase, level)
        seen = _with(seen, "find_by_range", run.layer, run.direction, search)
    return seen


def _check_phrase(record: Record, phrase: str) -> None:
    """Raises ConfigError where no layer reads this phrase."""
    missed: list[ConfigError] = []
    for run in record.runs:
        try:
            find_phrase(_words(record, run), phrase)
        except ConfigError as reason:
            missed.append(reason)
    if len(missed) == len(record.runs):
        raise missed[0]


def _split(model: Any, inputs: Any, record: Record, phrase: str) -> Figure:
    _check_steps(int(record.lengths_B[0]))
    return contextual_decomposition(model, inputs, [phrase])


def _search(records: Sequence[Record], run: Run, phrase: str, level: float) -> Figure:
    start, stop = find_phrase(_words(records[0], run), phrase)
    return find_by_range(records, start, stop, level=level, layer=run.layer, direction=run.direction)


def _words(record: Record, run: Run) -> tuple[str, ...]:
    return texts[0] if (texts := record.words_of(run)) else ()


def _with(seen: Seen, key: str, layer: int | None, direction: int | None, take: Callable[[], Figure]) -> Seen:
    """`seen` with one more figure; or with the reason why there is none."""
    left = tuple(a for a in seen.absent if (a.name, a.layer, a.direction) != (key, layer, direction))
    try:
        figure = replace(take(), name=key)
    except CellwrightError as reason:  # no carry path, no such weight: an answer, and shown
        why = " ".join(part for part in (reason.message, reason.repair) if part)
        return replace(seen, absent=(*left, Absent(key, layer, direction, why)))
    return replace(seen, absent=left, figures=(*seen.figures, Placed(figure, layer, direction)))


def _take(model: Any, inputs: Any, record: Record, one: Asked, texts: Sequence[str]) -> Figure:
    if one.name in SLOW:
        _check_steps(max(int(run.lengths_B[0]) for run in record.runs))
    if one.name in OF_MODEL:
        return OF_MODEL[one.name](model, inputs)
    places = [(run.layer, run.direction) for run in record.runs]
    if (one.layer, one.direction) not in places:
        known = ", ".join(f"{layer + 1}.{SIDES[direction]}" for layer, direction in places)
        raise ConfigError(f"Expected a layer and direction of {known}, found {one.layer + 1}.{SIDES[one.direction]}.")
    run = record.run(one.layer, one.direction)
    entries = int(run.lengths_B[0]) * sum(run.values[state].shape[-1] for state in run.state_names) ** 2
    if one.name in dict(OF_JACOBIANS) and entries > ENTRIES:
        raise ConfigError(f"Expected Jacobians of up to {ENTRIES:,} entries, found {entries:,}.", repair=SHORTER)
    if one.name == "ablation":
        return _silenced(model, [inputs, *texts[:ABLATED]], record.target if not texts else "", one)
    if one.name in OF_WEIGHT:
        return OF_WEIGHT[one.name](record, one.weight, one.layer, one.direction)
    return OF_RECORD[one.name](record, one.layer, one.direction)


def _check_steps(steps: int) -> None:
    """Raises ConfigError: so long that a measure which goes through the text word by word would not end."""
    if steps > PASSES:
        raise ConfigError(f"Expected a text of up to {PASSES:,} steps, found {steps:,}.", repair=SHORTER)


def _silenced(model: Any, texts: Sequence[Any], target: str, one: Asked) -> Figure:
    """What the model's own answers to these texts lose with each unit."""
    if not hasattr(model, "task"):
        raise ConfigError(
            f"Expected a trained model, found a {type(model).__name__}: nothing says what its answer is worth.",
            repair="cellwright.microscope.ablation.ablation takes a figure of merit of yours.",
        )
    said = target or f"the mean of log p(answer) over {len(texts)} texts"
    with torch.no_grad():
        readings = [read(model, text) for text in texts]
        scores = [reading.decide(reading.forward())[0] for reading in readings]

    def metric(network: Any) -> float:
        reread = (READERS[model.task](model, text, network) for text in texts)
        values = [float(score(reading.forward())) for score, reading in zip(scores, reread, strict=True)]
        return sum(values) / len(values)

    made = ablation(readings[0].network, metric, layer=one.layer, direction=one.direction)
    return replace(made, title=f"What {said} loses with a unit held at 0", unit=f"of {said}")


def _how(model: Any, inputs: Any) -> str:
    """How a step is taken out: as a word where there are words, and where the answer is not one of each word."""
    asked = subject(model, inputs)
    return "zero" if asked.reread is None or len(asked.words) < 2 else "unknown" if asked.per_word else "remove"
