"""The plan of one direction of one layer: which values leave the loop, what every phase of a step computes, where
each value lives. A plan depends on the cell, the sizes and the vector width, never on T or B.

    program  = phases of one step, in order:  Rows₀  Product₁ …  Rows₁  Product₂ …  Rows₂ …
    Product  = one matrix product for all rows of a thread: operand (rows, K) times packed matrices (K, M)
    Rows     = for each row (one sequence): sections, in order
    section  = Loop (vectors of features), Scalars, Copy (concat, pad), Scan (running sum)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cellwright.engine.graph import Node
from cellwright.engine.sections import Section, cut_sections
from cellwright.engine.spots import Spot, padded, width

__all__ = ["Array", "Product", "Program", "Rows", "plan_program"]

PRODUCTS = ("matmul", "matmul_t")


@dataclass(frozen=True, slots=True)
class Array:
    """A torch tensor with one row a step of a sequence.

    Attributes:
        columns: its width.
        table: which table finds its row: z (as the streams) or y (as the outputs).
        whole: each value in it is padded to whole vectors, with zeros.
    """

    name: str
    columns: int
    table: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """Matrix products of one operand, side by side (or, transposed, on top of each other).

    Attributes:
        level: after the row phase `level − 1`.
        matrices: parameter nodes.
        transposed: Σ Mᵀ v over blocks of the operand, instead of [M₁ v | M₂ v | …].
        operand: where the blocks lie, side by side, each padded to whole vectors.
        blocks: sizes of the operand's blocks.
        result: where the results go, each padded to whole vectors.
        sizes: sizes of the results.
    """

    level: int
    matrices: tuple[Node, ...]
    transposed: bool
    operand: Spot
    blocks: tuple[int, ...]
    result: Spot
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """A row phase: what is computed and stored for one row."""

    level: int
    sections: tuple[Section, ...]


@dataclass(slots=True)
class Program:
    """Everything that lowering needs.

    Attributes:
        spots: node -> where it lives, where it does.
        states: (name, size) of each carried value.
        scratch: columns of each thread buffer.
        rows: columns of each row buffer.
        vectors: vector and scalar parameters read (positions of their nodes).
        grads: positions of the nodes that are summed, one a gradient.
    """

    name: str
    nodes: tuple[Node, ...]
    lanes: int
    arrays: tuple[Array, ...]
    states: tuple[tuple[str, int], ...]
    phases: tuple[Product | Rows, ...] = ()
    spots: dict[int, Spot] = field(default_factory=dict)
    scratch: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    vectors: list[int] = field(default_factory=list)
    grads: tuple[int, ...] = ()

    @property
    def backward(self) -> bool:
        """Whether steps run from the last to the first."""
        return self.name == "backward"

    @property
    def products(self) -> list[Product]:
        return [phase for phase in self.phases if isinstance(phase, Product)]


def plan_program(
    name: str,
    nodes: Sequence[Node],
    lanes: int,
    *,
    arrays: Sequence[Array],
    leaves: Mapping[int, Spot],
    states: Sequence[tuple[str, int]],
    news: Sequence[tuple[int, int]],
    stores: Iterable[tuple[int, Spot]],
    grads: Sequence[int] = (),
) -> Program:
    """Phases, sections and spots of one step.

    Args:
        nodes: in order; all are needed.
        leaves: where leaves and saved values lie; what has a spot here is not computed.
        states: (name, size) of what is carried.
        news: (state, node): the new value of each state.
        stores: (node, spot): what a step leaves in arrays.
        grads: nodes summed over all steps and rows.
    """
    return Planner(name, nodes, lanes, arrays, leaves, states, news, list(stores), grads).program()


class Planner:
    """Works out one program, step by step; `program` reads like the order of the decisions."""

    def __init__(
        self,
        name: str,
        nodes: Sequence[Node],
        lanes: int,
        arrays: Sequence[Array],
        leaves: Mapping[int, Spot],
        states: Sequence[tuple[str, int]],
        news: Sequence[tuple[int, int]],
        stores: list[tuple[int, Spot]],
        grads: Sequence[int],
    ) -> None:
        self.nodes, self.lanes, self.leaves, self.news = tuple(nodes), lanes, dict(leaves), news
        self.stores = stores
        self.early: dict[tuple[int, Spot], int] = {}
        self.out = Program(name, self.nodes, lanes, tuple(arrays), tuple(states), grads=tuple(grads))
        self.out.spots.update(leaves)

    def program(self) -> Program:
        self.levels = self._levels()
        self.last = max(self.levels, default=0)
        self.phase = self._phases()
        self._place_vectors()
        products = [self._product(members) for members in self._groups()]
        self._place_crossing()
        commits = self._commits()
        phases: list[Product | Rows] = []
        for level in range(self.last + 1):
            phases += [product for product in products if product.level == level]
            sections = self._sections(level, commits.get(level, []))
            if sections:
                phases.append(Rows(level, tuple(sections)))
        self.out.phases = tuple(phases)
        return self.out

    def computed(self, index: int) -> bool:
        """Whether the step computes a node: no leaf, nothing with a spot from the start, no product."""
        node = self.nodes[index]
        return index not in self.leaves and bool(node.args) and node.op not in PRODUCTS

    def _levels(self) -> list[int]:
        """How many products lie behind each value, one after another."""
        levels: list[int] = []
        for index, node in enumerate(self.nodes):
            if index in self.leaves or not node.args:
                levels.append(0)
            else:
                operands = node.args[1::2] if node.op in PRODUCTS else node.args
                levels.append(max(levels[a] for a in operands) + (node.op in PRODUCTS))
        return levels

    def _phases(self) -> dict[int, int]:
        """The row phase that computes each node: the latest that serves all its users."""
        phase: dict[int, int] = {}
        for index in range(len(self.nodes) - 1, -1, -1):
            node = self.nodes[index]
            if index in self.leaves or not node.args:
                continue
            if node.op in PRODUCTS:
                for operand in node.args[1::2]:
                    phase[operand] = min(phase.get(operand, self.last), self.levels[index] - 1)
            else:
                phase.setdefault(index, self.levels[index])
                for arg in node.args:
                    phase[arg] = min(phase.get(arg, self.last), phase[index])
        return phase

    def _place_vectors(self) -> None:
        for index, node in enumerate(self.nodes):
            if node.op == "parameter" and len(node.shape) < 2:
                self.out.spots[index] = Spot("vector", len(self.out.vectors))
                self.out.vectors.append(index)

    def scratch(self, columns: int) -> Spot:
        self.out.scratch.append(columns)
        return Spot("scratch", len(self.out.scratch) - 1)

    def _groups(self) -> list[list[int]]:
        """Groups of product nodes that run as one: products of one operand at one level; each transposed sum alone."""
        groups: dict[tuple[int, int], list[int]] = {}
        for index, node in enumerate(self.nodes):
            if node.op in PRODUCTS and index not in self.leaves:
                key = (node.args[1], self.levels[index]) if node.op == "matmul" else (-index - 1, 0)
                groups.setdefault(key, []).append(index)
        return [sorted(members, key=self._stored_at) for members in groups.values()]

    def _stored_at(self, product: int) -> tuple[str, float, float]:
        """Where the matrix of a product stands in its stored parameter."""
        matrix = self.nodes[self.nodes[product].args[0]]
        attrs = dict(matrix.attrs)
        return matrix.name, attrs.get("row0", 0.0), attrs.get("col0", 0.0)

    def _product(self, members: list[int]) -> Product:
        """A group as a product, with spots for operand and results."""
        first = self.nodes[members[0]]
        transposed = first.op == "matmul_t"
        level = self.levels[members[0]]
        matrices = first.args[0::2] if transposed else tuple(self.nodes[m].args[0] for m in members)
        blocks = first.args[1::2] if transposed else first.args[1:2]
        operand = self._operand(members[0], blocks)
        sizes = tuple(width(self.nodes[m].shape) for m in members)
        target = [k for k, node in self.news if node == members[0]] if len(members) == 1 else []
        if target and self._free_from(target[0], level, operand):
            result = Spot("state", target[0])
        else:
            result = self.scratch(sum(padded(size, self.lanes) for size in sizes))
        column = 0
        for member, size in zip(members, sizes, strict=True):
            self.out.spots[member] = result.at(column)
            column += padded(size, self.lanes)
        operands = tuple(width(self.nodes[block].shape) for block in blocks)
        return Product(level, tuple(self.nodes[m] for m in matrices), transposed, operand, operands, result, sizes)

    def _operand(self, product: int, blocks: Sequence[int]) -> Spot:
        """Where the operand lies: where its value lies anyway, or a thread buffer with all blocks side by side."""
        if len(blocks) == 1:
            spot = self._alias(blocks[0])
            if spot is not None and spot.kind in ("state", "scratch"):
                return spot
        buffer = self.scratch(sum(padded(width(self.nodes[b].shape), self.lanes) for b in blocks))
        column = 0
        for block in blocks:
            self.stores.append((block, buffer.at(column)))
            if not self.computed(self._source(block)):
                self.early[block, buffer.at(column)] = self.levels[product] - 1
            if self.computed(block) and self.nodes[block].op != "slice":  # a slice lies where it is cut from
                self.out.spots.setdefault(block, buffer.at(column))
            column += padded(width(self.nodes[block].shape), self.lanes)
        return buffer

    def _alias(self, index: int) -> Spot | None:
        """The spot of a value, or of the part that a slice takes of one."""
        node = self.nodes[index]
        if index in self.out.spots:
            return self.out.spots[index]
        if node.op == "slice" and (inner := self._alias(node.args[0])) is not None:
            return inner.at(int(dict(node.attrs)["start"]))
        return None

    def _free_from(self, state: int, level: int, operand: Spot) -> bool:
        """Whether a product may write its result over a state: nothing reads the old value from then on."""
        leaf = next((k for k, spot in self.leaves.items() if spot == Spot("state", state)), None)
        if leaf is None or (operand.kind == "state" and operand.index == state):
            return leaf is None
        if any(new == leaf for _, new in self.news):
            return False
        for index, node in enumerate(self.nodes):
            if leaf in node.args and index not in self.leaves:
                at = self.levels[index] if node.op in PRODUCTS else self.phase.get(index, self.last)
                if node.op == "slice" or at >= level:
                    return False
        return not any(node == leaf for node, _ in self.stores) or self._store_phase(leaf) < level

    def _place_crossing(self) -> None:
        """Thread buffers for what one row phase computes and a later one reads."""
        for index, node in enumerate(self.nodes):
            if index in self.leaves or not node.args or node.op in PRODUCTS:
                continue
            for arg in node.args:
                source = self._source(arg)
                if self.computed(source) and source not in self.out.spots and self.phase[source] < self.phase[index]:
                    self.out.spots[source] = self.scratch(padded(width(self.nodes[source].shape), self.lanes))

    def _source(self, index: int) -> int:
        """What a chain of slices cuts."""
        while self.nodes[index].op == "slice" and index not in self.leaves:
            index = self.nodes[index].args[0]
        return index

    def _commits(self) -> dict[int, list[tuple[int, int]]]:
        """Row phase -> the new states, (state, node), that it stores: once nothing reads the old one any more."""
        olds = {spot.index: k for k, spot in self.leaves.items() if self._is_old(k)}
        moved = any(new in olds.values() for _, new in self.news)
        commits: dict[int, list[tuple[int, int]]] = {}
        for state, node in self.news:
            if self.out.spots.get(node) == Spot("state", state) and node not in olds.values():
                continue
            ready = self.phase[node] if self.computed(node) else self.levels[node]
            at = max(ready, self._last_use(olds[state])) if state in olds else ready
            commits.setdefault(self.last if moved else at, []).append((state, node))
            source = self._source(node)
            if self.computed(source) and self.phase[source] < (self.last if moved else at):
                self.out.spots.setdefault(source, self.scratch(padded(width(self.nodes[source].shape), self.lanes)))
        return commits

    def _is_old(self, index: int) -> bool:
        return self.leaves[index].kind == "state" and not self.nodes[index].args

    def _last_use(self, leaf: int) -> int:
        """The last row phase that may read a state's old value, behind its products."""
        last = 0
        for index, node in enumerate(self.nodes):
            if index in self.leaves or node.op == "slice" or leaf not in (self._source(a) for a in node.args):
                continue
            last = max(last, self.levels[index] if node.op in PRODUCTS else self.phase[index])
        return last

    def _store_phase(self, index: int) -> int:
        """The row phase that stores a value: where it is computed; a leaf's, its last use before it is overwritten."""
        source = self._source(index)
        if self.computed(source):
            return self.phase[source]
        node = self.nodes[source]
        if node.op in PRODUCTS and source not in self.leaves:
            return self.levels[source]
        spot = self.leaves.get(source)
        overwritten = [
            self.levels[new] - 1
            for state, new in self.news
            if spot == Spot("state", state) and self.nodes[new].op in PRODUCTS and new not in self.leaves
        ]
        return min([self._last_use(source), *overwritten])

    def _sections(self, level: int, commits: list[tuple[int, int]]) -> list[Section]:
        inside = [k for k in range(len(self.nodes)) if self.computed(k) and self.phase.get(k) == level]
        stores = [
            (node, spot) for node, spot in self.stores if self.early.get((node, spot), self._store_phase(node)) == level
        ]
        stores += [(k, self.out.spots[k]) for k in inside if self.out.spots.get(k, Spot("", 0)).kind == "scratch"]
        grads = [(node, Spot("grad", k)) for k, node in enumerate(self.out.grads) if self._store_phase(node) == level]
        stores = list(dict.fromkeys(stores + grads))
        return cut_sections(self.out, inside, stores, commits)
