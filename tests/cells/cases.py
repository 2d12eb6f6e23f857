"""The cells that the tests run, and what they need around them: random weights, states, one call of each path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from cellwright import ops
from cellwright.cells import (
    CIFG,
    GRU,
    JANET,
    LEM,
    LSTM,
    LSTM1997,
    LSTMP,
    MGU,
    ONLSTM,
    SLSTM,
    SRU,
    UGRNN,
    Cell,
    CoRNN,
    Elman,
    GRUResetBefore,
    IndRNN,
    Jordan,
    LayerNormGRU,
    LayerNormLSTM,
    LeakyRNN,
    LiGRU,
    MinGRU,
    MinLSTM,
    MultiplicativeLSTM,
    PeepholeLSTM,
)
from cellwright.engine import interpret_sequence
from cellwright.engine.run.loop import run_loop

CHANNELS = ("", "i", "f", "o", "if", "io", "fo", "ifo")
I, H = 2, 3


class ConcatLSTM(Cell):
    """LSTM whose gates each multiply the concatenated [h, x] by one matrix."""

    params: ClassVar = {f"{kind}_{gate}": size for gate in "ifgo" for kind, size in (("M", "H J"), ("q", "H"))}
    states = "h c"

    def __init__(self, joined: int) -> None:
        self.J = joined

    def step(self, x, h, c, M_i, q_i, M_f, q_f, M_g, q_g, M_o, q_o):
        z = ops.concat(h, x)
        i = ops.sigmoid(M_i @ z + q_i)
        f = ops.sigmoid(M_f @ z + q_f)
        g = ops.tanh(M_g @ z + q_g)
        o = ops.sigmoid(M_o @ z + q_o)
        c = f * c + i * g
        h = o * ops.tanh(c)
        return h, c


class Delay(Cell):
    """A cell whose second state is the old first one, unchanged."""

    gates = "h"
    states = "h d"

    def step(self, x, h, d, W, R, b):
        return ops.tanh(W.h @ x + R.h @ d + b.h), h


class Mixed(Cell):
    """A user's cell with every op, a scalar parameter, a state of another size and an output that is no state."""

    gates = "a b"
    states = "h m"
    params: ClassVar = {"V": "O H", "k": "", "U": "P H"}
    sizes: ClassVar = {"m": "P", "y": "O"}
    output = "y"
    recurrent_bias = "b"

    def __init__(self, output_size: int = 2, memory: int = 4) -> None:
        self.O, self.P = output_size, memory

    def step(self, x, h, m, W, R, b, bR, V, k, U):
        a = ops.tanh(W.a @ x + R.a @ h + b.a)
        e = ops.sigmoid(W.b @ x + b.b + k * (R.b @ h + bR.b))
        s = ops.softmax(a) + ops.cumsum(e) / 3 - ops.relu(a - 0.25)
        low = ops.minimum(a, e) - ops.maximum(0.1, a) + ops.minimum(s, 0.5)
        n = ops.where(a > e, low, -s) * ops.where(a <= 0.1, 0.3, 1.7)
        first = ops.softplus(a[:1]) * ops.mean(e) + ops.amax(s) - 1
        h = e * ops.tanh(n + first) + (1 - e) * h / (1 + ops.abs(h))
        m = ops.tanh(U @ h + ops.exp(-m * m) * ops.sqrt(1 + ops.sum(h * h)) + ops.log(2 + ops.abs(m)))
        left, right = m.chunk(2)
        y = V @ h + 0.5 * ops.sum(ops.concat(right, left, [x][0])) * ops.where(ops.sum(h) >= ops.mean(m), k, 0.7)
        return h, m, y


def softmax_elman() -> Cell:
    return Elman(ops.relu, output_size=4, g=ops.softmax)


