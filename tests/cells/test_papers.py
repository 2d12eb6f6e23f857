"""Cells against loops written here from the papers, on packed matrices: outputs, final states, gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from cellwright import cells

State = tuple[Tensor, ...]
Step = Callable[[dict[str, Tensor], Tensor, State], tuple[Tensor, State]]


def packed(w: dict[str, Tensor], letter: str, gates: str) -> Tensor:
    return torch.cat([w[f"{letter}.{gate}"] for gate in gates.split()])


def products(w: dict[str, Tensor], gates: str, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, ...]:
    """W x + R h + b of each gate, from one packed product a side."""
    total = F.linear(x, packed(w, "W", gates), packed(w, "b", gates))
    if h is not None:
        total = total + F.linear(h, packed(w, "R", gates))
    return total.chunk(len(gates.split()), dim=1)


def layer_norm(v: Tensor, gains: list[Tensor], shift: Tensor | None = None) -> Tensor:
    """torch's own, with gains 1 + g."""
    gain = 1 + torch.cat(gains)
    return F.layer_norm(v, gain.shape, gain, torch.zeros_like(gain) if shift is None else shift, 1e-5)


def layer_norm_lstm(w: dict[str, Tensor], x: Tensor, s: State) -> tuple[Tensor, State]:
    """Ba et al. 2016, equations 20 to 22: one norm over the 4H of each product."""
    h, c = s
    rows = "f i o g"
    recurrent = layer_norm(F.linear(h, packed(w, "R", rows)), [w[f"v_{g}"] for g in rows.split()])
    inputs = layer_norm(F.linear(x, packed(w, "W", rows)), [w[f"u_{g}"] for g in rows.split()])
    f, i, o, g = (recurrent + inputs + packed(w, "b", rows)).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * layer_norm(c, [w["u_c"]], w["s_c"]).tanh()
    return h, (h, c)


def layer_norm_gru(w: dict[str, Tensor], x: Tensor, s: State) -> tuple[Tensor, State]:
    """The supplement's form: r and z under one norm a side, the candidate under its own, reset after its norm."""
    (h,) = s
    gates = layer_norm(F.linear(h, packed(w, "R", "z r")), [w["v_z"], w["v_r"]])
    gates = gates + layer_norm(F.linear(x, packed(w, "W", "z r")), [w["u_z"], w["u_r"]]) + packed(w, "b", "z r")
    z, r = gates.sigmoid().chunk(2, dim=1)
    held = layer_norm(F.linear(h, w["R.n"]), [w["v_n"]], w["bR.n"])
    new = (layer_norm(F.linear(x, w["W.n"]), [w["u_n"]], w["b.n"]) + r * held).tanh()
    h = torch.lerp(new, h, z)
    return h, (h,)


def ind_rnn(w: dict[str, Tensor], x: Tensor, s: State) -> tuple[Tensor, State]:
    """Li et al. 2018: an Elman network with a diagonal recurrent matrix."""
    h = F.relu(F.linear(x, w["W.h"], w["b.h"]) + F.linear(s[0], torch.diag(w["u"])))
    return h, (h,)


def sru(w: dict[str, Tensor], x: Tensor, s: State) -> tuple[Tensor, State]:
    """Lei et al. 2018, in the authors' order: one product for all four, then c and h by differences."""
    (c,) = s
    u = F.linear(x, torch.cat([w["W_q"], w["W.f"], w["W.r"], w["W_p"]]))
    q, to_f, to_r, p = u.chunk(4, dim=1)
    f = torch.sigmoid(to_f + c * w["v_f"] + w["b.f"])
    r = torch.sigmoid(to_r + c * w["v_r"] + w["b.r"])
    c = q + (c - q) * f
    return p + (c - p) * r, (c,)


def min_gru(w: dict[str, Tensor], x: Tensor, s: State) -> tuple[Tensor, State]:
    """Feng et al. 2024."""
    z, n = products(w, "z n", x)
    h = torch.lerp(s[0], n, z.sigmoid())
    return h, (h,)


def min_lstm(w: dict[str, Tensor], x: Tensor, s: State) -> tuple[Tensor, State]:
    """Feng et al. 2024: f / (f + i) and i / (f + i)."""
    f, i, n = products(w, "f i n", x)
    f, i = f.sigmoid(), i.sigmoid()
    h = f / (f + i) * s[0] + i / (f + i) * n
    return h, (h,)


