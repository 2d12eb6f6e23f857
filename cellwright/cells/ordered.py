"""LSTM whose units are ordered by how long they remember."""

from __future__ import annotations

from cellwright.cells.cell import Cell
from cellwright.ops import cumsum, sigmoid, softmax, tanh


class ONLSTM(Cell):
    """Ordered-neurons LSTM: two master gates cut the units into what is kept, what is shared and what is new.

    Equations
        i = σ(W_i x + R_i h + b_i)
        f = σ(W_f x + R_f h + b_f)
        g = tanh(W_g x + R_g h + b_g)
        o = σ(W_o x + R_o h + b_o)
        k = cumsum(softmax(W_k x + R_k h + b_k))
        m = 1 − cumsum(softmax(W_m x + R_m h + b_m))
        w = k ⊙ m
        c′ = (f ⊙ w + k − w) ⊙ c + (i ⊙ w + m − w) ⊙ g
        h′ = o ⊙ tanh(c′)

    Shapes      x (I)   h, c (H)   W_· (H, I)   R_· (H, H)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (6H, I), weight_hh (6H, H), bias (6H), rows i f g o k m
    Source      Shen et al. 2019, "Ordered Neurons", arXiv:1810.09536v6
    Differs     Every unit has a master gate of its own: the paper's chunk size C is 1, its experiments take 10, whose
                master gates have H / C rows.
    Same as     the authors' ONLSTMCell(chunk_size=1) (rows m k o g i f); with k = m = 1 held, LSTM
    Note        k is the master forget gate, rising to 1 along the units; m is the master input gate, falling to 0.
    """

    gates = "i f g o k m"
    states = "h c"

    def step(self, x, h, c, W, R, b):
        i = sigmoid(W.i @ x + R.i @ h + b.i)
        f = sigmoid(W.f @ x + R.f @ h + b.f)
        g = tanh(W.g @ x + R.g @ h + b.g)
        o = sigmoid(W.o @ x + R.o @ h + b.o)
        k = cumsum(softmax(W.k @ x + R.k @ h + b.k))
        m = 1 - cumsum(softmax(W.m @ x + R.m @ h + b.m))
        w = k * m
        c = (f * w + k - w) * c + (i * w + m - w) * g
        h = o * tanh(c)
        return h, c
