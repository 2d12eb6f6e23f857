"""LSTM whose gates look at the cell state."""

from __future__ import annotations

from cellwright.cells.cell import Cell
from cellwright.errors import CellError
from cellwright.ops import sigmoid, tanh, zero


class PeepholeLSTM(Cell):
    """LSTM with peepholes: chosen gates see the cell state, each unit its own.

    Equations
        i = σ(W_i x + R_i h + p_i ⊙ c + b_i)
        f = σ(W_f x + R_f h + p_f ⊙ c + b_f)
        g = tanh(W_g x + R_g h + b_g)
        c′ = f ⊙ c + i ⊙ g
        o = σ(W_o x + R_o h + p_o ⊙ c′ + b_o)
        h′ = o ⊙ tanh(c′)

    Shapes      x (I)   h, c, p_· (H)   W_· (H, I)   R_· (H, H)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (4H, I), weight_hh (4H, H), bias (4H), rows i f g o; p_i, p_f, p_o (H) each
    Source      Gers & Schmidhuber 2000, "Recurrent Nets that Time and Count", doi:10.1109/IJCNN.2000.861302
    Differs     i and f see the old c, o sees the new c′; the candidate g has no peephole. LSTM has none.
    Same as     torchrecurrent PeepholeLSTM, ONNX LSTM with P (order i o f)
    Note        channels="" … "ifo" opens any of the eight combinations; a closed channel has no parameter.
    """

    gates = "i f g o"
    states = "h c"

    def __init__(self, channels: str = "ifo") -> None:
        if len(set(channels)) != len(channels) or not set(channels) <= set("ifo"):
            raise CellError(
                f"PeepholeLSTM(channels={channels!r}): channels are letters of 'ifo', each at most once",
                repair="The candidate g has no peephole; for all three write PeepholeLSTM('ifo').",
            )
        self.channels = channels
        self.params = {f"p_{gate}": "H" for gate in "ifo" if gate in channels}

    def step(self, x, h, c, W, R, b, p_i=zero, p_f=zero, p_o=zero):
        i = sigmoid(W.i @ x + R.i @ h + p_i * c + b.i)
        f = sigmoid(W.f @ x + R.f @ h + p_f * c + b.f)
        g = tanh(W.g @ x + R.g @ h + b.g)
        c = f * c + i * g
        o = sigmoid(W.o @ x + R.o @ h + p_o * c + b.o)
        h = o * tanh(c)
        return h, c
