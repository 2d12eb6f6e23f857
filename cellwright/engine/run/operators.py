"""The compiled loop for torch: autograd, double backward, torch.compile and torch.export see two operators.

    cellwright::run        streams, states, parameters -> y, final states, what the gradient needs
    cellwright::run_grad   gradients of y and of the final states -> of streams, states and parameters

Both take all directions of a layer at once, one after another in every list. The second derivative runs the step's
graph in torch (run.replay), as no kernel is written for it.

Axes: R rows (steps of sequences, see run.tables), D directions, O output, S size of one state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import Parameter

from cellwright.engine.run.compiled import Compiled
from cellwright.engine.run.memory import empty, zeros
from cellwright.engine.run.registry import compiled_for
from cellwright.engine.run.replay import replay_gradients
from cellwright.engine.run.tables import Tables, tables_for
from cellwright.engine.run.team import run_jobs, thread_count
from cellwright.engine.units import Schedule
from cellwright.errors import BackendError, DeviceError

__all__ = ["UNTRANSFORMED", "Setting", "is_eager", "is_transformed", "run", "run_grad", "run_layer"]

UNTRANSFORMED = "kernels have no rule for torch.func's transforms, batched gradients and forward-mode derivatives"


def parts(items: Sequence[Any], directions: int) -> list[list[Any]]:
    """A flat list, cut into one list a direction."""
    size = len(items) // directions
    return [list(items[k * size : (k + 1) * size]) for k in range(directions)]


def share_threads(schedule: Schedule, directions: int, batch: int) -> list[int]:
    """Threads of each direction; both directions run at once where there are threads for both."""
    return [schedule.team_size(batch, max(1, thread_count() // directions))] * directions


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run does besides its tensors.

    Attributes:
        steps, batch, rows: T, B, R.
        form: of the rows (run.tables).
        key: the cell (run.registry).
        reverse: of each direction.
        dtype: of the program: that of states and sums; bfloat16, of the weights, with states and sums of float32.
    """

    steps: int
    batch: int
    rows: int
    form: str
    key: str
    reverse: Sequence[bool]
    dtype: torch.dtype

    @property
    def directions(self) -> int:
        return len(self.reverse)

    @property
    def threads(self) -> list[int]:
        """Of each direction."""
        return share_threads(compiled_for(self.key, self.dtype).schedule, self.directions, self.batch)

    def tables(self, lengths: Tensor | None, order: Tensor | None) -> list[Tables]:
        return [
            tables_for(self.form, self.steps, self.batch, lengths, order, back, threads)
            for back, threads in zip(self.reverse, self.threads, strict=True)
        ]


def forward_layer(
    streams: Sequence[Tensor],
    states: Sequence[Tensor],
    parameters: Sequence[Tensor],
    tables: Sequence[Tables],
    resets: Sequence[Tensor],
    setting: Setting,
    save: bool,
) -> list[Tensor]:
    """All directions of one layer: [y (R, D·O), final states of each direction …, saved of each direction]."""
    compiled, directions = compiled_for(setting.key, setting.dtype), setting.directions
    size = compiled.plan.output
    make = empty if tables[0].whole else zeros
    y = make((setting.rows, directions * size), compiled.dtype)
    calls, finals, saved = [], [], []
    for k, (own, threads) in enumerate(zip(tables, setting.threads, strict=True)):
        call, final, kept = compiled.forward(
            parts(streams, directions)[k],
            parts(states, directions)[k],
            compiled.named(parts(parameters, directions)[k]),
            own,
            y[:, k * size : (k + 1) * size],
            save=save,
            threads=threads,
            resets=resets[k] if resets else None,
        )
        calls.append(call)
        finals += final
        saved.append(kept)
    run_jobs([call.job for call in calls])
    return [y, *finals, *saved]


