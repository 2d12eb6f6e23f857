"""What a report looks at: a model or layer on one sequence, the measures that fit, and why others do not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np

from cellwright.errors import CellError, CellwrightError, DataError
from cellwright.microscope.attribution import integrated_gradients
from cellwright.microscope.detours import detours
from cellwright.microscope.events import forgetting_events
from cellwright.microscope.figure import Figure
from cellwright.microscope.gates import gate_statistics, half_life
from cellwright.microscope.gradients import gradient_by_lag
from cellwright.microscope.horizon import memory_horizon
from cellwright.microscope.jacobian import singular_values, state_jacobian, transition_norms
from cellwright.microscope.ledger import ledger, ring
from cellwright.microscope.record import inspect
from cellwright.microscope.runs import Record

__all__ = ["Absent", "Placed", "Seen", "look"]

PASSES = 400  # steps up to which a measure is taken that goes through the sequence many times
JACOBIANS = 500_000  # entries of all steps' state Jacobians up to which a report makes them
RING = 1_000  # steps up to which the ring is drawn: it has a number for each pair of steps


@dataclass(frozen=True, slots=True)
class Placed:
    """A figure, and the layer and direction it is of; None if of the whole model."""

    figure: Figure
    layer: int | None = None
    direction: int | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """A measure that is not there, and why."""

    name: str
    layer: int | None
    direction: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One model or layer on one sequence.

    Attributes:
        name: what to call the model.
        answer: what it predicts: {"text": in one line, and what its `to_json` holds}; None for a layer.
    """

    name: str
    record: Record
    figures: tuple[Placed, ...]
    absent: tuple[Absent, ...]
    answer: dict[str, Any] | None = None

    def _repr_html_(self) -> str:
        """For notebooks: the whole page, in a frame of its own."""
        from cellwright.microscope.report.document import report_html  # the page is made of what is seen

        page = escape(report_html([self]))
        return f'<iframe srcdoc="{page}" sandbox="allow-scripts" width="100%" height="900" frameborder="0"></iframe>'

    def named(self, name: str, layer: int | None = None, direction: int | None = None) -> Figure | None:
        """The first figure of that name; of a layer and direction, where they are given."""
        for placed in self.figures:
            place = (placed.layer, placed.direction)
            if placed.figure.name == name and (layer is None or place == (layer, direction)):
                return placed.figure
        return None


EVENTS = 2_000  # forgetting events that a report lists


def strongest_events(record: Record, layer: int, direction: int) -> Figure:
    """The forgetting events, of many those that erased most; the identity is of all steps and units."""
    figure = forgetting_events(record, layer, direction)
    erased = np.abs(figure.arrays["erased_amount"])
    if len(erased) <= EVENTS:
        return figure
    chosen = np.sort(np.argsort(-erased, kind="stable")[:EVENTS])
    arrays = {name: a[chosen] if figure.axes[name] == ("event",) else a for name, a in figure.arrays.items()}
    labels = {axis: names for axis, names in figure.labels.items() if axis != "event"}
    note = f"Listed are the {EVENTS:,} of {len(erased):,} events that erased most."
    return replace(figure, arrays=arrays, labels=labels, notes=(*figure.notes, note))


# Measures of each layer and direction, in the order of the page: name, how to take it, most steps it is taken of.
MEASURES: tuple[tuple[str, Callable[[Record, int, int], Figure], int | None], ...] = (
    ("gradient_by_lag", gradient_by_lag, None),
    ("memory_horizon", memory_horizon, None),
    ("ring", ring, RING),
    ("ledger", ledger, None),
    ("forgetting_events", strongest_events, None),
    ("gate_statistics", gate_statistics, None),
    ("half_life", half_life, None),
    ("detours", lambda record, layer, direction: detours(record, layer, direction, rows="target"), PASSES),
)
OF_JACOBIANS: tuple[tuple[str, Callable[[Record, int, int], Figure]], ...] = (
    ("state_jacobian", state_jacobian),
    ("singular_values", singular_values),
    ("transition_norms", transition_norms),
)


def look(
    model_or_layer: Any,
    inputs: Any,
    *,
    name: str = "",
    target: Callable[[Any], Any] | None = None,
    also: Sequence[Figure] = (),
) -> Seen:
    """Record one sequence and take every measure of a report.

    Args:
        model_or_layer, inputs, target: as `cellwright.inspect`; one sequence.
        name: what to call it; the cell's name if not given.
        also: figures of yours that the page shows too: a probe, an ablation, groups of words and units.

    Raises: as `cellwright.inspect`.
    """
    record = inspect(model_or_layer, inputs, target=target)
    figures: list[Placed] = []
    absent: list[Absent] = []
    for run in record.runs:
        steps = int(run.lengths_B[0])
        for measure, take, most in MEASURES:
            if most is not None and steps > most:
                why = f"It is taken of sequences of up to {most:,} steps; this one has {steps:,}."
                absent.append(Absent(measure, run.layer, run.direction, why))
                continue
            try:
                figures.append(Placed(take(record, run.layer, run.direction), run.layer, run.direction))
            except (CellError, DataError) as reason:  # no carry path, no gates, no gradient: an answer, and shown
                absent.append(Absent(measure, run.layer, run.direction, reason.message))
        width = sum(run.values[state].shape[-1] for state in run.state_names)
        for measure, of_jacobian in OF_JACOBIANS:
            if steps * width**2 > JACOBIANS:
                why = (
                    f"{steps:,} steps of {width:,} states have Jacobians of {steps * width**2:,} entries, over"
                    f" {JACOBIANS:,}: asked for by name, --figure {measure}, it is taken all the same."
                )
                absent.append(Absent(measure, run.layer, run.direction, why))
            else:
                figures.append(Placed(of_jacobian(record, run.layer, run.direction), run.layer, run.direction))
    if (steps := int(record.lengths_B[0])) > PASSES:
        why = f"It is taken of sequences of up to {PASSES:,} steps; this one has {steps:,}."
        absent.append(Absent("integrated_gradients", None, None, why))
    else:
        try:
            figures.append(Placed(integrated_gradients(model_or_layer, inputs, target=target)))
        except CellwrightError as reason:
            absent.append(Absent("integrated_gradients", None, None, reason.message))
    figures += [Placed(figure) for figure in also]
    return Seen(
        name or record.runs[0].cell.name, record, tuple(figures), tuple(absent), answer_of(model_or_layer, inputs)
    )


def answer_of(model: Any, inputs: str | Sequence[str] | Any) -> dict[str, Any] | None:
    """What a trained model predicts, of a translator the text that is looked at; None for a layer or a module."""
    if not hasattr(model, "task"):
        return None
    said = (model.greedy() if model.task == "translate" else model).predict(inputs)
    return {"said": str(said), **json.loads(said.to_json())}
