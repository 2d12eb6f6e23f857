"""An upper bound of ‖ds_t/ds_{t−1}‖ from the equations, where they allow one: γ σ1(R) of a simple recurrent network.

    h′ = φ(W x + R h + b)              ‖J‖ ≤ γ σ1(R),   γ = sup |φ′|: tanh 1, σ ¼, relu 1
    h′ = (1 − α) h + α φ(…)            ‖J‖ ≤ |1 − α| + |α| γ σ1(R)
    c′ = f ⊙ c + …, f reads h          none: how steep a product of two reads is depends on how large they are

Each rule bounds how far a value moves, in the Euclidean norm, when all old states together move by 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from cellwright.engine.graph import Node
from cellwright.microscope.carry_path import said
from cellwright.microscope.reading import Reading

__all__ = ["StepBound", "step_bound"]


@dataclass(frozen=True, slots=True)
class StepBound:
    """β with ‖J_t‖ ≤ β at every step of this run; None where the equations allow none, and why."""

    value: float | None
    reason: str


STEEPEST = {"tanh": 1.0, "sigmoid": 0.25, "relu": 1.0, "softplus": 1.0, "identity": 1.0, "neg": 1.0, "abs": 1.0,
            "softmax": 0.5, "slice": 1.0, "amax": 1.0}  # fmt: skip
FLAT = ("lt", "le", "gt", "ge")


def step_bound(reading: Reading) -> StepBound:
    """The bound for a run's weights and inputs. Values that do not read the state count with their largest size in this
    run; parameters with their own."""
    graph = reading.run.graph
    values = reading.values(graph)
    moves: list[float | None] = []
    reason = ""
    for index, node in enumerate(graph.nodes):
        if not node.args:
            moves.append(1.0 if node.op == "state" else 0.0)
            continue
        args = [moves[arg] for arg in node.args]
        known = [move for move in args if move is not None]
        if len(known) < len(args):
            moves.append(None)
            continue
        moves.append(_moves(reading, node, known, values))
        if moves[-1] is None and not reason:
            spoken = {at: name for name, at in reading.run.names.items() if at != index}
            reason = f"how steep {said(graph.nodes, spoken, index, 2)} is depends on the state itself."
    roots = [move for _, at in graph.states if (move := moves[at]) is not None]
    if len(roots) < len(graph.states):
        return StepBound(None, reason)
    whole = math.sqrt(sum(root * root for root in roots))
    return StepBound(whole, "from the weights and each function's steepest slope")


def _moves(reading: Reading, node: Node, args: list[float], values: list[Tensor]) -> float | None:
    if node.op in FLAT or not any(args):
        return 0.0
    nodes = reading.run.graph.nodes
    n = node.shape[0] if node.shape else 1
    if node.op == "matmul":
        return float(np.linalg.norm(values[node.args[0]].numpy(), 2)) * args[1]
    if node.op == "concat":
        return math.sqrt(sum(a * a for a in args))
    if node.op in STEEPEST:
        return STEEPEST[node.op] * args[0]
    if node.op in ("sum", "mean", "cumsum"):
        width = nodes[node.args[0]].shape[0]
        running = float(np.linalg.norm(np.tri(width), 2))
        return {"sum": math.sqrt(width), "mean": 1 / math.sqrt(width), "cumsum": running}[node.op] * args[0]
    # one number beside n units moves all of them
    sizes = [math.prod(nodes[arg].shape) for arg in node.args]
    spread = [a * (math.sqrt(n) if size < n else 1.0) for a, size in zip(args, sizes, strict=True)]
    if node.op in ("add", "sub"):
        return sum(spread)
    if node.op in ("minimum", "maximum", "where"):
        chosen = spread[1:] if node.op == "where" else spread
        return math.sqrt(sum(a * a for a in chosen))
    if node.op == "mul":
        return _product(node, spread, values)
    if node.op == "div" and not args[1]:
        smallest = float(values[node.args[1]].double().abs().min())
        return spread[0] / smallest if smallest else None
    return None


def _product(node: Node, spread: list[float], values: list[Tensor]) -> float | None:
    if all(spread):
        return None
    still = node.args[1] if spread[0] else node.args[0]
    return float(values[still].double().abs().max()) * max(spread)
