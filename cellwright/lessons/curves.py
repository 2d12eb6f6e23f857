"""Curves of one variable as SVG: axes, and a line for each function."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from cellwright.microscope.diagram.svg import svg_text
from cellwright.microscope.figure import Array

__all__ = ["curves_svg"]

WIDTH, HEIGHT = 520.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 18.0, 16.0, 30.0  # pixels around the curves
DASHES = ("", "7 4", "2 3", "9 3 2 3")  # lines are told apart without colour


def curves_svg(x_N: Array, curves: Mapping[str, Array], title: str) -> str:
    """The curves over `x_N`, at most four; each is a polyline with `data-curve`, its name, and a point a value."""
    every = np.concatenate([np.zeros(1), *curves.values()])
    low, high, first, last = float(every.min()), float(every.max()), float(x_N[0]), float(x_N[-1])

    def across(x: float) -> float:
        return LEFT + (x - first) * (WIDTH - LEFT - RIGHT) / (last - first)

    def down(y: float) -> float:
        return TOP + (high - y) * (HEIGHT - TOP - BOTTOM) / (high - low)

    marks = [_line([(across(first), down(0)), (across(last), down(0))], "frame")]
    if first < 0 < last:
        marks.append(_line([(across(0), down(low)), (across(0), down(high))], "frame"))
    for x in np.arange(np.ceil(first), last + 0.5):
        marks.append(_text(across(float(x)), HEIGHT - 10, f"{x:g}", "middle"))
    for y in sorted({low, 0.0, high}):
        marks.append(_text(LEFT - 6, down(y) + 4, f"{y:.4g}", "end"))
    for (name, y_N), dash, row in zip(curves.items(), DASHES, range(len(curves)), strict=False):
        style = f' stroke-dasharray="{dash}"' if dash else ""
        points = [(across(float(x)), down(float(y))) for x, y in zip(x_N, y_N, strict=True)]
        marks.append(_line(points, "way", f' data-curve="{escape(name)}"{style}'))
        height = TOP + 12 + 18 * row
        marks.append(_line([(LEFT + 8, height - 4), (LEFT + 38, height - 4)], "way", style))
        marks.append(_text(LEFT + 44, height, name, "start"))
    return svg_text(WIDTH, HEIGHT, title, marks, style=True)


def _line(points: list[tuple[float, float]], kind: str, more: str = "") -> str:
    return f'<polyline class="{kind}" points="{" ".join(f"{x:.2f},{y:.2f}" for x, y in points)}"{more}/>'


def _text(x: float, y: float, said: str, anchor: str) -> str:
    return f'<text x="{x:.2f}" y="{y:.2f}" text-anchor="{anchor}">{escape(said.replace("-", "−"))}</text>'
