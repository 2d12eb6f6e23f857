"""LSTM whose recurrent product depends on the input."""

from __future__ import annotations

from cellwright.cells.cell import Cell
from cellwright.ops import sigmoid, tanh


class MultiplicativeLSTM(Cell):
    """Multiplicative LSTM: the gates see m, the old h seen through the input, in place of h.

    Equations
        m = W_m x ⊙ R_m h
        i = σ(W_i x + R_i m + b_i)
        f = σ(W_f x + R_f m + b_f)
        g = tanh(W_g x + R_g m + b_g)
        o = σ(W_o x + R_o m + b_o)
        c′ = f ⊙ c + i ⊙ g
        h′ = o ⊙ tanh(c′)

    Shapes      x (I)   h, c, m (H)   W_· (H, I)   R_· (H, H)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (4H, I), weight_hh (4H, H), bias (4H), rows i f g o; W_m (H, I), R_m (H, H)
    Source      Krause et al. 2016, "Multiplicative LSTM for sequence modelling", arXiv:1609.07959v3
    Differs     Another form has h′ = tanh(o ⊙ c′). The mLSTM of xLSTM is another cell, with a matrix for its memory.
    Same as     torchrecurrent MultiplicativeLSTMCell, whose m has two biases more: (W_m x + b) ⊙ (R_m h + b)
    """

    gates = "i f g o"
    states = "h c"
    params = {"W_m": "H I", "R_m": "H H"}

    def step(self, x, h, c, W, R, b, W_m, R_m):
        m = (W_m @ x) * (R_m @ h)
        i = sigmoid(W.i @ x + R.i @ m + b.i)
        f = sigmoid(W.f @ x + R.f @ m + b.f)
        g = tanh(W.g @ x + R.g @ m + b.g)
        o = sigmoid(W.o @ x + R.o @ m + b.o)
        c = f * c + i * g
        h = o * tanh(c)
        return h, c