def on_lstm(w: dict[str, Tensor], x: Tensor, s: State) -> tuple[Tensor, State]:
    """Shen et al. 2019; cumax as the product of a triangular matrix and a softmax, both gates written out."""
    h, c = s
    i, f, g, o, k, m = products(w, "i f g o k m", x, h)
    upto = torch.ones(k.shape[1], k.shape[1], dtype=k.dtype).triu()
    forget, enter = F.softmax(k, 1) @ upto, 1 - F.softmax(m, 1) @ upto
    both = forget * enter
    c = (f.sigmoid() * both + (forget - both)) * c + (i.sigmoid() * both + (enter - both)) * g.tanh()
    h = o.sigmoid() * c.tanh()
    return h, (h, c)


def s_lstm(w: dict[str, Tensor], x: Tensor, s: State, forget: Any = torch.sigmoid) -> tuple[Tensor, State]:
    """Beck et al. 2024, equations 8 to 14, without the stabiliser: true c and n, of which m takes a factor out."""
    h, c, n, m = s
    i, f, z, o = products(w, "i f z o", x, h)
    true_c = forget(f) * c * m.exp() + i.exp() * z.tanh()
    true_n = forget(f) * n * m.exp() + i.exp()
    h = o.sigmoid() * true_c / true_n
    m = torch.maximum(forget(f).log() + m, i)
    return h, (h, true_c / m.exp(), true_n / m.exp(), m)


def m_lstm(w: dict[str, Tensor], x: Tensor, s: State) -> tuple[Tensor, State]:
    """Krause et al. 2016."""
    h, c = s
    m = F.linear(x, w["W_m"]) * F.linear(h, w["R_m"])
    i, o, f, new = products(w, "i o f g", x, m)
    c = f.sigmoid() * c + i.sigmoid() * new.tanh()
    h = c.tanh() * o.sigmoid()
    return h, (h, c)


def janet(w: dict[str, Tensor], x: Tensor, s: State) -> tuple[Tensor, State]:
    """van der Westhuizen & Lasenby 2018, β = 1."""
    f, g = products(w, "f g", x, s[0])
    h = f.sigmoid() * s[0] + (1 - f).sigmoid() * g.tanh()  # 1 − σ(f − 1) = σ(1 − f)
    return h, (h,)


def one_gate(w: dict[str, Tensor], x: Tensor, s: State, f: Any) -> tuple[Tensor, State]:
    """Collins et al. 2017 with tanh, Ravanelli et al. 2018 with relu."""
    z, n = products(w, "z n", x, s[0])
    h = torch.lerp(f(n), s[0], z.sigmoid())
    return h, (h,)


def leaky(w: dict[str, Tensor], x: Tensor, s: State) -> tuple[Tensor, State]:
    """An Euler step of length 0.1 τ."""
    (a,) = products(w, "h", x, s[0])
    h = s[0] + 0.1 * (a.tanh() - s[0])
    return h, (h,)


def co_rnn(w: dict[str, Tensor], x: Tensor, s: State) -> tuple[Tensor, State]:
    """Rusch & Mishra 2021, as the authors write it: one matrix on [x, v, y]."""
    y, v = s
    joined = F.linear(torch.cat([x, v, y], 1), torch.cat([w["W.a"], w["R_v"], w["R.a"]], 1), w["b.a"])
    v = v + 0.042 * joined.tanh() - 0.042 * 2.7 * y - 0.042 * 4.7 * v
    y = y + 0.042 * v
    return y, (y, v)


def lem(w: dict[str, Tensor], x: Tensor, s: State, dt: float = 1.0) -> tuple[Tensor, State]:
    """Rusch et al. 2022: y sees the new z."""
    y, z = s
    d, e, to_z = products(w, "d e z", x, y)
    z = torch.lerp(z, to_z.tanh(), dt * e.sigmoid())
    (to_y,) = products(w, "y", x, z)
    y = torch.lerp(y, to_y.tanh(), dt * d.sigmoid())
    return y, (y, z)


PAPERS: dict[str, tuple[cells.Cell, Step]] = {
    "LayerNormLSTM": (cells.LayerNormLSTM(), layer_norm_lstm),
    "LayerNormGRU": (cells.LayerNormGRU(), layer_norm_gru),
    "IndRNN": (cells.IndRNN(), ind_rnn),
    "SRU": (cells.SRU(), sru),
    "MinGRU": (cells.MinGRU(), min_gru),
    "MinLSTM": (cells.MinLSTM(), min_lstm),
    "ONLSTM": (cells.ONLSTM(), on_lstm),
    "SLSTM": (cells.SLSTM(), s_lstm),
    "SLSTM-exp": (cells.SLSTM(exp_forget=True), lambda w, x, s: s_lstm(w, x, s, torch.exp)),
    "MultiplicativeLSTM": (cells.MultiplicativeLSTM(), m_lstm),
    "JANET": (cells.JANET(), janet),
    "UGRNN": (cells.UGRNN(), lambda w, x, s: one_gate(w, x, s, torch.tanh)),
    "LiGRU": (cells.LiGRU(), lambda w, x, s: one_gate(w, x, s, torch.relu)),
    "LeakyRNN": (cells.LeakyRNN(), leaky),
    "CoRNN": (cells.CoRNN(), co_rnn),
    "LEM": (cells.LEM(), lem),
    "LEM-half": (cells.LEM(0.5), lambda w, x, s: lem(w, x, s, 0.5)),
}


