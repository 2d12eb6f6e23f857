"""Statements of the lessons about cells, each with its row's id."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from cellwright import ops
from cellwright.cells import CIFG, LSTM, Cell, Elman, Jordan, PeepholeLSTM
from cellwright.nn import Recurrent


class Lesson(Cell):
    """S_t = f(U X_t + W S_{t-1}), O_t = g(V S_t): two equations, no biases."""

    states = "S"
    params: ClassVar = {"U": "H I", "W": "H H", "V": "K H"}
    output = "O"
    sizes: ClassVar = {"O": "K"}

    def __init__(self, outputs: int, f=ops.tanh, g=ops.softmax) -> None:
        self.K, self.f, self.g = outputs, f, g

    def step(self, X, S, U, W, V):
        S = self.f(U @ X + W @ S)
        O = self.g(V @ S)
        return S, O


FUNCTIONS = {
    "identity": (ops.identity, lambda v: v),
    "tanh": (ops.tanh, np.tanh),
    "relu": (ops.relu, lambda v: np.maximum(v, 0)),
    "sigmoid": (ops.sigmoid, lambda v: 1 / (1 + np.exp(-v))),
    "softmax": (ops.softmax, lambda v: np.exp(v) / np.exp(v).sum()),
}


@pytest.mark.parametrize("g", FUNCTIONS)
@pytest.mark.parametrize("f", FUNCTIONS)
def test_the_two_equations_of_the_lesson_are_a_cell(f: str, g: str, cases) -> None:
    """A1"""
    cell = Lesson(4, FUNCTIONS[f][0], FUNCTIONS[g][0])
    w, x, (s0,) = cases.weights(cell), cases.sequence(5, 2), cases.states(cell, 2)
    w = {name: weight / 2 for name, weight in w.items()}
    y, _ = cases.loop(cell, w, x, (s0,))
    U, W, V = (w[name].numpy() for name in "UWV")
    for b in range(2):
        S = s0[b].numpy()
        for t in range(5):
            S = FUNCTIONS[f][1](U @ x[t, b].numpy() + W @ S)
            cases.same(y[t, b], FUNCTIONS[g][1](V @ S))


@pytest.mark.parametrize("f", FUNCTIONS)
def test_the_two_equations_compile(f: str) -> None:
    """A1: each function in both places."""
    layer = Recurrent(Lesson(4, FUNCTIONS[f][0], FUNCTIONS[f][0]), 2, 3, dtype=torch.float64)
    x = torch.randn(5, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for ours, theirs in zip(layer(x, backend="cpu"), layer(x, backend="reference"), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_the_lessons_cell_has_three_matrices_of_parameters() -> None:
    """A1: H·D + H·H + K·H."""
    assert Lesson(10).count_parameters(60, 100) == 100 * 60 + 100 * 100 + 10 * 100


def test_the_strict_definition_is_torchs_rnn_and_a_linear_layer(cases) -> None:
    """A2"""
    cell = Elman(output_size=4)
    w, x, (h,) = cases.weights(cell), cases.sequence(6, 3), cases.states(cell, 3)
    rnn, linear = nn.RNN(2, 3, dtype=torch.float64), nn.Linear(3, 4, dtype=torch.float64)
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(w["W.h"])
        rnn.weight_hh_l0.copy_(w["R.h"])
        rnn.bias_ih_l0.copy_(w["b.h"] - 0.3)
        rnn.bias_hh_l0.fill_(0.3)
        linear.weight.copy_(w["V"])
        linear.bias.copy_(w["c"])
        hidden, last = rnn(x, h[None])
        cases.same(cases.loop(cell, w, x, (h,)), (linear(hidden), (last[0],)))
    assert cell.count_parameters(60, 100) == 16_100 + 4 * 100 + 4


def test_the_linear_rnn_has_a_closed_form(cases) -> None:
    """A3: S_t = Ws^t S_0 + Σ_k Ws^(t−k) (Wx X_k + b1)."""
    cell = Elman(ops.identity, output_size=2)
    w, x, (s0,) = cases.weights(cell), cases.sequence(3, 1), cases.states(cell, 1)
    y, _ = cases.loop(cell, w, x, (s0,))
    n = cases.numbers(w)
    power = np.linalg.matrix_power
    for t in range(1, 4):
        S = power(n["Rh"], t) @ s0[0].numpy()
        for k in range(1, t + 1):
            S = S + power(n["Rh"], t - k) @ (n["Wh"] @ x[k - 1, 0].numpy() + n["bh"])
        cases.same(y[t - 1, 0], n["V"] @ S + n["c"])


def influence(cases, cell: Cell, reverse: bool = False) -> torch.Tensor:
    """Largest |d y_t / d x_k|, (T, T)."""
    w = {name: weight / 2 for name, weight in cases.weights(cell).items()}
    x, s = cases.sequence(5, 1), cases.states(cell, 1)
    jacobian = torch.autograd.functional.jacobian(lambda x: cases.loop(cell, w, x, s, None, reverse)[0], x)
    return jacobian.abs().amax(dim=(1, 2, 4, 5))


def test_a_step_sees_itself_and_the_past_only(library, cases) -> None:
    """A4: d h_t / d x_k is exactly 0 for k > t, and not 0 for k <= t."""
    table = influence(cases, library())
    if getattr(library(), "f", None) is ops.relu:
        table = table + 1e-9 * torch.ones(5, 5).tril()  # a unit at rest passes nothing on
    assert (table.triu(1) == 0).all()
    assert (table.tril() + torch.ones(5, 5).triu(1) > 0).all()


def test_two_directions_see_both_sides(cases) -> None:
    """A9"""
    both = influence(cases, LSTM()) + influence(cases, LSTM(), reverse=True)
    assert (both > 0).all()


def test_jordan_with_an_identity_read_out_is_elman_and_otherwise_not(cases) -> None:
    """A5"""
    w = cases.weights(Elman())
    x, s = cases.sequence(6, 2), cases.states(Elman(), 2)
    elman = cases.loop(Elman(), w, x, s)
    plain = {"V": torch.eye(3, dtype=torch.float64), "c": torch.zeros(3, dtype=torch.float64)}
    cases.same(cases.loop(Jordan(3), w | plain, x, s), elman)
    other, _ = cases.loop(Jordan(3), w | plain | {"V": 0.9 * plain["V"]}, x, s)
    assert (other / 0.9 - elman[0]).abs().max() > 1e-3


def test_without_feedback_the_order_of_the_steps_does_not_matter(cases) -> None:
    """A6: with W = 0, permuting the steps permutes the outputs, error 0."""
    cell = Elman(output_size=4)
    w = cases.weights(cell)
    w["R.h"] = torch.zeros_like(w["R.h"])
    x, s = cases.sequence(7, 2), cases.states(cell, 2)
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    cases.same(cases.loop(cell, w, x[order], s)[0], cases.loop(cell, w, x, s)[0][order], 0.0)


def test_one_set_of_weights_serves_any_number_of_steps(cases) -> None:
    """A7"""
    cell = Elman()
    w = cases.weights(cell)
    for steps in (5, 500):
        y, _ = cases.loop(cell, w, cases.sequence(steps, 1), cases.states(cell, 1))
        assert y.shape == (steps, 1, 3)


def test_an_input_of_one_number_works(library, cases) -> None:
    """A8"""
    cell = library()
    w, x, s = cases.weights(cell, input_size=1), cases.sequence(4, 2, size=1), cases.states(cell, 2)
    cases.same(cases.loop(cell, w, x, s), cases.meaning(cell, w, x, s))


def gates(w, x, h, names: str):
    """Each gate's σ or tanh at one step, in NumPy."""
    net = {k: x @ w[f"W.{k}"].T + h @ w[f"R.{k}"].T + w[f"b.{k}"] for k in names}
    return {k: torch.tanh(v) if k == "g" else 1 / (1 + torch.exp(-v)) for k, v in net.items()}


