"""By which gate the gradient comes back: λ_{t−1} apart by the places where the step reads the old state.

A read is where a state, or a join or slice of states, enters another op: R_i h, p_i ⊙ c, r ⊙ h, f ⊙ c. The gradient of
the old state is the sum of what comes through its reads, at every step.

Axes: L steps in reading order, Q reads, S size of the state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from cellwright.engine.graph import LEAVES, Builder, Graph, Node
from cellwright.errors import ConfigError
from cellwright.microscope.back import Arriving, arriving
from cellwright.microscope.carry import paths_of, unit_names
from cellwright.microscope.carry_path import said
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.reading import Reading, read
from cellwright.microscope.runs import Record, Run

__all__ = ["Reads", "arrival_by_gate", "find_reads"]

EPS = float(np.finfo(np.float64).eps)
PASSING = ("concat", "slice", "identity")


@dataclass(frozen=True, slots=True)
class Reads:
    """The reads of a step.

    Attributes:
        graph: the step, in which every read has copies of the states to itself: leaves "h of 0", "h of 1" …
        labels: of each read: the named value that it leads to, and how the state is read: "i: R_i h".
        states: of each read: the states it reads.
    """

    graph: Graph
    labels: tuple[str, ...]
    states: tuple[tuple[str, ...], ...]


def find_reads(run: Run) -> Reads:
    """Every place where a run's step reads an old state."""
    whole, builder = run.graph, Builder()
    nodes = whole.nodes
    passing = _passing(whole)
    spoken = {index: name for name, index in sorted(run.names.items(), reverse=True)}
    leads = _nearest_names(run)
    carried = {edge: name for name, carry in paths_of(run).carries.items() for edge in carry.edges}
    labels: list[str] = []
    states: list[tuple[str, ...]] = []

    def copied(arg: int, of: int) -> int:
        """A state, or a join of states, from copies that this read has to itself."""
        node = nodes[arg]
        if node.op == "state":
            return builder.add(Node("state", (), f"{node.name} of {of}", (), node.shape))
        args = tuple(copied(a, of) if a in passing else moved[a] for a in node.args)
        return builder.add(Node(node.op, args, "", node.attrs, node.shape))

    def reading(arg: int, label: str) -> int:
        labels.append(label)
        states.append(tuple(dict.fromkeys(_leaves_of(whole, arg))))
        return copied(arg, len(labels) - 1)

    moved: list[int] = []
    for index, node in enumerate(nodes):
        if index in passing or node.op in LEAVES:
            moved.append(builder.add(node))
            continue
        args = []
        for k, arg in enumerate(node.args):
            if arg not in passing:
                args.append(moved[arg])
                continue
            how = said(nodes, {i: n for i, n in spoken.items() if i != index}, index, 2)
            to = f"{carried[index, k]}′, carried" if (index, k) in carried else leads.get(index, "unnamed")
            args.append(reading(arg, f"{to}: {how}"))
        moved.append(builder.add(Node(node.op, tuple(args), node.name, node.attrs, node.shape)))
    roots = []
    for name, index in whole.states:
        roots.append((name, reading(index, f"{name}′: handed on") if index in passing else moved[index]))
    output = reading(whole.output, "the output itself") if whole.output in passing else moved[whole.output]
    return Reads(Graph(whole.cell, tuple(builder.nodes), tuple(roots), output), _unique(labels), tuple(states))


def _passing(graph: Graph) -> set[int]:
    """States, and values that are nothing but states put together or cut."""
    found: set[int] = set()
    for index, node in enumerate(graph.nodes):
        if node.op == "state" or (node.op in PASSING and any(arg in found for arg in node.args)):
            found.add(index)
    return found


def _leaves_of(graph: Graph, index: int) -> list[str]:
    node = graph.nodes[index]
    if node.op == "state":
        return [node.name]
    return [name for arg in node.args if node.op in PASSING for name in _leaves_of(graph, arg)]


def _nearest_names(run: Run) -> dict[int, str]:
    """node -> the first named value that is made of it, itself included."""
    nodes = run.graph.nodes
    found: dict[int, str] = {}
    named = {index: name for name, index in sorted(run.names.items(), reverse=True)}
    named |= {index: f"{name}′" for name, index in run.graph.states if nodes[index].op not in LEAVES}
    for index, name in sorted(named.items()):  # earlier values claim their arguments first
        todo = [index]
        while todo:
            at = todo.pop()
            if at not in found:
                found[at] = name
                todo.extend(nodes[at].args)
    return found


def _unique(labels: list[str]) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    found = []
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
        found.append(label if labels.count(label) == 1 else f"{label} ({counts[label]})")
    return tuple(found)


