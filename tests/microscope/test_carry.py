"""The gradient on and off the carry path, against closed forms and against plain torch code with `detach`."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from cellwright.cells import GRU as GRUCell
from cellwright.cells import LEM, LSTM, LSTM1997, SLSTM, SRU, Cell, CoRNN, Elman, PeepholeLSTM
from cellwright.errors import ConfigError, ShapeError
from cellwright.microscope.arrival import arrival_by_gate
from cellwright.microscope.carry import carry_gradient
from cellwright.microscope.detours import detour_parts, detours
from cellwright.microscope.record import inspect
from cellwright.microscope.runs import Record
from cellwright.nn import GRU, Recurrent

I, H, T = 3, 4, 9


def layer_of(cell: object, scale: float = 1.0) -> Recurrent:
    torch.manual_seed(0)
    layer = Recurrent(cell, I, H, dtype=torch.float64)  # type: ignore[arg-type]
    with torch.no_grad():
        for weight in layer.parameters():
            weight.normal_(0, scale)
    return layer


def record_of(cell: object, scale: float = 1.0) -> Record:
    layer = layer_of(cell, scale)
    torch.manual_seed(1)
    state = tuple(torch.randn(1, 1, size) for size in layer.state_sizes.values())
    return inspect(layer, torch.randn(T, 1, I), state=state, target=lambda y: y[-1].sum())


def lstm_with_h_detached(record: Record) -> list[Tensor]:
    """The cell states of an LSTM in plain torch, h detached where it is read."""
    run = record.run()
    w = {name: torch.from_numpy(value) for name, value in run.weights.items()}
    h, c = (torch.from_numpy(run.initial[name][0]).requires_grad_() for name in "hc")
    cs = [c]
    for x in torch.from_numpy(run.x_TBI[:, 0]):
        seen = h.detach()
        i, f, o = (torch.sigmoid(w[f"W.{k}"] @ x + w[f"R.{k}"] @ seen + w[f"b.{k}"]) for k in "ifo")
        c = f * c + i * torch.tanh(w["W.g"] @ x + w["R.g"] @ seen + w["b.g"])
        h = o * torch.tanh(c)
        cs.append(c)
    return cs


def test_the_carry_path_is_the_gradient_with_h_detached() -> None:
    record = record_of(LSTM())
    cs = lstm_with_h_detached(record)
    figure = carry_gradient(record)
    f = record.run().values["f"][:, 0]
    for t in range(T):
        (found,) = torch.autograd.grad(cs[-1].sum(), cs[t + 1], retain_graph=True)
        np.testing.assert_allclose(figure.arrays["kept"][t], found.numpy(), rtol=2e-15)
        np.testing.assert_allclose(figure.arrays["kept"][t], f[t + 1 :].prod(axis=0), rtol=2e-15)
    assert figure.check is not None
    assert figure.check.error <= 2.8e-17


def test_without_a_forget_gate_nothing_is_lost() -> None:
    assert (carry_gradient(record_of(LSTM1997())).arrays["kept"] == 1).all()


def blocks(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """A0 and A1 of the LSTM by the closed form, (T, 2H, 2H) over (h, c)."""
    run = record.run()
    v = {name: run.values[name][:, 0] for name in "ifgoc"}
    w, c_before = run.weights, run.before("c")[:, 0]
    a0, a1 = np.zeros((2, T, 2 * H, 2 * H))
    for t in range(T):
        i, f, g, o, c = (v[name][t] for name in "ifgoc")
        k = np.diag(c_before[t] * f * (1 - f)) @ w["R.f"] + np.diag(g * i * (1 - i)) @ w["R.i"]
        k += np.diag(i * (1 - g**2)) @ w["R.g"]
        q = o * (1 - np.tanh(c) ** 2)
        a0[t, H:, H:], a0[t, :H, H:] = np.diag(f), np.diag(q * f)
        a1[t, H:, :H], a1[t, :H, :H] = k, np.diag(q) @ k + np.diag(np.tanh(c) * o * (1 - o)) @ w["R.o"]
    return a0, a1


def test_detours_are_the_powers_of_the_columns_that_read_h() -> None:
    record = record_of(LSTM())
    a0, a1 = blocks(record)
    parts = [np.eye(2 * H), *(np.zeros((2 * H, 2 * H)) for _ in range(T))]
    found = detour_parts(record, most=T)
    kept = carry_gradient(record).arrays["kept"]
    for t in range(T - 1, -1, -1):
        expected = np.stack(parts)
        np.testing.assert_allclose(found.parts_LMKN[t], expected, rtol=0, atol=1e-14)
        # M_0, the block c to c, is the product of the forget gates
        np.testing.assert_allclose(found.parts_LMKN[t, 0, H:, H:], np.diag(kept[t]), rtol=0, atol=2.8e-17)
        np.testing.assert_allclose(found.parts_LMKN[t].sum(axis=0), found.whole_LKN[t], rtol=0, atol=1e-14)
        parts = [parts[0] @ a0[t], *(parts[m] @ a0[t] + parts[m - 1] @ a1[t] for m in range(1, T + 1))]


@pytest.mark.parametrize("cell", [GRUCell, SLSTM, CoRNN, LEM, SRU, PeepholeLSTM])
def test_without_a_detour_each_memory_is_multiplied_by_its_own_factors(cell: type[Cell]) -> None:
    """Also where a cell has several: what one memory reads of another is a detour."""
    record = record_of(cell(), scale=0.5)
    found = detour_parts(record, most=2)
    for state, carry in found.paths.carries.items():
        place = found.reading.places[state]
        kept = carry_gradient(record, state=carry.state).arrays["kept"]
        for t in range(T):
            own = found.parts_LMKN[t, 0, place, place]
            np.testing.assert_allclose(own, np.diag(kept[t]), rtol=1e-12, atol=1e-15)
        others = [found.reading.places[name] for name in found.paths.carries if name != state]
        assert not any(found.parts_LMKN[:-1, 0, place, other].any() for other in others)


def test_counting_fewer_detours_only_joins_the_rest() -> None:
    record = record_of(LSTM())
    every, few = detour_parts(record, most=T).parts_LMKN, detour_parts(record, most=2).parts_LMKN
    np.testing.assert_allclose(few[:, :2], every[:, :2], rtol=0, atol=1e-15)
    np.testing.assert_allclose(few[:, 2], every[:, 2:].sum(axis=1), rtol=0, atol=1e-14)


def test_in_an_elman_network_the_detours_are_the_lag() -> None:
    record = record_of(Elman())
    figure = detours(record, most=T)
    np.testing.assert_allclose(figure.arrays["share"], np.eye(T + 1)[T - 1 :: -1], rtol=0, atol=1e-14)
    assert any("m is the lag" in note for note in figure.notes)


def test_rows_of_the_target_are_followed() -> None:
    record = record_of(LSTM())
    found = detour_parts(record, rows="target", most=3)
    # the last output's sum, with respect to the states after each step: h alone at the end
    np.testing.assert_allclose(found.whole_LKN[-1, 0], [1] * H + [0] * H, rtol=0, atol=0)
    run = record.run()
    for t in range(T - 1):
        np.testing.assert_allclose(found.whole_LKN[t, 0, :H], run.state_gradients["h"][t, 0], rtol=0, atol=1e-14)
        np.testing.assert_allclose(found.whole_LKN[t, 0, H:], run.state_gradients["c"][t, 0], rtol=0, atol=1e-14)


def test_rows_that_do_not_fit_are_named() -> None:
    record = record_of(LSTM())
    with pytest.raises(ShapeError, match=r"rows \(K, 8\)"):
        detours(record, rows=np.ones((1, 3)))
    with pytest.raises(ConfigError, match="found 'gates'"):
        detours(record, rows="gates")
    with pytest.raises(ConfigError, match="most=0"):
        detours(record, most=0)
    bare = inspect(layer_of(LSTM()), torch.zeros(3, 1, I), gradients=False)
    for measure in (arrival_by_gate, lambda r: detours(r, rows="target")):
        with pytest.raises(ConfigError, match="Expected a record with gradients"):
            measure(bare)


def deltas(record: Record, peepholes: bool) -> dict[str, np.ndarray]:
    """δ of each gate's pre-activation by the closed form, (T, H), from what arrives at each step."""
    run = record.run()
    v = {name: run.values[name][:, 0] for name in "ifgoc"}
    lam_h = run.state_gradients["h"][:, 0] + run.dy_TBO[:, 0]
    lam_c, before = run.state_gradients["c"][:, 0], run.before("c")[:, 0]
    squash = np.tanh(v["c"])
    delta = {"o": lam_h * squash * v["o"] * (1 - v["o"])}
    into_c = lam_c + lam_h * v["o"] * (1 - squash**2)
    if peepholes:
        into_c = into_c + run.weights["p_o"] * delta["o"]
    delta["f"] = into_c * before * v["f"] * (1 - v["f"])
    delta["i"] = into_c * v["g"] * v["i"] * (1 - v["i"])
    delta["g"] = into_c * v["i"] * (1 - v["g"] ** 2)
    return delta | {"c": into_c}


