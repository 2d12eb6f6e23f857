"""Products of bfloat16: rounding, the packed layout, sums in their stated order, on every instruction set."""

from __future__ import annotations

import ctypes
import re
from dataclasses import replace
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
import torch
from llvmlite import ir
from torch import Tensor

from cellwright.engine.lower import bfloat16, matrix_tiles, pack
from cellwright.engine.lower.bfloat16 import WIDEST
from cellwright.engine.lower.compile import compile_module, load_object, machine_for
from cellwright.engine.lower.product import product_module
from cellwright.engine.lower.target import ISAS, Target, host_isas, target_of
from cellwright.engine.spots import padded

WITH_DOT = [name for name, isa in ISAS.items() if isa.pair_dot]
# (rows, K, M): odd and even K, whole and ragged panels, each number of rows of a small tile, several tiles
SHAPES = [
    (1, 1, 1),
    (2, 3, 5),
    (3, 7, 33),
    (4, 64, 64),
    (5, 9, 16),
    (6, 2, 40),
    (7, 65, 100),
    (13, 33, 31),
    (29, 16, 8),
]


def pairs_of(isa: str) -> Target:
    return replace(target_of("float32", isa), pairs=True)


@cache
def code(isa: str) -> tuple[Any, Any, Any]:
    """(loaded code, `product`, `pack`), without the folder of compiled code."""
    target = pairs_of(isa)
    return functions(compile_module(product_module(target), target.isa), target)


def functions(compiled: bytes, target: Target) -> tuple[Any, Any, Any]:
    loaded = load_object(compiled, target.isa)
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    product = [pointer, number, number, pointer, number, number, pointer, number, pointer]
    pack = [pointer, *[number] * 5, pointer]
    return (
        loaded,
        ctypes.CFUNCTYPE(None, *product)(loaded.address("product")),
        ctypes.CFUNCTYPE(None, *pack)(loaded.address("pack")),
    )


def packed(isa: str, w_MK: Tensor) -> Tensor:
    """(panels, pairs, columns of a panel) of 32 bits."""
    columns, depth = w_MK.shape
    panel = pairs_of(isa).panel
    panels = padded(columns, panel) // panel
    out = torch.full((panels, pairs_of(isa).packed_depth(depth), panel), -1, dtype=torch.int32)
    code(isa)[2](w_MK.data_ptr(), *w_MK.stride(), columns, depth, panels, out.data_ptr())
    return out


def multiplied(isa: str, a_RK: Tensor, w_MK: Tensor, bias_M: Tensor | None = None) -> Tensor:
    """A Wᵀ, (R, M), with rows of A and of the result apart; what stands between must stay."""
    rows, depth = a_RK.shape
    matrix = packed(isa, w_MK)
    panels, _, panel = matrix.shape
    a, z = torch.full((rows, depth + 3), torch.nan), torch.full((rows, panels * panel + 5), 7.0)
    a[:, :depth] = a_RK
    bias = None if bias_M is None else torch.nn.functional.pad(bias_M, (0, panels * panel - len(bias_M)))
    address = None if bias is None else bias.data_ptr()
    code(isa)[1](a.data_ptr(), depth + 3, rows, matrix.data_ptr(), depth, panels, z.data_ptr(), z.shape[1], address)
    assert bool((z[:, panels * panel :] == 7).all())
    return z[:, : len(w_MK)]


def low(x: Tensor) -> Tensor:
    """Rounded to bfloat16 by torch."""
    return x.bfloat16().float()


def summed(a_RK: Tensor, w_MK: Tensor) -> Tensor:
    """The stated sums in NumPy: of each pair first the odd product, then the even one; each is exact in float32."""
    a, w = low(a_RK).numpy(), low(w_MK).numpy()
    total = np.zeros((len(a), len(w)), np.float32)
    for even in range(0, a.shape[1], 2):
        for k in (even + 1, even):
            if k < a.shape[1]:
                total = total + a[:, k, None] * w[None, :, k]
    return torch.from_numpy(total)


