"""Gated recurrent units: the reset gate after the recurrent product (torch, cuDNN), or before it."""

from __future__ import annotations

from cellwright.cells.cell import Cell
from cellwright.ops import sigmoid, tanh


class GRU(Cell):
    """Gated recurrent unit, with the reset gate after the recurrent product.

    Equations
        r = σ(W_r x + R_r h + b_r)
        z = σ(W_z x + R_z h + b_z)
        n = tanh(W_n x + b_n + r ⊙ (R_n h + bR_n))
        h′ = (1 − z) ⊙ n + z ⊙ h

    Shapes      x (I)   h (H)   W_· (H, I)   R_· (H, H)   b_·, bR_n (H)      I input_size, H hidden_size
    Packing     weight_ih (3H, I), weight_hh (3H, H), bias (3H), rows r z n; recurrent_bias (H), row n: as torch.nn.GRU
    Source      Cho et al. 2014, "Learning Phrase Representations", arXiv:1406.1078v1; the form of cuDNN
    Differs     GRUResetBefore resets h before the product. z keeps the old; in Chung et al. 2014 it lets the new in
    Same as     torch.nn.GRUCell, keras GRUCell (reset_after=True, rows z r h), flax GRUCell
    """

    gates = "r z n"
    states = "h"
    recurrent_bias = "n"

    def step(self, x, h, W, R, b, bR):
        r = sigmoid(W.r @ x + R.r @ h + b.r)
        z = sigmoid(W.z @ x + R.z @ h + b.z)
        n = tanh(W.n @ x + b.n + r * (R.n @ h + bR.n))
        h = (1 - z) * n + z * h
        return h


class GRUResetBefore(Cell):
    """Gated recurrent unit, with the reset gate before the recurrent product.

    Equations
        r = σ(W_r x + R_r h + b_r)
        z = σ(W_z x + R_z h + b_z)
        n = tanh(W_n x + R_n (r ⊙ h) + b_n)
        h′ = (1 − z) ⊙ n + z ⊙ h

    Shapes      x (I)   h (H)   W_· (H, I)   R_· (H, H)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (3H, I), weight_hh (3H, H), bias (3H), rows r z n
    Source      Cho et al. 2014, "Learning Phrase Representations", arXiv:1406.1078v3
    Differs     GRU resets after the product, r ⊙ (R_n h + bR_n): other numbers, one product less in the chain.
    Same as     keras GRUCell(reset_after=False) (rows z r h), ONNX GRU with linear_before_reset=0
    """

    gates = "r z n"
    states = "h"

    def step(self, x, h, W, R, b):
        r = sigmoid(W.r @ x + R.r @ h + b.r)
        z = sigmoid(W.z @ x + R.z @ h + b.z)
        n = tanh(W.n @ x + R.n @ (r * h) + b.n)
        h = (1 - z) * n + z * h
        return h
