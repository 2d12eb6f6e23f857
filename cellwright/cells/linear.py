"""Cells without a recurrent product: all matrices act on the input, so that they can run over all steps at once."""

from __future__ import annotations

from cellwright.cells.cell import Cell
from cellwright.ops import sigmoid, softplus


class SRU(Cell):
    """Simple recurrent unit: gates see the memory unit by unit, and a highway carries the input past it.

    Equations
        q = W_q x
        p = W_p x
        f = σ(W_f x + v_f ⊙ c + b_f)
        r = σ(W_r x + v_r ⊙ c + b_r)
        c′ = f ⊙ c + (1 − f) ⊙ q
        h = r ⊙ c′ + (1 − r) ⊙ p

    Shapes      x (I)   c, h, v_·, b_· (H)   W_· (H, I)      I input_size, H hidden_size
    Packing     weight_ih (2H, I), bias (2H), rows f r; W_q, W_p (H, I), v_f, v_r (H) each; no weight_hh
    Source      Lei et al. 2018, "Simple Recurrent Units for Highly Parallelizable Recurrence", arXiv:1709.02755v5
    Differs     The first version had h = r ⊙ tanh(c′) + …, and no v. The paper scales an unprojected x by
                √(1 + 2 exp(b)); here x passes as it is. r sees the old c.
    Same as     sru SRUCell (its U holds q f r p for each unit)
    Note        The state is c, the output h. With project=False p is x itself: then input_size must be hidden_size.
    """

    gates = "f r"
    states = "c"
    output = "h"

    def __init__(self, project: bool = True) -> None:
        self.project = project
        self.params = {"W_q": "H I", **({"W_p": "H I"} if project else {}), "v_f": "H", "v_r": "H"}

    def step(self, x, c, W, b, W_q, v_f, v_r, W_p=None):
        q = W_q @ x
        if self.project:  # noqa: SIM108 - printed as the equation of the choice
            p = W_p @ x
        else:
            p = x
        f = sigmoid(W.f @ x + v_f * c + b.f)
        r = sigmoid(W.r @ x + v_r * c + b.r)
        c = f * c + (1 - f) * q
        h = r * c + (1 - r) * p
        return c, h


class MinGRU(Cell):
    """Minimal GRU: one gate, which sees the input only.

    Equations
        z = σ(W_z x + b_z)
        n = W_n x + b_n
        h′ = (1 − z) ⊙ h + z ⊙ n

    Shapes      x (I)   h (H)   W_· (H, I)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (2H, I), bias (2H), rows z n; no weight_hh
    Source      Feng et al. 2024, "Were RNNs All We Needed?", arXiv:2410.01201v3
    Differs     z lets the new in; GRU's keeps the old. The paper's log-space form makes n positive: n + ½ or σ(n).
    Same as     MinLSTM with i = 1 − f, z = i
    """

    gates = "z n"
    states = "h"

    def step(self, x, h, W, b):
        z = sigmoid(W.z @ x + b.z)
        n = W.n @ x + b.n
        h = (1 - z) * h + z * n
        return h


class MinLSTM(Cell):
    """Minimal LSTM: two gates that see the input only and share one whole.

    Equations
        a = W_f x + b_f
        d = W_i x + b_i
        f = σ(softplus(−d) − softplus(−a))
        n = W_n x + b_n
        h′ = f ⊙ h + (1 − f) ⊙ n

    Shapes      x (I)   h (H)   W_· (H, I)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (3H, I), bias (3H), rows f i n; no weight_hh
    Source      Feng et al. 2024, "Were RNNs All We Needed?", arXiv:2410.01201v3
    Differs     LSTM's gates see h and need not add up to 1. The paper's log-space form makes n positive.
    Same as     h′ = (f ⊙ h + i ⊙ n) / (f + i) with f = σ(a), i = σ(d), as the paper writes it: that is 0 / 0 where both
                gates are shut, this is not
    """

    gates = "f i n"
    states = "h"

    def step(self, x, h, W, b):
        a = W.f @ x + b.f
        d = W.i @ x + b.i
        f = sigmoid(softplus(-d) - softplus(-a))
        n = W.n @ x + b.n
        h = f * h + (1 - f) * n
        return h
