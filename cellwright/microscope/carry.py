"""The carry path of a run: what it multiplies and adds at every step, and the gradient that it alone carries back.

Axes: L steps in reading order, S size of the state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cellwright.cells.cell import step_place
from cellwright.engine.graph import Builder, Graph, Node
from cellwright.errors import CellError, ConfigError
from cellwright.microscope.carry_parts import Passage
from cellwright.microscope.carry_path import Carry, CarryPaths, carry_paths
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.reading import Reading, read
from cellwright.microscope.runs import Record, Run
from cellwright.microscope.steps import node_values

__all__ = ["CarryRows", "autograd_along", "autograd_steps", "carry_gradient", "carry_rows", "paths_of", "unit_names"]

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class CarryRows:
    """s_t = a_t ⊙ s_{t−1} + b_t of one state and one sequence.

    Attributes:
        a_LS, b_LS: worked out from the nodes of a and b on the recorded x and states, all steps at once.
        before_LS, after_LS: s_{t−1} and s_t, as the engine recorded them.
    """

    reading: Reading
    paths: CarryPaths
    carry: Carry
    a_LS: Array
    b_LS: Array
    before_LS: Array
    after_LS: Array

    @property
    def state(self) -> str:
        return self.carry.state

    @property
    def units(self) -> tuple[str, ...]:
        return unit_names(self.state, self.a_LS.shape[1])


def unit_names(name: str, size: int) -> tuple[str, ...]:
    """As "c 0", "c 1" …"""
    return tuple(f"{name} {j}" for j in range(size))


def paths_of(run: Run) -> CarryPaths:
    """The carry paths of a run's cell; `verdict` says them in words."""
    return carry_paths(run.graph, run.names)


def carry_rows(
    record: Record, layer: int = 0, direction: int = 0, sequence: int = 0, state: str | None = None
) -> CarryRows:
    """The carry path's numbers.

    Args:
        state: which state; the first that carries if not given.

    Raises:
        CellError: the cell, or this state of it, has no carry path.
        ConfigError: no such state.
    """
    reading = read(record, layer, direction, sequence)
    paths = paths_of(reading.run)
    carry = _chosen(reading, paths, state)
    values = reading.values(paths.graph)
    held = reading.before[carry.state]
    a, b = torch.zeros_like(held), torch.zeros_like(held)
    for part in carry.parts:
        for into, index in ((a, part.a), (b, part.b)):
            if index is not None:
                node = paths.graph.nodes[index]
                into[:, part.start : part.stop] = reading.wide(values[index], node, part.stop - part.start)
    return CarryRows(reading, paths, carry, a.numpy(), b.numpy(), held.numpy(), reading.after[carry.state].numpy())


def _chosen(reading: Reading, paths: CarryPaths, state: str | None) -> Carry:
    cell = reading.run.cell
    if state is not None and state not in cell.state_names:
        raise ConfigError(f"Expected a state of {cell.name}, {' or '.join(cell.state_names)}, found {state!r}.")
    if not paths.carries:
        raise CellError(
            paths.verdict,
            repair="`detours` and `gradient_by_lag` follow the gradient of any cell.",
            **step_place(cell),
        )
    if state is None:
        return next(iter(paths.carries.values()))
    if state not in paths.carries:
        raise CellError(
            f"{cell.name} does not carry {state}: it is nowhere {state}′ = a ⊙ {state} + b.",
            repair=f"It carries {', '.join(paths.carries)}.",
            **step_place(cell),
        )
    return paths.carries[state]


def kept_until_end(a_LS: Array) -> Array:
    """(L, S): row t is a_{t+1} ⊙ … ⊙ a_L, what is left at the end of what stood after step t; the last row is 1."""
    later = np.concatenate([a_LS[1:], np.ones_like(a_LS[:1])])
    return np.cumprod(later[::-1], axis=0)[::-1]


