"""Generated handwriting: strings of digits as movements of a pen.

Each digit is a template of straight lines whose corners move at random, drawn by a writer with a slant, a width, a
trembling hand and a speed of their own. Writers of one range of slants are kept for validation and test.

Legend: P points, T steps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError
from cellwright.tasks.data.held_out import Split, split_stream
from cellwright.tasks.transcribe.config import TranscribeData
from cellwright.tasks.transcribe.recording import Material, Recording

__all__ = ["KINDS", "MOST_STEPS", "Strokes", "drawn", "pen_frames"]

FloatArray = NDArray[np.float64]

KINDS = ("known slants", "new slants")
SLANTS = (-0.3, 0.4)  # x a unit of height
KEPT = (0.1, 0.22)  # of them, never in training
NEW_SLANTS = 0.5  # share of valid and test
TRAIN, TEST = 2000, 200
MOST_STEPS = 20_000

# Corners of each stroke: x to the right and y upwards, within a box of 100 by 100. Several forms of a digit.
FORMS: dict[str, tuple[str, ...]] = {  # strokes with / between
    "0": ("60,100 25,90 5,50 25,8 55,0 90,30 92,70 65,98",),
    "1": ("25,75 55,100 55,0", "50,100 50,0"),
    "2": ("10,75 30,98 70,98 90,72 70,45 8,0 95,0",),
    "3": (
        "10,90 50,100 85,78 70,56 40,52 85,42 88,15 50,0 8,12",
        "10,100 85,100 45,58 88,40 80,10 45,0 8,12",
    ),
    "4": ("65,100 5,35 95,35 / 70,65 70,0", "20,100 12,48 85,48 / 80,100 75,0"),
    "5": ("25,100 18,58 60,62 90,35 60,0 10,8 / 25,100 88,100", "88,100 25,100 18,58 60,62 90,35 60,0 10,8"),
    "6": ("75,97 30,70 10,30 40,0 85,20 65,47 15,30",),
    "7": ("10,100 90,100 40,0", "10,100 90,100 40,0 / 30,50 80,50"),
    "8": ("75,88 45,100 20,80 50,52 85,25 50,0 15,25 50,52 80,80",),
    "9": ("82,80 45,100 15,75 45,50 80,75 82,85 75,40 60,0",),
}
CORNERS = {
    digit: [
        [
            np.array([corner.split(",") for corner in stroke.split()], dtype=np.float64) / 100
            for stroke in form.split("/")
        ]
        for form in forms
    ]
    for digit, forms in FORMS.items()
}


@dataclass(frozen=True, slots=True)
class Writer:
    """How somebody writes; lengths in heights of a digit."""

    slant: float
    width: float
    turn: float  # radians
    unsteady: float  # deviation of a template's corner
    tremble: float  # deviation of a point
    step: float  # from point to point
    pause: float  # between two digits

    @classmethod
    def drawn(cls, rng: np.random.Generator, new_slant: bool) -> Writer:
        """One of those with a slant that training has, or one of the others."""
        if new_slant:
            slant = rng.uniform(*KEPT)
        else:
            below, above = KEPT[0] - SLANTS[0], SLANTS[1] - KEPT[1]
            slant = SLANTS[0] + rng.uniform(0, below + above)
            slant += (KEPT[1] - KEPT[0]) * (slant > KEPT[0])
        return cls(
            slant=float(slant),
            width=float(rng.uniform(0.45, 0.85)),
            turn=float(rng.normal(0, 0.06)),
            unsteady=float(rng.uniform(0.02, 0.07)),
            tremble=float(rng.uniform(0.0, 0.02)),
            step=float(rng.uniform(0.18, 0.32)),
            pause=float(rng.uniform(0.15, 0.5)),
        )


def drawn(text: str, writer: Writer, rng: np.random.Generator) -> FloatArray:
    """(T, 3) movements dx, dy and whether the pen is down, as the writer draws these digits from left to right."""
    steps: list[FloatArray] = []
    at, left = np.zeros(2), 0.0
    turn = np.array([[np.cos(writer.turn), -np.sin(writer.turn)], [np.sin(writer.turn), np.cos(writer.turn)]])
    for digit in text:
        forms = CORNERS[digit]
        size, width = 1 + 0.08 * rng.standard_normal(), writer.width * (1 + 0.1 * rng.standard_normal())
        for stroke_P2 in forms[int(rng.integers(len(forms)))]:
            corners_P2 = stroke_P2 + writer.unsteady * rng.standard_normal(stroke_P2.shape)
            corners_P2 = corners_P2 * [width * size, size]
            corners_P2[:, 0] += writer.slant * corners_P2[:, 1] + left
            points_P2 = _evenly(corners_P2 @ turn.T, writer.step)
            points_P2 += writer.tremble * rng.standard_normal(points_P2.shape)
            moves_T2 = np.diff(np.concatenate([at[None], points_P2]), axis=0)
            down_T1 = np.ones((len(moves_T2), 1))
            down_T1[0] = 0.0  # the pen is carried to where the stroke begins
            steps.append(np.hstack([moves_T2, down_T1]))
            at = points_P2[-1]
        left += width * size + writer.pause * float(rng.uniform(0.7, 1.3))
    return np.concatenate(steps)


def _evenly(corners_P2: FloatArray, step: float) -> FloatArray:
    """Points along straight lines between corners, about `step` apart, at least two."""
    lengths_P = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners_P2, axis=0).T))])
    at = np.linspace(0, lengths_P[-1], max(2, 1 + round(lengths_P[-1] / step)))
    return np.stack([np.interp(at, lengths_P, corners_P2[:, axis]) for axis in range(2)], axis=1)


def pen_frames(steps_T3: FloatArray) -> NDArray[np.float32]:
    """(T, 3): movements in units of the mean length of one with the pen down, so that size does not matter.

    Raises DataError: no movements, other than three numbers each, nan or inf, or nothing drawn.
    """
    if steps_T3.ndim != 2 or steps_T3.shape[1:] != (3,) or not 0 < len(steps_T3) <= MOST_STEPS:
        raise DataError(
            f"Expected 1 to {MOST_STEPS:,} movements of dx, dy, pen, found an array of {steps_T3.shape}.",
            repair="Example: [[0, 1, 0], [0, -1, 1]]",
        )
    if not np.isfinite(steps_T3).all() or not np.isin(steps_T3[:, 2], (0.0, 1.0)).all():
        raise DataError("Expected finite movements, and pen 0 or 1, found others.", repair="1 means: draws a line.")
    down_T = steps_T3[:, 2] == 1
    scale = np.hypot(steps_T3[down_T, 0], steps_T3[down_T, 1]).mean() if down_T.any() else 0.0
    if not scale > 0:
        raise DataError("Expected a line, found no movement with the pen down.", repair="Set pen = 1 where it draws.")
    return np.concatenate([steps_T3[:, :2] / scale, steps_T3[:, 2:]], axis=1).astype(np.float32)


class Strokes(Material):
    """Strings of digits, each drawn by a writer of its own; training's are drawn anew for every batch."""

    name, kind, symbols, channels = "strokes", "strokes", tuple(sorted(FORMS)), 3

    def __init__(self, data: TranscribeData) -> None:
        self.data = data
        self.train_size = data.size or TRAIN
        count = data.examples or TEST
        self.valid = self._fixed("valid", -(-count // 2))
        self.test = self._fixed("test", count)

    def draw(self, indices: Sequence[int], rng: np.random.Generator) -> list[Recording]:
        return [self._one(rng, False) for _ in indices]

    def digest(self) -> list[list[str]]:
        sample = self._one(split_stream(0, "strokes", "train"), False)
        return [[sample.text, hashlib.sha256(sample.frames.tobytes()).hexdigest()]]

    def _fixed(self, split: Split, count: int) -> list[Recording]:
        rng = split_stream(self.data.seed, "strokes", split)
        return [self._one(rng, bool(rng.random() < NEW_SLANTS)) for _ in range(count)]

    def _one(self, rng: np.random.Generator, new_slant: bool) -> Recording:
        length = int(rng.integers(self.data.shortest, self.data.longest + 1))
        text = "".join(self.symbols[int(k)] for k in rng.integers(len(self.symbols), size=length))
        return Recording(pen_frames(drawn(text, Writer.drawn(rng, new_slant), rng)), text, KINDS[new_slant])
