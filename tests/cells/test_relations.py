"""What the cells are to each other, and to loops written here from the papers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellwright import ops
from cellwright.cells import CIFG, LSTM, LSTM1997, MGU, Elman, GRUResetBefore, Jordan, PeepholeLSTM

SATURATED = 50.0  # σ(50) is 1 in float64


def run(cases, cell, w, seed: int = 1):
    return cases.loop(cell, w, cases.sequence(7, 3, seed=seed), cases.states(cell, 3))


def test_lstm_of_1997_is_an_lstm_whose_forget_gate_stays_1(cases) -> None:
    w = cases.weights(LSTM())
    w |= {"W.f": torch.zeros(3, 2), "R.f": torch.zeros(3, 3), "b.f": torch.full((3,), SATURATED)}
    w = {name: weight.double() for name, weight in w.items()}
    old = {name: weight for name, weight in w.items() if not name.endswith(".f")}
    cases.same(run(cases, LSTM1997(), old), run(cases, LSTM(), w))


@pytest.mark.parametrize("channels", ["", "i", "f", "o", "if", "io", "fo", "ifo"])
def test_peepholes_of_zero_are_an_lstm(channels: str, cases) -> None:
    w = cases.weights(LSTM())
    zeros = {f"p_{gate}": torch.zeros(3, dtype=torch.float64) for gate in channels}
    cases.same(run(cases, PeepholeLSTM(channels), w | zeros), run(cases, LSTM(), w), 0.0)


def test_every_open_peephole_changes_the_numbers(cases) -> None:
    w = cases.weights(PeepholeLSTM())
    base, _ = run(cases, PeepholeLSTM(), w)
    for gate in "ifo":
        changed, _ = run(cases, PeepholeLSTM(), w | {f"p_{gate}": torch.zeros(3, dtype=torch.float64)})
        assert (changed - base).abs().max() > 1e-3


def test_cifg_is_an_lstm_whose_forget_gate_is_one_minus_its_input_gate(cases) -> None:
    w = cases.weights(CIFG())
    tied = w | {f"{letter}.i": -w[f"{letter}.f"] for letter in "WRb"}
    cases.same(run(cases, CIFG(), w), run(cases, LSTM(), tied))


def test_mgu_is_a_gru_whose_two_gates_are_one(cases) -> None:
    w = cases.weights(MGU())
    gru = {f"{k}.{gate}": sign * w[f"{k}.f"] for k in "WRb" for gate, sign in (("r", 1), ("z", -1))}
    gru |= {name: weight for name, weight in w.items() if name.endswith(".n")}
    cases.same(run(cases, MGU(), w), run(cases, GRUResetBefore(), gru))


def test_gru_with_the_reset_before_is_the_loop_of_the_paper(cases) -> None:
    """Cho et al. 2014 v3, equations 5 to 8: r, z, then h = z h + (1 − z) tanh(W x + U (r ⊙ h))."""
    cell = GRUResetBefore()
    w, x, (h,) = cases.weights(cell), cases.sequence(7, 3), cases.states(cell, 3)
    y, finals = cases.loop(cell, w, x, (h,))
    n, hidden = cases.numbers(w), h.numpy().T
    for t in range(7):
        x_t = x[t].numpy().T
        reset = 1 / (1 + np.exp(-(n["Wr"] @ x_t + n["Rr"] @ hidden + n["br"][:, None])))
        update = 1 / (1 + np.exp(-(n["Wz"] @ x_t + n["Rz"] @ hidden + n["bz"][:, None])))
        candidate = np.tanh(n["Wn"] @ x_t + n["Rn"] @ (reset * hidden) + n["bn"][:, None])
        hidden = update * hidden + (1 - update) * candidate
        cases.same(y[t], hidden.T)
    cases.same(finals[0], hidden.T)


@pytest.mark.parametrize(("g", "numpy_g"), [(ops.identity, lambda v: v), (ops.sigmoid, lambda v: 1 / (1 + np.exp(-v)))])
def test_jordan_is_the_loop_that_feeds_the_output_back(g, numpy_g, cases) -> None:
    cell = Jordan(4, g=g)
    w, x, (fed,) = cases.weights(cell), cases.sequence(6, 3), cases.states(cell, 3)
    y, _ = cases.loop(cell, w, x, (fed,))
    n = cases.numbers(w)
    for b in range(3):
        out = fed[b].numpy()
        for t in range(6):
            hidden = np.tanh(n["Wh"] @ x[t, b].numpy() + n["Rh"] @ out + n["bh"])
            out = numpy_g(n["V"] @ hidden + n["c"])
            cases.same(y[t, b], out)


def test_peephole_lstm_is_the_loop_of_the_paper(cases) -> None:
    """Gers & Schmidhuber 2000: i and f look at the old cell state, o at the new one."""
    cell = PeepholeLSTM()
    w, x, state = cases.weights(cell), cases.sequence(6, 2), cases.states(cell, 2)
    y, finals = cases.loop(cell, w, x, state)
    n, s = cases.numbers(w), cases.sigma
    for b in range(2):
        h, c = state[0][b].numpy(), state[1][b].numpy()
        for t in range(6):
            net = {k: n[f"W{k}"] @ x[t, b].numpy() + n[f"R{k}"] @ h + n[f"b{k}"] for k in "ifgo"}
            new = s(net["f"] + n["p_f"] * c) * c + s(net["i"] + n["p_i"] * c) * np.tanh(net["g"])
            h, c = s(net["o"] + n["p_o"] * new) * np.tanh(new), new
            cases.same(y[t, b], h)
        cases.same(finals[1][b], c)


def test_one_matrix_on_the_joined_vector_gives_the_numbers_of_two(cases) -> None:
    """A10: W [h, x] with W = [R W] is R h + W x."""
    w = cases.weights(LSTM())
    joined = {f"M_{k}": torch.cat([w[f"R.{k}"], w[f"W.{k}"]], dim=1) for k in "ifgo"}
    joined |= {f"q_{k}": w[f"b.{k}"] for k in "ifgo"}
    cases.same(run(cases, cases.ConcatLSTM(5), joined), run(cases, LSTM(), w))


def test_elman_without_read_out_is_the_state_of_elman_with_it(cases) -> None:
    cell = Elman(output_size=4)
    w = cases.weights(cell)
    y, (h,) = run(cases, cell, w)
    states, finals = run(cases, Elman(), {k: v for k, v in w.items() if k not in ("V", "c")})
    cases.same(h, finals[0], 0.0)
    cases.same(y, states @ w["V"].T + w["c"])
