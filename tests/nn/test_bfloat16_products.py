"""Products of bfloat16 in the loop of layers of bfloat16 weights: their numbers, and when they run."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from cellwright import nn as cwnn
from cellwright.cells import LSTM, LSTMP, Elman, GRUResetBefore, IndRNN, PeepholeLSTM
from cellwright.engine.lower.bfloat16 import WIDEST
from cellwright.engine.lower.choice import LARGE, choose
from cellwright.engine.lower.target import ISAS, host_isas, target_of
from cellwright.engine.plan import Product, Program
from cellwright.engine.run.registry import cell_key, compiled_for, force_isa, force_products
from cellwright.engine.run.tables import tables_for
from cellwright.engine.run.team import run_jobs
from cellwright.engine.spots import Spot
from cellwright.errors import ConfigError
from cellwright.nn import Recurrent

I, H, T, B = 6, 9, 7, 5
EPS = torch.finfo(torch.bfloat16).eps
# one product; two in a chain; a product behind the step's last; several gates and a state beside
CELLS = {"LSTM": LSTM, "GRUResetBefore": GRUResetBefore, "LSTMP": partial(LSTMP, 4), "PeepholeLSTM": PeepholeLSTM}
pytestmark = pytest.mark.skipif(not host_isas(), reason="no kernels for this machine")


def made(cell: Any, **options: Any) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(cell, I, H, **options).bfloat16()


def inputs(batch: int = B) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(T, batch, I).bfloat16()


def results(layer: Any, x: Tensor, **given: Any) -> list[Tensor]:
    y, ends = layer(x, **given)
    loss = y.double().sin().sum() + sum(end.double().cos().sum() for end in ends)
    return [t.detach().double() for t in (y, *ends, *torch.autograd.grad(loss, list(layer.parameters())))]


def apart(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


@pytest.mark.parametrize("isa", host_isas())
@pytest.mark.parametrize("name", CELLS)
def test_values_and_gradients_are_within_the_rounding_of_operands(name: str, isa: str) -> None:
    """Beside the loop in float64 with the same weights of bfloat16. An operand is rounded by 2⁻⁸ of itself at most, and
    results to bfloat16 by as much again."""
    layer, x = made(CELLS[name](), bidirectional=True), inputs()
    given = {"lengths": torch.tensor([7, 2, 5, 1, 7]), "resets": torch.rand(T, B) < 0.2}
    exact = results(copy.deepcopy(layer).double(), x.double(), backend="reference", **given)
    with force_isa(isa), force_products("bfloat16"):
        ours = results(layer, x, backend="cpu", **given)
    for mine, theirs in zip(ours, exact, strict=True):
        assert apart(mine, theirs) <= EPS


@pytest.mark.parametrize("isa", host_isas())
def test_what_a_product_reads_is_rounded_and_nothing_else(isa: str) -> None:
    """An LSTM in float64 that rounds h before its product, and only there."""
    layer = made(LSTM())
    torch.manual_seed(2)
    x = torch.randn(T, B, I)
    w, r, b = (p.detach().double() for p in layer.parameters())

    def loop(rounds: bool) -> Tensor:
        h = c = torch.zeros(B, H, dtype=torch.float64)
        for x_BI in x.bfloat16().double():
            operand = h.bfloat16().double() if rounds else h
            i, f, g, o = (x_BI @ w.t() + operand @ r.t() + b).chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return c

    compiled = compiled_for(layer.key(0), torch.float32)
    assert compiled.choice is None
    with force_isa(isa), force_products("bfloat16"), torch.no_grad():
        program = compiled_for(layer.key(0), torch.bfloat16)
        streams = [(x.bfloat16().float() @ w.float().t() + b.float()).reshape(T * B, -1)]
        found = final_state(program, streams, r.float())
    assert apart(found, loop(True)) <= 1e-5
    assert apart(found, loop(False)) > 1e-4


def final_state(program: Any, streams: list[Tensor], r: Tensor) -> Tensor:
    tables = tables_for("time", T, B, None, None, False)
    y, zeros = torch.empty(T * B, H), [torch.zeros(B, H) for _ in range(2)]
    parameters = program.named([r])
    call, finals, _ = program.forward(streams, zeros, parameters, tables, y, save=False, threads=1)
    run_jobs([call.job])
    assert all(t.dtype == torch.float32 for t in (y, *finals))
    return finals[1].double()


def choice(cell: Any, hidden_size: int, asked: str = "auto", isa: str = "avx2") -> Any:
    with force_isa("avx2"):
        plan = compiled_for(cell_key(cell, 2, hidden_size, True), torch.float32).plan
    return choose((plan.forward, plan.backward), target_of("float32", isa), asked)


def test_without_an_instruction_the_size_of_the_matrices_decides() -> None:
    small, large = choice(Elman(), 256), choice(LSTM(), 512)
    assert (small.bfloat16, large.bfloat16) == (False, True)
    assert 4 * 256**2 < LARGE <= 4 * 512 * 2048
    why = "avx2 has no instruction for pairs of bfloat16, and"
    assert str(small) == f"float32: {why} 0.25 MiB in float32, less than 2, stay in near caches"
    assert str(large) == f"bfloat16: {why} 4 MiB in float32, at least 2, take longer to read than half as many"


def test_the_instruction_is_used_for_any_size() -> None:
    for isa in (name for name, isa in ISAS.items() if isa.multiplies_pairs):
        assert choice(Elman(), 8, isa=isa) == choice(Elman(), 512, isa=isa)
        assert choice(Elman(), 8, isa=isa).bfloat16


def test_what_is_asked_for_runs() -> None:
    assert choice(Elman(), 8, "bfloat16").bfloat16
    assert not choice(LSTM(), 512, "float32").bfloat16
    assert not choice(LSTM(), 512, "float32", "avx512bf16").bfloat16
    assert choice(IndRNN(), 8, "bfloat16").why == "there is none in the loop"
    with pytest.raises(ConfigError, match=r"no products of 'bf16'.*\n.*auto, bfloat16, float32"):
        choice(Elman(), 8, "bf16")


def test_operands_wider_than_what_is_rounded_at_a_time_stay_float32() -> None:
    for depth in (WIDEST, WIDEST + 1):
        product = Product(1, (), False, Spot("state", 0), (depth,), Spot("scratch", 0), (8,))
        programs = [Program("forward", (), 8, (), (), (p,)) for p in (replace(product, blocks=(8,)), product)]
        wide = choose(programs, target_of("float32", "avx2"), "bfloat16")
        assert wide.bfloat16 == (depth == WIDEST)
    assert wide.why == f"a row of {WIDEST + 1} numbers is longer than the {WIDEST} that are rounded at a time"


def test_layers_take_the_choice() -> None:
    """A small layer has the bits of float32 products, a large one those of bfloat16; forward and backward."""
    torch.manual_seed(0)
    for size, runs in ((16, "float32"), (512, "bfloat16")):
        layer = Recurrent(LSTM(), 4, size).bfloat16()
        x, found = torch.randn(2, 1, 4).bfloat16(), {}
        with force_isa("avx2" if "avx2" in host_isas() else host_isas()[-1]):
            for asked in ("auto", "float32", "bfloat16"):
                with force_products(asked):
                    found[asked] = results(layer, x, backend="cpu")
        assert all(torch.equal(a, b) for a, b in zip(found["auto"], found[runs], strict=True))
        other = "bfloat16" if runs == "float32" else "float32"
        assert not any(torch.equal(a, b) for a, b in zip(found["auto"][3:], found[other][3:], strict=True))


def test_layers_of_float32_never_take_it() -> None:
    layer, x = made(LSTM()).float(), inputs().float()
    plain = results(layer, x, backend="cpu")
    with force_products("bfloat16"):
        assert all(torch.equal(a, b) for a, b in zip(results(layer, x, backend="cpu"), plain, strict=True))


@pytest.mark.parametrize("batch", [1, 2, 3, 4, 5, 6, 7])
def test_a_sequence_has_the_same_bits_in_any_batch(batch: int) -> None:
    layer, x = made(LSTM()), inputs(7)
    layer.deterministic = "any-split"
    with force_products("bfloat16"), torch.no_grad():
        whole, part = layer(x, backend="cpu")[0], layer(x[:, :batch], backend="cpu")[0]
    assert torch.equal(part, whole[:, :batch])


def test_names_and_pieces_of_time_are_those_of_the_run() -> None:
    layer, x = made(LSTM()), inputs()
    with force_products("bfloat16"):
        whole = results(layer, x, backend="cpu")
        traced, _, names = layer.trace(x)
        layer.checkpoint_segments = 3
        pieces = results(layer, x, backend="cpu")
    assert torch.equal(traced.double(), whole[0])
    assert torch.equal(names[0][0]["h"].double(), whole[0])
    assert all(apart(a, b) <= EPS for a, b in zip(pieces, whole, strict=True))


def test_torch_s_own_layer_is_near() -> None:
    torch.manual_seed(0)
    ours = cwnn.LSTM(I, H).bfloat16()
    theirs = torch.nn.LSTM(I, H).bfloat16()
    theirs.load_state_dict(ours.state_dict())
    x = inputs()
    try:
        with torch.no_grad():
            wanted = theirs(x)[0]
    except RuntimeError as wrong:
        pytest.skip(f"torch's bfloat16 LSTM does not run on this processor: {wrong}")
    with force_products("bfloat16"), torch.no_grad():
        assert apart(ours(x, backend="cpu")[0].double(), wanted.double()) <= 4 * EPS
