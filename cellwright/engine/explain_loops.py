"""A plan as loops that can be read: what stands before, in and behind the time loop, forward and backward.

v[t,b,j]    number j of v, of sequence b, at step t, in memory; without an index: in a register, this very j
[A; B] v    A v, and below it B v: one product        aᵀ b after the loop: summed over all steps and sequences
buf ← a, b  a and b are stored side by side
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from cellwright.engine.explain_names import Names, Parts, name_backward, name_forward, results_of, sections_of
from cellwright.engine.graph import Node
from cellwright.engine.hoist import Stream
from cellwright.engine.joint import JointPlan
from cellwright.engine.plan import Product, Program
from cellwright.engine.sections import REDUCTIONS, SCANS, Section
from cellwright.engine.spots import Spot, width
from cellwright.engine.text import TIGHTEST, Term, print_op

__all__ = ["ProgramText", "plan_lines", "stream_text"]

INDEX = {"array": ("t", "b"), "state": ("b",), "scratch": ("b",), "row": (), "vector": (), "grad": ()}


def plan_lines(plan: JointPlan, parts: Parts, tile: tuple[int, int]) -> list[str]:
    """Forward, then backward.

    Args:
        tile: rows and columns of a product's register tile.
    """
    forward = name_forward(plan, plan.forward, parts)
    ahead = ProgramText(plan.forward, forward, parts, tile).lines()
    backward = name_backward(plan, plan.backward, parts, forward)
    back = ProgramText(plan.backward, backward, parts, tile, plan.grads).lines()
    before = [f"s{k} = {stream_text(plan, parts, stream)}" for k, stream in enumerate(plan.hoisted.streams)]
    return [
        "forward",
        *_block("before the loop, all steps at once:", before),
        *ahead,
        "",
        "backward",
        *back,
        *_block("after the loop, all steps at once, in torch:", _after(plan, parts, forward, backward)),
    ]


def _block(title: str, lines: Sequence[str]) -> list[str]:
    return [f"  {title}", *(f"    {line}" for line in lines)] if lines else []


def stream_text(plan: JointPlan, parts: Parts, stream: Stream) -> str:
    """What a stream holds, as "x Wᵀ + b  # (T·B, 16)"."""
    nodes = plan.hoisted.before

    def said(index: int) -> Term:
        node = nodes[index]
        if node.op == "parameter":
            return parts.name(node), TIGHTEST
        if not node.args:
            return (node.name or f"{dict(node.attrs)['value']:g}"), TIGHTEST
        return print_op(node, [said(arg) for arg in node.args])

    operand = said(stream.operand)[0]
    shape = f"  # (T·B, {stream.size})"
    if not stream.rows:
        return operand + shape
    matrix = _joined(parts.named([row.matrix for row in stream.rows]))
    biases = [row.bias for row in stream.rows if row.bias is not None]
    bias = f" + {_joined(parts.named(biases))}" if biases else ""
    operand = operand if operand.isalnum() else f"({operand})"
    return f"{operand} {matrix}ᵀ{bias}{shape}, one product"


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"[{'; '.join(names)}]"


def _after(plan: JointPlan, parts: Parts, forward: Names, backward: Names) -> list[str]:
    """Gradients that are summed over all steps: of matrices, streams and vectors."""
    lines = []
    operands = {matrix: product for product in plan.forward.products for matrix in product.matrices}
    text = ProgramText(plan.forward, forward, parts, (0, 0))
    for outer in plan.outers:
        names = parts.named(outer.matrices)
        product = operands.get(outer.matrices[0])
        z = "z" if product is None else forward.products[plan.forward.products.index(product)]
        several = _joined([f"d{name}" for name in names])
        one = f"d{z}" if len(names) == 1 and "." not in names[0] else _cotangents(outer.matrices, parts, z)
        operand = text.blocks(product)[0].removesuffix("[b]") if product else "its operand"
        lines.append(f"{several} = {one}ᵀ {operand}")
    for k, stream in enumerate(plan.hoisted.streams):
        if not plan.stream_parts[k]:
            continue
        if not stream.rows:
            lines.append(f"dx += d_s{k}")
            continue
        matrix = _joined(parts.named([row.matrix for row in stream.rows]))
        biases = [row.bias for row in stream.rows if row.bias is not None]
        what = "x" if plan.hoisted.before[stream.operand].op == "input" else "operand"
        sums = f"  d{_joined(parts.named(biases))} = Σ d_s{k}" if biases else ""
        lines.append(f"d{matrix} = d_s{k}ᵀ {what}{sums}  d{what} += d_s{k} {matrix}")
    vectors = list(dict.fromkeys(f"d{parts.name(node)}" for node in plan.grads))
    return lines + ([f"{', '.join(vectors)} = the threads' sums, added up"] if vectors else [])


def _cotangents(matrices: Sequence[Node], parts: Parts, z: str) -> str:
    names = [f"d{z}.{parts.gate(node) or parts.name(node)}" for node in matrices]
    return names[0] if len(names) == 1 else f"[{' '.join(names)}]" if len(names) < 3 else f"d{z}"


class ProgramText:
    """Writes one program's loop."""

    def __init__(
        self, program: Program, names: Names, parts: Parts, tile: tuple[int, int], grads: Sequence[Node] = ()
    ) -> None:
        self.program, self.names, self.parts, self.tile = program, names, parts, tile
        self.nodes = program.nodes
        self.sums = [f"d{parts.name(node)}{'[j]' if width(node.shape) > 1 else ''}" for node in grads]
        self.statements = self._statements()
        self.local: set[int] = set()
        self.homes: dict[Spot, int] = {}
        for index, spot in program.spots.items():  # of a state the old value, which stands first
            if spot.kind in ("scratch", "row", "state"):
                self.homes.setdefault(spot, index)

    def _statements(self) -> set[int]:
        """Nodes that get a line of their own: named, stored, reduced, or read more than once."""
        uses: Counter[int] = Counter()
        kept: set[int] = set(self.names.given)
        inside = [k for section in sections_of(self.program) for k in section.nodes]
        for index in inside:
            uses.update(self.nodes[index].args)
        for section in sections_of(self.program):
            kept.update(node for node, _ in section.stores)
            if section.kind in ("copy", "scan"):
                kept.update(section.nodes)
            here = set(section.nodes)
            for index in inside:
                if index not in here:
                    kept.update(arg for arg in self.nodes[index].args if arg in here)
        kept.update(k for k in inside if uses[k] > 1 or self.nodes[k].op in REDUCTIONS)
        return {k for k in kept if self.nodes[k].args and self.nodes[k].op != "spread"}

    def lines(self) -> list[str]:
        """The time loop."""
        program = self.program
        steps = "T−1 … 0" if program.backward else "0 … T−1"
        states = ", ".join(f"{'d_' if program.backward else ''}{name}" for name, _ in program.states)
        begins = [f"where a reset says so: {states} = initial"]
        ends = [f"where a reset says so: the gradient of the initial state += {states}; {states} = 0"]
        body = [] if program.backward else begins
        for phase in program.phases:
            if isinstance(phase, Product):
                body.append(self.product(phase))
            else:
                body.append("for b in the thread's rows:")
                self.local = set()
                for section in phase.sections:
                    body += [f"  {line}" for line in getattr(self, section.kind)(section)]
        body += ends if program.backward else []
        return [f"  for t in {steps}, on every thread:", *(f"    {line}" for line in body)]

    # values

    def index(self, spot: Spot, size: int, start: int, j: bool) -> str:
        """[t,b,j] of a value in memory; of all of it if not `j`."""
        places = list(INDEX[spot.kind])
        if j and size > 1:
            places.append(f"{start}+j" if start else "j")
        elif start:
            places.append(f"{start}:{start + size}")
        return f"[{','.join(places)}]" if places else ""

    def value(self, index: int, j: bool = True) -> Term:
        """A value as the running section reads it."""
        node = self.nodes[index]
        if node.op == "constant":
            number = dict(node.attrs)["value"]
            return f"{number:g}".replace("-", "−"), TIGHTEST if number >= 0 else 2
        if node.op == "spread" and index not in self.program.spots:
            return self.value(node.args[0], j)
        if index in self.local:
            return (self.names.of(index), TIGHTEST) if index in self.statements else self.computed(index)
        size, start, inner = width(node.shape), 0, index
        while self.nodes[inner].op == "slice" and inner not in self.program.spots:
            start += int(dict(self.nodes[inner].attrs)["start"])
            inner = self.nodes[inner].args[0]
        spot = self.program.spots.get(inner)
        if spot is None:
            return self.names.of(inner), TIGHTEST
        return self.names.of(inner) + self.index(spot, size, start, j), TIGHTEST

    def computed(self, index: int) -> Term:
        node = self.nodes[index]
        text, binding = print_op(node, [self.value(arg) for arg in node.args])
        return (f"({text})", TIGHTEST) if node.op == "eq" else (text, binding)

    def named(self, index: int) -> str:
        """Left side of the line that computes a value."""
        spot = self.program.spots.get(index)
        kept = spot is not None and spot.kind in ("scratch", "row")
        return self.names.of(index) + (self.index(spot, width(self.nodes[index].shape), 0, True) if kept else "")  # type: ignore[arg-type]

    # phases

    def blocks(self, product: Product) -> list[str]:
        """The operand, or the parts that stand side by side in it."""
        found, column = [], product.operand.column
        for size in product.blocks:
            spot = Spot(product.operand.kind, product.operand.index, column)
            node = self.homes.get(spot)
            if node is None:
                stored = {s: k for section in sections_of(self.program) for k, s in section.stores}
                node = stored.get(spot)
            if node is not None:
                found.append(self.names.of(node) + self.index(spot, size, 0, False))
            else:  # a slice of what lies there
                home = max(
                    (s for s in self.homes if (s.kind, s.index) == (spot.kind, spot.index) and s.column <= column),
                    key=lambda s: s.column,
                )
                found.append(self.names.of(self.homes[home]) + self.index(home, size, column - home.column, False))
            column += -(-size // self.program.lanes) * self.program.lanes
        return found

    def plain(self, product: Product) -> str:
        """What a product multiplies, in words of the cell: h, or r ⊙ h."""
        node = self.homes.get(product.operand)
        if node is None or not self.nodes[node].args or node in self.names.given:
            return self.blocks(product)[0].removesuffix("[b]")
        return self.words(node)[0]

    def words(self, index: int) -> Term:
        """An expression of named values, without places."""
        node = self.nodes[index]
        if index in self.names.given or not node.args:
            return self.names.given.get(index) or self.value(index)[0], TIGHTEST
        return print_op(node, [self.words(arg) for arg in node.args])

    def product(self, product: Product) -> str:
        blocks, number = self.blocks(product), self.program.products.index(product)
        given = next(nodes for found, nodes in results_of(self.program) if found is product)
        left = self.names.of(given[0]) if len(given) == 1 else self.names.products[number]
        if product.result.kind == "state":
            left = self.names.of(given[0]).rstrip("′")
        if product.transposed:
            terms = zip(product.matrices, blocks, strict=True)
            right = " + ".join(f"{self.parts.name(matrix)}ᵀ {block}" for matrix, block in terms)
            depth, columns = sum(product.blocks), product.sizes[0]
        else:
            right = f"{_joined(self.parts.named(product.matrices))} {blocks[0]}"
            depth, columns = product.blocks[0], sum(product.sizes)
        rows, wide = self.tile
        return f"{left}[b] = {right}  # {depth} → {columns} for all b, {rows} × {wide} tiles"

    # sections

    def loop(self, section: Section) -> list[str]:
        over = [k for k in section.nodes if self.nodes[k].op in REDUCTIONS]
        begin = [f"{self.names.of(k)} = {'0' if self.nodes[k].op == 'sum' else '−∞'}" for k in over]
        self.local |= set(section.nodes) - set(over)
        lines = []
        for index in section.nodes:
            if index in over:
                text, name = self.value(self.nodes[index].args[0])[0], self.names.of(index)
                lines.append(f"{name} += {text}" if self.nodes[index].op == "sum" else f"{name} = max({name}, {text})")
            elif index in self.statements:
                lines.append(f"{self.named(index)} = {self.computed(index)[0]}")
        lines += self.stores(section)
        self.local -= {k for k in section.nodes if k not in over}
        self.local |= set(over)
        header = f"for j in 0 … {section.size - 1} by {self.program.lanes}:"
        return [*begin, header, *(f"  {line}" for line in lines)]

    def scalars(self, section: Section) -> list[str]:
        self.local |= set(section.nodes)
        own = [k for k in section.nodes if k in self.statements]
        return [f"{self.named(k)} = {self.computed(k)[0]}" for k in own] + self.stores(section)

    def stores(self, section: Section) -> list[str]:
        """Values stored, a line a buffer; not those whose own line says where they lie."""
        groups: dict[tuple[str, int], list[tuple[Spot, int]]] = {}
        for node, spot in section.stores:
            if self.program.spots.get(node) != spot or not self.nodes[node].args:
                groups.setdefault((spot.kind, spot.index if spot.kind != "state" else -1), []).append((spot, node))
        lines = []
        for (kind, index), members in groups.items():
            members.sort(key=lambda member: (member[0].index, member[0].column))
            values = [self.value(node)[0] for _, node in members]
            if kind == "state":
                lines.append(f"{', '.join(self.old(spot) + '[b,j]' for spot, _ in members)} = {', '.join(values)}")
            elif kind == "grad":
                lines.append(f"{self.sums[index]} += {values[0]}")
            elif kind == "array":
                lines.append(f"{self.program.arrays[index].name}[t,b] ← {', '.join(values)}")
            else:
                lines.append(f"{'u' if kind == 'scratch' else 'r'}{index}[b] ← {', '.join(values)}")
        return lines

    def old(self, spot: Spot) -> str:
        return f"{'d_' if self.program.backward else ''}{self.program.states[spot.index][0]}"

    def copy(self, section: Section) -> list[str]:
        (index,) = section.nodes
        node = self.nodes[index]
        values = [self.value(arg, j=False)[0] for arg in node.args]
        if node.op == "pad":
            start = int(dict(node.attrs)["start"])
            stop = start + width(self.nodes[node.args[0]].shape)
            around = ["0 …"] * (start > 0) + values + ["0 …"] * (stop < section.size)
            return [f"{self.names.of(index)} = [{' | '.join(around)}]", *self.stores(section)]
        return [f"{self.names.of(index)} = [{' | '.join(values)}]", *self.stores(section)]

    def scan(self, section: Section) -> list[str]:
        (index,) = section.nodes
        down = self.nodes[index].op == SCANS[1]
        name, value = self.names.of(index), self.value(self.nodes[index].args[0])[0]
        header = f"for j in {section.size - 1} … 0:" if down else f"for j in 0 … {section.size - 1}:"
        return [header, f"  {name}[j] = {name}[j{'+' if down else '−'}1] + {value}"]

    def commit(self, section: Section) -> list[str]:
        held: Mapping[Spot, int] = self.homes
        stored = {spot: node for other in sections_of(self.program) for node, spot in other.stores}
        lines = []
        for source, target, size in section.commits:
            node = held.get(source, stored.get(source))
            text = self.names.of(node) if node is not None else "its new value"
            lines.append(f"{self.old(target)}[b] = {text}{self.index(source, size, 0, False)}")
        return lines