def test_the_forget_gate_is_torchs_second_block(cases) -> None:
    """A11: with g = 0 and c = 1 the new cell state is f; it equals σ of rows H … 2H of torch's weights."""
    w, x, (h, _) = cases.weights(LSTM()), cases.sequence(1, 6), cases.states(LSTM(), 6)
    w |= {f"{letter}.g": torch.zeros_like(w[f"{letter}.g"]) for letter in "WRb"}
    theirs = nn.LSTMCell(2, 3, dtype=torch.float64)
    blocks = [torch.cat([w[f"{letter}.{k}"] for k in "ifgo"]) for letter in "WRb"]
    with torch.no_grad():
        for parameter, block in zip(theirs.parameters(), [*blocks, torch.zeros(12)], strict=True):
            parameter.copy_(block)
        net = x[0] @ theirs.weight_ih.T + h @ theirs.weight_hh.T + theirs.bias_ih
    _, (_, f) = cases.loop(LSTM(), w, x, (h, torch.ones(6, 3, dtype=torch.float64)))
    assert ((f > 0) & (f < 1)).all()
    cases.same(f, torch.sigmoid(net[:, 3:6]))


def test_what_is_written_is_the_input_gate_times_the_candidate(cases) -> None:
    """A12: from c = 0 the new cell state is i ⊙ g, and |i ⊙ g| < 1."""
    w, x, (h, c) = cases.weights(LSTM()), cases.sequence(1, 50), cases.states(LSTM(), 50)
    _, (_, written) = cases.loop(LSTM(), w, x, (h, torch.zeros_like(c)))
    parts = gates(w, x[0], h, "ig")
    cases.same(written, parts["i"] * parts["g"])
    assert written.abs().max() < 1


