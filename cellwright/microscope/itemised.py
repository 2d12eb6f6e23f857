"""The gradient of one weight, itemised: what its use at step k adds on behalf of the output of step t.

A weight's gradient is a sum over t and k; torch and the kernels keep only the sum. With |w| < 1 the far addends vanish,
not the gradient: a healthy gradient says nothing of what is learnt over long gaps.

Axes: L steps in reading order, R outputs (or groups of outputs) that are followed, N all states side by side, O output,
m × n the weight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from cellwright.microscope.back import Arriving, Uses, arriving, step_back, step_matrix, uses_of
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.reading import Reading, read
from cellwright.microscope.runs import Record
from cellwright.microscope.steps import node_values

__all__ = ["itemised_gradient", "itemised_norms"]

EPS = float(np.finfo(np.float64).eps)
MOST = 256  # outputs that are followed one by one; more are followed in groups of neighbours
SOURCE = "Cashman et al. 2017 (RNNbow); Werbos 1990"


@dataclass(frozen=True, slots=True)
class Addends:
    """What one step adds to a weight's gradient for each followed output: Σ_use left ⊗ right.

    Attributes:
        left: (R, m) of each product with a matrix; one (R, n) of a vector or number.
        right: (n) of each product; empty of a vector or number.
    """

    left: tuple[Array, ...]
    right: tuple[Array, ...]

    def dot(self, weight: Array) -> Array:
        """(R,): ⟨A, weight⟩."""
        if not self.right:
            return np.asarray(self.left[0] @ weight.reshape(-1))
        return np.asarray(sum(a_Rm @ (weight @ v) for a_Rm, v in zip(self.left, self.right, strict=True)))

    def norms(self) -> Array:
        """(R,): ‖A‖_F, from the lengths and angles of its parts alone."""
        if not self.right:
            return np.asarray(np.sqrt((self.left[0] ** 2).sum(1)))
        square = np.zeros(len(self.left[0]))
        for a, v in zip(self.left, self.right, strict=True):
            for b, w in zip(self.left, self.right, strict=True):
                square += (a * b).sum(1) * (v @ w)
        return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def itemised_gradient(record: Record, weight: str, layer: int = 0, direction: int = 0, sequence: int = 0) -> Figure:
    """The (t, k) triangle of one weight's gradient, signed, so that it adds up.

    Args:
        weight: as the cell's step names it: "R.f", "W.g", "b.i", "p_o".

    Formula     A(t, k) = dL_t/dW of the use of W at step k alone; of a number its value, of a vector or matrix its part
                along the whole gradient G: ⟨A(t, k), G⟩ / ‖G‖
    Unit        of the target a unit of the weight
    Range       any; Σ = G of a number, ‖G‖ of a vector or matrix
    Source      itemised backpropagation through time: Cashman et al. 2017
    Adds up     Σ_{t,k} A(t, k) = G: left one output at a time, step by step through the equations; right the engine's
                backward loop over all outputs at once. 64 (N + L) eps times Σ|A|: sums over units, then over steps.

    The target is taken as its straight line: L_t stands for what it says of the output of step t.
    """
    reading = read(record, layer, direction, sequence)
    follow = _followed(reading)
    uses = uses_of(reading, weight)
    whole = _whole_gradient(reading, record, weight, follow.here)
    size = float(np.linalg.norm(whole))
    scalar = whole.size == 1
    along = np.ones_like(whole) if scalar else whole / size if size > 0 else np.zeros_like(whole)
    found = np.zeros((len(follow.groups), len(reading)))
    for k, addends in _addends(reading, follow, uses):
        found[:, k] = addends.dot(along)
    alone = len(follow.groups) == len(reading)
    arrays: dict[str, Array] = {"addend": found}
    axes: dict[str, tuple[str, ...]] = {"addend": ("t", "k")}
    if alone:
        arrays["by lag"] = np.array([np.trace(found, -lag) for lag in range(len(reading))])
        axes["by lag"] = ("lag",)
    target = float(whole.reshape(-1)[0]) if scalar else size
    far = _far_share(arrays["by lag"]) if alone and len(reading) > 1 else ""
    return Figure(
        name="itemised_gradient",
        title=f"What each use of {weight} adds to its gradient, for each output",
        formula="A(t, k) = dL_t/dW at step k" if scalar else "⟨A(t, k), G⟩ / ‖G‖, A(t, k) = dL_t/dW at step k",
        unit="of the target a unit of the weight",
        range="any; Σ = G" if scalar else "any; Σ = ‖G‖",
        source=SOURCE,
        arrays=arrays,
        axes=axes,
        labels={"t": follow.labels(reading), "k": reading.steps},
        check=Check(
            f"Σ A(t, k) = {'dL' if scalar else '‖dL'}/d{weight}{'' if scalar else '‖'}",
            np.asarray(found.sum()),
            np.asarray(target),
            64 * (reading.width + len(reading)) * EPS * max(float(np.abs(found).sum()), abs(target)),
        ),
        notes=follow.notes(reading),
        verdict=f"dL/d{weight} {'is' if scalar else 'has length'} {target:.4g}{far}.",
    )


def itemised_norms(record: Record, weight: str, layer: int = 0, direction: int = 0, sequence: int = 0) -> Figure:
    """How large each addend of a weight's gradient is, whatever its sign.

    Formula     ‖A(t, k)‖_F
    Unit        of the target a unit of the weight
    Range       [0, ∞)
    Source      itemised backpropagation through time: Cashman et al. 2017
    Adds up     evaluated form = product form: left δ carried back step by step; right dL_t/ds_t · J_t … J_{k+1} by
                explicit matrices, times the step's immediate derivative, whose entries are summed one by one. They are
                the same number, which the posts that call one of them "not strict" deny. 64 N L eps times the largest.
    """
    reading = read(record, layer, direction, sequence)
    follow = _followed(reading)
    uses = uses_of(reading, weight)
    found = np.zeros((len(follow.groups), len(reading)))
    for k, addends in _addends(reading, follow, uses):
        found[:, k] = addends.norms()
    again = _product_form(reading, follow, uses)
    return Figure(
        name="itemised_norms",
        title=f"How much each use of {weight} adds to its gradient, for each output",
        formula="‖dL_t/dW at step k‖_F",
        unit="of the target a unit of the weight",
        range="[0, ∞)",
        source=SOURCE,
        arrays={"norm": found},
        axes={"norm": ("t", "k")},
        labels={"t": follow.labels(reading), "k": reading.steps},
        check=Check(
            "evaluated form = product of Jacobians",
            found,
            again,
            64 * reading.width * len(reading) * EPS * float(found.max(initial=0.0)),
        ),
        notes=follow.notes(reading),
    )


@dataclass(frozen=True, slots=True)
class Followed:
    """The outputs that are followed, each by itself or neighbours together."""

    here: Arriving
    groups: tuple[range, ...]

    def labels(self, reading: Reading) -> tuple[str, ...]:
        steps = reading.steps
        return tuple(steps[g[0]] if len(g) == 1 else f"{steps[g[0]]} … {steps[g[-1]]}" for g in self.groups)

    def notes(self, reading: Reading) -> tuple[str, ...]:
        if len(self.groups) == len(reading):
            return ()
        return (f"{len(reading)} outputs in {len(self.groups)} groups of neighbours, whose addends are added.",)

    def entering(self, k: int) -> Tensor:
        """(R, O): what enters at the output of step k, in the row that follows it."""
        rows = torch.zeros(len(self.groups), self.here.output_LO.shape[1], dtype=torch.float64)
        rows[next(r for r, group in enumerate(self.groups) if k in group)] = self.here.output_LO[k]
        return rows

    def begun(self, k: int) -> int:
        """The first row that has begun at step k, going back."""
        return next(r for r, group in enumerate(self.groups) if k <= group[-1])

    def start(self, width: int) -> Tensor:
        """(R, N): the last row follows also what the target reads of the final state."""
        rows = torch.zeros(len(self.groups), width, dtype=torch.float64)
        rows[-1] = self.here.states_LN[-1]
        return rows


def _followed(reading: Reading) -> Followed:
    steps = len(reading)
    bounds = np.linspace(0, steps, min(steps, MOST) + 1).round().astype(int)
    return Followed(arriving(reading), tuple(range(a, b) for a, b in pairwise(bounds)))


def _addends(reading: Reading, follow: Followed, uses: Uses) -> Iterator[tuple[int, Addends]]:
    """(k, what step k adds), from the last step to the first; nothing of a matrix that no product uses."""
    if uses.matrix and not uses.products:
        return
    back, states_RN = step_back(reading, uses), follow.start(reading.width)
    for k in range(len(reading) - 1, -1, -1):
        live = slice(follow.begun(k), None)  # rows before that have not begun: they are 0
        states_RN[live], _, taps = back(k, states_RN[live], follow.entering(k)[live])
        rest = len(follow.groups) - len(states_RN[live])
        left = tuple(np.concatenate([np.zeros((rest, tap.shape[1])), tap.numpy()]) for tap in taps)
        yield k, Addends(left, tuple(v_LN[k].numpy() for v_LN in uses.operands))


def _product_form(reading: Reading, follow: Followed, uses: Uses) -> Array:
    """‖A(t, k)‖ again: rows of dL_t/ds times explicit Jacobians, then the immediate derivative of each step."""
    found = np.zeros((len(follow.groups), len(reading)))
    if uses.matrix and not uses.products:
        return found
    back, size = step_back(reading, uses), reading.width
    states_RN = follow.start(size).numpy()
    for k in range(len(reading) - 1, -1, -1):
        entering = follow.entering(k).numpy()
        _, _, taps = back(k, torch.from_numpy(states_RN), torch.from_numpy(entering))
        whole = _outer([tap.numpy() for tap in taps], [v_LN[k].numpy() for v_LN in uses.operands])
        found[:, k] = np.sqrt((whole**2).sum(1))
        states_RN = np.concatenate([states_RN, entering], axis=1) @ step_matrix(reading, k).numpy()[:, :size]
    return found


def _outer(left: list[Array], right: list[Array]) -> Array:
    """(R, m · n): every entry of Σ_use left ⊗ right."""
    if not right:
        return left[0]
    parts = [(a_Rm[:, :, None] * v).reshape(len(a_Rm), -1) for a_Rm, v in zip(left, right, strict=True)]
    return np.asarray(np.sum(parts, axis=0))


def _whole_gradient(reading: Reading, record: Record, weight: str, here: Arriving) -> Array:
    """G: the engine's own, of one sequence; of one among several, autograd of its steps from what the engine says
    arrives at each of them."""
    run = reading.run
    if len(run.lengths_B) == 1:
        return run.weight_gradients[weight]
    leaf = torch.from_numpy(run.weights[weight]).requires_grad_()
    with torch.enable_grad():
        found = node_values(run.graph, {**reading.leaves(), weight: leaf})
        new_LN = torch.cat([found[at].expand(len(reading), -1) for _, at in run.graph.states], dim=1)
        y_LO = found[run.graph.output].expand(len(reading), -1)
        total = (new_LN * here.states_LN).sum() + (y_LO * here.output_LO).sum() + 0 * leaf.sum()
        return np.asarray(torch.autograd.grad(total, leaf)[0].numpy())


def _far_share(by_lag: Array) -> str:
    """How much of the addends' size lies in the nearer half of the lags."""
    sizes = np.abs(by_lag)
    if not sizes.sum() > 0:
        return ""
    near = sizes[: (len(sizes) + 1) // 2].sum() / sizes.sum()
    return f"; {near:.1%} of its addends' size lies in the nearer half of the lags"
