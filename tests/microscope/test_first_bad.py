"""The first bad number is named with its step, its value and its operands, forward and backward."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cellwright import nn as cwnn
from cellwright.cells import Cell
from cellwright.errors import ConfigError
from cellwright.microscope.first_bad import BadNumber, first_bad
from cellwright.nn import Recurrent
from cellwright.ops import exp

torch.set_num_threads(1)


class Power(Cell):
    states = "S"
    params: ClassVar = {"w": ""}

    def step(self, x: Any, S: Any, w: Any) -> Any:
        S = w * S + x
        return S


class Difference(Power):
    """inf − inf is the first number that is none."""

    states = "S D"

    def step(self, x: Any, S: Any, D: Any, w: Any) -> Any:
        S = w * S + x
        D = S - S
        return S, D


class Written(Cell):
    """The sigmoid as its formula."""

    gates = "a"

    def step(self, x: Any, h: Any, W: Any) -> Any:
        h = 1 / (1 + exp(-(W.a @ x)))
        return h


def power(w: float, cell: Cell | None = None) -> Recurrent:
    layer = Recurrent(cell or Power(), 1, 1)
    with torch.no_grad():
        next(layer.parameters()).fill_(w)
    return layer


def from_one(layer: Recurrent, steps: int) -> tuple[BadNumber, ...]:
    states = tuple(torch.ones(1, 1, size) for size in layer.state_sizes.values())
    return first_bad(layer, torch.zeros(steps, 1, 1), state=states)


@pytest.mark.parametrize(("w", "step"), [(1.01, 8917), (1.1, 931), (1.5, 219), (2.0, 128)])
def test_powers_overflow_at_the_step_that_float32_overflows_at(w: float, step: int) -> None:
    bad = from_one(power(w), step + 3)[0]
    assert (bad.way, bad.kind, bad.step, bad.position) == ("forward", "inf", step, step - 1)
    operands = dict(bad.operands)
    assert operands["w"] == float(np.float32(w))
    largest = float(np.finfo(np.float32).max)
    assert operands["S before"] * operands["w"] > largest >= operands["S before"]
    assert not [bad for bad in from_one(power(w), step - 1) if bad.way == "forward"]


def test_nan_comes_where_infinities_are_subtracted_and_after_the_first_inf() -> None:
    inf, nan = from_one(power(2.0, Difference()), 140)
    assert (inf.kind, inf.step, inf.value) == ("inf", 128, "w ⊙ S before")
    assert (nan.kind, nan.step, nan.value) == ("nan", 128, "D")
    assert nan.operands == (("S", np.inf), ("S", np.inf))
    assert str(nan) == "forward, layer 0, at step 128 of sequence 0: D[0] is nan; made of S = inf, S = inf"


def test_a_formula_that_overflows_inside_is_found_where_its_result_is_fine() -> None:
    layer = Recurrent(Written(), 1, 2)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.fill_(1.0)
    x = torch.tensor([[[1.0]], [[-88.73]], [[3.0]]])
    assert torch.isfinite(layer(x)[0]).all()
    bad = next(bad for bad in first_bad(layer, x) if bad.kind == "inf")
    assert (bad.step, bad.value) == (2, "exp(−…)")
    assert bad.operands[0][1] == float(np.float32(88.73))
    x[1] = -88.72
    assert [bad.kind for bad in first_bad(layer, x)] == ["denormal", "denormal"]


def test_bad_inputs_and_weights_are_named_themselves() -> None:
    layer = cwnn.LSTM(2, 3)
    x = torch.randn(6, 2, 2)
    x[3, 1, 0] = torch.nan
    bad = first_bad(layer, x)[0]
    assert (bad.value, bad.step, bad.sequence, bad.unit, bad.operands) == ("x", 4, 1, 0, ())
    with torch.no_grad():
        layer.weight_hh_l0[4, 1] = torch.inf
    bad = first_bad(layer, torch.randn(6, 2, 2))[0]
    assert (bad.value, bad.step, bad.kind) == ("R.f", 1, "inf")


def test_the_step_counts_in_the_order_of_reading() -> None:
    layer = cwnn.LSTM(2, 3, bidirectional=True)
    with torch.no_grad():
        layer.weight_ih_l0.zero_()
        layer.weight_ih_l0_reverse[6, 0] = 3e38
    x = torch.zeros(6, 2, 2)
    x[1, 1, 0] = 1e3
    bad = first_bad(layer, x, lengths=[6, 4])[0]
    assert (bad.direction, bad.sequence, bad.position, bad.step) == (1, 1, 1, 3)
    assert dict(bad.operands) == {"W.g[0, 0]": float(np.float32(3e38)), "x[0]": 1e3}


def test_denormals_are_reported_from_the_share_on_that_matters() -> None:
    bad = from_one(power(0.5), 140)[0]
    assert (bad.kind, bad.step) == ("denormal", 127)
    assert "digits are lost" in str(bad)


def test_a_gradient_that_overflows_is_found_on_the_way_back() -> None:
    bad, nan = first_bad(power(2.0), torch.zeros(200, 1, 1), target=lambda y: y[-1].sum())
    assert (bad.way, bad.kind, bad.value) == ("backward", "inf", "gradient of S before")
    assert (bad.step, bad.position) == (73, 72)  # 128 steps before the end
    assert sorted(number for _, number in bad.operands) == [2.0, 2.0**127]
    assert (nan.kind, nan.step) == ("nan", 72)
    assert sorted(number for _, number in nan.operands) == [0.0, np.inf]  # the state it is multiplied by is 0


def test_a_sum_of_gradients_that_overflows_is_found() -> None:
    layer = power(0.5)
    (bad,) = first_bad(layer, torch.full((4, 1, 1), 1e38), target=lambda y: y.sum())
    assert (bad.value, bad.step, bad.kind) == ("gradient of w", None, "inf")
    assert "summed over all steps" in str(bad)


def test_the_module_is_left_as_it_was() -> None:
    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.layer = nn.Embedding(4, 2), cwnn.GRU(2, 3)

        def forward(self, ids: Tensor) -> Tensor:
            y: Tensor = self.layer(self.embed(ids))[0]
            return y

    model = Tagger()
    model(torch.tensor([[1], [2]])).sum().backward()
    before = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    assert first_bad(model, torch.tensor([[1], [2]])) == ()
    assert all(torch.equal(p.grad, before[name]) for name, p in model.named_parameters() if p.grad is not None)
    assert "forward" not in vars(model.layer)
    with torch.no_grad():
        model.embed.weight[3] = torch.nan
    assert first_bad(model, torch.tensor([[1], [3]]))[0].value == "x"


def test_what_holds_no_recurrent_layer_is_refused() -> None:
    with pytest.raises(ConfigError, match="recurrent layers"):
        first_bad(nn.Linear(2, 3), torch.zeros(2, 2))
    with pytest.raises(ConfigError, match="layer or module, found a dict"):
        first_bad({}, torch.zeros(2, 2))