def carry_gradient(
    record: Record, layer: int = 0, direction: int = 0, sequence: int = 0, state: str | None = None
) -> Figure:
    """What the carry path alone hands back: ds_L/ds_t with every other read of the old states held still.

    Formula     Π_{j=t+1..L} a_j, a vector: the path never mixes units
    Unit        1    Range of most cells [0, 1]
    Source      Hochreiter & Schmidhuber 1997 (constant error carousel); Gers et al. 2000 (with a forget gate)
    Adds up     the product of a from the cell's equations = autograd of s_L along the path through the step's own ops,
                all else detached. L factors a unit: their roundings are within 4 L eps of the largest product.
    """
    rows = carry_rows(record, layer, direction, sequence, state)
    kept = kept_until_end(rows.a_LS)
    by_autograd = autograd_along(rows)
    s, mean = rows.state, float(np.abs(kept[0]).mean())
    check = Check(
        f"Π a = d{s}_L/d{s}_t along the path",
        kept,
        by_autograd,
        4 * len(kept) * EPS * max(1.0, float(np.abs(kept).max())),
    )
    return Figure(
        name="carry_gradient",
        title=f"Gradient along the carry path of {s}",
        formula=f"d{s}_L/d{s}_t = Π a_j, j = t+1 … L, with {rows.carry.equation}",
        unit="1",
        range="any; [0, 1] where a is a gate",
        source="Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000",
        arrays={"kept": kept},
        axes={"kept": ("t", "unit")},
        labels={"t": rows.reading.steps, "unit": rows.units},
        check=check,
        notes=("Paths through gates and other states are not in it: see `detours`.",),
        verdict=f"{rows.carry.equation}: over {len(kept) - 1} steps the path keeps {mean:.3g} of a unit, on average.",
    )


def autograd_along(rows: CarryRows) -> Array:
    """(L, S): ds_L/ds_t by autograd through the step's own ops along the route, all else as recorded."""
    graph, outside = _route_graph(rows)
    live = torch.from_numpy(rows.before_LS[0].copy())
    steps: list[Tensor] = []
    for t in range(len(rows.reading)):
        given = {name: value[t] for name, value in outside.items()}
        live = node_values(graph, {**given, "carried": live})[graph.output]
        steps.append(live.requires_grad_() if not live.requires_grad else live)
    # the path is elementwise: the gradient of the sum is that of each unit
    return torch.stack(torch.autograd.grad(live.sum(), steps)).numpy()


def autograd_steps(rows: CarryRows) -> Array:
    """(L, S): ds_t/ds_{t−1} of every step by autograd along the route, all else as recorded."""
    graph, outside = _route_graph(rows)
    before = torch.from_numpy(rows.before_LS).requires_grad_()
    after = node_values(graph, {**outside, "carried": before})[graph.output]
    found: Array = torch.autograd.grad(after.sum(), before)[0].numpy()
    return found


def _route_graph(rows: CarryRows) -> tuple[Graph, dict[str, Tensor]]:
    """The ops along the route as a graph of their own, and the values of all steps that go into it from outside."""
    whole, route, builder = rows.paths.graph, rows.carry.route, Builder()
    values = rows.reading.values(whole)
    root = dict(whole.states)[rows.state]
    carried = builder.add(Node("state", (), "carried", (), whole.nodes[root].shape))
    moved: dict[int, int] = {}
    outside = {"x": rows.reading.x_LI}

    def argument(arg: int, on_path: bool) -> int:
        node = whole.nodes[arg]
        if on_path:
            return moved.get(arg, carried)
        if node.op == "constant":
            return builder.add(node)
        outside[f"v{arg}"] = rows.reading.rows(values[arg], node)
        return builder.add(Node("input", (), f"v{arg}", (), node.shape))

    def passed(index: int, passage: Passage) -> int:
        """Units of an op: those arguments that the state comes in by from the path, the others as they were."""
        node, n = whole.nodes[index], whole.nodes[index].shape[0]
        args = [argument(arg, k in passage.args) for k, arg in enumerate(node.args)]
        if len(route[index]) > 1:
            cut = {"start": passage.start, "stop": passage.stop}
            args = [builder.add_op("slice", (a,), cut) if builder.nodes[a].shape == (n,) else a for a in args]
        return builder.add_op(node.op, tuple(args), {key: int(value) for key, value in node.attrs})

    for index in sorted(route):
        pieces = tuple(passed(index, passage) for passage in route[index])
        moved[index] = pieces[0] if len(pieces) == 1 else builder.add_op("concat", pieces, {})
    return Graph(whole.cell, tuple(builder.nodes), (), moved.get(root, carried)), outside
