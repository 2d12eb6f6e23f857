"""Names for the values of a plan: a cell's own words where its text has them (gates, states, parameters), else v1, v2 …

h, c            states as the step finds them         h′, c′      as it leaves them
s0.i            column block of a stream that gate i reads; x where a stream is the input itself
z.i             product whose matrix holds the rows of gate i, as R.i h
                z1, z2 … where there are several; p where the cell has a z
i, f …          what a gate's nonlinearity gives
dy, d_h, dz.i   gradients that arrive, of old states, of what gate i's product gave
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cellwright.engine.graph import Node
from cellwright.engine.joint import JointPlan
from cellwright.engine.plan import Product, Program
from cellwright.engine.sections import Section
from cellwright.engine.stored import stored_rows

__all__ = ["Names", "Parts", "name_backward", "name_forward", "results_of", "sections_of"]

PRODUCTS = ("matmul", "matmul_t")
GATES = ("sigmoid", "tanh", "relu", "softplus", "exp")


def sections_of(program: Program) -> Iterator[Section]:
    """All sections of all row phases."""
    for phase in program.phases:
        if not isinstance(phase, Product):
            yield from phase.sections


@dataclass(frozen=True, slots=True)
class Parts:
    """What rows and columns of stored tensors are called.

    Args:
        shapes: of the cell's parameters, "W.i" (H, I) …
    """

    shapes: Mapping[str, tuple[int, ...]]

    def named(self, nodes: Sequence[Node]) -> list[str]:
        """Parameter nodes one below the other; a stored tensor's own name where together they are all of it."""
        texts = [self.name(node) for node in nodes]
        head = nodes[0].name
        whole = [name for name in self.shapes if name.split(".")[0] == head]
        return [head] if len(whole) > 1 and texts == whole else texts

    def name(self, node: Node) -> str:
        """One parameter node: "R.i", "W.i[:, 0:3]", "p_i"."""
        attrs, rows = dict(node.attrs), stored_rows(self.shapes)
        if "row0" not in attrs:
            return node.name
        first, stop = int(attrs["row0"]), int(attrs["row1"])
        inside = [
            name
            for name, (start, end) in rows.items()
            if name.split(".")[0] == node.name and start < stop and first < end
        ]
        low, high = rows[inside[0]][0], rows[inside[-1]][1]
        text = inside[0] if len(inside) == 1 else f"{node.name}.({' '.join(n.split('.')[-1] for n in inside)})"
        cuts = [f"{first - low}:{stop - low}" if (first, stop) != (low, high) else ":"]
        if len(node.shape) == 2:
            columns = int(attrs.get("col0", 0)), int(attrs.get("col1", node.shape[1]))
            cuts.append(f"{columns[0]}:{columns[1]}" if columns != (0, self.shapes[inside[0]][1]) else ":")
        while cuts and cuts[-1] == ":":
            cuts.pop()
        return f"{text}[{', '.join(cuts)}]" if cuts else text

    def gate(self, node: Node) -> str | None:
        """The gate whose rows a parameter node holds; None for an extra parameter, or rows of several."""
        name = self.name(node)
        return name.split(".")[1] if name in self.shapes and "." in name else None


@dataclass(slots=True)
class Names:
    """Names of one program's nodes.

    Attributes:
        given: position -> name.
        count: how many v1, v2 … have been given so far.
        products: name of what each product gives as a whole, in order: z, or z1, z2 …
    """

    given: dict[int, str]
    count: int
    products: list[str]

    def of(self, index: int) -> str:
        """The name of a node, given now if it has none."""
        if index not in self.given:
            self.count += 1
            self.given[index] = f"v{self.count}"
        return self.given[index]