@pytest.mark.parametrize("peepholes", [False, True])
def test_the_gradient_of_h_arrives_through_the_gates(peepholes: bool) -> None:
    record = record_of(PeepholeLSTM() if peepholes else LSTM())
    run, delta = record.run(), deltas(record, peepholes)
    figure = arrival_by_gate(record, state="h")
    labels = figure.labels["read"]
    assert set(labels) == {f"{k}: R_{k} h" for k in "ifgo"}
    for q, label in enumerate(labels):
        gate = label[0]
        np.testing.assert_allclose(
            figure.arrays["arrived"][:, q], (delta[gate] @ run.weights[f"R.{gate}"])[1:], rtol=0, atol=1e-15
        )
    assert figure.check is not None
    assert figure.check.error <= 1e-15


def test_peepholes_hand_back_to_c() -> None:
    record = record_of(PeepholeLSTM())
    run, delta = record.run(), deltas(record, True)
    figure = arrival_by_gate(record, state="c")
    expected = {
        "c′, carried: f ⊙ c": delta["c"] * run.values["f"][:, 0],
        "i: p_i ⊙ c": delta["i"] * run.weights["p_i"],
        "f: p_f ⊙ c": delta["f"] * run.weights["p_f"],
    }
    assert set(figure.labels["read"]) == set(expected)
    for q, label in enumerate(figure.labels["read"]):
        np.testing.assert_allclose(figure.arrays["arrived"][:, q], expected[label][1:], rtol=0, atol=1e-15)
    np.testing.assert_allclose(figure.arrays["share"].sum(axis=1), 1, rtol=0, atol=1e-14)


