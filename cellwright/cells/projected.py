"""LSTM with a projected output."""

from __future__ import annotations

from cellwright.cells.cell import Cell
from cellwright.ops import sigmoid, tanh


class LSTMP(Cell):
    """LSTM with a recurrent projection: the state that is fed back is smaller than the memory.

    Equations
        i = σ(W_i x + R_i h + b_i)
        f = σ(W_f x + R_f h + b_f)
        g = tanh(W_g x + R_g h + b_g)
        o = σ(W_o x + R_o h + b_o)
        c′ = f ⊙ c + i ⊙ g
        h′ = P_h (o ⊙ tanh(c′))

    Shapes      x (I)   h (P)   c (H)   W_· (H, I)   R_· (H, P)   b_· (H)   P_h (P, H)      P proj_size
    Packing     weight_ih (4H, I), weight_hh (4H, P), bias (4H), rows i f g o; P_h (P, H)
    Source      Sak, Senior & Beaufays 2014, "Long Short-Term Memory Based RNN Architectures", arXiv:1402.1128v1
    Differs     Sak's cell also has peepholes and a second, non-recurrent projection; here neither.
    Same as     torch.nn.LSTM(proj_size=P), whose weight_hr is P_h
    """

    gates = "i f g o"
    states = "h c"
    params = {"P_h": "P H"}
    sizes = {"h": "P"}

    def __init__(self, proj_size: int) -> None:
        self.P = proj_size

    def step(self, x, h, c, W, R, b, P_h):
        i = sigmoid(W.i @ x + R.i @ h + b.i)
        f = sigmoid(W.f @ x + R.f @ h + b.f)
        g = tanh(W.g @ x + R.g @ h + b.g)
        o = sigmoid(W.o @ x + R.o @ h + b.o)
        c = f * c + i * g
        h = P_h @ (o * tanh(c))
        return h, c
