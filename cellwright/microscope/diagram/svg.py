"""One step of a cell as SVG: Colah's circles and rectangles, each op of the graph one mark with `data-op`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape

from cellwright.cells import Cell
from cellwright.engine.graph import Graph
from cellwright.engine.trace import trace
from cellwright.microscope.diagram.board import Board, arrange
from cellwright.microscope.diagram.parts import Part, Token, parts_of
from cellwright.microscope.diagram.ways import Place

__all__ = ["DARK", "LIGHT", "RULES", "STYLE", "Drawing", "cell_svg", "draw", "graph_svg"]

COLUMN, ROW, RAIL = 112, 68, 22  # pixels between columns, rows, rails
RADIUS, LINE, BOX = 17, 13, 92  # of a circle; height of a formula's row; width of a layer
LEFT, TOP = 54, 46

# Colours are of Okabe and Ito's set, which colour-blind readers tell apart; shapes and text say the same without them.
LIGHT = """color:#1d2733;--paper:#fff;--line:#5b6775;--layer:#fdf1d0;--layer-edge:#a66a00;--point:#fde6ea;
--point-edge:#b0476a;--box:#e3f1fb;--box-edge:#0072b2"""
DARK = """color:#e8edf2;--paper:#161b22;--line:#9aa7b5;--layer:#3a2f12;--layer-edge:#e69f00;--point:#3d2029;
--point-edge:#e88aa8;--box:#14303f;--box-edge:#56b4e9"""
RULES = """
.cw{font:13px system-ui,"Noto Sans","Noto Sans CJK SC","Microsoft YaHei","PingFang SC",sans-serif}
.cw .paper{fill:var(--paper)}
.cw text{fill:currentColor;stroke:none}
.cw .way{fill:none;stroke:var(--line);stroke-width:1.6;stroke-linejoin:round}
.cw .way.lane{stroke-width:3.2}
.cw .tip,.cw .dot{fill:var(--line);stroke:none}
.cw .layer rect{fill:var(--layer);stroke:var(--layer-edge);stroke-width:1.5}
.cw .point circle{fill:var(--point);stroke:var(--point-edge);stroke-width:1.5}
.cw .box rect{fill:var(--box);stroke:var(--box-edge);stroke-width:1.5}
.cw .frame{fill:none;stroke:var(--line);stroke-dasharray:5 4;opacity:.6}
.cw .symbol{font-size:15px;font-weight:600}
.cw .formula{font-size:10.5px}
.cw .name{font-size:12px;font-style:italic;font-weight:600}
.cw .value{font-size:10.5px;font-variant-numeric:tabular-nums}
"""
STYLE = f".cw{{{LIGHT}}}@media (prefers-color-scheme:dark){{.cw{{{DARK}}}}}{RULES}"