def test_the_reads_of_a_gru_are_its_products_and_the_carry() -> None:
    figure = arrival_by_gate(inspect(GRU(3, 4), torch.randn(5, 1, 3)))
    assert set(figure.labels["read"]) == {"r: R_r h", "z: R_z h", "n: R_n h", "h′, carried: z ⊙ h"}


def test_the_full_jacobian_may_grow_while_the_carry_path_cannot() -> None:
    """An LSTM does not solve exploding gradients: forget gates of ½, and yet M grows with the lag, by its detours."""
    layer = layer_of(LSTM(), 0.0)
    with torch.no_grad():
        layer.views(0)["R.g"].copy_(20 * torch.eye(H))
    record = inspect(layer, torch.zeros(T, 1, I))
    norms = np.linalg.norm(detour_parts(record).whole_LKN, 2, axis=(1, 2))
    assert (np.diff(np.log(norms[:-1])) < -1).all()  # e-fold a step and more, back in time
    assert norms[0] > 1e4
    np.testing.assert_array_equal(carry_gradient(record).arrays["kept"][:, 0], 0.5 ** np.arange(T - 1, -1, -1))
    assert detours(record).arrays["share"][0, 0] < 1e-4


def test_one_step_works() -> None:
    record = inspect(layer_of(LSTM()), torch.randn(1, 1, I))
    assert carry_gradient(record).arrays["kept"].tolist() == [[1.0] * H]
    assert detours(record).arrays["share"][0, 0] == 1
    assert arrival_by_gate(record).arrays["arrived"].shape == (0, 4, H)
