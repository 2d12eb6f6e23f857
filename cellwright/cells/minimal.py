"""Cells with fewer gates than the GRU."""

from __future__ import annotations

from cellwright.cells.cell import Cell
from cellwright.ops import relu, sigmoid, tanh


class MGU(Cell):
    """Minimal gated unit: one gate both resets and forgets.

    Equations
        f = σ(W_f x + R_f h + b_f)
        n = tanh(W_n x + R_n (f ⊙ h) + b_n)
        h′ = (1 − f) ⊙ h + f ⊙ n

    Shapes      x (I)   h (H)   W_· (H, I)   R_· (H, H)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (2H, I), weight_hh (2H, H), bias (2H), rows f n
    Source      Zhou et al. 2016, "Minimal Gated Unit for Recurrent Neural Networks", arXiv:1603.09420v1
    Differs     GRU has two gates. Here f lets the new state in; GRU's z keeps the old. flax resets after the product.
    Same as     torchrecurrent MGUCell
    """

    gates = "f n"
    states = "h"

    def step(self, x, h, W, R, b):
        f = sigmoid(W.f @ x + R.f @ h + b.f)
        n = tanh(W.n @ x + R.n @ (f * h) + b.n)
        h = (1 - f) * h + f * n
        return h


class JANET(Cell):
    """Just another network: an LSTM of which only the forget gate is left.

    Equations
        s = W_f x + R_f h + b_f
        g = tanh(W_g x + R_g h + b_g)
        h′ = σ(s) ⊙ h + (1 − σ(s − 1)) ⊙ g

    Shapes      x (I)   h (H)   W_· (H, I)   R_· (H, H)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (2H, I), weight_hh (2H, H), bias (2H), rows f g
    Source      van der Westhuizen & Lasenby 2018, "The Unreasonable Effectiveness of the Forget Gate",
                arXiv:1804.04849v3
    Differs     The paper starts b_f by init="chrono". torchrecurrent learns beta. The state is c and h at once.
    Same as     with beta=0, CIFG whose output gate is 1 and whose output has no tanh
    Note        beta, a fixed number and 1 in the paper, lets more in than is forgotten.
    """

    gates = "f g"
    states = "h"

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = beta

    def step(self, x, h, W, R, b):
        s = W.f @ x + R.f @ h + b.f
        g = tanh(W.g @ x + R.g @ h + b.g)
        h = sigmoid(s) * h + (1 - sigmoid(s - self.beta)) * g
        return h


class UGRNN(Cell):
    """Update-gate network: one gate chooses between the old state and a simple network's new one.

    Equations
        z = σ(W_z x + R_z h + b_z)
        n = tanh(W_n x + R_n h + b_n)
        h′ = z ⊙ h + (1 − z) ⊙ n

    Shapes      x (I)   h (H)   W_· (H, I)   R_· (H, H)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (2H, I), weight_hh (2H, H), bias (2H), rows z n
    Source      Collins et al. 2017, "Capacity and Trainability in Recurrent Neural Networks", arXiv:1611.09913v3
    Differs     TensorFlow's cell adds 1 to the gate when it runs: forget_bias=1 says the same. MGU's gate also resets.
    Same as     GRUResetBefore with r held at 1; torchrecurrent UGRNNCell, tf.contrib UGRNNCell
    """

    gates = "z n"
    states = "h"

    def step(self, x, h, W, R, b):
        z = sigmoid(W.z @ x + R.z @ h + b.z)
        n = tanh(W.n @ x + R.n @ h + b.n)
        h = z * h + (1 - z) * n
        return h


class LiGRU(Cell):
    """Light GRU: no reset gate, and relu in place of tanh.

    Equations
        z = σ(W_z x + R_z h + b_z)
        n = relu(W_n x + R_n h + b_n)
        h′ = z ⊙ h + (1 − z) ⊙ n

    Shapes      x (I)   h (H)   W_· (H, I)   R_· (H, H)   b_· (H)      I input_size, H hidden_size
    Packing     weight_ih (2H, I), weight_hh (2H, H), bias (2H), rows z n
    Source      Ravanelli et al. 2018, "Light Gated Recurrent Units for Speech Recognition", arXiv:1803.10225v1
    Differs     The paper normalises W x over the batch, which a cell never sees; here a bias stands in its place.
                Without it h has no bound: keep R small, or clip gradients.
    Same as     torchrecurrent LiGRUCell; UGRNN with relu
    """

    gates = "z n"
    states = "h"

    def step(self, x, h, W, R, b):
        z = sigmoid(W.z @ x + R.z @ h + b.z)
        n = relu(W.n @ x + R.n @ h + b.n)
        h = z * h + (1 - z) * n
        return h
