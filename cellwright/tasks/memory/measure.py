"""How well a network remembers, gap by gap, and the table of one or of several networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cellwright.tasks.memory.config import MemoryData
from cellwright.tasks.memory.model import MemoryNetwork
from cellwright.tasks.memory.problem import Example, Problem
from cellwright.tasks.memory.problems import fixed_examples, make_batch
from cellwright.tasks.report import Line, Report, Section
from cellwright.tasks.share import Share

__all__ = ["GapFigures", "Row", "at_gap", "measure", "report_of"]

STEPS = 65_536  # of the sequences that are read together


@dataclass(frozen=True, slots=True)
class GapFigures:
    """Figures at one gap.

    Attributes:
        gap: in steps.
        accuracy: share of right answers; each sequence counts once in the interval.
        skill: 1 - loss / loss of the best answer that has seen nothing; 1 is perfect.
        error: mean squared error, where a number is asked for.
        rival_loses: share of the sequences in which the answer is likelier than what the other fact would give.
    """

    gap: int
    accuracy: Share
    skill: float
    error: float | None = None
    rival_loses: Share | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One network."""

    name: str
    gaps: Sequence[GapFigures]
    parameters: int | None = None
    seconds: float | None = None


@torch.no_grad()
def at_gap(
    network: MemoryNetwork, problem: Problem, table: NDArray[np.int64], gap: int, examples: Sequence[Example]
) -> GapFigures:
    """The network must be in eval mode."""
    longest = max(len(example.inputs) for example in examples)
    together = max(1, STEPS // longest)
    right, loss, wins = 0.0, 0.0, 0
    for start in range(0, len(examples), together):
        chosen = examples[start : start + together]
        batch = make_batch(chosen, table)
        scores_BAK = network(batch)
        loss += len(chosen) * float(network.loss_of(scores_BAK, batch))
        if problem.classes:
            right_BA = scores_BAK.argmax(-1) == batch.answers_BA
        else:
            right_BA = (scores_BAK[..., 0] - batch.answers_BA).abs() < problem.near
        right += float(right_BA.double().mean(1).sum())
        for scores_AK, example in zip(scores_BAK, chosen, strict=True):
            if example.rivals is not None:
                rows = torch.arange(len(example.answers))
                wins += bool((scores_AK[rows, example.answers] > scores_AK[rows, example.rivals]).all())
    count = len(examples)
    return GapFigures(
        gap,
        Share(min(right, count), count),
        1.0 - loss / count / (math.log(len(problem.classes)) if problem.classes else problem.trivial_error),
        None if problem.classes else loss / count,
        None if examples[0].rivals is None else Share(wins, count),
    )


def measure(
    network: MemoryNetwork, problem: Problem, table: NDArray[np.int64], data: MemoryData, split: str
) -> list[GapFigures]:
    """At every gap of `data.gaps`, on sequences of the split; a tenth of them on valid."""
    count = data.examples if split == "test" else max(10, data.examples // 10)
    figures = []
    for gap in data.gaps:
        examples = fixed_examples(problem, gap, count, data.seed, split)
        figures.append(at_gap(network, problem, table, gap, examples))
    return figures


def report_of(rows: Sequence[Row], problem: Problem, data: MemoryData, split: str) -> Report:
    """Accuracy by gap, a line a network, then the line of chance."""
    lines = []
    for row in rows:
        figures = {f"gap {g.gap}": g.accuracy for g in row.gaps}
        extra = {"parameters": row.parameters, "seconds": row.seconds}
        lines.append(Line(row.name, {**figures, **{key: value for key, value in extra.items() if value is not None}}))
    chance = {f"gap {gap}": problem.chance() for gap in data.gaps}
    sections = []
    if not problem.classes:
        errors = [Line(row.name, {f"gap {g.gap}": g.error for g in row.gaps}) for row in rows]
        always = Line("always the mean", {f"gap {gap}": problem.trivial_error for gap in data.gaps})
        sections.append(Section("mean squared error", [*errors, always], percent=()))
    if rows and rows[0].gaps[0].rival_loses is not None:
        lines_of_rivals = [Line(row.name, {f"gap {g.gap}": g.rival_loses for g in row.gaps}) for row in rows]
        sections.append(Section("p(right) > p(rival)", lines_of_rivals))
    count = data.examples if split == "test" else max(10, data.examples // 10)
    notes = [f"{name}: {meaning}" for name, meaning in problem.details().items()]
    notes.append("in brackets the 95 % interval (Wilson); gap g: g to 1.2 g steps; fresh sequences, never in training")
    notes.append(f"training had gaps up to {data.longest}")
    return Report(
        "memory", data.problem, split, count, [*lines, Line("chance", chance)], "sequences a gap",
        tuple(chance), sections, notes,
    )  # fmt: skip