LIBRARY: dict[str, Callable[[], Cell]] = {
    "Elman-tanh": Elman,
    "Elman-relu": lambda: Elman(ops.relu),
    "Elman-identity": lambda: Elman(ops.identity),
    "Elman-sigmoid": lambda: Elman(ops.sigmoid),
    "Elman-V": lambda: Elman(output_size=2),
    "Elman-V-softmax": softmax_elman,
    "Jordan": lambda: Jordan(2),
    "Jordan-sigmoid": lambda: Jordan(5, ops.relu, ops.sigmoid),
    "LSTM": LSTM,
    "LSTM1997": LSTM1997,
    **{f"Peephole-{channels or 'none'}": (lambda c=channels: PeepholeLSTM(c)) for channels in CHANNELS},
    "CIFG": CIFG,
    "LSTMP": lambda: LSTMP(2),
    "GRU": GRU,
    "GRUResetBefore": GRUResetBefore,
    "MGU": MGU,
    "JANET": JANET,
    "JANET-0": lambda: JANET(0.0),
    "UGRNN": UGRNN,
    "LiGRU": LiGRU,
    "LayerNormLSTM": LayerNormLSTM,
    "LayerNormGRU": LayerNormGRU,
    "MultiplicativeLSTM": MultiplicativeLSTM,
    "ONLSTM": ONLSTM,
    "SLSTM": SLSTM,
    "SLSTM-exp": lambda: SLSTM(exp_forget=True),
    "IndRNN": IndRNN,
    "IndRNN-tanh": lambda: IndRNN(ops.tanh),
    "SRU": SRU,
    "MinGRU": MinGRU,
    "MinLSTM": MinLSTM,
    "LeakyRNN": LeakyRNN,
    "LeakyRNN-relu": lambda: LeakyRNN(0.5, ops.relu),
    "CoRNN": CoRNN,
    "LEM": LEM,
    "LEM-half": lambda: LEM(0.5),
}
USERS: dict[str, Callable[[], Cell]] = {"concat": lambda: ConcatLSTM(I + H), "delay": Delay, "mixed": Mixed}
ALL = LIBRARY | USERS


def weights(
    cell: Cell, input_size: int = I, hidden_size: int = H, seed: int = 0, bias: bool = True
) -> dict[str, Tensor]:
    """Random float64 weights by the names of `parameter_shapes`."""
    generator = torch.Generator().manual_seed(seed)
    shapes = cell.parameter_shapes(input_size, hidden_size, bias)
    return {k: torch.randn(shape, generator=generator, dtype=torch.float64) for k, shape in shapes.items()}


def sequence(steps: int, batch: int, size: int = I, seed: int = 1) -> Tensor:
    return torch.randn(steps, batch, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def states(cell: Cell, batch: int, hidden_size: int = H, seed: int = 2) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    sizes = cell.state_sizes(hidden_size).values()
    return tuple(torch.randn(batch, size, generator=generator, dtype=torch.float64) for size in sizes)


def zeros(cell: Cell, batch: int, hidden_size: int = H) -> tuple[Tensor, ...]:
    return tuple(torch.zeros_like(state) for state in states(cell, batch, hidden_size))


def loop(cell: Cell, w: dict[str, Tensor], x: Tensor, state: Any, lengths: Any = None, reverse: bool = False) -> Any:
    lengths_B = None if lengths is None else torch.tensor(lengths)
    return run_loop(cell, w, x, state, lengths_B, reverse)


def meaning(cell: Cell, w: dict[str, Tensor], x: Tensor, state: Any, lengths: Any = None, reverse: bool = False) -> Any:
    arrays = {name: weight.numpy() for name, weight in w.items()}
    y, finals = interpret_sequence(cell, arrays, x.numpy(), [s.numpy() for s in state], lengths, reverse)
    return torch.from_numpy(y), tuple(torch.from_numpy(f) for f in finals)


def same(left: Any, right: Any, tolerance: float = 1e-12) -> None:
    """Equal to `tolerance` of the larger of 1 and the largest value; shapes equal; finite."""
    if isinstance(left, tuple | list):
        assert len(left) == len(right)
        for a, b in zip(left, right, strict=True):
            same(a, b, tolerance)
        return
    a, b = np.asarray(left), np.asarray(right)
    assert a.shape == b.shape
    assert np.isfinite(a).all()
    assert np.isfinite(b).all()
    if a.size:
        assert np.abs(a - b).max() <= tolerance * max(1.0, np.abs(b).max()), np.abs(a - b).max()


def sigma(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def numbers(w: dict[str, Tensor]) -> dict[str, Any]:
    """The weights as NumPy arrays, "W.i" as "Wi"."""
    return {name.replace(".", ""): weight.numpy() for name, weight in w.items()}
