"""The gradient by number of detours: how often it left the carry path on its way back.

    J_t = A0 + A1          J = ds_t/ds_{t−1} over all states side by side
    A0                     the carry path: diag(a) of each state that carries, and what a state without a carry path
                           (the LSTM's h) reads of the new value that was carried
    A1                     all else: every read of an old state by a gate, a candidate, a matrix, another memory
    P_m ← P_m A0 + P_{m−1} A1,   P_0 = the rows to follow;   Σ_m P_m = rows · J_L … J_{t+1}

Axes: L steps in reading order, K rows that are followed, M numbers of detours, N all states side by side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cellwright.engine.graph import Builder, Graph, Node
from cellwright.errors import ConfigError, ShapeError
from cellwright.microscope.back import arriving, from_output
from cellwright.microscope.carry import paths_of
from cellwright.microscope.carry_path import CarryPaths
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.reading import Reading, read
from cellwright.microscope.runs import Record
from cellwright.microscope.step_rows import states_back
from cellwright.microscope.steps import node_values

__all__ = ["Detours", "detour_parts", "detours"]

EPS = float(np.finfo(np.float64).eps)
NOTHING = 1e-280  # below it, products of float64 lose digits to underflow


@dataclass(frozen=True, slots=True)
class Detours:
    """Rows followed back through time, apart by detours.

    Attributes:
        parts_LMKN: [t, m]: what arrives at the states after step t by m detours; the last m also holds all above it.
        whole_LKN: the same in one, by autograd from the last state to each earlier one.
    """

    reading: Reading
    paths: CarryPaths
    parts_LMKN: Array
    whole_LKN: Array


def detours(
    record: Record,
    layer: int = 0,
    direction: int = 0,
    sequence: int = 0,
    rows: Array | str = "states",
    most: int = 8,
) -> Figure:
    """Share of the gradient that arrives at each earlier step by 0, 1, 2 … detours from the carry path.

    Args:
        rows: "states": all units of the last state, so that the whole matrix M(L, t) is taken apart; "target": the
            gradient of the record's target as it arrives at the last step; or rows (K, N) of your own.
        most: detours counted one by one; the last column holds this many and more.

    Formula     share_m = ⟨P_m, M⟩ / ⟨M, M⟩ (sum over all entries), M = rows · J_L … J_{t+1}
    Unit        1, signed: parts of opposite sign cancel, so that one share may pass 1 or fall below 0
    Source      cellwright; A0 alone is the constant error carousel of Hochreiter & Schmidhuber 1997
    Adds up     Σ_m share_m = 1: P_m from the blocks of one step, M from autograd through all steps at once. Relative
                roundings of both grow with steps and units: 64 eps L √N, times (Σ_m |P_m|)/|M| where parts cancel.
                Where M is 0, or below 1e-280, there is nothing to share: both sides are 0.

    Without a carry path (Elman) every step is a detour: m is the lag.
    """
    found = detour_parts(record, layer, direction, sequence, rows, most)
    parts, whole = found.parts_LMKN, found.whole_LKN
    reading = found.reading
    # scaled first: squares of what has nearly vanished would be 0
    size_L = np.abs(whole).max(axis=(1, 2), initial=0.0)
    unit_L = np.where(size_L > NOTHING, size_L, 1.0)
    whole_L, parts_L = whole / unit_L[:, None, None], parts / unit_L[:, None, None, None]
    total_L = np.where(size_L > NOTHING, (whole_L**2).sum(axis=(1, 2)), 0.0)
    share_LM = np.einsum("lmkn,lkn->lm", parts_L, whole_L) * (1 / np.where(total_L > 0, total_L, np.inf))[:, None]
    norm_LM = np.sqrt((parts_L**2).sum(axis=(2, 3))) * unit_L[:, None]
    cancelling = float((np.abs(share_LM).sum(axis=1)).max(initial=1.0))
    check = Check(
        "Σ_m share_m = 1",
        share_LM.sum(axis=1),
        (total_L > 0).astype(np.float64),
        64 * EPS * len(reading) * math.sqrt(reading.width) * max(1.0, cancelling),
    )
    counts = (*(str(m) for m in range(share_LM.shape[1] - 1)), f"{share_LM.shape[1] - 1}+")
    return Figure(
        name="detours",
        title="Gradient by number of detours from the carry path",
        formula="share_m = ⟨P_m, M⟩ / ⟨M, M⟩, P_m ← P_m A0 + P_{m−1} A1",
        unit="1",
        range="any; Σ_m = 1",
        source="cellwright; Hochreiter & Schmidhuber 1997",
        arrays={"share": share_LM, "norm": norm_LM},
        axes={"share": ("t", "detours"), "norm": ("t", "detours")},
        labels={"t": reading.steps, "detours": counts},
        check=check,
        notes=(
            "t is the step whose states the gradient has arrived at; the last row is where it starts.",
            "norm is |P_m|: norms of parts do not add up, shares do.",
            *(() if found.paths.carries else (found.paths.verdict + " Every step is a detour: m is the lag.",)),
        ),
        verdict=_verdict(share_LM, reading),
    )


def _verdict(share_LM: Array, reading: Reading) -> str:
    first = share_LM[0]
    if not first.any():
        return f"Nothing arrives at {reading.steps[0]}, over {len(reading) - 1} steps."
    where = f"At {reading.steps[0]}, {len(reading) - 1} steps back"
    return f"{where}: {first[0]:.1%} by the carry path alone, {1 - first[0]:.1%} by detours."


def detour_parts(
    record: Record,
    layer: int = 0,
    direction: int = 0,
    sequence: int = 0,
    rows: Array | str = "states",
    most: int = 8,
) -> Detours:
    """The parts P_m themselves, arguments as of `detours`: L · (most + 1) · K · N numbers."""
    if most < 1:
        raise ConfigError(f"Expected at least one detour to be counted, found most={most}.")
    reading = read(record, layer, direction, sequence)
    paths = paths_of(reading.run)
    start_KN = _rows(reading, rows)
    back = _one_step_back(reading, paths)
    held = torch.zeros(most + 1, *start_KN.shape, dtype=torch.float64)
    held[0] = start_KN
    found = [held]
    for t in range(len(reading) - 1, 0, -1):
        carried, detoured = back(t, held.flatten(0, 1))
        by_carry, by_detour = carried.view_as(held), detoured.view_as(held)
        held = by_carry.clone()
        held[1:] += by_detour[:-1]
        held[-1] += by_detour[-1]
        found.append(held)
    parts = torch.stack(found[::-1]).numpy()
    return Detours(reading, paths, parts, states_back(reading, start_KN).numpy())


def _rows(reading: Reading, rows: Array | str) -> Tensor:
    if isinstance(rows, str):
        if rows == "states":
            return torch.eye(reading.width, dtype=torch.float64)
        if rows != "target":
            raise ConfigError(f'Expected rows="states", "target" or an array (K, {reading.width}), found {rows!r}.')
        return target_row(reading)
    given = np.atleast_2d(np.asarray(rows, np.float64))
    if given.shape[1:] != (reading.width,):
        raise ShapeError(f"Expected rows (K, {reading.width}), one column a unit of every state, found {given.shape}.")
    return torch.from_numpy(given)


def target_row(reading: Reading) -> Tensor:
    """(1, N): d target / d each state after the last step, the other states held: through the output, and through the
    state itself where the target reads it. Raises ConfigError when the record has no gradients."""
    here = arriving(reading)
    return (from_output(reading, here.output_LO) + here.states_LN)[-1:]


def _one_step_back(reading: Reading, paths: CarryPaths) -> Callable[[int, Tensor], tuple[Tensor, Tensor]]:
    """(t, rows (K, N)) -> rows · A0 and rows · A1 of step t."""
    graph, weights = split_graph(paths), reading.weights
    places, carries = reading.places, list(paths.carries)

    def step(t: int, count: int) -> tuple[Tensor, list[Tensor]]:
        """The new states, `count` times; and what they were made of: each state as carried, and as read otherwise."""
        old = {name: held[t].repeat(count, 1).requires_grad_() for name, held in reading.before.items()}
        carried = {f"carried {name}": old[name].detach().clone().requires_grad_() for name in carries}
        found = node_values(graph, {"x": reading.x_LI[t].expand(count, -1), **old, **carried, **weights})
        new = torch.cat([found[at].expand(count, -1) for _, at in graph.states], dim=1)
        return new, [*carried.values(), *old.values()]

    def back(t: int, rows_KN: Tensor) -> tuple[Tensor, Tensor]:
        on_path, off_path = torch.zeros_like(rows_KN), torch.zeros_like(rows_KN)
        new, leaves = step(t, len(rows_KN))
        if not new.requires_grad:
            return on_path, off_path
        # what one memory reads of another that was carried is a detour: only a state's own rows, and those of states
        # that carry nothing, stay on the path
        several = len(carries) > 1
        found = torch.autograd.grad(
            (new * rows_KN).sum(), leaves, materialize_grads=True, allow_unused=True, retain_graph=several
        )
        by_carry, by_reads = found[: len(carries)], found[len(carries) :]
        for (_, place), reads in zip(places.items(), by_reads, strict=True):
            off_path[:, place] = reads
        for k, name in enumerate(carries):
            own = by_carry[k]
            if several:
                allowed = rows_KN.clone()
                for other in carries:
                    allowed[:, places[other]] *= other == name
                own = torch.autograd.grad(
                    (new * allowed).sum(), leaves[k], materialize_grads=True, allow_unused=True, retain_graph=True
                )[0]
            on_path[:, places[name]] = own
            off_path[:, places[name]] += by_carry[k] - own
        return on_path, off_path

    return back


def split_graph(paths: CarryPaths) -> Graph:
    """The step with two readings of each state that carries: s′ = a ⊙ (carried s) + b, and all else reads s."""
    whole = paths.graph
    builder, moved = Builder(), dict[int, int]()
    roots = {index: name for name, index in whole.states if name in paths.carries}
    roots = {index: name for index, name in roots.items() if whole.nodes[index].op != "state"}

    def value(root: int) -> int:
        """The node's copy, arguments first."""
        todo = [root]
        while todo:
            index = todo[-1]
            if index in moved:
                todo.pop()
                continue
            wanted = _needs(paths, roots[index]) if index in roots else whole.nodes[index].args
            missing = [arg for arg in wanted if arg not in moved]
            if missing:
                todo.extend(missing)
                continue
            moved[index] = _carried(paths, roots[index], builder, moved) if index in roots else _copied(index)
            todo.pop()
        return moved[root]

    def _copied(index: int) -> int:
        node = whole.nodes[index]
        return builder.add(Node(node.op, tuple(moved[a] for a in node.args), node.name, node.attrs, node.shape))

    states = []
    for name, index in whole.states:
        if name in paths.carries and roots.get(index) != name:  # handed on as it is, or one value for two states
            for arg in _needs(paths, name):
                value(arg)
            states.append((name, _carried(paths, name, builder, moved)))
        else:
            states.append((name, value(index)))
    return Graph(whole.cell, tuple(builder.nodes), tuple(states), states[0][1])


def _needs(paths: CarryPaths, name: str) -> tuple[int, ...]:
    parts = paths.carries[name].parts
    return tuple(index for part in parts for index in (part.a, part.b) if index is not None)


def _carried(paths: CarryPaths, name: str, builder: Builder, moved: Mapping[int, int]) -> int:
    """a ⊙ (carried s) + b, part by part."""
    carry, pieces = paths.carries[name], []
    size = carry.parts[-1].stop
    leaf = builder.add(Node("state", (), f"carried {name}", (), (size,)))
    for part in carry.parts:
        own = leaf
        if (part.start, part.stop) != (0, size):
            own = builder.add_op("slice", (leaf,), {"start": part.start, "stop": part.stop})
        if part.a is not None:
            own = builder.add_op("mul", (moved[part.a], own), {})
            own = own if part.b is None else builder.add_op("add", (own, moved[part.b]), {})
        else:
            assert part.b is not None
            own = moved[part.b]
        pieces.append(own)
    return pieces[0] if len(pieces) == 1 else builder.add_op("concat", tuple(pieces), {})