def results_of(program: Program) -> Iterator[tuple[Product, list[int]]]:
    """Each product with the nodes that it gives, in order."""
    at = {spot: k for k, spot in program.spots.items() if program.nodes[k].op in PRODUCTS}
    for product in program.products:
        column, found = 0, []
        for size in product.sizes:
            found.append(at[product.result.at(column)])
            column += -(-size // program.lanes) * program.lanes
        yield product, found


def written_to(program: Program, array: str) -> dict[int, int]:
    """Column -> node: what a step leaves in an array."""
    return {
        spot.column: node
        for section in sections_of(program)
        for node, spot in section.stores
        if spot.kind == "array" and program.arrays[spot.index].name == array
    }


def _name_new_states(program: Program, given: dict[int, str], letters: str) -> None:
    """letters + h′ for what is stored over a state."""
    at = {spot: node for node, spot in program.spots.items()}
    new: list[tuple[int, int]] = []
    for section in sections_of(program):
        new += [(node, spot.index) for node, spot in section.stores if spot.kind == "state"]
        new += [(at[source], target.index) for source, target, _ in section.commits if source in at]
    new += [
        (nodes[0], product.result.index) for product, nodes in results_of(program) if product.result.kind == "state"
    ]
    for node, state in new:
        if program.nodes[node].args:
            given.setdefault(node, f"{letters}{program.states[state][0]}′")


def name_forward(plan: JointPlan, program: Program, parts: Parts) -> Names:
    """Names for a forward program."""
    given = _leaves(plan, program, parts)
    taken = {name.split(".")[-1] for name in parts.shapes} | {name for name, _ in program.states}
    letter = next(letter for letter in ("z", "p", "q", "product") if letter not in taken)
    products = []
    for number, (product, nodes) in enumerate(results_of(program), start=1):
        z = f"{letter}{number}" if len(program.products) > 1 else letter
        products.append(z)
        if product.result.kind == "state":
            given[nodes[0]] = f"{program.states[product.result.index][0]}′"
        for node, matrix in zip(nodes, product.matrices, strict=True):
            given.setdefault(node, f"{z}.{parts.gate(matrix) or parts.name(matrix)}")
    _name_new_states(program, given, "")
    for index in written_to(program, "y").values():
        if program.nodes[index].args:
            given.setdefault(index, "y")
    _name_gates(plan, program, parts, given)
    return Names(given, 0, products)


def _leaves(plan: JointPlan, program: Program, parts: Parts) -> dict[int, str]:
    given: dict[int, str] = {}
    for index, node in enumerate(program.nodes):
        if node.op == "stream":
            stream = plan.hoisted.streams[int(node.name[1:])]
            if not stream.rows:
                given[index] = "x"
                continue
            column = 0
            for row in stream.rows:
                if column == int(dict(node.attrs)["column"]):
                    given[index] = f"{node.name}.{parts.gate(row.matrix) or parts.name(row.matrix)}"
                column += row.matrix.shape[0]
        elif node.op == "parameter":
            given[index] = parts.name(node)
        elif node.op == "state":
            given[index] = node.name
    return given


def _name_gates(plan: JointPlan, program: Program, parts: Parts, given: dict[int, str]) -> None:
    """A nonlinearity of sums that read one gate's products, streams or biases only is that gate."""
    nodes, taken = program.nodes, set(given.values())
    of_leaf: dict[int, str | None] = {}
    for index, node in enumerate(nodes):
        if node.op == "parameter":
            of_leaf[index] = parts.gate(node)
        elif node.op in ("stream", "matmul") and "." in given.get(index, ""):
            of_leaf[index] = given[index].split(".", 1)[1]
    gates = {name.split(".")[1] for name in parts.shapes if "." in name}

    def behind(index: int, seen: set[int]) -> set[str]:
        if index in seen:
            return set()
        seen.add(index)
        if index in of_leaf:
            return {gate for gate in (of_leaf[index],) if gate is not None and gate in gates}
        if index in given:
            return set()
        return {gate for arg in nodes[index].args for gate in behind(arg, seen)}

    for index, node in enumerate(nodes):
        softmax = node.op == "div" and nodes[node.args[0]].op == "exp" and nodes[node.args[1]].op == "sum"
        part_of_softmax = node.op == "exp" and any(n.op == "sum" and n.args == (index,) for n in nodes)
        if index in given or not (softmax or (node.op in GATES and not part_of_softmax)):
            continue
        found = behind(index, set())
        if len(found) == 1 and not found & taken:
            given[index] = found.pop()
            taken.add(given[index])


def name_backward(plan: JointPlan, program: Program, parts: Parts, forward: Names) -> Names:
    """Names for the backward program: what it reads back or computes again keeps its name."""
    saving = plan.forward
    given = _leaves(plan, program, parts)
    saved, known = written_to(saving, "saved"), _Known()
    first = [known.key(node, ()) if not node.args else -1 for node in saving.nodes]
    for index, node in enumerate(saving.nodes):
        if node.args:
            first[index] = known.key(node, tuple(first[a] for a in node.args))
    named = {first[index]: name for index, name in forward.given.items()}
    own: list[int] = []
    for index, node in enumerate(program.nodes):
        if node.op == "saved":
            own.append(first[saved[program.spots[index].column]])
        else:
            own.append(known.key(node, tuple(own[a] for a in node.args)))
        if own[index] in named:
            given.setdefault(index, named[own[index]])
        if node.op == "cotangent":
            given[index] = "dy" if node.name == "output.y" else f"d_{node.name}"
    _name_cotangents(plan, program, parts, given, forward)
    _name_new_states(program, given, "d_")
    products = []
    for number, (_, nodes) in enumerate(results_of(program), start=1):
        products.append(f"u{number}")
        given.setdefault(nodes[0], f"u{number}")
    return Names(given, forward.count, products)


def _name_cotangents(plan: JointPlan, program: Program, parts: Parts, given: dict[int, str], forward: Names) -> None:
    """dz.i for what is stored for the gradient of R.i, ds0.i for what goes to a stream alone."""
    named: dict[Node, str] = {}
    for product, nodes in results_of(plan.forward):
        named |= {matrix: forward.given[node] for node, matrix in zip(nodes, product.matrices, strict=True)}
    for outer in plan.outers:
        stores = written_to(program, program.arrays[outer.cotangents.index].name)
        for matrix, column in zip(outer.matrices, outer.columns, strict=True):
            node = stores.get(outer.cotangents.column + column)
            if node is not None and program.nodes[node].args:
                name = named.get(matrix, f"z.{parts.name(matrix)}")
                given.setdefault(node, f"d{name}" if "." in name else f"dz.{parts.name(matrix)}")
    for k, stream in enumerate(plan.hoisted.streams):
        column = 0
        stores = written_to(program, f"d_s{k}")
        for row in stream.rows:
            if column in stores and program.nodes[stores[column]].args:
                given.setdefault(stores[column], f"ds{k}.{parts.gate(row.matrix) or parts.name(row.matrix)}")
            column += row.matrix.shape[0]


class _Known:
    """One number for each value, equal for values computed alike from the same leaves."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[str, tuple[int, ...], str, tuple[tuple[str, float], ...], tuple[int, ...]], int] = {}

    def key(self, node: Node, args: tuple[int, ...]) -> int:
        return self.numbers.setdefault((node.op, args, node.name, node.attrs, node.shape), len(self.numbers))
