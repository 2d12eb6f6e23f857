"""Digits drawn by a pen, as a stream of pixels: the whole picture has passed when the answer is due.

Source: Le, Jaitly & Hinton 2015, "A simple way to initialize recurrent networks of rectified linear units",
arXiv:1504.00941v2, for reading a digit pixel by pixel; Chang et al. 2019, arXiv:1902.09689v1, for blank steps after it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DataError
from cellwright.tasks.memory.problem import Example, FloatArray, Problem, numbers_of

__all__ = ["SIDE", "Digits", "picture"]

SIDE = 8  # pixels a side
THICKNESS = 0.07  # of the pen, in sides of the picture
UNREST = 1 / 3  # largest noise of a point of the pen's path, in pixels

# The pen's path of each digit, in sides of the picture; x to the right, y down.
PATHS: tuple[tuple[tuple[float, float], ...], ...] = (
    ((0.5, 0.1), (0.25, 0.3), (0.22, 0.6), (0.4, 0.88), (0.6, 0.88), (0.78, 0.6), (0.75, 0.3), (0.5, 0.1)),
    ((0.3, 0.3), (0.52, 0.1), (0.52, 0.9)),
    ((0.25, 0.3), (0.4, 0.1), (0.65, 0.12), (0.74, 0.33), (0.5, 0.6), (0.22, 0.9), (0.78, 0.9)),
    ((0.25, 0.13), (0.7, 0.13), (0.48, 0.43), (0.74, 0.62), (0.66, 0.88), (0.24, 0.86)),
    ((0.62, 0.9), (0.62, 0.1), (0.2, 0.62), (0.82, 0.62)),
    ((0.74, 0.12), (0.32, 0.12), (0.28, 0.45), (0.6, 0.42), (0.76, 0.66), (0.58, 0.88), (0.24, 0.84)),
    ((0.68, 0.1), (0.36, 0.4), (0.24, 0.7), (0.45, 0.9), (0.72, 0.8), (0.68, 0.56), (0.3, 0.6)),
    ((0.22, 0.12), (0.78, 0.12), (0.5, 0.5), (0.4, 0.9)),
    ((0.5, 0.47), (0.28, 0.3), (0.5, 0.1), (0.72, 0.3), (0.5, 0.47), (0.24, 0.7), (0.5, 0.9), (0.76, 0.7), (0.5, 0.47)),
    ((0.72, 0.35), (0.5, 0.45), (0.28, 0.3), (0.48, 0.1), (0.72, 0.22), (0.7, 0.55), (0.56, 0.9)),
)


class Digits(Problem):
    """8 × 8 pixels, one a step, row by row, then `gap` blank ones. Size, slant, place and shape vary."""

    channels = 1

    def __init__(self) -> None:
        self.classes = [str(digit) for digit in range(10)]

    def draw(self, rng: np.random.Generator, gap: int, split: str) -> Example:
        digit = int(rng.integers(10))
        pixels = picture(digit, rng).reshape(-1, 1)
        blank = np.zeros((gap, 1), dtype=np.float32)
        return Example(np.concatenate([pixels, blank]), np.array([digit]))

    def chance(self) -> float:
        return 0.1

    def read(self, text: str) -> FloatArray:
        found = numbers_of(text, 1, "64 numbers from 0 to 1, row by row")
        if len(found) < SIDE * SIDE:
            raise DataError(
                f"Expected {SIDE * SIDE} pixels, and blank ones behind them, found {len(found)} numbers.",
                repair="Give the picture row by row, 0 for white and 1 for black.",
            )
        return found


def picture(digit: int, rng: np.random.Generator) -> FloatArray:
    """(8, 8) ink from 0 to 1 of one drawing of the digit."""
    points_P2 = np.array(PATHS[digit])
    points_P2 = points_P2 + rng.uniform(-UNREST / SIDE, UNREST / SIDE, size=points_P2.shape)
    slant, turn = rng.uniform(-0.2, 0.2), rng.uniform(-0.12, 0.12)
    centred_P2 = points_P2 - 0.5
    centred_P2[:, 0] += slant * centred_P2[:, 1]
    rotation_22 = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points_P2 = centred_P2 @ rotation_22 * rng.uniform(0.8, 1.05, size=2) + 0.5 + rng.uniform(-0.06, 0.06, size=2)
    return _ink(points_P2)


def _ink(points_P2: NDArray[np.float64]) -> FloatArray:
    """How dark each pixel is, by its distance from the nearest piece of the path."""
    centres = (np.arange(SIDE) + 0.5) / SIDE
    pixels_N2 = np.stack(np.meshgrid(centres, centres), -1).reshape(-1, 2)
    starts_S2, steps_S2 = points_P2[:-1], np.diff(points_P2, axis=0)
    away_NS2 = pixels_N2[:, None] - starts_S2
    along_NS = (away_NS2 * steps_S2).sum(-1) / np.maximum(1e-9, (steps_S2**2).sum(-1))
    nearest_NS2 = np.clip(along_NS, 0, 1)[..., None] * steps_S2
    distance_N = np.sqrt(((away_NS2 - nearest_NS2) ** 2).sum(-1)).min(1)
    ink_N: FloatArray = np.clip(1.0 - (distance_N - THICKNESS) * SIDE, 0.0, 1.0).astype(np.float32)
    return ink_N.reshape(SIDE, SIDE)
