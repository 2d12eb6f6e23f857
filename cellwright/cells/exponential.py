"""LSTM with an exponential input gate, kept within range by a running maximum."""

from __future__ import annotations

from cellwright.cells.cell import Cell
from cellwright.ops import exp, maximum, sigmoid, softplus, tanh


class SLSTM(Cell):
    """Scalar-memory LSTM of xLSTM: an exponential input gate, and a normaliser n that divides it out again.

    Equations
        i = W_i x + R_i h + b_i
        f = −softplus(−(W_f x + R_f h + b_f))
        z = tanh(W_z x + R_z h + b_z)
        o = σ(W_o x + R_o h + b_o)
        l = f + m
        m′ = max(l, i)
        k = exp(l − m′)
        e = exp(i − m′)
        c′ = k ⊙ c + e ⊙ z
        n′ = k ⊙ n + e
        h′ = o ⊙ c′ / n′

    Shapes      x (I)   h, c, n, m (H)   W_· (H, I)   R_· (H, H)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (4H, I), weight_hh (4H, H), bias (4H), rows f i z o
    Source      Beck et al. 2024, "xLSTM: Extended Long Short-Term Memory", arXiv:2405.04517v2, equations 8 to 17
    Differs     R is full; the paper's has one block a head. The block around the cell (convolution, group norm,
                projections) is not here.
    Same as     xlstm sLSTMCell with one head (rows i f z o, states h c n m)
    Note        i and f are logarithms: the gates are exp(i) and σ(·), or with exp_forget=True exp(·). c and n stand for
                exp(m) ⊙ c and exp(m) ⊙ n. All states start at 0, as in xlstm, whose code leaves the m of the start out
                of the first maximum: c, n and m then differ, what they stand for and h do not. In float32 an i below
                −100 in the first step leaves n at 0, and h = 0 / 0.
    """

    gates = "f i z o"
    states = "h c n m"

    def __init__(self, exp_forget: bool = False) -> None:
        self.exp_forget = exp_forget

    def step(self, x, h, c, n, m, W, R, b):
        i = W.i @ x + R.i @ h + b.i
        if self.exp_forget:  # noqa: SIM108 - printed as the equation of the choice
            f = W.f @ x + R.f @ h + b.f
        else:
            f = -softplus(-(W.f @ x + R.f @ h + b.f))
        z = tanh(W.z @ x + R.z @ h + b.z)
        o = sigmoid(W.o @ x + R.o @ h + b.o)
        l = f + m
        m = maximum(l, i)
        k = exp(l - m)
        e = exp(i - m)
        c = k * c + e * z
        n = k * n + e
        h = o * c / n
        return h, c, n, m