@pytest.mark.parametrize("start", ["zeros", "random"])
@pytest.mark.parametrize("name", PAPERS)
def test_a_cell_is_the_loop_of_its_paper(name: str, start: str, cases) -> None:
    cell, step = PAPERS[name]
    w, x, s = cases.weights(cell, 4, 5), cases.sequence(6, 3, 4), getattr(cases, _START[start])(cell, 3, 5)
    if name.startswith("SLSTM"):
        s = (*s[:2], s[2].abs(), s[3])  # a normaliser is never negative
    leaves = [t.clone().requires_grad_() for t in (x, *s, *w.values())]
    held = dict(zip(w, leaves[1 + len(s) :], strict=True))

    def of_the_paper() -> tuple[Tensor, State]:
        state: State = tuple(leaves[1 : 1 + len(s)])
        ys = []
        for x_BI in leaves[0]:
            y, state = step(held, x_BI, state)
            ys.append(y)
        return torch.stack(ys), state

    def with_gradients(y: Tensor, finals: State) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(3)
        parts = (y, *finals)
        loss = sum((p * torch.randn(p.shape, generator=generator, dtype=p.dtype)).sum() for p in parts)
        found = torch.autograd.grad(loss, leaves, allow_unused=True)
        return *(p.detach() for p in parts), *(torch.zeros(()) if g is None else g for g in found)

    theirs = with_gradients(*of_the_paper())
    ours = with_gradients(*cases.loop(cell, held, leaves[0], tuple(leaves[1 : 1 + len(s)])))
    cases.same(ours, theirs)
    assert all(part.any() for part in ours[1 + len(s) :][1 + len(s) :])  # every parameter has a gradient


_START = {"zeros": "zeros", "random": "states"}


def test_the_normaliser_of_slstm_stays_finite_where_plain_exponentials_do_not(cases) -> None:
    """Logits of thousands: the plain form is inf / inf, the stabilised one a gate that is open or shut."""
    cell = cells.SLSTM()
    w = {name: weight * (1 if name.endswith((".z", ".o")) else 1000) for name, weight in cases.weights(cell).items()}
    w["R.i"], w["W.i"] = w["R.i"].abs(), w["W.i"].abs()
    x = cases.sequence(6, 2).abs()
    y, finals = cases.loop(cell, w, x, cases.zeros(cell, 2))
    assert y.isfinite().all()
    assert all(part.isfinite().all() for part in finals)
    assert not s_lstm(w, x[0], cases.zeros(cell, 2))[0].isfinite().all()


def test_the_output_of_slstm_does_not_depend_on_the_m_it_starts_from(cases) -> None:
    """c, n, m stand for exp(m) c and exp(m) n: a factor moved from m into c and n changes no output."""
    for cell in (cells.SLSTM(), cells.SLSTM(exp_forget=True)):
        w, x, (h, c, n, m) = cases.weights(cell), cases.sequence(6, 3), cases.states(cell, 3)
        y, _ = cases.loop(cell, w, x, (h, c, n.abs(), m))
        moved = (h, c * torch.e**0.7, n.abs() * torch.e**0.7, m - 0.7)
        cases.same(cases.loop(cell, w, x, moved)[0], y)
        empty = [torch.zeros_like(h) for _ in range(3)]
        from_zero, _ = cases.loop(cell, w, x, (*empty, torch.zeros_like(m)))
        cases.same(cases.loop(cell, w, x, (*empty, torch.full_like(m, -60.0)))[0], from_zero)


def test_minlstm_has_no_0_over_0_where_both_gates_are_shut(cases) -> None:
    cell = cells.MinLSTM()
    w = {name: weight.float() for name, weight in cases.weights(cell).items()}
    w |= {"b.f": torch.full((3,), -1000.0), "b.i": torch.full((3,), -1000.0), "b.n": torch.zeros(3)}
    x, s = cases.sequence(4, 2).float(), tuple(part.float() for part in cases.states(cell, 2))
    y, _ = cases.loop(cell, w, x, s)
    assert y.isfinite().all()
    assert not min_lstm(w, x[0], s)[0].isfinite().any()


