"""The forget and the input gate, each open or shut: keep, blend, clear, replace (an LSTM with weights written down)."""

from __future__ import annotations

import numpy as np

from cellwright.lessons.lesson import Lesson, Number, Table
from cellwright.microscope.events import KINDS, gate_kinds
from cellwright.microscope.handset import HandSet, counter, gate_table
from cellwright.microscope.record import inspect
from cellwright.microscope.runs import Record

__all__ = ["lesson"]

OLD, CANDIDATE = 0.7, -0.4
RESULTS = {"keep": 0.7, "blend": 0.3, "clear": 0.0, "replace": -0.4}
FORMULAS = {"keep": "c", "blend": "c + g", "clear": "0", "replace": "g"}
TICKS = 50


def one_word(model: HandSet, word: str) -> Record:
    """One step on `word`, from a cell state of `OLD`."""
    state = (np.zeros((1, 1, 1)), np.full((1, 1, 1), OLD))
    return inspect(model.layer, model.encode([word]), state=state, gradients=False)


def lesson() -> Lesson:
    """The table, and the counter that the open gates make."""
    model = gate_table(CANDIDATE)
    rows, numbers = [], []
    for word, expected in RESULTS.items():
        record = one_word(model, word)
        i, f, c = (float(record.run().values[name][0, 0, 0]) for name in "ifc")
        kind = KINDS[int(gate_kinds(record).arrays["kind"][0, 0])]
        rows.append((round(i), round(f), f"c′ = {FORMULAS[word]}", kind, round(c, 12)))
        numbers.append(Number(f"{word}: c′", c, expected, FORMULAS[word], 1e-15))
    ticks = counter()
    record = ticks.inspect()
    counted = float(record.run().values["c"][-1, 0, 0])
    largest = float(np.abs(record.run().values["h"]).max())
    numbers += [
        Number(f"counter after {TICKS} ticks: c", counted, TICKS, "|c| ≤ |c₀| + t, with equality here"),
        Number("counter: largest |h|", largest, 1, "tanh(50), 1 in float64"),
    ]
    return Lesson(
        "gate-table",
        "Two gates, four meanings: keep, blend, clear, replace",
        (
            "An LSTM's cell state is c′ = f ⊙ c + i ⊙ g: the forget gate f says how much of the old value stays, the "
            "input gate i how much of the candidate g comes in. f ⊙ c is what is KEPT; what is deleted is (1 − f) ⊙ "
            "c. What is new is i ⊙ g, the candidate; not i times the cell state.",
            f"With each gate fully open (σ(40) = 1) or shut (σ(−40) = 4e−18) there are four cases, here from c = "
            f"{OLD} with the candidate g = {CANDIDATE}.".replace("-", "−"),
            Table("The gate table", ("i", "f", "formula", "name", "c′"), tuple(rows)),
            "Between open and shut, each unit of each step is a mixture of its own; `forgetting_events` of the "
            "microscope finds the steps at which a real network clears or replaces.",
            "With both gates open the state counts: nothing bounds c but the number of steps. That is why the output "
            "is o ⊙ tanh(c), which stays within (−1, 1).",
        ),
        tuple(numbers),
        (
            "Hochreiter & Schmidhuber 1997, Long short-term memory (input and output gate)",
            "Gers, Schmidhuber & Cummins 2000, Learning to forget (forget gate)",
        ),
    )