def case(rows: int, depth: int, columns: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(rows + depth)
    return torch.randn(rows, depth), torch.randn(columns, depth)


@pytest.mark.parametrize("isa", host_isas())
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_are_those_of_rounded_numbers_in_float32(isa: str, shape: tuple[int, int, int]) -> None:
    a, w = case(*shape)
    found = multiplied(isa, a, w)
    if not ISAS[isa].multiplies_pairs:  # the instruction has an order and a rounding of its own
        assert torch.equal(found, summed(a, w))
    exact, magnitude = low(a).double() @ low(w).double().t(), low(a).abs().double() @ low(w).abs().double().t()
    assert bool(((found - exact).abs() <= shape[1] * 2**-23 * magnitude).all())
    # both factors were rounded to 8 digits, by 2⁻⁸ of each at most
    whole, large = a.double() @ w.double().t(), a.abs().double() @ w.abs().double().t()
    assert bool(((found - whole).abs() <= (2**-7 + 2**-16 + shape[1] * 2**-23) * large).all())


@pytest.mark.parametrize("isa", host_isas())
def test_a_bias_is_what_sums_begin_with(isa: str) -> None:
    a, w = case(3, 6, 20)
    bias = 1024 * torch.randn(20)
    with_bias = multiplied(isa, a, w, bias)
    assert float((with_bias - (summed(a, w) + bias)).abs().max()) <= 12 * 2**-23 * 4096
    assert not torch.equal(with_bias, multiplied(isa, a, w))


@pytest.mark.parametrize("isa", host_isas())
def test_an_operand_is_rounded_to_the_nearest_ties_to_even(isa: str) -> None:
    special = [1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -1 - 2**-8, 3.3961776e38, 3e38, float("inf"), 0.0, -0.5]
    bits = np.random.default_rng(0).integers(0x00800000, 0x7F800000, 200).astype(np.uint32)
    a = torch.cat(
        [torch.tensor(special), torch.from_numpy(bits.view(np.float32)), torch.from_numpy(-bits.view(np.float32))]
    )
    found = multiplied(isa, a[:, None], torch.ones(1, 1))[:, 0]
    assert torch.equal(found, low(a))
    assert not torch.equal(found, a)


@pytest.mark.parametrize("isa", host_isas())
def test_whatever_is_no_number_stays_none(isa: str) -> None:
    # of the second one only digits that bfloat16 has not are set; those of the last would carry into the sign
    nans = torch.tensor([0x7FC00000, 0x7F800001, -1, -0x007FFFFF, 0x7FFFFFFF], dtype=torch.int32).view(torch.float32)
    assert bool(nans.isnan().all())
    assert bool(multiplied(isa, nans[:, None], torch.ones(1, 1)).isnan().all())
    assert bool(multiplied(isa, torch.ones(1, 1), nans[:, None]).isnan().all())


@pytest.mark.parametrize("isa", [name for name in host_isas() if not ISAS[name].multiplies_pairs])
def test_denormal_numbers_count_where_no_instruction_takes_them_for_zero(isa: str) -> None:
    tiny = torch.tensor([[2.0**-130], [-(2.0**-133)], [2.0**-134]])
    assert multiplied(isa, tiny, torch.full((1, 1), 2.0**20))[:, 0].tolist() == [2.0**-110, -(2.0**-113), 0.0]


@pytest.mark.parametrize("isa", host_isas())
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("columns", "depth"), [(1, 1), (16, 4), (33, 7), (70, 12)])
def test_a_packed_matrix_holds_pairs_of_k(isa: str, transposed: bool, columns: int, depth: int) -> None:
    torch.manual_seed(columns)
    w = torch.randn(depth, columns).t() if transposed else torch.randn(columns, depth)
    found = packed(isa, w).contiguous().view(torch.bfloat16)
    panels, pairs, _ = found.shape
    panel = pairs_of(isa).panel
    wanted = torch.zeros(panels * panel, 2 * pairs, dtype=torch.bfloat16)
    wanted[:columns, :depth] = w.bfloat16()
    assert torch.equal(found, wanted.view(panels, panel, pairs, 2).transpose(1, 2).reshape(panels, pairs, 2 * panel))


@pytest.mark.parametrize("isa", host_isas())
def test_the_bits_of_a_row_do_not_depend_on_the_rows_beside_it(isa: str) -> None:
    a, w = case(17, 35, 50)
    whole = multiplied(isa, a, w)
    for first, last in ((0, 1), (3, 5), (5, 8), (8, 12), (2, 7), (11, 17)):
        assert torch.equal(multiplied(isa, a[first:last], w), whole[first:last])


