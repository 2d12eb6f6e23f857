"""zoneout= and recurrent_dropout=: masks drawn outside the loop, the same numbers in kernels and in the plain loop."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

from cellwright import nn as cwnn
from cellwright.cells import CELLS, Cell
from cellwright.errors import ConfigError
from cellwright.nn import Recurrent
from cellwright.ops import sigmoid, tanh

I, H, T, B = 3, 4, 7, 5
LENGTHS = [7, 0, 5, 6, 2]
FLAGS = torch.zeros(T, B, dtype=torch.bool)
FLAGS[0, 0] = FLAGS[3, 0] = FLAGS[4, 0] = FLAGS[6, 2] = FLAGS[2, 3] = FLAGS[1, 1] = True
DOUBLE = torch.empty(0, dtype=torch.float64)
CLOSE = {"rtol": 1e-12, "atol": 1e-12}
BOTH = {"zoneout": 0.3, "recurrent_dropout": 0.4}


def made(cell: Cell, **options: Any) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(cell, I, H, dtype=torch.float64, **options)


def seeded(layer: Recurrent, *args: Any, **named: Any) -> Any:
    """A call whose masks are the same every time."""
    torch.manual_seed(11)
    return layer(*args, **named)


def reads_a_state(name: str) -> bool:
    """Whether a product of the cell reads a state."""
    return name not in ("IndRNN", "SRU", "MinGRU", "MinLSTM")


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("given", [{}, {"lengths": LENGTHS, "resets": FLAGS}], ids=["dense", "lengths, resets"])
@pytest.mark.parametrize("training", [True, False])
def test_kernels_equal_the_plain_loop_with_the_same_masks(
    name: str, given: Any, training: bool, cell_of: Any, same: Any, start_of: Any
) -> None:
    options = BOTH if reads_a_state(name) else {"zoneout": 0.3}
    layer = made(cell_of(name), num_layers=2, bidirectional=True, **options).train(training)
    x, states = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True), start_of(layer, B)
    leaves = [x, *states, *layer.parameters()]
    runs = [lambda b=b: seeded(layer, x, states, **given, backend=b) for b in ("cpu", "reference")]
    same(*runs, leaves, tolerance=1e-11)


def lstm_by_hand(
    layer: Recurrent, x_TBI: Tensor, keep: list[dict[str, Tensor]], drop: dict[str, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """The LSTM with zoneout (Krueger et al. 2016, eq. 7-8) and a mask on the h that products read."""
    w = layer.views(0)
    h, c = torch.zeros(B, H, dtype=torch.float64), torch.zeros(B, H, dtype=torch.float64)
    ys = []
    for x, d in zip(x_TBI, keep, strict=True):
        read = h * drop["h"]
        i, f, g, o = (x @ w[f"W.{k}"].t() + read @ w[f"R.{k}"].t() + w[f"b.{k}"] for k in "ifgo")
        new = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = d["h"] * h + (1 - d["h"]) * o.sigmoid() * new.tanh()
        c = d["c"] * c + (1 - d["c"]) * new
        ys.append(h)
    return torch.stack(ys), h, c


def test_the_papers_equations() -> None:
    layer = made(CELLS["LSTM"](), zoneout={"c": 0.5, "h": 0.2}, recurrent_dropout=0.25)
    x = torch.randn(T, B, I, dtype=torch.float64)
    torch.manual_seed(11)
    drawn = layer.state_masks.draw(T, B, DOUBLE, None)
    keep = [{s: drawn[f"zoneout.{s}"][t] for s in "hc"} for t in range(T)]
    y, (h, c) = seeded(layer, x)
    for ours, theirs in zip((y, h[0], c[0]), lstm_by_hand(layer, x, keep, {"h": drawn["dropout.h"][0]}), strict=True):
        torch.testing.assert_close(ours, theirs, **CLOSE)
    p = [{"h": torch.tensor(0.2, dtype=torch.float64), "c": torch.tensor(0.5)}] * T
    y, (h, c) = layer.eval()(x)
    for ours, theirs in zip((y, h[0], c[0]), lstm_by_hand(layer, x, p, {"h": torch.tensor(1.0)}), strict=True):
        torch.testing.assert_close(ours, theirs, **CLOSE)


def test_masks_are_drawn_at_their_rates() -> None:
    layer = Recurrent(CELLS["LSTM"](), I, 50, zoneout={"c": 0.5, "h": 0.1}, recurrent_dropout=0.2)
    drawn = layer.state_masks.draw(100, 40, torch.empty(0), None)
    for name, values, rate in (("zoneout.c", {0, 1}, 0.5), ("zoneout.h", {0, 1}, 0.1), ("dropout.h", {0, 1.25}, 0.8)):
        assert set(drawn[name].unique().tolist()) == values
        share = float((drawn[name] > 0).double().mean())
        # 200,000 draws, 2,000 of dropout: five standard deviations
        assert abs(share - rate) < 5 * (rate * (1 - rate) / (2_000 if "dropout" in name else 200_000)) ** 0.5
    assert set(drawn) == {"zoneout.c", "zoneout.h", "dropout.h"}
    assert bool((drawn["dropout.h"] == drawn["dropout.h"][0]).all())
    assert not bool((drawn["zoneout.c"] == drawn["zoneout.c"][0]).all())


def test_dropout_has_one_mask_a_sequence_also_behind_a_reset() -> None:
    layer = made(CELLS["GRU"](), recurrent_dropout=0.5)
    mask = layer.state_masks.draw(T, B, DOUBLE, FLAGS)["dropout.h"]
    for b in range(B):
        for t in range(1, T):
            assert torch.equal(mask[t, b], mask[t - 1, b]) or bool(FLAGS[t, b])
    many = made(CELLS["GRU"](), recurrent_dropout=0.5).state_masks.draw(200, 1, DOUBLE, torch.ones(200, 1) > 0)
    assert len(many["dropout.h"][:, 0].unique(dim=0)) == 2**H


def test_zoneout_of_1_keeps_the_first_state_and_rates_of_0_are_the_plain_layer() -> None:
    x = torch.randn(T, B, I, dtype=torch.float64)
    layer = made(CELLS["LSTM"](), zoneout=1.0)
    start = tuple(torch.randn(1, B, H, dtype=torch.float64) for _ in range(2))
    y, ends = layer(x, start)
    assert torch.equal(y, start[0].expand(T, B, H))
    assert all(torch.equal(a, b) for a, b in zip(ends, start, strict=True))
    assert made(CELLS["LSTM"](), zoneout=0.0, recurrent_dropout={"h": 0.0}).state_masks is None


def test_eval_mode_has_no_dropout_and_no_chance() -> None:
    layer, plain = made(CELLS["GRU"](), recurrent_dropout=0.5), made(CELLS["GRU"]())
    x = torch.randn(T, B, I, dtype=torch.float64)
    assert torch.equal(layer.eval()(x)[0], plain(x)[0])
    assert not torch.equal(layer.train()(x)[0], plain(x)[0])
    assert not torch.equal(layer(x)[0], layer(x)[0])
    zoned = made(CELLS["GRU"](), zoneout=0.5).eval()
    assert torch.equal(zoned(x)[0], zoned(x)[0])


class Leaky(Cell):
    """Reads its state three ways: through products, gated inside one, and as it is; its output is no state."""

    gates = "r n"
    output = "y"

    def step(self, x: Any, h: Any, W: Any, R: Any, b: Any) -> Any:
        r = sigmoid(W.r @ x + R.r @ h + b.r)
        n = tanh(W.n @ x + R.n @ (r * h) + b.n)
        h = 0.5 * h + 0.5 * n
        return h, h * r


def test_products_read_the_mask_and_nothing_else_does() -> None:
    layer = made(Leaky(), recurrent_dropout=0.5, zoneout=0.3)
    x = torch.randn(T, B, I, dtype=torch.float64)
    torch.manual_seed(11)
    drawn = layer.state_masks.draw(T, B, DOUBLE, None)
    w, h, ys = layer.views(0), torch.zeros(B, H, dtype=torch.float64), []
    m = drawn["dropout.h"][0]
    for t in range(T):
        r = (x[t] @ w["W.r"].t() + (m * h) @ w["R.r"].t() + w["b.r"]).sigmoid()
        n = (x[t] @ w["W.n"].t() + (r * m * h) @ w["R.n"].t() + w["b.n"]).tanh()
        new = 0.5 * h + 0.5 * n
        ys.append(new * r)
        h = torch.where(drawn["zoneout.h"][t] > 0, h, new)
    y, (end,) = seeded(layer, x)
    torch.testing.assert_close(y, torch.stack(ys), **CLOSE)
    torch.testing.assert_close(end[0], h, **CLOSE)


@pytest.mark.parametrize("form", ["packed", "batch first", "separate", "bfloat16"])
def test_every_form_of_a_call(form: str) -> None:
    options = {"batch first": {"batch_first": True}, "separate": {"stack": "separate"}}.get(form, {})
    layer = made(CELLS["LSTM"](), num_layers=2, bidirectional=True, **BOTH, **options)
    x: Any = torch.randn(T, B, I, dtype=torch.float64)
    tolerance = CLOSE
    if form == "packed":
        x = pack_padded_sequence(x, torch.tensor([3, 7, 1, 7, 5]), enforce_sorted=False)
    if form == "bfloat16":
        layer, x, tolerance = layer.bfloat16(), x.bfloat16(), {"rtol": 0.1, "atol": 0.05}
    y, ends = seeded(layer, x, backend="cpu")
    y_loop, ends_loop = seeded(layer, x, backend="reference")
    pairs = [(y.data, y_loop.data) if form == "packed" else (y, y_loop), *zip(ends, ends_loop, strict=True)]
    for ours, loop in pairs:
        torch.testing.assert_close(ours, loop, **tolerance)


@pytest.mark.parametrize("given", [{}, {"lengths": LENGTHS}, {"lengths": LENGTHS, "resets": FLAGS}])
def test_pieces_of_time_see_the_masks_of_their_own_steps(given: Any, same: Any, start_of: Any) -> None:
    layer = made(CELLS["LSTM"](), bidirectional=True, **BOTH)
    x, states = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True), start_of(layer, B)

    def run(segments: int) -> Any:
        layer.checkpoint_segments = segments
        return seeded(layer, x, states, **given, backend="cpu")

    same(lambda: run(3), lambda: run(1), [x, *states, *layer.parameters()])


def test_second_derivatives() -> None:
    layer = made(CELLS["LSTM"](), **BOTH)
    x = torch.randn(4, 2, I, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: seeded(layer, x)[0], x)
    assert torch.autograd.gradgradcheck(lambda x: seeded(layer, x)[0], x)


@pytest.mark.parametrize("training", [True, False])
def test_a_trace_shows_the_states_that_go_on(training: bool) -> None:
    layer = made(CELLS["LSTM"](), num_layers=2, **BOTH).train(training)
    x = torch.randn(T, B, I, dtype=torch.float64)
    y, ends = seeded(layer, x, lengths=LENGTHS)
    torch.manual_seed(11)
    y_traced, ends_traced, names = layer.trace(x, lengths=LENGTHS, grads=True)
    assert torch.equal(y, y_traced)
    assert all(torch.equal(a, b) for a, b in zip(ends, ends_traced, strict=True))
    assert torch.equal(names[1][0]["h"], y)
    y_traced.sum().backward()
    assert bool(names[0][0]["c"].grad.abs().sum() > 0)


def test_a_stepper_runs_as_in_eval_mode() -> None:
    layer = made(CELLS["LSTM"](), num_layers=2, **BOTH)
    stepper = layer.stepper(B)
    x = torch.randn(T, B, I, dtype=torch.float64)
    ours = torch.stack([stepper(x_t).clone() for x_t in x])
    torch.testing.assert_close(ours, layer.eval()(x)[0], **CLOSE)


def test_inside_a_compiled_model() -> None:
    layer = made(CELLS["LSTM"](), **BOTH)
    whole = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    y, _ = seeded(whole, x)
    expected, _ = seeded(layer, x)
    torch.testing.assert_close(y, expected, **CLOSE)
    torch.testing.assert_close(
        torch.autograd.grad(y.sin().sum(), [x])[0], torch.autograd.grad(expected.sin().sum(), [x])[0], **CLOSE
    )
    layer.eval()
    torch.testing.assert_close(whole(x)[0], layer(x)[0], **CLOSE)


def test_masks_lie_where_x_lies() -> None:
    layer = Recurrent(CELLS["GRU"](), I, H, **BOTH, device="meta")
    x = torch.empty(T, B, I, device="meta")
    assert layer(x, resets=FLAGS.to("meta"), backend="reference")[0].shape == (T, B, H)


def test_layer_makes_a_recurrent_where_masks_are_asked_for() -> None:
    assert isinstance(cwnn.layer(CELLS["LSTM"](), I, H, zoneout=0.1), Recurrent)
    assert isinstance(cwnn.layer(CELLS["LSTM"](), I, H, zoneout=0.0, recurrent_dropout=0), cwnn.LSTM)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("LSTM", {"zoneout": 1.5}, r"zoneout=1.5 of LSTM is no probability"),
        ("LSTM", {"zoneout": {"h": True}}, r"is no probability"),
        ("LSTM", {"zoneout": {"z": 0.1}}, r"'z' is none of its states h, c"),
        ("LSTM", {"recurrent_dropout": {"c": 0.1}}, r"'c' is none of its states h"),
        ("LSTM", {"recurrent_dropout": 1}, r"recurrent_dropout=1 of LSTM drops all of h"),
        ("IndRNN", {"recurrent_dropout": 0.1}, r"no product of this cell reads a state"),
    ],
)
def test_what_cannot_be_masked_is_refused(name: str, options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Recurrent(CELLS[name](), I, H, **options)