def test_the_cell_state_is_the_sum_of_what_was_written_and_kept(cases) -> None:
    """A13: C_t = Π f · C_0 + Σ_k (Π of the later f) · i_k ⊙ g_k."""
    w, x, state = cases.weights(LSTM()), cases.sequence(8, 2), cases.states(LSTM(), 2)
    hidden, (_, c) = cases.loop(LSTM(), w, x, state)
    previous = torch.cat([state[0][None], hidden[:-1]])
    steps = [gates(w, x[t], previous[t], "ifg") for t in range(8)]
    kept = [torch.stack([s["f"] for s in steps[k:]]).prod(0) if k < 8 else torch.ones(2, 3) for k in range(9)]
    ledger = kept[0] * state[1] + sum(kept[t + 1] * steps[t]["i"] * steps[t]["g"] for t in range(8))
    cases.same(c, ledger)


def test_the_output_stays_within_one_and_the_cell_state_grows_by_one_a_step_at_most(cases) -> None:
    """A14: |h| < 1, |C_t| <= |C_0| + t, tight for a saturated counter; CIFG: |C_t| <= max(|C_0|, 1)."""
    w = {name: 3 * weight for name, weight in cases.weights(LSTM()).items()}
    x, state = cases.sequence(20, 4), cases.states(LSTM(), 4)
    for t in range(1, 21):
        h, (_, c) = cases.loop(LSTM(), w, x[:t], state)
        assert h.abs().max() < 1
        assert (c.abs() <= state[1].abs() + t).all()
        _, (_, tied) = cases.loop(CIFG(), {k: v for k, v in w.items() if not k.endswith(".i")}, x[:t], state)
        assert (tied.abs() <= state[1].abs().clamp(min=1)).all()
    counter = {name: torch.zeros_like(weight) for name, weight in w.items()}
    counter |= {f"b.{gate}": torch.full_like(w["b.i"], 40.0) for gate in "ifg"}
    _, (_, c) = cases.loop(LSTM(), counter, cases.sequence(50, 1), cases.zeros(LSTM(), 1))
    cases.same(c, torch.full((1, 3), 50.0))