class Drawing:
    """The marks of one step, with its size and where its values enter and leave."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.nodes = board.graph.nodes
        tall = max([1, *(len(part.formula) for part in board.parts if part.kind == "layer")])
        self.layer_height = 30 + LINE * tall
        rows = {row for _, row in [*board.places.values(), *board.exits.values()]}
        rows |= {row for way in board.ways for _, row in way.points}
        self.y: dict[int, float] = {}
        y: float = TOP
        for row in sorted((row for row in rows if row > 0), reverse=True):
            y += 0 if not self.y else ROW if row % 2 == 0 and row + 1 not in self.y else ROW / 2
            self.y[row] = y
        self.y[0] = y + (22 if 1 in self.y else 34 if self.y else 0) + self.layer_height / 2
        y = self.y[0] + self.layer_height / 2
        for row in sorted((row for row in rows if row < 0), reverse=True):
            y += RAIL if row % 2 == 0 and row + 1 not in self.y else RAIL / 2
            self.y[row] = y
        self.width = 2 * LEFT + COLUMN * (board.columns - 2) / 2
        self.height = max(self.y.values()) + 34
        self.offsets = self._offsets()

    def x(self, column: int) -> float:
        return LEFT + COLUMN * column / 2

    def at(self, place: Place) -> tuple[float, float]:
        return self.x(place[0]), self.y[place[1]]

    def marks(self, prefix: str = "") -> list[str]:
        """Lines first, then parts, then the names of what enters and leaves. `prefix` goes before every id."""
        return [*self.ways(), *(self.part(part, prefix) for part in self.board.parts), *self.ends()]

    def _offsets(self) -> dict[int, float]:
        """How far each rail's lines stand beside the middle of the layers that they enter."""
        rails = sorted(self.board.rails, key=lambda k: self.board.rails[k])
        middle = (len(rails) - 1) / 2
        step = min(20.0, (BOX - 24) / max(1, len(rails)))
        return {k: (at - middle) * step for at, k in enumerate(rails)}

    def ways(self) -> list[str]:
        lanes = {self.y[row] for row in self.board.lanes.values()}
        made = []
        for way in self.board.ways:
            points = [self.at(place) for place in way.points]
            target = str(way.target)
            if isinstance(way.target, int) and self.board.places[way.target][1] == 0 and way.points[-1][1] == 0:
                points = self._into_layer(way.source, points)
            ends = f'data-from="{way.source}" data-to="{escape(target)}"'
            straight = len(points) == 2 and points[0][1] == points[1][1] and points[0][1] in lanes
            kind = "way lane" if straight else "way"
            path = " ".join(f"{x:g},{y:g}" for x, y in points)
            made.append(f'<polyline class="{kind}" points="{path}" {ends}/>')
            made.append(self._tip(points, self._reach(way.target, points)))
            if way.source in self.board.rails and len(points) > 2 and points[-1][1] != self.at(way.points[0])[1]:
                x, y = points[-2]
                made.append(f'<circle class="dot" cx="{x:g}" cy="{y:g}" r="2.6"/>')
        return made

    def _into_layer(self, source: int, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """A line on a rail turns up beside those of the other rails."""
        shift = self.offsets.get(source, 0.0)
        *rest, (_, rail), (x, y) = points
        return [*rest, (x + shift, rail), (x + shift, y)]

    def _reach(self, target: int | str, points: Sequence[tuple[float, float]]) -> float:
        """Distance of the arrow's tip from the middle of what it points at."""
        if isinstance(target, str):
            return 4
        part = next(part for part in self.board.parts if part.root == target)
        upright = points[-1][0] == points[-2][0]
        if part.kind == "layer":
            return self.layer_height / 2 if upright else BOX / 2
        return RADIUS + 1 if part.kind == "point" or upright else 32

    def _tip(self, points: Sequence[tuple[float, float]], reach: float) -> str:
        (x0, y0), (x1, y1) = points[-2:]
        dx, dy = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
        x, y = x1 - dx * reach, y1 - dy * reach
        corners = [(x, y), (x - 7 * dx - 4 * dy, y - 7 * dy - 4 * dx), (x - 7 * dx + 4 * dy, y - 7 * dy + 4 * dx)]
        return f'<polygon class="tip" points="{" ".join(f"{a:g},{b:g}" for a, b in corners)}"/>'

    def part(self, part: Part, prefix: str) -> str:
        x, y = self.at(self.board.places[part.root])
        tip = self._title(part)
        head = f'<g class="part {part.kind}" id="{prefix}part{part.root}" data-root="{part.root}">'
        inner = [f"<title>{tip}</title>"]
        if part.kind == "layer":
            inner += self._layer(part, x, y)
        elif part.kind == "point":
            inner.append(f'<circle cx="{x:g}" cy="{y:g}" r="{RADIUS}" data-op="{part.root}"/>')
            size = ' style="font-size:10px"' if len(part.symbol) > 2 else ""
            inner.append(
                f'<text class="symbol" x="{x:g}" y="{y + 5:g}" text-anchor="middle"{size}>{escape(part.symbol)}</text>'
            )
        else:
            inner.append(f'<rect x="{x - 31:g}" y="{y - 14:g}" width="62" height="28" rx="4" data-op="{part.root}"/>')
            inner.append(f'<text x="{x:g}" y="{y + 4.5:g}" text-anchor="middle">{escape(part.symbol)}</text>')
        half = self.layer_height / 2 if part.kind == "layer" else RADIUS
        if part.formula and part.kind != "layer":
            text = escape("".join(token.text for token in part.formula[0]))
            inner.append(f'<text class="formula" x="{x + 20:g}" y="{y + half - 2:g}">{text}</text>')
        if part.name:
            inner.append(f'<text class="name" x="{x + 22:g}" y="{y - half - 4:g}">{escape(part.name)}</text>')
        below = y + half + (22 if part.formula and part.kind != "layer" else 12)
        if part.kind == "layer":
            below = y - half - 4
        anchor = "end" if part.kind == "layer" else "middle"
        inner.append(
            f'<text class="value" data-value="{part.root}" x="{x - (6 if part.kind == "layer" else 0):g}"'
            f' y="{below:g}" text-anchor="{anchor}"></text>'
        )
        return head + "".join(inner) + "</g>"

    def _title(self, part: Part) -> str:
        rows = "".join(token.text for row in part.formula for token in row)
        name = f"{part.name} = " if part.name else ""
        return escape(
            f"{name}{part.symbol}({rows})" if part.kind == "layer" and part.symbol else f"{name}{part.symbol} {rows}"
        )

    def _layer(self, part: Part, x: float, y: float) -> list[str]:
        half = self.layer_height / 2
        op = f' data-op="{part.root}"' if part.symbol else ""
        made = [
            f'<rect x="{x - BOX / 2:g}" y="{y - half:g}" width="{BOX}" height="{self.layer_height:g}" rx="4"{op}/>',
            f'<text class="symbol" x="{x:g}" y="{y - half + 18:g}" text-anchor="middle">{escape(part.symbol)}</text>',
        ]
        for at, row in enumerate(part.formula):
            spans = "".join(self._token(token) for token in row)
            made.append(
                f'<text class="formula" x="{x:g}" y="{y - half + 33 + LINE * at:g}" text-anchor="middle">{spans}</text>'
            )
        return made

    def _token(self, token: Token) -> str:
        if token.node is None:
            return escape(token.text)
        return f'<tspan data-op="{token.node}">{escape(token.text)}</tspan>'

    def ends(self) -> list[str]:
        """Names at the left and right edge."""
        made = []
        for k, node in enumerate(self.nodes):
            if k in self.board.places and not node.args:
                x, y = self.at(self.board.places[k])
                made.append(
                    f'<text class="name" data-leaf="{k}" x="{x - 8:g}" y="{y + 4:g}" text-anchor="end">'
                    f"{escape(node.name)}</text>"
                )
        for name, place in self.board.exits.items():
            x, y = self.at(place)
            said = "output" if name == "output" else f"{name}′"
            made.append(
                f'<text class="name" data-exit="{escape(name)}" x="{x + 8:g}" y="{y + 4:g}">{escape(said)}</text>'
            )
        return made


def draw(graph: Graph, names: Mapping[str, int]) -> Drawing:
    """Arrange a step's graph."""
    return Drawing(arrange(graph, parts_of(graph, names)))


def graph_svg(graph: Graph, names: Mapping[str, int], *, style: bool = True) -> str:
    """The wiring of one traced step; `names` as `trace` fills it.

    Args:
        style: with its own style sheet, as a file needs it.
    """
    return _graph_svg(graph, tuple(names.items()), style)


@lru_cache(maxsize=16)  # both directions of a layer have one graph
def _graph_svg(graph: Graph, names: tuple[tuple[str, int], ...], style: bool) -> str:
    return document(draw(graph, dict(names)), graph.cell, style)


def cell_svg(cell: Cell, input_size: int = 3, hidden_size: int = 4, bias: bool = True) -> str:
    """The wiring of one step of `cell`; sizes matter only to cells that cut vectors in parts."""
    names: dict[str, int] = {}
    graph = trace(cell, input_size, hidden_size, bias, names)
    return graph_svg(graph, names)


def document(drawing: Drawing, title: str, style: bool) -> str:
    return svg_text(drawing.width, drawing.height, title, drawing.marks(), style)


def svg_text(width: float, height: float, title: str, marks: Sequence[str], style: bool) -> str:
    """A whole SVG file around marks."""
    sheet = f'<style>{STYLE}</style><rect class="paper" width="100%" height="100%"/>' if style else ""
    body = "\n".join(marks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cw" viewBox="0 0 {width:g} {height:g}"'
        f' width="{width:g}" height="{height:g}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{sheet}\n{body}\n</svg>\n"
    )
