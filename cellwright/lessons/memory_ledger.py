"""Who wrote what a cell state still holds: the colours of all earlier words that remain in the circle."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from cellwright.lessons.lesson import Lesson, Number, Table
from cellwright.microscope.handset import half_lives
from cellwright.microscope.ledger import ledger, ring

__all__ = ["lesson"]

WORDS = ("what", "time", "is", "it", "?")
KEPT = 0.8


def lesson() -> Lesson:
    """Five words, each writes 1, each step keeps 0.8."""
    model = half_lives((math.log(KEPT / (1 - KEPT)),))
    record = dataclasses.replace(model.inspect(("pulse",) * len(WORDS)), words=(WORDS,))
    circle, held = ring(record), ledger(record)
    share = circle.arrays["share"]
    last = len(WORDS) - 1
    state = float(record.run().values["c"][-1, 0, 0])
    rows = tuple(
        (word, *(round(float(share[t, k + 1]), 12) if k <= t else "" for k in range(len(WORDS))))
        for t, word in enumerate(WORDS)
    )
    return Lesson(
        "memory-ledger",
        "The memory ledger: who wrote what is still there",
        (
            "Pictures of recurrent networks show a circle a step in which the colours of all earlier words remain, "
            "each thinner than before. For every cell with a carry path, s′ = a ⊙ s + b, that circle can be computed "
            "exactly: what step k wrote is b_k, and what is left of it is b_k times all the a that came after. These "
            "add up to the state; divided by it they are shares that add up to 1.",
            f"Here is an LSTM with its weights written down: each of the five words writes 1, and the forget gate "
            f"keeps {KEPT:g} of what was there.",
            Table("Shares of the cell state after each word", ("after", *WORDS), rows, 4),
            circle,
            "After the first word there is one colour. After the last, the first word still has a share of "
            f"{float(share[last, 1]):.3g}. The state contains all inputs so far, and nothing of later ones.",
            held,
            "In a network with trained weights the shares are signed: what a word wrote against the others counts "
            "below 0. And a ledger says who wrote, not what would have happened otherwise: without that word the "
            "gates would have been others. For that, delete it (`cellwright inspect` does both). A simple recurrent "
            "network has no carry path, so no such circle; the microscope says so.",
        ),
        (
            Number("shares after the first word", float(share[0, 1]), 1, "one colour", 1e-15),
            *(
                Number(
                    f"share of {word!r} after the last word",
                    float(share[last, k + 1]),
                    KEPT ** (last - k) * (1 - KEPT) / (1 - KEPT ** (last + 1)),
                    "f^(T−k) (1 − f) / (1 − f^T)",
                    1e-12,
                )
                for k, word in enumerate(WORDS)
            ),
            Number("sum of the shares after the last word", float(share[last].sum()), 1, "1", 1e-12),
            Number("sum of what is held", float(held.arrays["held"].sum()), state, "c", 1e-12),
            Number("c after the last word", state, (1 - KEPT**5) / (1 - KEPT), "(1 − f⁵) / (1 − f)", 1e-12),
            Number("share of later words", float(np.abs(np.triu(share[:, 1:], 1)).max()), 0, "0"),
        ),
        (
            "Hochreiter & Schmidhuber 1997, Long short-term memory",
            "Murdoch, Liu & Yu 2018, Beyond word importance (another way to split a state)",
        ),
    )
