"""Steps of differential equations: a leaky network, coupled oscillators, and two learnt time scales."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cellwright.cells.cell import Cell
from cellwright.ops import sigmoid, tanh


class LeakyRNN(Cell):
    """Leaky, or continuous-time, network: the state moves a fixed part of the way to its new value.

    Equations
        h′ = (1 − 0.1) ⊙ h + 0.1 ⊙ tanh(W_h x + R_h h + b_h)

    Shapes      x (I)   h (H)   W_h (H, I)   R_h (H, H)   b_h (H)      I input_size, H hidden_size
    Packing     weight_ih (H, I), weight_hh (H, H), bias (H)
    Source      Funahashi & Nakamura 1993, "Approximation of dynamical systems", doi:10.1016/S0893-6080(05)80125-X
    Differs     Other texts keep f inside, h′ = (1 − α) h + α (W x + R f(h) + b), and read f(h) out.
    Same as     one Euler step of τ dh/dt = −h + f(W x + R h + b) with α = dt / τ; with alpha=1, Elman
    Note        alpha is a fixed number; f is any function of the op list.
    """

    gates = "h"
    states = "h"

    def __init__(self, alpha: float = 0.1, f: Callable[[Any], Any] = tanh) -> None:
        self.alpha, self.f = alpha, f

    def step(self, x, h, W, R, b):
        h = (1 - self.alpha) * h + self.alpha * self.f(W.h @ x + R.h @ h + b.h)
        return h


class CoRNN(Cell):
    """Coupled oscillatory network: every unit is a damped oscillator with place y and speed v.

    Equations
        a = tanh(W_a x + R_a y + R_v v + b_a)
        v′ = v + 0.042 ⊙ (a − 2.7 ⊙ y − 4.7 ⊙ v)
        y′ = y + 0.042 ⊙ v′

    Shapes      x (I)   y, v (H)   W_a (H, I)   R_a, R_v (H, H)   b_a (H)      I input_size, H hidden_size
    Packing     weight_ih (H, I), weight_hh (H, H), bias (H); R_v (H, H)
    Source      Rusch & Mishra 2021, "Coupled Oscillatory Recurrent Neural Network (coRNN)", arXiv:2010.00951v2
    Differs     The paper also has a form whose v′ is found from the damping of v′ itself; here v is damped.
    Same as     the authors' coRNNCell, whose one matrix acts on [x, v, y]; torchrecurrent coRNNCell
    Note        dt, gamma and epsilon are fixed numbers; small dt keeps the gradient bounded.
    """

    gates = "a"
    states = "y v"
    params = {"R_v": "H H"}

    def __init__(self, dt: float = 0.042, gamma: float = 2.7, epsilon: float = 4.7) -> None:
        self.dt, self.gamma, self.epsilon = dt, gamma, epsilon

    def step(self, x, y, v, W, R, b, R_v):
        a = tanh(W.a @ x + R.a @ y + R_v @ v + b.a)
        v = v + self.dt * (a - self.gamma * y - self.epsilon * v)
        y = y + self.dt * v
        return y, v


class LEM(Cell):
    """Long expressive memory: two states, each with a time step that the cell chooses for each unit.

    Equations
        d = 1 ⊙ σ(W_d x + R_d y + b_d)
        e = 1 ⊙ σ(W_e x + R_e y + b_e)
        z′ = (1 − e) ⊙ z + e ⊙ tanh(W_z x + R_z y + b_z)
        y′ = (1 − d) ⊙ y + d ⊙ tanh(W_y x + R_y z′ + b_y)

    Shapes      x (I)   y, z (H)   W_· (H, I)   R_· (H, H)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (4H, I), weight_hh (4H, H), bias (4H), rows d e z y
    Source      Rusch et al. 2022, "Long Expressive Memory for Sequence Modeling", arXiv:2110.04744v2
    Differs     y sees the new z′. torchrecurrent's LEM uses the old z there: other numbers.
    Same as     the authors' LEMCell (inp2hid rows d e y z, hid2hid rows d e z, transform_z row y)
    Note        dt, a fixed number, is the longest time step: the 1 of the first two lines.
    """

    gates = "d e z y"
    states = "y z"

    def __init__(self, dt: float = 1.0) -> None:
        self.dt = dt

    def step(self, x, y, z, W, R, b):
        d = self.dt * sigmoid(W.d @ x + R.d @ y + b.d)
        e = self.dt * sigmoid(W.e @ x + R.e @ y + b.e)
        z = (1 - e) * z + e * tanh(W.z @ x + R.z @ y + b.z)
        y = (1 - d) * y + d * tanh(W.y @ x + R.y @ z + b.y)
        return y, z
