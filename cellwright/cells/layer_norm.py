"""LSTM and GRU whose products are normalised over the layer before they meet."""

from __future__ import annotations

from cellwright.cells.cell import Cell
from cellwright.ops import concat, mean, sigmoid, sqrt, tanh


def LN(v, eps):
    """v less its mean, over its standard deviation."""
    centred = v - mean(v)
    return centred / sqrt(mean(centred * centred) + eps)


def part(v, k, of):
    """Part k, from 0, of the `of` equal parts of v."""
    return v.chunk(of)[k]


class LayerNormLSTM(Cell):
    """LSTM with layer normalisation of the input product, of the recurrent product, and of c on its way out.

    Equations
        p = LN([W_i x, W_f x, W_g x, W_o x], 1e-05)
        q = LN([R_i h, R_f h, R_g h, R_o h], 1e-05)
        i = σ((1 + u_i) ⊙ part(p, 0, 4) + (1 + v_i) ⊙ part(q, 0, 4) + b_i)
        f = σ((1 + u_f) ⊙ part(p, 1, 4) + (1 + v_f) ⊙ part(q, 1, 4) + b_f)
        g = tanh((1 + u_g) ⊙ part(p, 2, 4) + (1 + v_g) ⊙ part(q, 2, 4) + b_g)
        o = σ((1 + u_o) ⊙ part(p, 3, 4) + (1 + v_o) ⊙ part(q, 3, 4) + b_o)
        c′ = f ⊙ c + i ⊙ g
        h′ = o ⊙ tanh((1 + u_c) ⊙ LN(c′, 1e-05) + s_c)

    Shapes      x (I)   h, c, u_·, v_·, s_c (H)   W_· (H, I)   R_· (H, H)   b_· (H)   p, q (4H)
    Packing     weight_ih (4H, I), weight_hh (4H, H), bias (4H), rows i f g o; u_i … u_o, v_i … v_o, u_c, s_c (H) each
    Source      Ba, Kiros & Hinton 2016, "Layer Normalization", arXiv:1607.06450v1, equations 20 to 22
    Differs     A gain is stored as its distance from 1. The shifts β₁ + β₂ + b of the paper are one b. TensorFlow's
                LayerNormBasicLSTMCell normalises gate by gate, after the sum: other numbers.
    Same as     haste LayerNormLSTM (rows i g f o); with every norm left out, LSTM
    Note        LN(v, ε) = (v − mean v) / √(var v + ε): the four gates share one mean and one variance. ε is eps.
                part(p, k, 4) is quarter k of p, from 0.
    """

    gates = "i f g o"
    states = "h c"
    params = {f"{kind}_{gate}": "H" for kind in "uv" for gate in "ifgo"} | {"u_c": "H", "s_c": "H"}

    def __init__(self, eps: float = 1e-5) -> None:
        self.eps = eps

    def step(self, x, h, c, W, R, b, u_i, u_f, u_g, u_o, v_i, v_f, v_g, v_o, u_c, s_c):
        p = LN(concat(W.i @ x, W.f @ x, W.g @ x, W.o @ x), self.eps)
        q = LN(concat(R.i @ h, R.f @ h, R.g @ h, R.o @ h), self.eps)
        i = sigmoid((1 + u_i) * part(p, 0, 4) + (1 + v_i) * part(q, 0, 4) + b.i)
        f = sigmoid((1 + u_f) * part(p, 1, 4) + (1 + v_f) * part(q, 1, 4) + b.f)
        g = tanh((1 + u_g) * part(p, 2, 4) + (1 + v_g) * part(q, 2, 4) + b.g)
        o = sigmoid((1 + u_o) * part(p, 3, 4) + (1 + v_o) * part(q, 3, 4) + b.o)
        c = f * c + i * g
        h = o * tanh((1 + u_c) * LN(c, self.eps) + s_c)
        return h, c


class LayerNormGRU(Cell):
    """GRU with layer normalisation of the input products and of the recurrent products.

    Equations
        p = LN([W_r x, W_z x], 1e-05)
        q = LN([R_r h, R_z h], 1e-05)
        r = σ((1 + u_r) ⊙ part(p, 0, 2) + (1 + v_r) ⊙ part(q, 0, 2) + b_r)
        z = σ((1 + u_z) ⊙ part(p, 1, 2) + (1 + v_z) ⊙ part(q, 1, 2) + b_z)
        k = (1 + v_n) ⊙ LN(R_n h, 1e-05) + bR_n
        n = tanh((1 + u_n) ⊙ LN(W_n x, 1e-05) + b_n + r ⊙ k)
        h′ = (1 − z) ⊙ n + z ⊙ h

    Shapes      x (I)   h, u_·, v_· (H)   W_· (H, I)   R_· (H, H)   b_·, bR_n (H)   p, q (2H)
    Packing     weight_ih (3H, I), weight_hh (3H, H), bias (3H), rows r z n; recurrent_bias (H), row n; u_·, v_· (H)
    Source      Ba, Kiros & Hinton 2016, "Layer Normalization", arXiv:1607.06450v1, supplement
    Differs     A gain is stored as its distance from 1; the two shifts of r, and of z, are one b. z keeps the old, as
                in GRU and in the authors' code.
    Same as     the authors' lngru (rows r z n), whose x-side biases inside the norm are 0
    Note        LN and part as in LayerNormLSTM: r and z share a mean and a variance, n has its own.
    """

    gates = "r z n"
    states = "h"
    recurrent_bias = "n"
    params = {f"{kind}_{gate}": "H" for kind in "uv" for gate in "rzn"}

    def __init__(self, eps: float = 1e-5) -> None:
        self.eps = eps

    def step(self, x, h, W, R, b, bR, u_r, u_z, u_n, v_r, v_z, v_n):
        p = LN(concat(W.r @ x, W.z @ x), self.eps)
        q = LN(concat(R.r @ h, R.z @ h), self.eps)
        r = sigmoid((1 + u_r) * part(p, 0, 2) + (1 + v_r) * part(q, 0, 2) + b.r)
        z = sigmoid((1 + u_z) * part(p, 1, 2) + (1 + v_z) * part(q, 1, 2) + b.z)
        k = (1 + v_n) * LN(R.n @ h, self.eps) + bR.n
        n = tanh((1 + u_n) * LN(W.n @ x, self.eps) + b.n + r * k)
        h = (1 - z) * n + z * h
        return h