def arrival_by_gate(
    record: Record, layer: int = 0, direction: int = 0, sequence: int = 0, state: str | None = None
) -> Figure:
    """The gradient of a state, by the gate or product through which the next step handed it back.

    Args:
        state: which state; the cell's first if not given.

    Formula     λ_{t−1} = Σ over reads of the gradient through that read; for the LSTM's h: Σ over gates of R_gᵀ δ_g
    Unit        that of the target, per unit of the state; share: 1, signed, Σ = 1
    Source      Hochreiter 1991; Gers & Schmidhuber 2000 (peepholes); the split for any cell: cellwright
    Adds up     Σ over reads = d target / d state as the next step sees it. Left: the step's ops, with a copy of the
                state for each read; right: what the engine's own backward pass of the whole run gave. Tolerance
                256 eps L times the largest gradient met: both sum over units, gates and later steps.

    Raises:
        ConfigError: the record was made without a target; no such state.
    """
    reading = read(record, layer, direction, sequence)
    run = reading.run
    state = state or run.state_names[0]
    if state not in run.state_names:
        raise ConfigError(f"Expected a state of {run.cell.name}, {' or '.join(run.state_names)}, found {state!r}.")
    here = arriving(reading)
    reads = find_reads(run)
    arrived_LQS = _arrived(reading, reads, state, here)[1:]
    by_engine = here.states_LN[:-1, reading.places[state]].numpy()
    largest = max(float(here.states_LN.abs().max()), float(here.output_LO.abs().max()))
    kept = [q for q, names in enumerate(reads.states) if state in names]
    labels = tuple(reads.labels[q] for q in kept)
    arrived = arrived_LQS[:, kept]
    total = arrived.sum(axis=1)
    square = (total**2).sum(axis=1)
    share = np.einsum("lqs,ls->lq", arrived, total) * (1 / np.where(square > 0, square, np.inf))[:, None]
    steps = reading.steps[1:]
    return Figure(
        name="arrival_by_gate",
        title=f"Gradient of {state} by the gate it comes back through",
        formula=f"λ_{{t−1}} of {state} = Σ over reads of {state}",
        unit="target per unit of the state",
        range="any",
        source="Hochreiter 1991; Gers & Schmidhuber 2000; cellwright",
        arrays={"share": share, "arrived": arrived, "norm": np.sqrt((arrived**2).sum(axis=2))},
        axes={"share": ("t", "read"), "arrived": ("t", "read", "unit"), "norm": ("t", "read")},
        labels={"t": steps, "read": labels, "unit": unit_names(state, total.shape[1])},
        check=Check(
            f"Σ over reads = d target / d {state}_t−1",
            total,
            by_engine,
            256 * EPS * len(reading) * max(largest, 1e-300),
        ),
        notes=(
            "t is the step that reads the state and hands its gradient back to the step before.",
            *(() if steps else ("One step: nothing is handed back.",)),
        ),
        verdict=_verdict(share, labels, state),
    )


def _verdict(share_LQ: Array, labels: tuple[str, ...], state: str) -> str:
    if not share_LQ.any():
        return f"No gradient comes back to {state}." if share_LQ.size else ""
    mean = np.abs(share_LQ).mean(axis=0)
    most = int(mean.argmax())
    return (
        f"Most of the gradient of {state} comes back through {labels[most]}: {share_LQ[:, most].mean():.0%} on average."
    )


def _arrived(reading: Reading, reads: Reads, state: str, here: Arriving) -> Array:
    """(L, Q, S): what each step hands back to the state before it, by read."""
    copies = {
        f"{name} of {q}": reading.before[name].clone().requires_grad_()
        for q, names in enumerate(reads.states)
        for name in names
    }
    values = reading.values(reads.graph, copies)
    outward = [(at, here.states_LN[:, reading.places[name]]) for name, at in reads.graph.states]
    outward.append((reads.graph.output, here.output_LO))
    total = torch.zeros((), dtype=torch.float64)
    for at, cotangent in outward:
        total = total + (reading.rows(values[at], reads.graph.nodes[at]) * cotangent).sum()
    size = reading.before[state].shape[1]
    wanted = [copies.get(f"{state} of {q}") for q in range(len(reads.labels))]
    asked = [copy for copy in wanted if copy is not None]
    if not asked or not total.requires_grad:
        return np.zeros((len(reading), len(wanted), size))
    found = iter(torch.autograd.grad(total, asked, allow_unused=True, materialize_grads=True))
    zero = torch.zeros(len(reading), size, dtype=torch.float64)
    return torch.stack([zero if copy is None else next(found) for copy in wanted], dim=1).numpy()