@pytest.mark.parametrize("channels", ["", "i", "f", "o", "if", "io", "fo", "ifo"])
def test_each_open_peephole_adds_one_number_a_unit(channels: str) -> None:
    """A15: 64 400 and 100 more for each open channel."""
    assert PeepholeLSTM(channels).count_parameters(60, 100) == 64_400 + 100 * len(channels)


def test_the_output_gate_looks_at_the_new_cell_state_the_others_at_the_old(cases) -> None:
    """A15: one step of one unit, all nets 0: i = f = σ(p c), o = σ(p c′)."""
    w = {name: torch.zeros_like(weight) for name, weight in cases.weights(PeepholeLSTM(), 1, 1).items()}
    w |= {"b.g": torch.tensor([0.8]).double(), "p_i": torch.tensor([1.5]).double()}
    w |= {"p_f": torch.tensor([-0.7]).double(), "p_o": torch.tensor([2.5]).double()}
    old = torch.tensor([[0.6]]).double()
    _, (h, c) = cases.loop(PeepholeLSTM(), w, torch.zeros(1, 1, 1).double(), (torch.zeros_like(old), old))
    new = cases.sigma(-0.7 * 0.6) * 0.6 + cases.sigma(1.5 * 0.6) * np.tanh(0.8)
    cases.same(c, np.array([[new]]), 1e-7)
    cases.same(h, np.array([[cases.sigma(2.5 * new) * np.tanh(new)]]), 1e-7)


class LinearOutput(Cell):
    """LSTM whose cell state leaves unsquashed."""

    gates = "i f g o"
    states = "h c"

    def step(self, x, h, c, W, R, b):
        i = ops.sigmoid(W.i @ x + R.i @ h + b.i)
        f = ops.sigmoid(W.f @ x + R.f @ h + b.f)
        g = ops.tanh(W.g @ x + R.g @ h + b.g)
        o = ops.sigmoid(W.o @ x + R.o @ h + b.o)
        c = f * c + i * g
        return o * c, c


def held_gates(cases):
    """Random candidate; i and o held at 1, f at 0 by biases of ±40."""
    w = {k: v if k.endswith(".g") else torch.zeros_like(v) for k, v in cases.weights(LSTM()).items()}
    return w | {f"b.{gate}": torch.full((3,), bias).double() for gate, bias in (("i", 40.0), ("f", -40.0), ("o", 40.0))}


def test_an_lstm_with_its_gates_held_is_a_simple_rnn(cases) -> None:
    """A17: f = 0, i = o = 1, linear output: the tanh RNN; with tanh output: tanh(tanh(·))."""
    w, x, state = held_gates(cases), cases.sequence(6, 2), cases.states(LSTM(), 2)
    simple = {f"{letter}.h": w[f"{letter}.g"] for letter in "WRb"}
    y, _ = cases.loop(LinearOutput(), w, x, state)
    cases.same(y, cases.loop(Elman(), simple, x, state[:1])[0])
    twice = Elman(lambda v: ops.tanh(ops.tanh(v)))
    y, _ = cases.loop(LSTM(), w, x, state)
    cases.same(y, cases.loop(twice, simple, x, state[:1])[0])


def test_each_gate_has_weights_of_its_own(cases) -> None:
    """A18: the cell state after one step from c = 0 does not depend on the weights of f and o, but on those of i, g."""
    w = {name: weight.requires_grad_() for name, weight in cases.weights(LSTM()).items()}
    _, (_, c) = cases.loop(LSTM(), w, cases.sequence(1, 2), (cases.states(LSTM(), 2)[0], cases.zeros(LSTM(), 2)[1]))
    gradients = torch.autograd.grad(c.sum(), list(w.values()), allow_unused=True)
    for name, gradient in zip(w, gradients, strict=True):
        size = 0.0 if gradient is None else float(gradient.abs().max())
        assert (size > 0) == (name[-1] in "ig"), name


