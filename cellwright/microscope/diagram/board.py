"""Where each part of a cell stands.

    rows, from above    lanes    a state that is carried from left to right by pointwise ops, as c of an LSTM
                        middle   the other pointwise ops, as many rows as are needed
                        layers   the rectangles with weights, one beside the other
                        rails    what enters the layers: x, h, …; each has a row of its own
    columns, from left  x and the states, then the parts in the order of computing, then the new states

That is the arrangement of Colah's figures. Layout libraries rank and order nodes freely and know no lanes or rails,
which is why this is our own: parts take, one after the other, the free place whose ways cost least.

Places are (column, row), both even for parts; the odd ones between them are for lines. Row 0 is that of the layers,
middle rows and lanes are above 0, rails below.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cellwright.engine.graph import Graph
from cellwright.microscope.diagram.parts import Part, is_value_leaf
from cellwright.microscope.diagram.ways import Ground, Place, Way

__all__ = ["Board", "arrange"]

MIDDLE_ROWS = 8
SQUASHING = ("σ", "tanh", "relu", "soft+", "exp", "log")


@dataclass(slots=True)
class Board:
    """The finished arrangement.

    Attributes:
        places: node of a part, x or state -> its place.
        exits: name of a new state (or "output") -> its place, in the last column.
        lanes: state -> row of its lane, where it has one.
        rails: node -> row on which it runs below the layers.
        ways: every line.
    """

    graph: Graph
    parts: tuple[Part, ...]
    places: dict[int, Place] = field(default_factory=dict)
    exits: dict[str, Place] = field(default_factory=dict)
    lanes: dict[str, int] = field(default_factory=dict)
    rails: dict[int, int] = field(default_factory=dict)
    ways: list[Way] = field(default_factory=list)
    ground: Ground = field(default_factory=Ground)

    @property
    def columns(self) -> int:
        """The last column in use, and the one after it that is free."""
        return max(column for column, _ in [*self.exits.values(), *self.places.values()]) + 2

    def connect(self, source: int, target: int | str, end: Place, last: tuple[Place, ...] = ()) -> None:
        """Draw the cheapest way from a value to `end`, and on to `last`."""
        points = self.ground.find(source, self.places[source], end)
        self.ways.append(Way(source, target, (*points, *last)))
        self.ground.draw(source, (*points, *last))


def arrange(graph: Graph, parts: tuple[Part, ...]) -> Board:
    """Places and ways for the parts of a step."""
    board = Board(graph, parts)
    on_lane = _find_lanes(board)
    into_layers = dict.fromkeys(k for part in parts if part.kind == "layer" for k in part.inputs)
    order = sorted(into_layers, key=lambda k: (graph.nodes[k].op != "state", k))
    board.rails = {source: -2 * (1 + at) for at, source in enumerate(order)}
    _place_leaves(board)
    for part in parts:
        if part.kind == "layer":
            _place_layer(board, part)
        else:
            _place_point(board, part, on_lane.get(part.root))
    _place_exits(board)
    return board


def _find_lanes(board: Board) -> dict[int, int]:
    """Root of a part -> row of the lane that it stands on."""
    by_root = {part.root: part for part in board.parts}
    leaf = {node.name: k for k, node in enumerate(board.graph.nodes) if node.op == "state"}
    rows: dict[int, int] = {}
    for name, new in reversed(board.graph.states):
        path = _carried(new, leaf.get(name, -1), by_root, set())
        if path is None or any(root in rows for root in path):
            continue
        board.lanes[name] = 2 * (MIDDLE_ROWS + 1 + len(board.lanes))
        rows |= dict.fromkeys(path, board.lanes[name])
    return rows


def _carried(at: int, leaf: int, by_root: dict[int, Part], seen: set[int]) -> list[int] | None:
    """Pointwise parts from the state `leaf` to the part `at`; None if every way leads through a layer or a box."""
    if at == leaf:
        return []
    part = by_root.get(at)
    if part is None or part.kind != "point" or at in seen or part.symbol in SQUASHING:
        return None
    seen.add(at)
    for source in part.inputs:
        path = _carried(source, leaf, by_root, seen)
        if path is not None:
            return [*path, at]
    return None


def _stand(board: Board, node: int, place: Place) -> None:
    board.places[node] = place
    board.ground.taken.add(place)


def _place_leaves(board: Board) -> None:
    """x and the states in the first column: on their lane, else on their rail, else in a middle row."""
    free = iter(range(2, 2 * len(board.graph.nodes), 2))
    for k, node in enumerate(board.graph.nodes):
        if is_value_leaf(node):
            _stand(board, k, (0, board.lanes.get(node.name) or board.rails.get(k) or next(free)))


def _place_layer(board: Board, part: Part) -> None:
    layers = [column for column, row in board.places.values() if row == 0]
    pointwise = [board.places[k][0] for k in part.inputs if board.places[k][1] > 0]
    place = (2 + max([0, *layers, *pointwise]), 0)
    _stand(board, part.root, place)
    for source in part.inputs:
        board.connect(source, part.root, (place[0], board.rails[source]), (place,))


def _place_point(board: Board, part: Part, lane: int | None) -> None:
    """The free place whose ways cost least."""
    first = max([2, *(board.places[k][0] for k in part.inputs)])
    rows = [lane] if lane is not None else list(range(2, 2 + 2 * MIDDLE_ROWS, 2))
    ground = board.ground
    costs: dict[Place, float] = {}
    column = first
    while not costs or column <= first + 6:
        for place in ((column, row) for row in rows):
            if place not in ground.taken and place not in ground.used:
                lines = sum(ground.guess(k, board.places[k], place) for k in part.inputs)
                costs[place] = lines + 0.15 * (column - first) + 0.03 * place[1]
        column += 2
    _stand(board, part.root, min(costs, key=lambda place: costs[place]))
    for source in sorted(part.inputs, key=lambda k: board.places[k][1] != lane):  # the lane first, straight
        board.connect(source, part.root, board.places[part.root])


def _place_exits(board: Board) -> None:
    """New states, and an output that is none of them, in the last column."""
    last = board.columns
    wanted = dict(board.graph.states)
    if board.graph.output not in wanted.values():
        wanted["output"] = board.graph.output
    free = list(range(0, 2 + 2 * MIDDLE_ROWS, 2))
    for name in sorted(wanted, key=lambda name: name not in board.lanes):
        source = wanted[name]
        start = board.places[source]
        rows = [board.lanes[name]] if name in board.lanes else free
        place = min(((last, row) for row in rows), key=lambda place: board.ground.guess(source, start, place))
        if name not in board.lanes:
            free.remove(place[1])
        board.exits[name] = place
        board.ground.taken.add(place)
        board.connect(source, name, place)