def backward_layer(
    dy: Tensor,
    d_finals: Sequence[Tensor],
    streams: Sequence[Tensor | None],
    parameters: Sequence[Tensor],
    saved: Sequence[Tensor],
    tables: Sequence[Tables],
    resets: Sequence[Tensor],
    setting: Setting,
) -> list[Tensor | None]:
    """[gradients of streams …, of states …, of parameters …], each for the first direction, then for the second;
    None for a stream of masks."""
    compiled, directions = compiled_for(setting.key, setting.dtype), setting.directions
    size = compiled.plan.output
    dy = dy if dy.stride(-1) == 1 else dy.contiguous()
    runs = [
        compiled.backward(
            dy[:, k * size : (k + 1) * size],
            [g.contiguous() for g in parts(d_finals, directions)[k]],
            parts(streams, directions)[k],
            saved[k],
            compiled.named(parts(parameters, directions)[k]),
            own,
            threads=threads,
            resets=resets[k] if resets else None,
        )
        for k, (own, threads) in enumerate(zip(tables, setting.threads, strict=True))
    ]
    run_jobs([call.job for call, _ in runs])
    results = [pending.gradients() for _, pending in runs]
    flat = [g for result in results for g in result.streams]
    flat += [g for result in results for g in result.states]
    for result, tensors in zip(results, parts(parameters, directions), strict=True):
        for name, tensor in compiled.named(tensors).items():
            found = result.parameters.get(name)
            flat.append(torch.zeros_like(tensor) if found is None else found)
    return flat


class EagerRun(torch.autograd.Function):
    """`run` without torch's dispatcher: the same code, a fifth of the cost of a call."""

    @staticmethod
    def forward(ctx: Any, setting: Setting, counts: tuple[int, int, int], extra: Any, *tensors: Tensor) -> Any:
        streams, states, parameters = _split(tensors, counts)
        tables, resets, *_ = extra
        output = forward_layer(streams, states, parameters, tables, resets, setting, True)
        ctx.setting, ctx.counts, ctx.extra = setting, counts, extra
        ends = 1 + len(states)
        ctx.y = output[0].shape
        ctx.set_materialize_grads(False)
        ctx.compiled = compiled_for(setting.key, setting.dtype)  # stays until the gradient has been asked for
        read = ctx.compiled.read_streams
        each = len(streams) // setting.directions
        kept = [stream if k % each in read else None for k, stream in enumerate(streams)]
        ctx.save_for_backward(*kept, *states, *parameters, *output[ends:])
        return tuple(output[:ends])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        batched = any(g is not None and torch._C._functorch.is_legacy_batchedtensor(g) for g in gradients)
        if batched or is_transformed():
            raise BackendError(f"{UNTRANSFORMED}.", repair='Call the layer with backend="reference".')
        tables, resets, lengths, order, restream = ctx.extra
        setting: Setting = ctx.setting
        tensors = ctx.saved_tensors
        given = sum(ctx.counts)
        streams, states, parameters = _split(tensors[:given], ctx.counts)
        saved = tensors[given:]
        dy, d_finals = _filled(gradients, ctx.y, states)
        if torch.is_grad_enabled():  # somebody differentiates the gradient
            streams = restream()
            flat: list[Tensor | None] = run_grad(
                dy, d_finals, list(streams), list(states), list(parameters), list(saved), lengths, order,
                list(resets), setting.steps, setting.batch, setting.form, setting.key, list(setting.reverse),
                setting.dtype,
            )  # fmt: skip
        else:
            flat = backward_layer(dy, d_finals, streams, parameters, saved, tables, resets, setting)
        return None, None, None, *flat


def _split(tensors: Sequence[Tensor], counts: tuple[int, int, int]) -> tuple[Sequence[Tensor], ...]:
    a, b = counts[0], counts[0] + counts[1]
    return tensors[:a], tensors[a:b], tensors[b:]


