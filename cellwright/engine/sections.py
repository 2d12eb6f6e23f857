"""Cuts what one row phase computes into sections: loops over vectors of features, scalars between them, copies, scans.

Each value has a rank: 0, and one more behind every reduction, concatenation, slice of a computed value or running sum.
Sections run in the order of ranks; within a rank: copies and scans, then scalars, then loops. A value that one section
computes and a later one reads lives in a buffer of one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cellwright.engine.spots import Spot, padded, width

if TYPE_CHECKING:
    from cellwright.engine.plan import Program

__all__ = ["REDUCTIONS", "SCANS", "Section", "cut_sections"]

REDUCTIONS = ("sum", "amax")
SCANS = ("cumsum", "suffix_sum")
COPIES = ("concat", "pad")
MOVES = (*COPIES, *SCANS)


@dataclass(frozen=True, slots=True)
class Section:
    """One piece of a row.

    Attributes:
        kind: "loop", "scalars", "copy" (concat, pad), "scan", or "commit" (new states, from where they were kept).
        size: features of a loop's vectors.
        nodes: what is computed, in order; of a loop also the reductions over it.
        stores: (node, where it goes), after all nodes of a vector are computed.
        commits: (from, to, size).
    """

    kind: str
    size: int = 1
    nodes: tuple[int, ...] = ()
    stores: tuple[tuple[int, Spot], ...] = ()
    commits: tuple[tuple[Spot, Spot, int], ...] = ()


def cut_sections(
    program: Program, inside: Sequence[int], stores: Sequence[tuple[int, Spot]], commits: Sequence[tuple[int, int]]
) -> list[Section]:
    """The sections of one row phase.

    Args:
        inside: the nodes that the phase computes, in order.
        stores: (node, spot), computed here or at hand.
        commits: (state, node): new states, written when nothing needs the old ones any more.
    """
    cutter = Cutter(program, inside)
    writes = [*stores, *((node, Spot("state", state)) for state, node in commits)]
    if cutter.one_loop([node for node, _ in writes]):
        return cutter.cut(writes)
    kept = cutter.keep(commits)
    sections = cutter.cut([*stores, *((node, spot) for node, spot in cutter.aside)])
    return [*sections, Section("commit", commits=tuple(kept))] if kept else sections


class Cutter:
    def __init__(self, program: Program, inside: Sequence[int]) -> None:
        self.program, self.nodes, self.inside = program, program.nodes, list(inside)
        self.here = set(inside)
        self.rank: dict[int, int] = {}
        for index in self.inside:
            self.rank[index] = max((self.rank_after(index, a) for a in self.nodes[index].args), default=0)
        self.aside: list[tuple[int, Spot]] = []

    def size(self, index: int) -> int:
        return width(self.nodes[index].shape)

    def source(self, index: int) -> int:
        """What a chain of slices cuts."""
        while self.nodes[index].op == "slice" and (index in self.here or index not in self.program.spots):
            index = self.nodes[index].args[0]
        return index

    def reduces(self, index: int) -> bool:
        """Whether a node is a reduction of a vector; of one number it is the number itself."""
        node = self.nodes[index]
        return node.op in REDUCTIONS and self.size(node.args[0]) > 1

    def rank_after(self, index: int, arg: int) -> int:
        """The least rank of a node that reads `arg`."""
        if arg not in self.here:
            return 0
        moves = self.nodes[index].op in (*MOVES, "slice") or self.nodes[arg].op in (*MOVES, "slice")
        return self.rank[arg] + (moves or self.reduces(arg))

    def one_loop(self, written: Sequence[int]) -> bool:
        """Whether all is one loop, or all one number: every read of an old state then comes before its write."""
        read = {arg for index in self.inside for arg in self.nodes[index].args}
        moved = any(self.nodes[k].op in (*MOVES, "slice") or self.reduces(k) for k in self.inside)
        sliced = any(self.source(k) != k for k in (*read, *written))
        sizes = {self.size(k) for k in (*self.inside, *written)}
        written_sizes = {self.size(k) > 1 for k in written}
        return not moved and not sliced and len(sizes - {1}) <= 1 and len(written_sizes) <= 1

    def keep(self, commits: Sequence[tuple[int, int]]) -> list[tuple[Spot, Spot, int]]:
        """Where each new state waits until the end of the row."""
        kept = []
        for state, node in commits:
            computed = node in self.here and self.nodes[node].op != "slice"
            spot = self.buffer(node) if computed else self.program.spots.get(node)
            if spot is None or spot.kind in ("state", "vector"):
                spot = self.row(node)
                self.aside.append((node, spot))
            kept.append((spot, Spot("state", state), self.size(node)))
        return kept

    def row(self, index: int) -> Spot:
        """A new buffer of one row."""
        self.program.rows.append(padded(self.size(index), self.program.lanes))
        return Spot("row", len(self.program.rows) - 1)

    def buffer(self, index: int) -> Spot:
        """The spot of a computed value, made if there is none."""
        spots = self.program.spots
        if index not in spots:
            spots[index] = self.row(index)
        return spots[index]

    def cut(self, stores: Sequence[tuple[int, Spot]]) -> list[Section]:
        """Sections rank by rank."""
        for index in self.inside:
            if self.nodes[index].op in MOVES:
                self.buffer(index)
            for arg in self.nodes[index].args:
                source = self.source(arg)
                vector = self.size(source) > 1 or self.nodes[index].op in MOVES or source != arg
                if source in self.here and vector and (source != arg or self.rank[index] > self.rank[source]):
                    self.buffer(source)
        for node, _ in stores:
            if self.source(node) != node and self.source(node) in self.here:
                self.buffer(self.source(node))
        buffers = [
            (k, self.program.spots[k])
            for k in self.inside
            if k in self.program.spots and self.program.spots[k].kind == "row" and self.nodes[k].op not in MOVES
        ]
        stores = list(dict.fromkeys([*stores, *buffers]))
        sections: list[Section] = []
        for rank in range(max(self.rank.values(), default=0) + 2):
            sections += self.at_rank(rank, [pair for pair in stores if self.store_rank(pair[0]) == rank])
        return sections

    def store_rank(self, index: int) -> int:
        """The rank whose sections can store a value: where it is computed; one later if it must be read back."""
        source = self.source(index)
        if source not in self.here:
            return 0
        return self.rank[source] + (source != index or self.nodes[index].op in MOVES or self.reduces(index))

    def at_rank(self, rank: int, stores: Sequence[tuple[int, Spot]]) -> list[Section]:
        nodes = [k for k in self.inside if self.rank[k] == rank and self.nodes[k].op != "slice"]
        sections = [
            Section("scan" if self.nodes[k].op in SCANS else "copy", self.size(k), (k,))
            for k in nodes
            if self.nodes[k].op in MOVES
        ]
        plain = [k for k in nodes if self.nodes[k].op not in MOVES]
        scalars = tuple(k for k in plain if self.size(k) == 1 and not self.reduces(k))
        numbers = tuple(pair for pair in stores if self.size(pair[0]) == 1)
        if scalars or numbers:
            sections.append(Section("scalars", 1, scalars, numbers))
        loops: dict[int, list[int]] = {}
        for k in plain:
            if self.reduces(k):
                loops.setdefault(self.size(self.nodes[k].args[0]), []).append(k)
            elif self.size(k) > 1:
                loops.setdefault(self.size(k), []).append(k)
        for node, _ in stores:
            if self.size(node) > 1:
                loops.setdefault(self.size(node), [])
        for size, members in loops.items():
            inside = tuple(pair for pair in stores if self.size(pair[0]) == size)
            sections.append(Section("loop", size, tuple(members), inside))
        return sections
