"""A cell over several steps: each a copy of its wiring with the same weights; and both directions together."""

from __future__ import annotations

from html import escape

from cellwright.cells import Cell
from cellwright.engine.trace import trace
from cellwright.errors import ConfigError
from cellwright.microscope.diagram.svg import Drawing, draw, svg_text

__all__ = ["MAX_STEPS", "bidirectional_svg", "unrolled_svg"]

MAX_STEPS = 64
GAP, FRAME = 46.0, 14.0
BOX_WIDTH, BOX_HEIGHT, PITCH = 116.0, 56.0, 168.0  # of a step drawn as one box


def unrolled_svg(cell: Cell, steps: int, input_size: int = 3, hidden_size: int = 4, bias: bool = True) -> str:
    """`steps` copies of one step's wiring, from left to right; the states of each enter the next.

    Raises ConfigError: fewer than one step, or more than MAX_STEPS.
    """
    _check(steps)
    names: dict[str, int] = {}
    drawing = draw(trace(cell, input_size, hidden_size, bias, names), names)
    pitch = drawing.width + GAP
    marks = []
    for t in range(steps):
        marks.append(f'<g class="copy" data-step="{t + 1}" transform="translate({FRAME + t * pitch:g} {FRAME:g})">')
        marks.append(f'<rect class="frame" width="{drawing.width:g}" height="{drawing.height:g}" rx="10"/>')
        marks.append(f'<text class="name" x="14" y="20">t = {t + 1}</text>')
        marks += drawing.marks(prefix=f"t{t + 1}-")
        marks.append("</g>")
        if t + 1 < steps:
            marks += _handed_on(drawing, FRAME + t * pitch, pitch)
    weights = ", ".join(name.replace(".", "_") for name in cell.parameter_shapes(input_size, hidden_size, bias))
    height = drawing.height + 2 * FRAME
    marks.append(
        f'<text class="formula" data-weights="{escape(weights)}" x="{FRAME:g}" y="{height + 12:g}">'
        f"the same weights at every step: {escape(weights)}</text>"
    )
    width = 2 * FRAME + steps * pitch - GAP
    return svg_text(width, height + 24, f"{cell.name}, {steps} steps", marks, style=True)


def _handed_on(drawing: Drawing, left: float, pitch: float) -> list[str]:
    """Lines from the new states of one copy to the states of the next."""
    leaves = {drawing.nodes[k].name: k for k in drawing.board.places if drawing.nodes[k].op == "state"}
    made = []
    for at, (name, place) in enumerate(sorted(drawing.board.exits.items(), key=lambda item: item[1][1])):
        if name not in leaves:
            continue
        x0, y0 = drawing.at(place)
        x1, y1 = drawing.at(drawing.board.places[leaves[name]])
        start, end = left + x0 + 30, left + pitch + x1 - 26
        turn = left + drawing.width + GAP * (at + 1) / (len(leaves) + 1)
        points = [(start, y0), (turn, y0), (turn, y1), (end, y1)]
        path = " ".join(f"{x:g},{y + FRAME:g}" for x, y in points)
        made.append(f'<polyline class="way" points="{path}" data-state="{escape(name)}"/>')
        corners = [(end, y1), (end - 7, y1 - 4), (end - 7, y1 + 4)]
        made.append(f'<polygon class="tip" points="{" ".join(f"{x:g},{y + FRAME:g}" for x, y in corners)}"/>')
    return made


def bidirectional_svg(cell: Cell, steps: int) -> str:
    """Two layers of the same cell with weights of their own: one reads from the first step, one from the last; at each
    step their outputs are joined.

    Source: Schuster & Paliwal 1997, "Bidirectional recurrent neural networks".
    """
    _check(steps)
    rows = {"backward": 96.0, "forward": 196.0}
    marks = []
    for t in range(steps):
        x = 60 + t * PITCH
        middle = x + BOX_WIDTH / 2
        marks.append(f'<g class="copy" data-step="{t + 1}">')
        marks.append(_line([(middle, 318), (middle, rows["forward"] + BOX_HEIGHT)], "x"))
        aside = x + BOX_WIDTH + 12
        marks.append(_line([(middle, 296), (aside, 296), (aside, 124), (x + BOX_WIDTH, 124)], "x"))
        marks.append(_line([(middle, rows["backward"]), (middle, 52)], "y"))
        left = x - 12
        marks.append(_line([(x, 224), (left, 224), (left, 36), (middle - 17, 36)], "y"))
        for name, y in rows.items():
            marks.append(_step_box(cell, name, x, y))
        marks.append(f'<g class="point"><circle cx="{middle:g}" cy="36" r="16"/></g>')
        marks.append(f'<text x="{middle:g}" y="41" text-anchor="middle">‖</text>')
        marks.append(f'<text class="name" x="{middle + 22:g}" y="28">y{_sub(t + 1)}</text>')
        marks.append(f'<text class="name" x="{middle:g}" y="334" text-anchor="middle">x{_sub(t + 1)}</text></g>')
        if t + 1 < steps:
            marks.append(_line([(x + BOX_WIDTH, 240), (x + PITCH, 240)], "forward"))
            marks.append(_line([(x + PITCH, 108), (x + BOX_WIDTH, 108)], "backward"))
    width = 60 + steps * PITCH
    return svg_text(width, 346, f"{cell.name}, both directions, {steps} steps", marks, style=True)


def _step_box(cell: Cell, direction: str, x: float, y: float) -> str:
    arrow, mark = ("→", "") if direction == "forward" else ("←", "′")
    weights = " ".join(
        f"{letter}{mark}" for letter in dict.fromkeys(k.split(".")[0] for k in cell.parameter_shapes(3, 4))
    )
    states = " ".join(cell.state_names)
    middle = x + BOX_WIDTH / 2
    return (
        f'<g class="layer" data-direction="{direction}"><rect x="{x:g}" y="{y:g}" width="{BOX_WIDTH:g}"'
        f' height="{BOX_HEIGHT:g}" rx="6"/>'
        f'<text class="symbol" x="{middle:g}" y="{y + 20:g}" text-anchor="middle">{escape(cell.name)} {arrow}</text>'
        f'<text class="formula" x="{middle:g}" y="{y + 35:g}" text-anchor="middle">{escape(weights)}</text>'
        f'<text class="formula" x="{middle:g}" y="{y + 48:g}" text-anchor="middle">{escape(states)}</text></g>'
    )


def _line(points: list[tuple[float, float]], what: str) -> str:
    """A line with an arrow's tip at its end."""
    (x0, y0), (x1, y1) = points[-2:]
    dx, dy = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
    corners = [(x1, y1), (x1 - 7 * dx - 4 * dy, y1 - 7 * dy - 4 * dx), (x1 - 7 * dx + 4 * dy, y1 - 7 * dy + 4 * dx)]
    path, tip = (" ".join(f"{x:g},{y:g}" for x, y in line) for line in (points, corners))
    return f'<polyline class="way" points="{path}" data-way="{what}"/><polygon class="tip" points="{tip}"/>'


def _sub(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def _check(steps: int) -> None:
    if not 1 <= steps <= MAX_STEPS:
        raise ConfigError(
            f"Expected 1 to {MAX_STEPS} steps to draw, found {steps}.", repair="The steps are alike: 4 show the idea."
        )
