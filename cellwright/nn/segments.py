"""Training in pieces of time: only the states between pieces are kept, a piece is computed again for its gradient.

Memory grows with the number of pieces plus the length of one: √T pieces make it grow with √T. y, dx and their gradients
are whole tensors, filled piece by piece, so that what a piece needs is given back before the next one begins.

Axes: R rows (steps of sequences), I input, O output, B batch, S size of one state.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, NoReturn

import torch
from torch import Tensor

from cellwright.errors import BackendError, ConfigError
from cellwright.nn.compiled import LayerRun, LayerSource, Rows
from cellwright.nn.layout import States
from cellwright.nn.restarts import Restarts, restarts_of

__all__ = ["check_segments", "cut_rows", "run_segments"]


@dataclass(frozen=True, slots=True)
class Pieces:
    """One direction of one layer, cut into pieces of time, in the order in which they run."""

    part: LayerRun
    rows: Sequence[Rows]
    starts: Sequence[int]
    key: str
    names: Sequence[str]
    restarts: Sequence[Restarts | None]

    def run(
        self, k: int, x: Tensor, held: Sequence[Tensor], initial: Sequence[Tensor], parameters: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """(y, states behind it …) of piece k, from its x, the states before it and those after a reset, each (B, S)."""
        own = LayerSource(self.key, dict(zip(self.names, parameters, strict=True)))
        cut, rows, direction = self.restarts[k], self.rows[k], self.part.group[0]
        beside = {name: self.cut(mask, k) for name, mask in self.part.beside.get(direction, {}).items()}
        if cut is not None:
            beside = {name: mask[cut.index] for name, mask in beside.items()}
        part = replace(self.part, source=lambda layer, reverse: own, beside={direction: beside})
        if cut is not None:
            x, rows, held = x[cut.index], cut.rows, cut.begin(held, initial)
        row = part.row(direction)
        states = tuple(state.expand(row + 1, *state.shape) for state in held)
        y, found = part.run(replace(rows, data=x), [x] * 2, states, ())
        return (y, *found[row]) if cut is None else (cut.back(y), *cut.end(found[row]))

    def cut(self, whole: Tensor, k: int) -> Tensor:
        """The rows of piece k."""
        return whole[self.starts[k] : self.starts[k + 1]]

    @property
    def order(self) -> range:
        """Pieces as they run: the backward direction begins with the last."""
        count = len(self.rows)
        return range(count - 1, -1, -1) if self.part.group[0] == 1 else range(count)


class PieceByPiece(torch.autograd.Function):
    """(pieces, number of states, output size, x, states …, parameters …) -> y, final states …"""

    @staticmethod
    def forward(ctx: Any, pieces: Pieces, count: int, size: int, x: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        initial, parameters = tensors[:count], tensors[count:]
        held = list(initial)
        y = x.new_empty((len(x), size), dtype=held[0].dtype)
        between: list[Tensor] = []
        for k in pieces.order:
            between += held
            out, *held = pieces.run(k, pieces.cut(x, k), held, initial, parameters)
            pieces.cut(y, k).copy_(out)
        ctx.pieces, ctx.count = pieces, count
        ctx.save_for_backward(x, *parameters, *between)
        return (y, *held)

    @staticmethod
    def backward(ctx: Any, dy: Tensor, *d_finals: Tensor) -> tuple[Any, ...]:
        with torch.no_grad():
            gradients = PieceByPiece.gradients(ctx, dy, *d_finals)
        if torch.is_grad_enabled():  # create_graph=True: a loss of gradients must not lose them without a word
            gradients = OnlyFirst.apply(*[gradient.requires_grad_() for gradient in gradients])  # type: ignore[no-untyped-call]
        return (None, None, None, *gradients)

    @staticmethod
    def gradients(ctx: Any, dy: Tensor, *d_finals: Tensor) -> tuple[Tensor, ...]:
        """Of x, the initial states and the parameters."""
        pieces, count, (x, *rest) = ctx.pieces, ctx.count, ctx.saved_tensors
        stored = len(pieces.names)
        parameters, between = rest[:stored], rest[stored:]
        dx = torch.empty_like(x)
        held_grads: Sequence[Tensor] = d_finals
        initial = between[:count]
        totals = [torch.zeros_like(tensor) for tensor in (*initial, *parameters)]
        for step, k in reversed(list(enumerate(pieces.order))):
            given = [pieces.cut(x, k), *between[step * count : (step + 1) * count], *initial, *parameters]
            given = [t.detach().requires_grad_() for t in given]
            with torch.enable_grad():
                outputs = pieces.run(
                    k, given[0], given[1 : 1 + count], given[1 + count : 1 + 2 * count], given[1 + 2 * count :]
                )
            own, *others = torch.autograd.grad(
                outputs, given, [pieces.cut(dy, k), *held_grads], allow_unused=True, materialize_grads=True
            )
            pieces.cut(dx, k).copy_(own)
            held_grads = others[:count]
            for total, gradient in zip(totals, others[count:], strict=True):
                total.add_(gradient)
        starts = [total + gradient for total, gradient in zip(totals, held_grads, strict=False)]
        return (dx, *starts, *totals[count:])


class OnlyFirst(torch.autograd.Function):
    """Gradients, which refuse to be differentiated."""

    @staticmethod
    def forward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        return tuple(gradient.view_as(gradient) for gradient in gradients)

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> NoReturn:
        raise BackendError(
            "checkpoint_segments has no second derivative.", repair="Set layer.checkpoint_segments = 1 for it."
        )


def check_segments(segments: object) -> int:
    """A number of pieces.

    Raises:
        ConfigError: it is no whole number of at least 1.
    """
    if isinstance(segments, bool) or not isinstance(segments, Integral) or segments < 1:
        raise ConfigError(
            f"checkpoint_segments={segments!r}: it must be a whole number of at least 1.",
            repair="1 keeps all steps; about √T pieces take the least memory.",
        )
    return int(segments)


def run_segments(
    part: LayerRun,
    rows: Rows,
    inputs: Sequence[Tensor],
    states: States,
    flags: Sequence[Tensor],
    *,
    segments: int,
) -> tuple[Tensor, dict[int, list[Tensor]]]:
    """`LayerRun.run`, piece of time after piece; no second derivative."""
    cut, starts, bounds = cut_rows(rows, segments)
    flags_TB = rows.back(flags[0][:, None])[..., 0].bool() if flags else None
    ends: dict[int, list[Tensor]] = {}
    outputs = []
    for direction in part.group:
        own = part.source(part.layer, direction == 1)
        restarts = [
            None if flags_TB is None else restarts_of(piece, flags_TB, start, stop, direction == 1)
            for piece, (start, stop) in zip(cut, itertools.pairwise(bounds), strict=True)
        ]
        pieces = Pieces(replace(part, group=[direction]), cut, starts, own.key, list(own.parameters), restarts)
        held = [state[part.row(direction)] for state in states]
        size = part.output_size(own.key, states[0].dtype)
        tensors = (inputs[direction], *held, *own.parameters.values())
        y, *ends[part.row(direction)] = PieceByPiece.apply(pieces, len(held), size, *tensors)  # type: ignore[no-untyped-call]
        outputs.append(y)
    return torch.cat(outputs, dim=1) if len(outputs) > 1 else outputs[0], ends


def cut_rows(rows: Rows, segments: int) -> tuple[list[Rows], list[int], list[int]]:
    """Pieces of time, as evenly as it goes, without their data; where the rows of each begin, and the last end; where
    the steps of each begin, and the last end."""
    count = max(1, min(segments, rows.steps))  # no step is one piece
    bounds = [k * rows.steps // count for k in range(count + 1)]
    pieces, starts = [], [0]
    for start, stop in itertools.pairwise(bounds):
        piece = replace(rows, data=rows.data[:0], steps=stop - start, index=None)
        size = (stop - start) * rows.batch
        if rows.lengths is not None:
            piece = replace(piece, lengths=(rows.lengths - start).clamp(0, stop - start))
            assert piece.lengths is not None
            size = int(piece.lengths.sum())
        pieces.append(piece)
        starts.append(starts[-1] + size)
    return pieces, starts, bounds