@pytest.mark.parametrize("isa", host_isas())
@pytest.mark.parametrize(("rows", "depth"), [(60, WIDEST // 32 + 1), (2, WIDEST), (3, WIDEST - 1)])
def test_more_rows_than_are_rounded_at_a_time(isa: str, rows: int, depth: int) -> None:
    a, w = case(rows, depth, 3)
    exact, magnitude = low(a).double() @ low(w).double().t(), low(a).abs().double() @ low(w).abs().double().t()
    assert bool(((multiplied(isa, a, w) - exact).abs() <= depth**0.5 * 2**-21 * magnitude).all())


def assembly(target: Target) -> str:
    machine = machine_for(target.isa)
    parsed = llvm.parse_assembly(str(product_module(target)))
    parsed.verify()
    return str(machine.emit_assembly(parsed))


@pytest.mark.parametrize("isa", WITH_DOT)
def test_the_instruction_is_used_where_there_is_one(isa: str) -> None:
    assert "vdpbf16ps" in assembly(pairs_of(isa))
    plain = str(product_module(replace(pairs_of(isa), pairs=False)))
    assert ISAS[isa].pair_dot not in plain
    assert ISAS[isa].pair_dot in str(product_module(pairs_of(isa)))


SOFTWARE_DOT = """
define <N x float> @"software.dot"(<N x float> %total, <NN x bfloat> %one, <NN x bfloat> %words) alwaysinline {
  %a = bitcast <NN x bfloat> %one to <N x i32>
  %w = bitcast <NN x bfloat> %words to <N x i32>
  %high = insertelement <N x i32> undef, i32 -65536, i32 0
  %mask = shufflevector <N x i32> %high, <N x i32> undef, <N x i32> zeroinitializer
  %half = insertelement <N x i32> undef, i32 16, i32 0
  %bits = shufflevector <N x i32> %half, <N x i32> undef, <N x i32> zeroinitializer
  %a1 = and <N x i32> %a, %mask
  %w1 = and <N x i32> %w, %mask
  %a0 = shl <N x i32> %a, %bits
  %w0 = shl <N x i32> %w, %bits
  %fa1 = bitcast <N x i32> %a1 to <N x float>
  %fw1 = bitcast <N x i32> %w1 to <N x float>
  %fa0 = bitcast <N x i32> %a0 to <N x float>
  %fw0 = bitcast <N x i32> %w0 to <N x float>
  %odd = fmul <N x float> %fa1, %fw1
  %first = fadd <N x float> %total, %odd
  %even = fmul <N x float> %fa0, %fw0
  %second = fadd <N x float> %first, %even
  ret <N x float> %second
}
"""


@pytest.mark.skipif(not host_isas(), reason="no kernels for this machine")
def test_what_surrounds_the_instruction_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run here with a function in its place: operands in pairs, their pitch, the arguments' places."""
    isa = replace(ISAS[host_isas()[-1]], pair_dot="software.dot")
    target = Target(isa, "float32", pairs=True)
    text, lanes = str(product_module(target)), target.lanes
    declared = re.search(r"^declare .*software.dot.*$", text, re.MULTILINE)
    assert declared is not None
    dot = SOFTWARE_DOT.replace("<NN", f"<{2 * lanes}").replace("<N", f"<{lanes}")
    made = functions(compile_module(text.replace(declared[0], dot), isa), target)  # type: ignore[arg-type]
    monkeypatch.setitem(globals(), "code", lambda name: made)
    for shape in SHAPES:
        a, w = case(*shape)
        assert torch.equal(multiplied(isa.name, a, w), summed(a, w)), shape
    a, w = case(70, WIDEST // 32 + 1, 3)  # in two blocks
    assert torch.equal(multiplied(isa.name, a, w)[67:], multiplied(isa.name, a[67:], w))


@pytest.fixture
def tiles(software_tiles: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The tiles that "amx" runs on here."""
    if not host_isas():
        pytest.skip("no kernels for this machine")
    run_here(software_tiles, monkeypatch)
    return software_tiles


def run_here(tiles: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of "amx" in the host's own instructions and these tiles."""
    here = ISAS[host_isas()[0]]
    isa = replace(ISAS["amx"], triple=here.triple, cpu=here.cpu, features=here.features)
    target = Target(isa, "float32", pairs=True)
    made = functions(compile_module(tiles.instead(str(product_module(target))), isa), target)  # type: ignore[arg-type]
    monkeypatch.setitem(globals(), "code", lambda name: made)


def tile_sums(tiles: Any, a_RK: Tensor, w_MK: Tensor, bias_M: Tensor | None = None) -> Tensor:
    """The stated sums of tiles, 32 numbers of K at a time."""
    a, w = (torch.nn.functional.pad(low(x), (0, -x.shape[1] % 32)).numpy() for x in (a_RK, w_MK))
    total = np.zeros((len(a), len(w)), np.float32) if bias_M is None else np.tile(bias_M.numpy(), (len(a), 1))
    for k in range(0, a.shape[1], 32):
        total = tiles.product(total, a[:, k : k + 32], w[:, k : k + 32].T)
    return torch.from_numpy(total)


@pytest.mark.parametrize("shape", [*SHAPES, (16, 32, 32), (17, 64, 33), (32, 30, 1), (33, 96, 64), (50, 65, 70)])
def test_tiles_hold_what_they_multiply(tiles: Any, shape: tuple[int, int, int]) -> None:
    a, w = case(*shape)
    bias = 8 * torch.randn(shape[2])
    assert torch.equal(multiplied("amx", a, w), tile_sums(tiles, a, w))
    assert torch.equal(multiplied("amx", a, w, bias), tile_sums(tiles, a, w, bias))
    last = slice(shape[0] // 2, None)
    assert torch.equal(multiplied("amx", a[last], w), tile_sums(tiles, a, w)[last])  # whatever rows stand beside
    assert tiles.wrong == []
    exact, magnitude = low(a).double() @ low(w).double().t(), low(a).abs().double() @ low(w).abs().double().t()
    assert bool(((tile_sums(tiles, a, w) - exact).abs() <= shape[1] * 2**-23 * magnitude).all())


@pytest.mark.parametrize("shape", [(1, 5, 3), (20, 33, 40), (40, 64, 64)])
def test_tiles_reach_no_further_than_arrays(tiles: Any, shape: tuple[int, int, int]) -> None:
    a, w = case(*shape)
    matrix = packed("amx", w)
    panels, _, panel = matrix.shape
    z, bias = torch.empty(shape[0], panels * panel), torch.randn(panels * panel)
    product = code("amx")[1]
    product(
        a.data_ptr(), shape[1], shape[0], matrix.data_ptr(), shape[1], panels, z.data_ptr(), len(z[0]), bias.data_ptr()
    )
    assert tiles.wrong == []
    for array, reached in ((matrix, tiles.loads), (bias, tiles.loads), (z, tiles.stores)):
        first, size = array.data_ptr(), array.numel() * 4
        inside = [part for part in reached if part[1] >= first - 64 and part[0] < first + size + 64]
        assert min(part[0] for part in inside) == first
        assert max(part[1] for part in inside) == first + size - 1
    assert len(tiles.stores) == shape[0] * panels * 2


WRONG_TILES = {
    "both halves of a panel in one tile": ("MATRIX", (6, 6)),
    "the sums of all rows in the same tiles": ("SUMS", ((0, 1), (0, 1))),
    "rows of a tile written one byte too early": ("HEIGHT", 47),
}


@pytest.mark.parametrize("name", WRONG_TILES)
def test_a_deliberate_bug_of_tiles_is_seen(name: str, software_tiles: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if not host_isas():
        pytest.skip("no kernels for this machine")
    monkeypatch.setattr(matrix_tiles, *WRONG_TILES[name])
    run_here(software_tiles, monkeypatch)
    a, w = case(40, 64, 64)
    found = multiplied("amx", a, w)
    assert software_tiles.wrong or not torch.equal(found, tile_sums(software_tiles, a, w))


def test_tiles_are_in_the_machine_code() -> None:
    text = assembly(pairs_of("amx"))
    assert re.findall(r"tdpbf16ps\s+%tmm\d, %tmm\d, %tmm\d", text)
    assert text.index("ldtilecfg") < text.index("tileloadd") < text.index("tdpbf16ps") < text.index("tilerelease")
    assert "tdpbf16ps" not in str(product_module(replace(pairs_of("amx"), pairs=False)))


def cut(e: Any, value: Any) -> Any:
    """Rounds towards zero."""
    kind = ir.VectorType(bfloat16.I32, value.type.count) if isinstance(value.type, ir.VectorType) else bfloat16.I32
    return e.builder.and_(e.builder.bitcast(value, kind), bfloat16.every(kind, bfloat16.UPPER))


MUTATIONS = {
    "rounds towards zero": ("rounded", bfloat16, cut),
    "pairs turned round": ("packed_pair", pack, lambda e, values: bfloat16.packed_pair(e, values[::-1])),
    "rows of an operand too near": ("operand_pitch", bfloat16, lambda e, pairs: pairs),
}


@pytest.mark.skipif(not host_isas() or ISAS[host_isas()[-1]].multiplies_pairs, reason="no kernels without it here")
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_deliberate_bug_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attribute, module, wrong = MUTATIONS[name]
    isa = host_isas()[-1]
    monkeypatch.setattr(module, attribute, wrong)
    made = functions(compile_module(product_module(pairs_of(isa)), ISAS[isa]), pairs_of(isa))
    monkeypatch.setitem(globals(), "code", lambda name: made)
    a, w = case(3, 7, 33)
    assert not torch.equal(multiplied(isa, a, w), summed(a, w))


@pytest.mark.parametrize("isa", sorted(set(ISAS) - set(host_isas())))
def test_products_of_pairs_compile_for_what_the_host_has_not(isa: str) -> None:
    target = pairs_of(isa)
    assert compile_module(product_module(target), target.isa)
