"""The Elman network and its older relative, the Jordan network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cellwright.cells.cell import Cell
from cellwright.ops import identity, tanh

Function = Callable[[Any], Any]


class Elman(Cell):
    """Elman network, the simple recurrent network: the state is fed back.

    Equations
        h′ = tanh(W_h x + R_h h + b_h)

    Shapes      x (I)   h (H)   W_h (H, I)   R_h (H, H)   b_h (H)      I input_size, H hidden_size
    Packing     weight_ih (H, I), weight_hh (H, H), bias (H): as torch.nn.RNN
    Source      Elman 1990, "Finding Structure in Time", doi:10.1207/s15516709cog1402_1
    Differs     Jordan feeds the output back, not the state: see Jordan.
    Same as     torch.nn.RNNCell (f tanh or relu), keras SimpleRNNCell, flax SimpleCell
    Note        f is any function of the op list. With output_size=K the output is y = g(V h′ + c), V (K, H), c (K).
    """

    gates = "h"
    states = "h"

    def __init__(self, f: Function = tanh, *, output_size: int | None = None, g: Function = identity) -> None:
        self.f, self.g, self.O = f, g, output_size
        if output_size is not None:
            self.params, self.output, self.sizes = {"V": "O H", "c": "O"}, "y", {"y": "O"}

    def step(self, x, h, W, R, b, V=None, c=None):
        h = self.f(W.h @ x + R.h @ h + b.h)
        if self.O is None:
            return h
        y = self.g(V @ h + c)
        return h, y


class Jordan(Cell):
    """Jordan network: the previous output is fed back, not the hidden layer.

    Equations
        h = tanh(W_h x + R_h y + b_h)
        y′ = V h + c

    Shapes      x (I)   h (H)   y (O)   W_h (H, I)   R_h (H, O)   V (O, H)   c (O)      O output_size
    Packing     weight_ih (H, I), weight_hh (H, O), bias (H), V (O, H), c (O)
    Source      Jordan 1986, "Serial order: a parallel distributed processing approach", ICS report 8604
    Differs     Elman feeds h back. Jordan's context may also leak, q′ = μ q + y; here μ = 0.
    Same as     no library cell known; with output_size = H, V = I, c = 0 and g = identity it is Elman
    Note        f and g are any functions of the op list.
    """

    gates = "h"
    states = "y"
    params = {"V": "O H", "c": "O"}
    sizes = {"y": "O"}

    def __init__(self, output_size: int, f: Function = tanh, g: Function = identity) -> None:
        self.O, self.f, self.g = output_size, f, g

    def step(self, x, y, W, R, b, V, c):
        h = self.f(W.h @ x + R.h @ y + b.h)
        y = self.g(V @ h + c)
        return y
