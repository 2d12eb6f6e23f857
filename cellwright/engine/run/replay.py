"""The step's graph in torch, step after step, on the same rows as the kernels: second derivatives, and a check.

Axes: R rows, O output, S size of one state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cellwright.engine.graph import Graph
from cellwright.engine.run.streams import evaluate
from cellwright.engine.run.tables import Tables

if TYPE_CHECKING:
    from cellwright.engine.run.compiled import Compiled

__all__ = ["replay", "replay_gradients"]


def replay(
    graph: Graph,
    streams: Sequence[Tensor],
    states: Sequence[Tensor],
    parameters: Mapping[str, Tensor],
    tables: Tables,
    rows: int,
    resets: Tensor | None = None,
) -> tuple[Tensor, list[Tensor]]:
    """One direction: (y (R, O), final states)."""
    order = tables.order
    initial = [state[order] for state in states]
    held = list(initial)
    outputs, places = [], []
    for s, count in enumerate(tables.counts.tolist()):
        at = int(tables.offsets[s])
        here = tables.rows[at : at + count]
        old = [state[:count] for state in held]
        if resets is not None:
            begin = resets[here].bool()[:, None]
            old = [torch.where(begin, first[:count], state) for first, state in zip(initial, old, strict=True)]
        values = evaluate(graph.nodes, [stream[here] for stream in streams], old, parameters, count)
        names = [node.name for node in graph.nodes if node.op == "state"]
        new = dict(graph.states)
        held = [
            torch.cat([values[new[name]].expand(count, state.shape[1]), state[count:]])
            for name, state in zip(dict.fromkeys(names), held, strict=True)
        ]
        outputs.append(values[graph.output].expand(count, -1))
        places.append(here)
    size = graph.nodes[graph.output].shape[0]
    y = (streams[0] if streams else states[0]).new_zeros((rows, size))
    if outputs:
        y = y.index_copy(0, torch.cat(places), torch.cat(outputs))
    back = torch.argsort(order)
    return y, [state[back] for state in held]


def replay_gradients(
    compiled: Compiled,
    tables: Sequence[Tables],
    dy: Tensor,
    d_finals: Sequence[Tensor],
    streams: Sequence[Tensor],
    states: Sequence[Tensor],
    parameters: Sequence[Tensor],
    resets: Sequence[Tensor],
    gradients: Sequence[Tensor],
) -> list[Tensor]:
    """The gradient of the gradient: for dy, d_finals, streams, states and parameters, what `gradients`, arriving at
    the first gradients of streams, states and parameters, makes of them."""
    directions = len(tables)
    with torch.enable_grad():
        given = [t.detach().requires_grad_() for t in (dy, *d_finals, *streams, *states, *parameters)]
        a, b = 1 + len(d_finals), 1 + len(d_finals) + len(streams)
        c = b + len(states)
        dy, d_finals, streams, states, parameters = given[0], given[1:a], given[a:b], given[b:c], given[c:]
        ys, finals = [], []
        for k, own in enumerate(tables):
            mine = [
                group[k * len(group) // directions : (k + 1) * len(group) // directions]
                for group in (streams, states, parameters)
            ]
            named = compiled.named(mine[2])
            y, final = replay(
                compiled.plan.hoisted.graph, mine[0], mine[1], named, own, len(dy), resets[k] if resets else None
            )
            ys.append(y)
            finals += final
        outputs = [torch.cat(ys, 1), *finals]
        inputs = [*streams, *states, *parameters]
        first = torch.autograd.grad(
            outputs, inputs, [dy, *d_finals], create_graph=True, allow_unused=True, materialize_grads=True
        )
        pairs = [(f, g) for f, g in zip(first, gradients, strict=True) if f.requires_grad]
        if not pairs:
            return [torch.zeros_like(t) for t in given]
        return list(
            torch.autograd.grad(
                [f for f, _ in pairs], given, [g for _, g in pairs], allow_unused=True, materialize_grads=True
            )
        )
