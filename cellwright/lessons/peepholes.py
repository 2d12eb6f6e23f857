"""Peepholes: three channels through which an LSTM's gates see the cell state, each to be opened or left shut."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

from cellwright.cells import PeepholeLSTM
from cellwright.lessons.lesson import Drawing, Lesson, Number, Table
from cellwright.lessons.written import written_layer
from cellwright.microscope.diagram.svg import cell_svg
from cellwright.microscope.record import inspect

__all__ = ["lesson"]

INPUT, HIDDEN, HELD = 60, 100, 2.0
BUILDS = tuple("".join(chosen) for count in range(4) for chosen in combinations("ifo", count))


def sigmoid(x: float) -> float:
    """σ(x)."""
    return 1 / (1 + math.exp(-x))


def gates(channels: str) -> dict[str, float]:
    """The gates of one step from c = 2, all weights 0 but the open channels' p, which are 1; and the new c."""
    layer = written_layer(PeepholeLSTM(channels), 1, 1, {f"p_{gate}": 1.0 for gate in channels})
    start = (np.zeros((1, 1, 1)), np.full((1, 1, 1), HELD))
    run = inspect(layer, np.zeros((1, 1, 1)), state=start, gradients=False).run()
    return {name: float(run.values[name][0, 0, 0]) for name in "ifgoc"}


def lesson() -> Lesson:
    """The eight builds, and which state each gate sees."""
    counts = {channels: PeepholeLSTM(channels).count_parameters(INPUT, HIDDEN) for channels in BUILDS}
    seen = gates("ifo")
    shut = gates("")
    after = sigmoid(HELD) * HELD
    return Lesson(
        "peepholes",
        "Peepholes: gates that see the cell state",
        (
            "In the plain LSTM gates see the input and the old output h, and h may hide the cell state: where the "
            "output gate is shut, h = 0. A peephole lets a gate see the cell state itself, each unit its own, "
            "by one weight a unit.",
            Drawing(
                "peepholes",
                "LSTM with all three peepholes",
                cell_svg(PeepholeLSTM("ifo")),
                "cellwright show PeepholeLSTM --svg peepholes.svg",
            ),
            "The channels can be opened one by one: most work opens one or two. Each open one adds H weights.",
            Table(
                f"The eight builds, D = {INPUT}, H = {HIDDEN}",
                ("open channels", "numbers", "more than none"),
                tuple((channels or "none", counts[channels], counts[channels] - counts[""]) for channels in BUILDS),
            ),
            "Which cell state? The input and the forget gate are worked out before the new state exists: they read "
            "the old c. The output gate comes after it, and reads the new c′. The candidate has no peephole. (It is "
            "also told that all gates read the previous state, or all but the output gate; the paper has it "
            "as here.)",
            Table(
                f"One step from c = {HELD:g}, every weight 0, open peepholes 1",
                ("", "all open", "all shut"),
                tuple((name if name != "c" else "c′", seen[name], shut[name]) for name in "ifgco"),
            ),
        ),
        (
            *(
                Number(
                    f"numbers, {channels or 'none'} open",
                    counts[channels],
                    64_400 + 100 * len(channels),
                    "64,400 + 100 a channel",
                )
                for channels in BUILDS
            ),
            Number("i reads the old c", seen["i"], sigmoid(HELD), "σ(2)", 1e-15),
            Number("f reads the old c", seen["f"], sigmoid(HELD), "σ(2)", 1e-15),
            Number("the candidate reads none", seen["g"], 0, "tanh(0)"),
            Number("new c", seen["c"], after, "2 σ(2)", 1e-15),
            Number("o reads the new c", seen["o"], sigmoid(after), "σ(2 σ(2))", 1e-15),
            Number("a gate whose channel is shut", shut["o"], 0.5, "σ(0)"),
        ),
        (
            "Gers & Schmidhuber 2000, Recurrent nets that time and count",
            "Greff et al. 2017, LSTM: a search space odyssey (what each part is worth)",
        ),
    )
