"""Lines between places on a grid: the way with the fewest corners, crossings and shared stretches.

Places are (column, row). A line never goes through a taken place; it may cross another value's line, and lies upon one
only where nothing else is left. Found by A* (Hart, Nilsson & Raphael 1968) over (place, direction).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["Ground", "Place", "Way"]

Place = tuple[int, int]
ALONG, ACROSS, BEND, STEP, OWN = 8.0, 1.0, 0.7, 0.15, 0.05  # costs of a way
BLOCKED = 12.0  # of a straight guess through a taken place: a way around it will be found


@dataclass(frozen=True, slots=True)
class Way:
    """A line from a value to what reads it.

    Attributes:
        source, target: node that gives the value; root of the part that reads it, or the new state's name.
        points: corners, both ends included.
    """

    source: int
    target: int | str
    points: tuple[Place, ...]


@dataclass(slots=True)
class Ground:
    """What stands and what runs where.

    Attributes:
        taken: places where something stands.
        used: place -> (source, whether upright) of the lines there.
    """

    taken: set[Place] = field(default_factory=set)
    used: dict[Place, set[tuple[int, bool]]] = field(default_factory=dict)

    def draw(self, source: int, points: tuple[Place, ...]) -> None:
        for place, upright in cells(points):
            self.used.setdefault(place, set()).add((source, upright))

    def guess(self, source: int, start: Place, end: Place) -> float:
        """Cost of the better way with at most one corner."""
        return min(self._cost(source, points) for points in short(start, end))

    def _cost(self, source: int, points: tuple[Place, ...]) -> float:
        cost = BEND * (len(points) - 2)
        for place, upright in cells(points):
            cost += STEP
            if place not in (points[0], points[-1]):
                cost += BLOCKED * (place in self.taken) + self._company(source, place, upright)
        return cost

    def _company(self, source: int, place: Place, upright: bool) -> float:
        """Cost of other values' lines at a place."""
        lines = self.used.get(place, ())
        return sum(ALONG if theirs == upright else ACROSS for other, theirs in lines if other != source)

    def find(self, source: int, start: Place, end: Place) -> tuple[Place, ...]:
        """Corners of the cheapest way; the straight guess where nothing is in its way."""
        for points in short(start, end):
            clear = all(
                place in (start, end) or (place not in self.taken and self._company(source, place, upright) < ALONG)
                for place, upright in cells(points)
            )
            if clear:
                return points
        return self._search(source, start, end)

    def _search(self, source: int, start: Place, end: Place) -> tuple[Place, ...]:
        columns = 2 + max(column for column, _ in {*self.taken, end})
        rows = [row for _, row in {*self.taken, *self.used, end}]
        low, high = min(rows), max(rows) + 1
        came: dict[tuple[Place, bool], tuple[Place, bool] | None] = {}
        queue: list[tuple[float, float, Place, bool, tuple[Place, bool] | None]] = []
        for upright in (True, False):
            heapq.heappush(queue, (0.0, 0.0, start, upright, None))
        while queue:
            _, cost, place, upright, before = heapq.heappop(queue)
            if (place, upright) in came:
                continue
            came[place, upright] = before
            if place == end:
                return _corners(came, (place, upright))
            for next_place in _neighbours(place):
                column, row = next_place
                inside = 0 <= column <= columns and low <= row <= high
                if not inside or (next_place in self.taken and next_place != end):
                    continue
                turned = column == place[0]
                if (next_place, turned) in came:
                    continue
                step = BEND * (turned != upright) + self._company(source, place, turned) * (turned != upright)
                if next_place != end:
                    step += self._company(source, next_place, turned)
                step += OWN if (source, turned) in self.used.get(next_place, ()) else STEP
                left = OWN * (abs(column - end[0]) + abs(row - end[1]))
                heapq.heappush(queue, (cost + step + left, cost + step, next_place, turned, (place, upright)))
        return short(start, end)[0]  # walled in on all sides: straight through


def _neighbours(place: Place) -> tuple[Place, ...]:
    column, row = place
    return (column + 1, row), (column - 1, row), (column, row + 1), (column, row - 1)


def _corners(came: dict[tuple[Place, bool], tuple[Place, bool] | None], at: tuple[Place, bool]) -> tuple[Place, ...]:
    path: list[Place] = []
    state: tuple[Place, bool] | None = at
    while state is not None:
        path.append(state[0])
        state = came[state]
    path.reverse()
    kept = [path[0]]
    for before, place, after in zip(path, path[1:], path[2:], strict=False):
        if not (before[0] == place[0] == after[0] or before[1] == place[1] == after[1]):
            kept.append(place)
    return (*kept, path[-1])


def short(start: Place, end: Place) -> list[tuple[Place, ...]]:
    """Ways with at most one corner."""
    if start[0] == end[0] or start[1] == end[1]:
        return [(start, end)]
    return [(start, (start[0], end[1]), end), (start, (end[0], start[1]), end)]


def cells(points: tuple[Place, ...]) -> Iterator[tuple[Place, bool]]:
    """Places of a way, each with whether it passes upright; a corner is there both ways."""
    for (c0, r0), (c1, r1) in pairwise(points):
        if c0 == c1:
            yield from (((c0, row), True) for row in range(min(r0, r1), max(r0, r1) + 1))
        else:
            yield from (((column, r0), False) for column in range(min(c0, c1), max(c0, c1) + 1))
