"""The gradient of a recurrent weight is a sum over lags: term by term, in closed form, with every number printed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from cellwright.cells import Elman
from cellwright.lessons.lesson import Lesson, Number, Table
from cellwright.lessons.written import drawn_inputs, drawn_layer, written_layer
from cellwright.microscope.figure import Array
from cellwright.microscope.itemised import itemised_gradient, itemised_norms
from cellwright.microscope.record import inspect
from cellwright.microscope.runs import Record
from cellwright.ops import identity, tanh

__all__ = ["lesson"]

W_X, W_S, B_1, W_O, B_2, S_0 = 0.5, 0.5, 0.25, 2.0, -1.0, 0.5
X, WANTED = (1.0, 2.0, -1.0), 1.0
STEPS, INPUT, HIDDEN = 7, 2, 3


@dataclass(frozen=True, slots=True)
class Worked:
    """The three-step network by the engine: states, output, loss, and gradients by name."""

    states: tuple[float, ...]
    output: float
    loss: float
    gradients: dict[str, float]


def three_steps() -> Worked:
    """S_t = Wx X_t + Ws S_{t−1} + b1, O_3 = Wo S_3 + b2, L = ½ (O_3 − wanted)², through the compiled kernels."""
    weights = {"W.h": W_X, "R.h": W_S, "b.h": B_1, "V": W_O, "c": B_2}
    layer = written_layer(Elman(f=identity, output_size=1), 1, 1, weights)
    x_TBI = torch.tensor(X, dtype=torch.float64).reshape(3, 1, 1)
    start = torch.full((1, 1, 1), S_0, dtype=torch.float64, requires_grad=True)
    y_TBO, _ = layer(x_TBI, (start,))
    loss = (y_TBO[-1] - WANTED).square().sum() / 2
    stored = {"Wx": "weight_ih_l0", "Ws": "weight_hh_l0", "b1": "bias_l0", "Wo": "V_l0", "b2": "c_l0"}
    of = [*(layer.get_parameter(name) for name in stored.values()), start]
    found = torch.autograd.grad(loss, of)
    gradients = {name: float(gradient.sum()) for name, gradient in zip((*stored, "S_0"), found, strict=True)}
    record = inspect(layer, x_TBI, state=(start.detach(),), gradients=False)
    states = tuple(float(s) for s in record.run().values["h"][:, 0, 0])
    return Worked(states, float(y_TBO[-1].detach()), float(loss.detach()), gradients)


def matrix_sum(record: Record, slope: Array) -> dict[str, Array]:
    """Gradients of W and R by the sum over lags: δ_t = f′(a_t) ⊙ e, δ_{k−1} = f′(a_{k−1}) ⊙ Rᵀ δ_k, addends
    δ_k X_kᵀ and δ_k S_{k−1}ᵀ, for the target Σ y_T."""
    run = record.run()
    before = run.before("h")[:, 0]
    delta = slope[-1] * np.ones(HIDDEN)
    found = {"W.h": np.zeros((HIDDEN, INPUT)), "R.h": np.zeros((HIDDEN, HIDDEN))}
    for k in range(STEPS - 1, -1, -1):
        found["W.h"] += np.outer(delta, run.x_TBI[k, 0])
        found["R.h"] += np.outer(delta, before[k])
        if k > 0:
            delta = slope[k - 1] * (run.weights["R.h"].T @ delta)
    return found


def last_output(y: torch.Tensor) -> torch.Tensor:
    """The target: the last output alone."""
    return y[-1].sum()


def matrix_error(linear: bool) -> tuple[float, Record]:
    """Largest difference between the sum over lags and the engine's backward pass, and the record."""
    layer = drawn_layer(Elman(f=identity if linear else tanh), INPUT, HIDDEN, seed=1)
    record = inspect(layer, drawn_inputs(2, STEPS, 1, INPUT), target=last_output)
    run = record.run()
    slope = np.ones_like(run.values["h"][:, 0]) if linear else 1 - run.values["h"][:, 0] ** 2
    by_lag = matrix_sum(record, slope)
    return max(float(np.abs(by_lag[name] - run.weight_gradients[name]).max()) for name in by_lag), record