@pytest.mark.parametrize(
    ("i", "f", "expected"),
    [(0, 1, 0.7), (1, 1, 0.7 - 0.4), (0, 0, 0.0), (1, 0, -0.4)],
    ids=["keep", "add", "clear", "new"],
)
def test_the_two_gates_keep_add_clear_or_replace(i: int, f: int, expected: float, cases) -> None:
    """A19, C5: c = 0.7, candidate −0.4, gates held by ±40."""
    w = {name: torch.zeros_like(weight) for name, weight in cases.weights(LSTM(), 1, 1).items()}
    held = {"b.i": 80.0 * i - 40, "b.f": 80.0 * f - 40, "b.g": float(np.arctanh(-0.4))}
    w |= {name: torch.tensor([value], dtype=torch.float64) for name, value in held.items()}
    c = torch.tensor([[0.7]], dtype=torch.float64)
    _, (_, new) = cases.loop(LSTM(), w, torch.zeros(1, 1, 1).double(), (torch.zeros_like(c), c))
    assert abs(float(new) - expected) <= 1e-15


def test_the_backward_direction_is_a_run_on_the_reversed_input(library, cases) -> None:
    """A20: reversed input, output reversed back; each sequence by its own length."""
    cell = library()
    w, x, s = cases.weights(cell), cases.sequence(6, 3), cases.states(cell, 3)
    y, finals = cases.loop(cell, w, x, s, reverse=True)
    flipped, last = cases.loop(cell, w, x.flip(0), s)
    cases.same(y, flipped.flip(0), 0.0)
    cases.same(finals, last, 0.0)
    y, finals = cases.loop(cell, w, x, s, [6, 2, 4], reverse=True)
    for b, length in enumerate((6, 2, 4)):
        alone, last = cases.loop(cell, w, x[:length, b : b + 1].flip(0), [part[b : b + 1] for part in s])
        cases.same(y[:length, b], alone.flip(0)[:, 0])
        cases.same([part[b] for part in finals], [part[0] for part in last])


def test_two_layers_in_two_directions_count_84800_apart_and_104800_joined() -> None:
    """A21: D = 60, H = 50."""
    first, apart, joined = (LSTM().count_parameters(size, 50) for size in (60, 50, 100))
    assert (2 * (first + apart), 2 * (first + joined)) == (84_800, 104_800)


def test_the_sentence_vector_is_the_last_forward_and_the_first_backward_state(cases) -> None:
    """A22: not the last step of the joined sequence."""
    w, x, s = cases.weights(LSTM()), cases.sequence(5, 2), cases.states(LSTM(), 2)
    forward, (h_forward, _) = cases.loop(LSTM(), w, x, s)
    backward, (h_backward, _) = cases.loop(LSTM(), w, x, s, reverse=True)
    cases.same(torch.cat([h_forward, h_backward], 1), torch.cat([forward[-1], backward[0]], 1), 0.0)
    assert (backward[0] - backward[-1]).abs().max() > 1e-3


def test_a_forget_gate_of_0_forgets_and_of_1_keeps(cases) -> None:
    """C4: bias −40 leaves 4.2e-18 of the old value, +40 all of it to one unit in the last place."""
    for bias, share in ((-40.0, 4.248354255291589e-18), (40.0, 1.0)):
        w = {name: torch.zeros_like(weight) for name, weight in cases.weights(LSTM(), 1, 1).items()}
        w["b.f"] = torch.tensor([bias], dtype=torch.float64)
        c = torch.tensor([[0.7]], dtype=torch.float64)
        _, (_, new) = cases.loop(LSTM(), w, torch.zeros(1, 1, 1).double(), (torch.zeros_like(c), c))
        assert float(new) == pytest.approx(0.7 * share, rel=3e-16 if bias > 0 else 1e-12, abs=0)
