"""Cells with fewer gates than the GRU."""

from __future__ import annotations

from cellwright.cells.cell import Cell
from cellwright.ops import sigmoid, tanh


class MGU(Cell):
    """Minimal gated unit: one gate both resets and forgets.

    Equations
        f = σ(W_f x + R_f h + b_f)
        n = tanh(W_n x + R_n (f ⊙ h) + b_n)
        h′ = (1 − f) ⊙ h + f ⊙ n

    Shapes      x (I)   h (H)   W_· (H, I)   R_· (H, H)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (2H, I), weight_hh (2H, H), bias (2H), rows f n
    Source      Zhou et al. 2016, "Minimal Gated Unit for Recurrent Neural Networks", arXiv:1603.09420v1
    Differs     GRU has two gates. Here f lets the new state in; GRU's z keeps the old. flax resets after the product.
    Same as     torchrecurrent MGUCell
    """

    gates = "f n"
    states = "h"

    def step(self, x, h, W, R, b):
        f = sigmoid(W.f @ x + R.f @ h + b.f)
        n = tanh(W.n @ x + R.n @ (f * h) + b.n)
        h = (1 - f) * h + f * n
        return h
