"""Long short-term memory: with a forget gate (2000), and as first published, without (1997)."""

from __future__ import annotations

from cellwright.cells.cell import Cell
from cellwright.ops import sigmoid, tanh


class LSTM(Cell):
    """Long short-term memory, with a forget gate.

    Equations
        i = σ(W_i x + R_i h + b_i)
        f = σ(W_f x + R_f h + b_f)
        g = tanh(W_g x + R_g h + b_g)
        o = σ(W_o x + R_o h + b_o)
        c′ = f ⊙ c + i ⊙ g
        h′ = o ⊙ tanh(c′)

    Shapes      x (I)   h, c (H)   W_· (H, I)   R_· (H, H)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (4H, I), weight_hh (4H, H), bias (4H), rows i f g o: as torch.nn.LSTM
    Source      Gers, Schmidhuber & Cummins 2000, "Learning to Forget", doi:10.1162/089976600300015015
    Differs     LSTM1997 has no f: c′ = c + i ⊙ g. Peepholes: see PeepholeLSTM. A tied i = 1 − f: see CIFG.
    Same as     torch.nn.LSTMCell, keras LSTMCell (rows i f c o), flax LSTMCell (its carry is (c, h))
    """

    gates = "i f g o"
    states = "h c"

    def step(self, x, h, c, W, R, b):
        i = sigmoid(W.i @ x + R.i @ h + b.i)
        f = sigmoid(W.f @ x + R.f @ h + b.f)
        g = tanh(W.g @ x + R.g @ h + b.g)
        o = sigmoid(W.o @ x + R.o @ h + b.o)
        c = f * c + i * g
        h = o * tanh(c)
        return h, c


class LSTM1997(Cell):
    """Long short-term memory as first published: no forget gate, so the carry path loses nothing.

    Equations
        i = σ(W_i x + R_i h + b_i)
        g = tanh(W_g x + R_g h + b_g)
        o = σ(W_o x + R_o h + b_o)
        c′ = c + i ⊙ g
        h′ = o ⊙ tanh(c′)

    Shapes      x (I)   h, c (H)   W_· (H, I)   R_· (H, H)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (3H, I), weight_hh (3H, H), bias (3H), rows i g o
    Source      Hochreiter & Schmidhuber 1997, "Long Short-Term Memory", doi:10.1162/neco.1997.9.8.1735
    Differs     The paper squashes g by 4σ − 2, c by 2σ − 1 and cuts the gradient through R; here both are tanh, uncut.
    Same as     LSTM with its forget gate held at 1
    """

    gates = "i g o"
    states = "h c"

    def step(self, x, h, c, W, R, b):
        i = sigmoid(W.i @ x + R.i @ h + b.i)
        g = tanh(W.g @ x + R.g @ h + b.g)
        o = sigmoid(W.o @ x + R.o @ h + b.o)
        c = c + i * g
        h = o * tanh(c)
        return h, c
