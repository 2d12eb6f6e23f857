"""The compiled loop as torch operators: autograd, double backward, torch.compile and torch.export see two ops.

    cellwright::run        streams, states, parameters -> y, final states, what the gradient needs
    cellwright::run_grad   gradients of y and of the final states -> of streams, states and parameters

Both take all directions of a layer at once, one after another in every list. The second derivative runs the step's
graph in torch (run.replay), as no kernel is written for it.

Axes: R rows (steps of sequences, see run.tables), D directions, O output, S size of one state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cellwright.engine.run.compiled import Call, Compiled, run_calls
from cellwright.engine.run.registry import compiled_for
from cellwright.engine.run.replay import replay_gradients
from cellwright.engine.run.tables import Tables, tables_for
from cellwright.engine.run.team import thread_count

__all__ = ["run"]


def parts(items: Sequence[Any], directions: int) -> list[list[Any]]:
    """A flat list, cut into one list a direction."""
    size = len(items) // directions
    return [list(items[k * size : (k + 1) * size]) for k in range(directions)]


def share_threads(directions: int, batch: int) -> list[int]:
    """Threads of each direction; both directions run at once where there are threads for both."""
    threads = thread_count()
    if directions == 1:
        return [max(1, min(threads, batch))]
    each = max(1, threads // directions)
    return [max(1, min(each, batch))] * directions


def run_all(calls: Sequence[Call]) -> None:
    """Directions side by side, or one after another on one thread."""
    if calls:
        run_calls(calls)


@torch.library.custom_op("cellwright::run", mutates_args=())
def run(
    streams: list[Tensor],
    states: list[Tensor],
    parameters: list[Tensor],
    lengths: Tensor | None,
    order: Tensor | None,
    resets: list[Tensor],
    steps: int,
    batch: int,
    rows: int,
    form: str,
    key: str,
    reverse: list[bool],
    dtype: torch.dtype,
    save: bool,
) -> list[Tensor]:
    """All directions of one layer: [y (R, D·O), final states of each direction …, saved of each direction].

    Args:
        streams, states, parameters: of the first direction, then of the second.
        resets: one (R) of bytes a direction, or none.
        key: the cell (run.registry).
    """
    compiled, directions = compiled_for(key, dtype), len(reverse)
    y = torch.empty((rows, directions * compiled.plan.output), dtype=dtype)
    calls, finals, saved = [], [], []
    tables = [tables_for(form, steps, batch, lengths, order, back) for back in reverse]
    if not tables[0].whole:
        y.zero_()
    for k, (own, threads) in enumerate(zip(tables, share_threads(directions, batch), strict=True)):
        out = y[:, k * compiled.plan.output : (k + 1) * compiled.plan.output]
        call, final, kept = compiled.forward(
            parts(streams, directions)[k],
            parts(states, directions)[k],
            compiled.named(parts(parameters, directions)[k]),
            own,
            out,
            save=save,
            threads=threads,
            resets=resets[k] if resets else None,
        )
        calls.append(call)
        finals += final
        saved.append(kept)
    run_all(calls)
    return [y, *finals, *saved]


@run.register_fake
def _(
    streams: list[Tensor],
    states: list[Tensor],
    parameters: list[Tensor],
    lengths: Tensor | None,
    order: Tensor | None,
    resets: list[Tensor],
    steps: int,
    batch: int,
    rows: int,
    form: str,
    key: str,
    reverse: list[bool],
    dtype: torch.dtype,
    save: bool,
) -> list[Tensor]:
    plan = compiled_for(key, dtype).plan
    like = states[0]
    y = like.new_empty((rows, len(reverse) * plan.output))
    saved = [like.new_empty((rows, plan.saved if save else 0)) for _ in reverse]
    return [y, *(torch.empty_like(state, memory_format=torch.contiguous_format) for state in states), *saved]


@torch.library.custom_op("cellwright::run_grad", mutates_args=())
def run_grad(
    dy: Tensor,
    d_finals: list[Tensor],
    streams: list[Tensor],
    states: list[Tensor],
    parameters: list[Tensor],
    saved: list[Tensor],
    lengths: Tensor | None,
    order: Tensor | None,
    resets: list[Tensor],
    steps: int,
    batch: int,
    form: str,
    key: str,
    reverse: list[bool],
    dtype: torch.dtype,
) -> list[Tensor]:
    """[gradients of streams …, of states …, of parameters …], each for the first direction, then for the second."""
    compiled, directions = compiled_for(key, dtype), len(reverse)
    size = compiled.plan.output
    dy = dy if dy.stride(-1) == 1 else dy.contiguous()
    runs = []
    for k, threads in enumerate(share_threads(directions, batch)):
        own = tables_for(form, steps, batch, lengths, order, reverse[k])
        named = compiled.named(parts(parameters, directions)[k])
        runs.append(
            compiled.backward(
                dy[:, k * size : (k + 1) * size],
                [g.contiguous() for g in parts(d_finals, directions)[k]],
                parts(streams, directions)[k],
                saved[k],
                named,
                own,
                threads=threads,
                resets=resets[k] if resets else None,
            )
        )
    run_all([call for call, _ in runs])
    results = [pending.gradients() for _, pending in runs]
    flat = [g for result in results for g in result.streams] + [g for result in results for g in result.states]
    for result, tensors in zip(results, parts(parameters, directions), strict=True):
        for name, tensor in compiled.named(tensors).items():
            found = result.parameters.get(name)
            flat.append(torch.zeros_like(tensor) if found is None else found)
    return flat


@run_grad.register_fake
def _(
    dy: Tensor,
    d_finals: list[Tensor],
    streams: list[Tensor],
    states: list[Tensor],
    parameters: list[Tensor],
    saved: list[Tensor],
    lengths: Tensor | None,
    order: Tensor | None,
    resets: list[Tensor],
    steps: int,
    batch: int,
    form: str,
    key: str,
    reverse: list[bool],
    dtype: torch.dtype,
) -> list[Tensor]:
    return [torch.empty_like(t, memory_format=torch.contiguous_format) for t in (*streams, *states, *parameters)]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    streams, states, parameters, lengths, order, resets, *rest = inputs
    saved = output[1 + len(states) :]
    ctx.sizes = (len(streams), len(states), len(parameters), len(resets), lengths is not None)
    steps, batch, _, form, key, reverse, dtype, _ = rest
    ctx.rest = (steps, batch, form, key, reverse, dtype)
    ragged = [lengths, order] if lengths is not None else []
    ctx.save_for_backward(*streams, *states, *parameters, *saved, *resets, *ragged)


def _lists(ctx: Any) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor], list[Tensor], Any, Any]:
    tensors = list(ctx.saved_tensors)
    streams, states, parameters, resets, ragged = ctx.sizes
    directions = len(ctx.rest[4])
    found = []
    for count in (streams, states, parameters, directions, resets):
        found.append(tensors[:count])
        tensors = tensors[count:]
    lengths, order = tensors if ragged else (None, None)
    return (*found, lengths, order)  # type: ignore[return-value]


def _backward(ctx: Any, gradients: list[Tensor]) -> tuple[Any, ...]:
    streams, states, parameters, saved, resets, lengths, order = _lists(ctx)
    dy, d_finals = gradients[0], gradients[1 : 1 + len(states)]
    flat = run_grad(dy, d_finals, streams, states, parameters, saved, lengths, order, resets, *ctx.rest)
    a, b = len(streams), len(streams) + len(states)
    return flat[:a], flat[a:b], flat[b:], None, None, [None] * len(resets), *([None] * 8)


run.register_autograd(_backward, setup_context=_keep)


def _keep_grad(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    dy, d_finals, streams, states, parameters, _, lengths, order, resets, *rest = inputs
    ctx.sizes = (len(d_finals), len(streams), len(parameters), len(resets), lengths is not None)
    ctx.rest = rest
    ragged = [lengths, order] if lengths is not None else []
    ctx.save_for_backward(dy, *d_finals, *streams, *states, *parameters, *resets, *ragged)


def _double(ctx: Any, gradients: list[Tensor]) -> tuple[Any, ...]:
    tensors = list(ctx.saved_tensors)
    d_count, stream_count, parameter_count, reset_count, ragged = ctx.sizes
    dy, tensors = tensors[0], tensors[1:]
    lists = []
    for count in (d_count, stream_count, d_count, parameter_count, reset_count):
        lists.append(tensors[:count])
        tensors = tensors[count:]
    d_finals, streams, states, parameters, resets = lists
    lengths, order = tensors if ragged else (None, None)
    steps, batch, form, key, reverse, dtype = ctx.rest
    compiled: Compiled = compiled_for(key, dtype)
    tables: list[Tables] = [tables_for(form, steps, batch, lengths, order, back) for back in reverse]
    found = replay_gradients(compiled, tables, dy, d_finals, streams, states, parameters, resets, gradients)
    a = 1 + d_count
    b, c = a + stream_count, a + stream_count + d_count
    return (
        found[0], found[1:a], found[a:b], found[b:c], found[c:], [None] * len(reverse), None, None, [None] * len(resets),
        *([None] * 6),
    )  # fmt: skip


run_grad.register_autograd(_double, setup_context=_keep_grad)