def lesson() -> Lesson:
    """Three steps by hand, then matrices and an activation."""
    worked = three_steps()
    s = (S_0, *worked.states)
    g = worked.output - WANTED
    forward = [
        (f"S_{t}", f"{W_X} · {X[t - 1]:g} + {W_S} · {s[t - 1]:g} + {B_1}".replace("-", "−"), s[t]) for t in (1, 2, 3)
    ]
    forward += [
        ("O_3", f"{W_O:g} · {s[3]:g} − 1", worked.output),
        ("L", "½ (O_3 − 1)²", worked.loss),
        ("g = dL/dO_3", "O_3 − 1", g),
    ]
    terms = [
        (k, 3 - k, g * W_O * W_S ** (3 - k) * X[k - 1], g * W_O * W_S ** (3 - k) * s[k - 1], g * W_O * W_S ** (3 - k))
        for k in (3, 2, 1)
    ]
    sums = [sum(row[column] for row in terms) for column in (2, 3, 4)]
    factor = g * W_O
    closed = {
        "Wx": (factor * (X[2] + W_S * (X[1] + W_S * X[0])), "g Wo (X_3 + Ws (X_2 + Ws X_1))"),
        "Ws": (factor * (s[2] + W_S * (s[1] + W_S * s[0])), "g Wo (S_2 + Ws (S_1 + Ws S_0))"),
        "b1": (factor * (1 - W_S**3) / (1 - W_S), "g Wo (1 − Ws³) / (1 − Ws)"),
        "Wo": (g * s[3], "g S_3"),
        "b2": (g, "g"),
        "S_0": (factor * W_S**3, "g Wo Ws³"),
    }
    linear_error, _ = matrix_error(linear=True)
    tanh_error, record = matrix_error(linear=False)
    return Lesson(
        "lag-sum",
        "The gradient of a recurrent weight is a sum over lags",
        (
            "Take a linear network of one unit and three steps: S_t = Wx X_t + Ws S_{t−1} + b1, O_3 = Wo S_3 + b2. "
            f"All numbers are small: Wx = {W_X}, Ws = {W_S}, b1 = {B_1}, Wo = {W_O:g}, b2 = −1, S_0 = {S_0}, X = (1, "
            "2, −1), and the loss L = ½ (O_3 − 1)².",
            Table("Forward, number by number", ("", "made of", "is"), tuple(forward)),
            "Backward, each use of a weight adds a term. The use at step k reached the loss through 3 − k further "
            "multiplications by Ws: the term has the factor Ws^(3−k), whatever else is in it.",
            Table(
                "The terms, g Wo = −1.5",
                ("k", "lag", "of Wx: g Wo Ws^lag X_k", "of Ws: g Wo Ws^lag S_{k−1}", "of b1: g Wo Ws^lag"),
                (*terms, ("sum", "", *sums)),
            ),
            "In general: dL_t/dWx = g_t Wo Σ_k Ws^{t−k} X_k and dL_t/dWs = g_t Wo Σ_k Ws^{t−k} S_{k−1}, k = 1 … t. "
            "It is a SUM over lags of products, not one product: at |Ws| < 1 the far terms vanish, and the near ones "
            "stay. The biases and the start have theirs too, which are often left out.",
            "For vectors the products do not commute, and the order matters: with e_t = Woᵀ g_t, "
            "dL_t/dWs = Σ_k (Wsᵀ)^{t−k} e_t S_{k−1}ᵀ. With an activation f each step puts in its slope: "
            "δ_t = f′(a_t) ⊙ e_t, δ_{k−1} = f′(a_{k−1}) ⊙ Wsᵀ δ_k, and the terms are δ_k X_kᵀ and δ_k S_{k−1}ᵀ. So "
            "Ws^{t−k} alone is right only for a linear network.",
            "Textbooks write the same thing as Σ_k dL/dO · dO/dS_t · (Π_{j>k} dS_j/dS_{j−1}) · ∂⁺S_k/∂Ws, where ∂⁺ "
            "holds S_{k−1} still. The two are one number term by term, so neither form is less strict than the "
            "other; the figure below compares them for a tanh network of 3 units.",
            itemised_norms(record, "R.h"),
            "A loss at every step makes a triangle of it, outputs t by uses k: "
            "`cellwright.microscope.itemised.itemised_gradient` gives it for any weight of any cell.",
            itemised_gradient(record, "R.h"),
        ),
        (
            *(Number(f"dL/d{name}", worked.gradients[name], value, text) for name, (value, text) in closed.items()),
            Number("sum of the terms of Wx", sums[0], worked.gradients["Wx"], "the engine's backward pass"),
            Number("sum of the terms of Ws", sums[1], worked.gradients["Ws"], "the engine's backward pass"),
            Number("sum of the terms of b1", sums[2], worked.gradients["b1"], "the engine's backward pass"),
            Number("matrices, linear: sum over lags − backward pass", linear_error, 0, "the same", 1e-12),
            Number("matrices, tanh: sum over lags − backward pass", tanh_error, 0, "the same", 1e-12),
        ),
        (
            "Werbos 1990, Backpropagation through time",
            "Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks",
            "Cashman et al. 2017, RNNbow (itemised gradients)",
        ),
    )