def _filled(
    gradients: Sequence[Tensor | None], y: Sequence[int], states: Sequence[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """Gradients of y and of the final states, zeros where none came."""
    dy = states[0].new_zeros(tuple(y)) if gradients[0] is None else gradients[0]
    ends = gradients[1 : 1 + len(states)]
    return dy, [torch.zeros_like(s) if g is None else g for s, g in zip(states, ends, strict=True)]


def is_transformed() -> bool:
    """Whether a transform of torch.func or a forward-mode derivative is at work: operators would fail in it, or give
    derivatives of 0."""
    if torch.compiler.is_compiling():
        return False
    return torch._C._functorch.peek_interpreter_stack() is not None or forward_ad._current_level >= 0


def is_eager(tensors: Sequence[Tensor]) -> bool:
    """Whether these are plain tensors in this machine's memory that nobody traces, compiles or transforms."""
    if torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack() is not None:
        return False
    return all((type(t) is Tensor or type(t) is Parameter) and t.is_cpu for t in tensors)


def run_layer(
    streams: Sequence[Tensor],
    states: Sequence[Tensor],
    parameters: Sequence[Tensor],
    lengths: Tensor | None,
    order: Tensor | None,
    resets: Sequence[Tensor],
    setting: Setting,
    restream: Callable[[], list[Tensor]],
) -> list[Tensor]:
    """[y (R, D·O), final states of each direction …]: through the operator where a compiler looks on or a tensor is
    no plain one, else straight into the kernels.

    Args:
        restream: computes the streams again, for a second derivative: they are not kept where the gradient reads none.
    """
    tensors = (*streams, *states, *parameters)
    save = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    if not is_eager(tensors):
        check_devices(tensors)
        out: list[Tensor] = run(
            list(streams), list(states), list(parameters), lengths, order, list(resets), setting.steps, setting.batch,
            setting.rows, setting.form, setting.key, list(setting.reverse), setting.dtype, save,
        )  # fmt: skip
        return out[: 1 + len(states)]
    tables = setting.tables(lengths, order)
    if not save:
        return forward_layer(streams, states, parameters, tables, resets, setting, False)[: 1 + len(states)]
    counts = (len(streams), len(states), len(parameters))
    extra = (tables, resets, lengths, order, restream)
    return list(EagerRun.apply(setting, counts, extra, *tensors))  # type: ignore[no-untyped-call]


def check_devices(tensors: Sequence[Tensor]) -> None:
    """Raises DeviceError for tensors on several devices: an operator would take one of them for all."""
    devices = list(dict.fromkeys(str(t.device) for t in tensors))
    if len(devices) > 1:
        raise DeviceError(
            f"weights, states and x of one layer are on {' and '.join(devices)}.",
            repair=f"Move them to one of them: layer.to({devices[0]!r}).",
        )


@torch.library.custom_op("cellwright::run", mutates_args=(), device_types="cpu")
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
    """`forward_layer` as an operator.

    Args:
        streams, states, parameters: of the first direction, then of the second.
        resets: one (R) of bytes a direction, or none.
    """
    setting = Setting(steps, batch, rows, form, key, tuple(reverse), dtype)
    return forward_layer(streams, states, parameters, setting.tables(lengths, order), resets, setting, save)


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


@torch.library.custom_op("cellwright::run_grad", mutates_args=(), device_types="cpu")
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
    """`backward_layer` as an operator."""
    setting = Setting(steps, batch, len(dy), form, key, tuple(reverse), dtype)
    tables = setting.tables(lengths, order)
    found = backward_layer(dy, d_finals, streams, parameters, saved, tables, resets, setting)
    given = (*streams, *states, *parameters)
    return [torch.zeros_like(t) if g is None else g for g, t in zip(found, given, strict=True)]


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
    ctx.set_materialize_grads(False)  # of what backward needs, none ever comes: zeros would be written for nothing
    ctx.y = tuple(output[0].shape)
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
    dy, d_finals = _filled(gradients, ctx.y, states)
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
        found[0], found[1:a], found[a:b], found[b:c], found[c:], [None] * len(reverse), None, None,
        [None] * len(resets), *([None] * 6),
    )  # fmt: skip


run_grad.register_autograd(_double, setup_context=_keep_grad)