def test_what_the_cells_are_to_those_before_them(cases) -> None:
    """Special cases: a diagonal matrix, a full leak, β = 0, a held gate, shares of one, gates of one side."""

    def run(cell, w, states=None):
        s = cases.states(cell, 3) if states is None else states
        return cases.loop(cell, w, cases.sequence(6, 3), s)

    w = cases.weights(cells.IndRNN())
    elman = {name: w[name] for name in ("W.h", "b.h")} | {"R.h": torch.diag(w["u"])}
    cases.same(run(cells.IndRNN(), w), run(cells.Elman(cells.IndRNN().f), elman))

    w = cases.weights(cells.LeakyRNN())
    cases.same(run(cells.LeakyRNN(alpha=1.0), w), run(cells.Elman(), w))

    w = cases.weights(cells.JANET())
    ug = {name.replace(".f", ".z").replace(".g", ".n"): weight for name, weight in w.items()}
    cases.same(run(cells.JANET(beta=0.0), w), run(cells.UGRNN(), ug))

    w = cases.weights(cells.UGRNN())
    held = {
        "W.r": torch.zeros(3, 2).double(),
        "R.r": torch.zeros(3, 3).double(),
        "b.r": torch.full((3,), 50.0).double(),
    }
    cases.same(run(cells.UGRNN(), w), run(cells.GRUResetBefore(), w | held))

    w = cases.weights(cells.MinLSTM())
    tied = w | {name: -w[name.replace(".i", ".f")] for name in ("W.i", "b.i")}  # i = 1 − f
    gru = {name.replace(".i", ".z"): weight for name, weight in tied.items() if not name.endswith(".f")}
    cases.same(run(cells.MinLSTM(), tied), run(cells.MinGRU(), gru))

    w = cases.weights(cells.SRU())
    alone = {name: weight for name, weight in w.items() if name != "W_p"}
    x = torch.eye(2, 3, dtype=torch.float64)
    wide = {name: weight @ x if name.startswith("W") else weight for name, weight in alone.items()}
    given = cases.sequence(6, 3, 3)
    plain = cases.loop(cells.SRU(project=False), wide, given, cases.states(cells.SRU(), 3))
    through = wide | {"W_p": torch.eye(3, dtype=torch.float64)}
    cases.same(plain, cases.loop(cells.SRU(), through, given, cases.states(cells.SRU(), 3)))


def test_the_parts_of_onlstm_that_are_kept_shared_and_new(cases) -> None:
    """Master gates held: all kept, c stays; all new, c is the candidate; both open, c is LSTM's."""
    cell = cells.ONLSTM()
    w = {
        name: weight if name[-1] in "ifgo" else torch.zeros_like(weight) for name, weight in cases.weights(cell).items()
    }
    x, (h, c) = cases.sequence(1, 3), cases.states(cell, 3)
    early, late = torch.tensor([80.0, 0, 0]).double(), torch.tensor([0, 0, 80.0]).double()
    kept = cases.loop(cell, w | {"b.k": early, "b.m": early}, x, (h, c))[1][1]
    cases.same(kept, c)
    i, f, g, _ = products(w, "i f g o", x[0], h)
    new = cases.loop(cell, w | {"b.k": late, "b.m": late}, x, (h, c))[1][1]
    cases.same(new[:, :2], g.tanh()[:, :2])
    shared = cases.loop(cell, w | {"b.k": early, "b.m": late}, x, (h, c))[1][1]
    cases.same(shared[:, :2], (f.sigmoid() * c + i.sigmoid() * g.tanh())[:, :2])


def test_layer_norm_ignores_the_scale_of_weights_and_input(cases) -> None:
    """With ε = 0 the norm of a product does not change with the product's scale."""
    for make in (cells.LayerNormLSTM, cells.LayerNormGRU):
        cell = make(eps=0.0)
        w, x, s = cases.weights(cell), cases.sequence(5, 3), cases.states(cell, 3)
        scaled = {name: weight * 7 if name[:2] in ("W.", "R.") else weight for name, weight in w.items()}
        cases.same(cases.loop(cell, scaled, 3 * x, s), cases.loop(cell, w, x, s), 1e-11)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("LayerNormLSTM", 64_400 + 10 * 100),
        ("LayerNormGRU", 48_400 + 6 * 100),
        ("IndRNN", 6_200),
        ("SRU", 24_400),
        ("MinGRU", 12_200),
        ("MinLSTM", 18_300),
        ("ONLSTM", 64_400 + 2 * 100 * (60 + 100 + 1)),
        ("SLSTM", 64_400),
        ("MultiplicativeLSTM", 80_400),
        ("JANET", 32_200),
        ("UGRNN", 32_200),
        ("LiGRU", 32_200),
        ("LeakyRNN", 16_100),
        ("CoRNN", 26_100),
        ("LEM", 64_400),
    ],
)
def test_counts_of_60_inputs_and_100_units(name: str, expected: int) -> None:
    assert getattr(cells, name)().count_parameters(60, 100) == expected
