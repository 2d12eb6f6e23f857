"""LSTM with the input gate tied to the forget gate."""

from __future__ import annotations

from cellwright.cells.cell import Cell
from cellwright.ops import sigmoid, tanh


class CIFG(Cell):
    """Coupled input and forget gate: what is forgotten is what is written.

    Equations
        f = σ(W_f x + R_f h + b_f)
        g = tanh(W_g x + R_g h + b_g)
        o = σ(W_o x + R_o h + b_o)
        c′ = f ⊙ c + (1 − f) ⊙ g
        h′ = o ⊙ tanh(c′)

    Shapes      x (I)   h, c (H)   W_· (H, I)   R_· (H, H)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (3H, I), weight_hh (3H, H), bias (3H), rows f g o
    Source      Greff et al. 2017, "LSTM: A Search Space Odyssey", arXiv:1503.04069v2
    Differs     Greff's CIFG also has peepholes; here none. |c| stays within max(|c₀|, 1), in LSTM it does not.
    Same as     LSTM with W_i = −W_f, R_i = −R_f, b_i = −b_f; ONNX LSTM with input_forget=1
    """

    gates = "f g o"
    states = "h c"

    def step(self, x, h, c, W, R, b):
        f = sigmoid(W.f @ x + R.f @ h + b.f)
        g = tanh(W.g @ x + R.g @ h + b.g)
        o = sigmoid(W.o @ x + R.o @ h + b.o)
        c = f * c + (1 - f) * g
        h = o * tanh(c)
        return h, c
