"""Linear maps of a state to classes, fitted to some examples and tried on the others.

Axes: N examples, S units, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch.nn import functional

from cellwright.microscope.figure import Array

__all__ = ["KINDS", "Kind", "LinearMap", "fit_linear"]

Kind = Literal["ridge", "logistic"]
KINDS = ("ridge", "logistic")
TINY = 1e-300  # in place of a variance of 0


@dataclass(frozen=True, slots=True)
class LinearMap:
    """Scores weight x + bias, the largest of which is what it says; `right` of `count` held-out examples are so."""

    weight_CS: Array
    bias_C: Array
    right: int = 0
    count: int = 0

    def said(self, x_NS: Array) -> Array:
        """(N,): the class of each."""
        return np.asarray(np.argmax(x_NS @ self.weight_CS.T + self.bias_C, axis=1))


def fit_linear(x_NS: Array, y_N: Array, fitted_N: Array, classes: int, kind: Kind, strength: float) -> LinearMap:
    """Fitted to the examples of `fitted_N`, tried on the others.

    Args:
        y_N: class of each example, 0 to `classes` − 1.
        kind: "ridge": least squares on +1 for the class and −1 for the others, Hoerl & Kennard 1970, in closed form;
            "logistic": cross-entropy, by L-BFGS.
        strength: of the penalty on the weights, in units of the mean variance of a unit.
    """
    x, y = x_NS[fitted_N], y_N[fitted_N]
    mean_S = x.mean(0)
    centred = x - mean_S
    penalty = strength * len(x) * max(float((centred**2).mean()), TINY)
    if kind == "ridge":
        sides_NC = np.where(y[:, None] == np.arange(classes), 1.0, -1.0)
        gram_SS = centred.T @ centred + penalty * np.eye(x.shape[1])
        weight_CS = np.linalg.solve(gram_SS, centred.T @ (sides_NC - sides_NC.mean(0))).T
        bias_C = sides_NC.mean(0)
    else:
        weight_CS, bias_C = _logistic(centred, y, classes, penalty)
    found = LinearMap(weight_CS, bias_C - weight_CS @ mean_S)
    held = y_N[~fitted_N]
    right = int((found.said(x_NS[~fitted_N]) == held).sum())
    return LinearMap(found.weight_CS, found.bias_C, right, len(held))


def _logistic(x_NS: Array, y_N: Array, classes: int, penalty: float) -> tuple[Array, Array]:
    x, y = torch.from_numpy(x_NS), torch.from_numpy(y_N)
    weight = torch.zeros(classes, x.shape[1], dtype=x.dtype, requires_grad=True)
    bias = torch.zeros(classes, dtype=x.dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def loss() -> float:
        optimizer.zero_grad()
        value = functional.cross_entropy(x @ weight.T + bias, y, reduction="sum") + penalty * (weight**2).sum() / 2
        torch.autograd.backward(value)
        return float(value.detach())

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach().numpy(), bias.detach().numpy()
